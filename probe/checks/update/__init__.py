"""What the device's own traffic shows about its updates, seen from where the probe sits."""
