"""File systems and archives that hold files, read in memory; one file each, found by its place."""
