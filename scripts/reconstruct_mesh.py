"""Reconstruct a mesh from a point cloud: a thin door to `nfield reconstruct`."""

import sys

from nfield.cli import main

if __name__ == "__main__":
    sys.exit(main(["reconstruct", *sys.argv[1:]]))
