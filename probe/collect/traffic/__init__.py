"""What the device says to others, as far as the probe's place on the network shows it."""
