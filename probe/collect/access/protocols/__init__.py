"""One file for each protocol with a login, found by its name.

Each has ``async def methods(session, service) -> list[Method]``: the ways of logging in that this
service offers. A protocol counts as one with a login when ``probe.checks.access.logins`` names it.
"""
