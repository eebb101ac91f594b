"""Posed images to radiance field and novel views."""
