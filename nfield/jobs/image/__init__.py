"""Image to field."""
