"""The report of a surface run."""
