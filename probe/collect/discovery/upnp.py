"""The UPnP device description (UPnP Device Architecture 2.0 section 2.3), read as hostile XML."""

from xml.parsers import expat

MAX_XML = 128 * 1024
MAX_DEPTH = 24
MAX_VALUE = 400
MAX_LEAVES = 4_000
WANTED = frozenset(
    {
        *("deviceType", "friendlyName", "manufacturer", "manufacturerURL", "modelDescription"),
        *("modelName", "modelNumber", "serialNumber", "firmwareVersion", "UDN", "presentationURL"),
    }
)


class DescriptionFault(Exception):
    """Not a device description, or one that tries what no description needs."""


class _Reader:
    """Collects the root device's properties while expat reads."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._path: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        del attributes
        self._path.append(name.rpartition(" ")[2])
        if len(self._path) > MAX_DEPTH:
            raise DescriptionFault(f"nested deeper than {MAX_DEPTH}")

    def end(self, name: str) -> None:
        del name
        self._path.pop()

    def text(self, data: str) -> None:
        # Only the root device; embedded ones repeat the same names deeper down.
        path = self._path
        if len(path) == 3 and path[1] == "device" and path[2] in WANTED:
            self.found[path[2]] = (self.found.get(path[2], "") + data)[:MAX_VALUE]


def _refuse(*_: object) -> int:
    raise DescriptionFault("it declares a document type or an entity")


def parse_description(xml: bytes) -> dict[str, str]:
    """The properties of the root device, raw text. Raises DescriptionFault.

    Document types and entities are refused before anything is expanded; nothing external is loaded.
    """
    reader = _Reader()
    _read(xml, reader)
    found = {key: value.strip() for key, value in reader.found.items() if value.strip()}
    if not found:
        raise DescriptionFault("it holds no root device")
    return found


def leaves(xml: bytes) -> list[tuple[tuple[str, ...], str]]:
    """The path of names and the text of each element that holds text, in order. Raises DescriptionFault.

    For the other documents of UPnP: service descriptions and the answers to actions.
    """
    reader = _Leaves()
    _read(xml, reader)
    return reader.found


class _Leaves:
    """Collects what the elements hold."""

    def __init__(self) -> None:
        self.found: list[tuple[tuple[str, ...], str]] = []
        self._path: list[str] = []
        self._text = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        del attributes
        self._path.append(name.rpartition(" ")[2])
        self._text = ""
        if len(self._path) > MAX_DEPTH:
            raise DescriptionFault(f"nested deeper than {MAX_DEPTH}")

    def end(self, name: str) -> None:
        del name
        if self._text.strip():
            if len(self.found) >= MAX_LEAVES:
                raise DescriptionFault(f"more than {MAX_LEAVES} values")
            self.found.append((tuple(self._path), self._text.strip()))
        self._path.pop()
        self._text = ""

    def text(self, data: str) -> None:
        self._text = (self._text + data)[:MAX_VALUE]


def _read(xml: bytes, reader: _Reader | _Leaves) -> None:
    if len(xml) > MAX_XML:
        raise DescriptionFault(f"longer than {MAX_XML} bytes")
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = parser.SkippedEntityHandler = _refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise DescriptionFault(f"not well-formed: {expat.errors.messages[error.code]}") from None
    except (ValueError, LookupError) as error:  # an encoding that expat hands to Python
        raise DescriptionFault(f"unreadable: {type(error).__name__}") from None
