"""The reference devices: small programs of known posture, each told apart by its declared truth."""
