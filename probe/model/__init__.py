"""The vocabulary: every type that crosses a room. Standard library only, frozen, typed.

Data goes one way: an Observation (with its Evidence) is made by a collector, a Finding by a check,
a Verdict by the judge. Import from the submodules; this package re-exports nothing on purpose, so
that each file shows where a word comes from.
"""
