"""Hides in a transcript what may be memory of the device: it can hold keys and passwords."""

import hashlib
import json

from probe.collect.wire import Transcript


def masked(transcript: Transcript, start: int, shown: int) -> bytes:
    """The transcript with zeros for what the device sent from byte ``start + shown`` on.

    ``start`` counts the bytes from the device. A remark tells how many were hidden, and their SHA-256,
    so that two answers can be compared.
    """
    lines = [json.loads(line) for line in transcript.to_bytes().decode().splitlines()]
    hidden, at = b"", 0
    for line in lines:
        if line.get("dir") != "<":
            continue
        data = bytes.fromhex(line["hex"])
        keep = min(len(data), max(0, start + shown - at))
        hidden += data[keep:]
        line["hex"] = (data[:keep] + bytes(len(data) - keep)).hex()
        at += len(data)
    if hidden:
        digest = hashlib.sha256(hidden).hexdigest()
        text = f"the last {len(hidden)} bytes from the device are hidden, SHA-256 {digest}"
        lines.append({"t": lines[-1].get("t", 0.0), "dir": "#", "text": text})
    return ("\n".join(json.dumps(line) for line in lines) + "\n").encode()
