"""Which ports are open, and what answers there: TCP connect scan, identification, typed UDP probes."""
