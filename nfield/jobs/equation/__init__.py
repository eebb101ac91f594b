"""Differential equation to solution."""
