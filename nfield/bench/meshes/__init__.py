"""Surfaces against peers."""
