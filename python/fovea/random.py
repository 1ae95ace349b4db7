"""Random numbers, the same ones that PyTorch draws on a CPU from the same seed, as numpy arrays."""

from fovea._fovea import linear, manual_seed, rand, randn

__all__ = ["linear", "manual_seed", "rand", "randn"]
