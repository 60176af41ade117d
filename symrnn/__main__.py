"""``python -m symrnn``."""

from __future__ import annotations

import sys

from symrnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
