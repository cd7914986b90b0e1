"""Logins by contrast: no credential, a random one, then documented defaults, then a read-only proof."""
