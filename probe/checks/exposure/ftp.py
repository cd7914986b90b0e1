"""Is the device free of FTP services?"""

from collections.abc import Iterator

from probe.checks.support import Wording, no_service
from probe.model.dut import Dut
from probe.model.finding import Answer

WORDING = Wording("{service} is offered: it sends passwords in the clear.", "No FTP was found.")


def check(dut: Dut) -> Iterator[Answer]:
    yield from no_service(dut, ("ftp",), WORDING)
