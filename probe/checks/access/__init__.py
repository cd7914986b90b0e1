"""Who gets in, with which credential, and over which transport."""
