"""Radiance fields over time."""
