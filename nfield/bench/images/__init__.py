"""Images against peers."""
