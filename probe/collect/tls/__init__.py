"""What TLS services offer: own ClientHellos, a few of them, and the rules for believing the answers."""
