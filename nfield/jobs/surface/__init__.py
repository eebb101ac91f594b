"""Point cloud to signed distance and mesh."""
