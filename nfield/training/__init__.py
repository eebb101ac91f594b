"""The training loop and its parts; it knows a task only as a protocol."""
