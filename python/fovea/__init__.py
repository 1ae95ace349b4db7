"""fovea: attention you can see into, on numpy and torch arrays."""

from fovea._fovea import Attended, Observe, Plan, attend
from fovea._observed import Observed

__all__ = ["Attended", "Observe", "Observed", "Plan", "attend"]
