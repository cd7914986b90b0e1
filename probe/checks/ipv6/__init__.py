"""The device on IPv6: that it is there, what its addresses give away, and that it is no back door."""
