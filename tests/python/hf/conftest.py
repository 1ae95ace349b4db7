"""fovea under transformers: skipped where torch and transformers are not installed."""

import pathlib
import sys

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "tools"))

import fovea.hf  # noqa: E402

fovea.hf.register()
transformers.logging.set_verbosity_error()


@pytest.fixture(autouse=True)
def no_gradients():
    """As people run models; the test of gradients turns them on again."""
    with torch.no_grad():
        yield
