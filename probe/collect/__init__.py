"""The only rooms that touch a network. What they learn leaves them as Observations with Evidence."""
