"""JFFS2's own compression "rtime": each byte, then how much of what followed it last time follows again.

Source: the description in the Linux kernel's ``fs/jffs2/compr_rtime.c``.
"""

from firmware_checks.view import Buffer, Malformed


def unrtime(data: Buffer, most: int) -> bytes:
    """A block that becomes at most ``most`` bytes. Raises Malformed."""
    out, last = bytearray(), [0] * 256
    pairs = bytes(data)
    for value, repeat in zip(pairs[::2], pairs[1::2], strict=False):
        begin = last[value]
        out.append(value)
        last[value] = here = len(out)
        if repeat:
            if begin + repeat <= here:
                out += out[begin : begin + repeat]
            else:
                for number in range(repeat):
                    out.append(out[begin + number])
        if len(out) >= most:
            break
    if len(out) != most:
        raise Malformed(f"rtime: {len(out)} bytes where {most} should be")
    return bytes(out)
