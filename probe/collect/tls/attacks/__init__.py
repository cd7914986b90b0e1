"""Known attacks, tried as carefully as they can be, and only when the operator allowed it.

Heartbleed, CCS injection, ROBOT, Ticketbleed. Each is one question with a control beside it; before and
after each the service must answer a hello that it answered before. What may be memory of the device is
counted and hashed, and never kept.
"""
