"""Surfaces of fields as triangle meshes: extraction in blocks, polishing, cleaning, checks. Fields are callables."""
