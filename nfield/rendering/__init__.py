"""Pictures of surfaces without a graphics card or a display."""
