"""Who is on the link: found actively for some seconds, listened for throughout the run."""
