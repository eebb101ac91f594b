"""Fit an image: a thin door to `nfield fit-image`. Without a file it fits scikit-image's photograph `camera`."""

import sys

from nfield.cli import main

if __name__ == "__main__":
    sys.exit(main(["fit-image", *sys.argv[1:]]))
