"""Checks: one yes/no question each, two files each, found by their place.

``<family>/<name>.toml`` says what is asked, why, what to do and what the check cannot see (the fields
of ``probe.model.check.CheckInfo`` without ``id``). ``<family>/<name>.py`` has one pure function::

    def check(dut: Dut) -> Iterator[Answer]:

No I/O, no clock, no logging, no ``try``, no third-party import. It yields one Answer per subject and
never nothing: if there is no object to ask about, that is ``not_applicable`` (with the coverage that
shows it) or ``inconclusive``. An unknown part is yielded beside the known ones; it is never left out.
"""
