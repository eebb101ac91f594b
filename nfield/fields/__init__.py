"""What a network means: encoding, backbone and head."""
