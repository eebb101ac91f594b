"""Signal to a sum of networks, to the last digits of float64."""
