"""Toy scenes whose truth is known exactly, and scans of them or of any mesh."""
