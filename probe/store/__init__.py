"""Where runs are kept: one ordered journal of events, and evidence by the hash of its bytes."""
