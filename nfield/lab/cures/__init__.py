"""Cures of spectral bias, each against the plain network."""
