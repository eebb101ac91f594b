"""Surfaces of fields, which are callables, as triangle meshes: extraction, projection of vertices, cleaning, checks."""
