"""Servers of known posture on loopback: genuine stacks, and stubs of the ways in which devices break.

``zoo.toml`` declares each; ``posture.py`` reads it; ``running.py`` starts one.
"""
