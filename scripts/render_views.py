"""Fit a radiance field to posed pictures: a thin door to `nfield render-views`."""

import sys

from nfield.cli import main

if __name__ == "__main__":
    sys.exit(main(["render-views", *sys.argv[1:]]))
