"""``python -m fovea``: the command line."""

import os
import sys
from pathlib import Path
from typing import NoReturn


def main() -> NoReturn:
    """Become the program ``fovea`` that stands beside this file."""
    program = Path(__file__).parent / "bin" / "fovea"
    os.execv(program, ["fovea", *sys.argv[1:]])


if __name__ == "__main__":
    main()
