"""What follows from the order of learning."""
