"""What a gateway lets programs on the network do, asked by reading only."""
