"""Checks of services over TLS. Each names the rule tables it follows in its ``policy``."""
