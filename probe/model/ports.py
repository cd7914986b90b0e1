"""Sets of port numbers, written the way people write them: ``1-1024,8080``."""

from collections.abc import Iterable

HIGHEST_PORT = 65_535


def parse_ports(text: str) -> frozenset[int]:
    """The ports named by ``text``; raises ValueError with the faulty part for anything else."""
    ports: set[int] = set()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        low, dash, high = part.partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()):
            raise ValueError(f"'{part}' is not a port or a range of ports")
        first, last = int(low), int(high) if dash else int(low)
        if not 0 < first <= last <= HIGHEST_PORT:
            raise ValueError(f"'{part}' is not within 1-{HIGHEST_PORT}")
        ports.update(range(first, last + 1))
    return frozenset(ports)


def format_ports(ports: Iterable[int]) -> str:
    """The shortest text that ``parse_ports`` reads back to the same set."""
    runs: list[tuple[int, int]] = []
    for port in sorted(set(ports)):
        if runs and port == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], port)
        else:
            runs.append((port, port))
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
