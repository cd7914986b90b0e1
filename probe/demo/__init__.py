"""A small test network with reference devices of known posture, on this machine alone."""
