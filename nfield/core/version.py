"""The version, for the package's face and for what runs write."""

VERSION = "0.1.0"
