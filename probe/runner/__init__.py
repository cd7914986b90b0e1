"""The runner: a process of its own that owns the sockets, asks the collectors, and writes the journal."""
