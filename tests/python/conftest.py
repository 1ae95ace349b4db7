"""What all tests share: the seed is printed, so that a failure can be run again."""

import os
import random

import pytest

SEED = int(os.environ.get("FOVEA_SEED", random.SystemRandom().randrange(2**31)))


def pytest_report_header() -> str:
    return f"fovea: FOVEA_SEED={SEED}"


@pytest.fixture
def seed() -> int:
    """The seed of this run: FOVEA_SEED, or a new one, named in the header."""
    return SEED


def pytest_terminal_summary(terminalreporter) -> None:
    if terminalreporter.stats.get("failed"):
        terminalreporter.write_line(f"run again with FOVEA_SEED={SEED}")
