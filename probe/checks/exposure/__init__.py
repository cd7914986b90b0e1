"""What the device offers to everybody on the network, and what it tells them."""
