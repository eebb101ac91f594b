"""Which frequencies are learned first."""
