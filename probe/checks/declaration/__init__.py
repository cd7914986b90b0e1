"""What the manufacturer declares: whether it is there, complete, and not a failure by its own words."""
