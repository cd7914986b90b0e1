"""Raw frames: a client for everybody, and the one privileged process behind it."""
