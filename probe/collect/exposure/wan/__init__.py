"""The outside of a gateway, over a second interface of the probe."""
