"""LZ4 frames, as the ``lz4`` program writes them."""

from firmware_checks.streams import Decoder, Header, StreamFormat

MAGIC = b"\x04\x22\x4d\x18"


def decoder() -> Decoder:
    import lz4.frame  # type: ignore[import-untyped]

    made: Decoder = lz4.frame.LZ4FrameDecompressor()
    return made


FORMAT = StreamFormat(
    name="LZ4", anchors=((MAGIC, 0),), header=lambda view: Header(), decoder=decoder, magic=MAGIC
)
