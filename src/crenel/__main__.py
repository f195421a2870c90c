"""`python -m crenel` is `crenel`."""

from __future__ import annotations

import sys

from crenel.cli import main

if __name__ == "__main__":
    sys.exit(main())
