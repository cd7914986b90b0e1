"""HTTP towards devices: a small client that keeps what was really said, and the pages collector."""
