"""Recorded bytes become bounded, harmless lines, whatever they are."""

from hypothesis import given
from hypothesis import strategies as st
from report_sample import transcript

from probe.model.evidence import Evidence, EvidenceRef
from probe.report.excerpt import MAX_LINES, TRANSCRIPT, excerpt

REF = EvidenceRef(sha256="0" * 64)


def label(media_type: str) -> Evidence:
    return Evidence(
        sha256="0" * 64, size=0, media_type=media_type, caption="", collector="", captured_at=0.0
    )


def test_a_conversation_reads_as_one() -> None:
    data = transcript(
        "tcp 198.51.100.1:21", ("<", b"220 ready\r\n"), (">", b"USER a\r\n"), ("<", b"")
    )
    assert excerpt(label(TRANSCRIPT), data, REF) == (
        "connection tcp 198.51.100.1:21",
        "   0.000 s < 220 ready",
        "   0.031 s > USER a",
        "   0.062 s < (end of stream)",
    )


def test_binary_pieces_are_shown_in_hex() -> None:
    data = transcript("tcp 198.51.100.1:443", ("<", b"\x15\x03\x01\x00\x02\x02\x46"))
    assert excerpt(label(TRANSCRIPT), data, REF)[1].startswith(
        "   0.000 s < 0000  15 03 01 00 02 02 46"
    )


def test_a_long_question_does_not_hide_its_answer() -> None:
    data = transcript(
        "tcp 198.51.100.1:443", (">", bytes(512)), ("<", b"\x16\x03\x03" + bytes(512))
    )
    lines = excerpt(label(TRANSCRIPT), data, REF)
    assert len(lines) <= MAX_LINES
    assert any(" < 0000  16 03 03" in line for line in lines)
    assert any("(512 bytes in all)" in line for line in lines)


def test_a_range_says_that_it_is_one() -> None:
    ref = EvidenceRef(sha256="0" * 64, start=6, end=11)
    assert excerpt(label("text/plain"), b"hello world!", ref) == ("(bytes 6 to 11 of 12)", "world")


def test_nothing_recorded_is_said() -> None:
    assert excerpt(label("text/plain"), b"", REF) == ("(nothing was recorded: 0 bytes)",)


def test_a_flood_is_cut() -> None:
    lines = excerpt(label("text/plain"), b"line\n" * 100_000, REF)
    assert len(lines) == MAX_LINES
    assert lines[-1] == "(more: 500000 bytes in all)"


@given(data=st.binary(max_size=4096), kind=st.sampled_from([TRANSCRIPT, "text/html", "image/png"]))
def test_any_bytes_give_few_printable_lines(data: bytes, kind: str) -> None:
    lines = excerpt(label(kind), data, REF)
    assert 1 <= len(lines) <= MAX_LINES + 1
    assert all(line.isprintable() and len(line) < 140 for line in lines)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda s: (
            st.dictionaries(st.sampled_from(["t", "dir", "hex", "text", "connection"]), s)
            | st.lists(s)
        ),
    )
)
def test_any_json_as_a_transcript_is_survived(value: object) -> None:
    import json

    lines = excerpt(label(TRANSCRIPT), json.dumps(value).encode(), REF)
    assert all(line.isprintable() for line in lines)
