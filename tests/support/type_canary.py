"""A mistake that the type checker must find: `make lint` fails where it does not."""

from nfield.core.checks import positive

positive("one", "x")
