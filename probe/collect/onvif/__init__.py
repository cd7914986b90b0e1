"""Whether a web service speaks ONVIF, too: the language of network cameras and their recorders."""
