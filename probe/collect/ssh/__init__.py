"""What an SSH service shows of itself before any login."""
