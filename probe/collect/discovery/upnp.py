"""The UPnP device description (UPnP Device Architecture 2.0 section 2.3), read as hostile XML."""

from xml.parsers import expat

MAX_XML = 128 * 1024
MAX_DEPTH = 24
MAX_VALUE = 400
WANTED = frozenset(
    {
        *("deviceType", "friendlyName", "manufacturer", "manufacturerURL", "modelDescription"),
        *("modelName", "modelNumber", "serialNumber", "firmwareVersion", "UDN", "presentationURL"),
    }
)


class DescriptionFault(Exception):
    """Not a device description, or one that tries what no description needs."""


def parse_description(xml: bytes) -> dict[str, str]:
    """The properties of the root device, raw text. Raises DescriptionFault.

    Document types and entities are refused before anything is expanded; nothing external is loaded.
    """
    if len(xml) > MAX_XML:
        raise DescriptionFault(f"longer than {MAX_XML} bytes")
    path: list[str] = []
    found: dict[str, str] = {}
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(name: str, attributes: dict[str, str]) -> None:
        del attributes
        path.append(name.rpartition(" ")[2])
        if len(path) > MAX_DEPTH:
            raise DescriptionFault(f"nested deeper than {MAX_DEPTH}")

    def end(name: str) -> None:
        del name
        path.pop()

    def text(data: str) -> None:
        # Only the root device; embedded ones repeat the same names deeper down.
        if len(path) == 3 and path[1] == "device" and path[2] in WANTED:
            found[path[2]] = (found.get(path[2], "") + data)[:MAX_VALUE]

    def refuse(*_: object) -> None:
        raise DescriptionFault("it declares a document type or an entity")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = parser.SkippedEntityHandler = refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise DescriptionFault(f"not well-formed: {expat.errors.messages[error.code]}") from None
    except (ValueError, LookupError) as error:  # an encoding that expat hands to Python
        raise DescriptionFault(f"unreadable: {type(error).__name__}") from None
    if not found:
        raise DescriptionFault("it holds no root device")
    return {key: value.strip() for key, value in found.items() if value.strip()}
