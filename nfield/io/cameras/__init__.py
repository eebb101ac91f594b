"""Posed images and camera paths."""
