"""Typed UDP probes: one correct request of each protocol, because silence to nonsense says nothing."""
