"""The few widgets that the screens are made of. All of them draw lines of spans, never markup."""
