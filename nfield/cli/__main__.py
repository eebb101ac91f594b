"""`python -m nfield.cli`."""

import sys

from nfield.cli import main

if __name__ == "__main__":
    sys.exit(main())
