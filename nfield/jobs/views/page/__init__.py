"""The report of a views run."""
