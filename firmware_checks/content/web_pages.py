"""Pages of the device that hand a request's words to a shell: whoever reaches the page runs commands."""

import re

from firmware_checks.content import Facts
from firmware_checks.content.files import (
    NOT_READ,
    is_documentation,
    is_file,
    is_text,
    numbered,
    weakness,
)
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View

KIND = "command from a request"
MOST = 20
LARGEST = 256 << 10
_PAGE = re.compile(
    r"(?:^|/)cgi-bin/[^/]+$|^(?>(?:.*?/)??(?:www|htdocs|web|webroot|html)/).*\.(?:cgi|php|inc|sh|pl|py|lua|asp)$"
)
_SHELL = re.compile(
    r"^(?>.*?\beval\b).*\$\{?(?:QUERY_STRING|REQUEST_URI|HTTP_\w+|POST\w*|FORM_\w+|GET_\w+)"
    r"|^(?>.*?\b(?:ba|a)?sh\s+-c\b).*\$\{?(?:QUERY_STRING|REQUEST_URI|POST\w*|FORM_\w+)"
)
"""eval and sh -c with a variable that the server sets from the request (RFC 3875 section 4.1)."""
_PHP = re.compile(
    r"(?:^|;)(?>[^;]*?(?<![\w>])(?:system|exec|shell_exec|passthru|popen|proc_open)\s*\()[^;]*\$_(?:GET|POST|REQUEST|COOKIE|SERVER)\b"
)
_ESCAPED = re.compile(r"escapeshell(?:arg|cmd)|intval\s*\(|\(int\)")
_LUA = re.compile(
    r"^(?>.*?(?:os\.execute|io\.popen|sys\.(?:call|exec))\s*\().*(?:http\.formvalue|ngx\.var|getenv\(.QUERY)"
)
_PYTHON = re.compile(
    r"^(?>.*?os\.(?:system|popen)\s*\().*(?:form\.getvalue|getfirst|environ.{0,4}QUERY_STRING|request\.(?:args|form))"
)


class WebPages:
    """One file system."""

    name = "web pages"

    def __init__(self, image: str, place: str) -> None:
        self.where = (image, place)

    def look(self, entry: Entry, view: View) -> Facts:
        if entry.kind is not Kind.FILE or not _PAGE.search(entry.path) or not is_text(view):
            return
        if is_documentation(entry.path):
            return
        if not is_file(entry, largest=LARGEST):
            what = f"whether it runs what a request says ({entry.size} bytes)"
            yield weakness(self.where, entry.path, NOT_READ, what)
            return
        found = [(n, line) for n, line in numbered(view) if runs_request(line)]
        for number, line in found[:MOST]:
            yield weakness(self.where, entry.path, KIND, line[:160], number, view)

    def end(self) -> Facts:
        yield from ()


TOPIC = WebPages


def runs_request(line: str) -> bool:
    """The line runs a command that holds words of the request, and nothing on it escapes them."""
    if line.startswith(("#", "//", "*", "--")):
        return False
    if _PHP.search(line):
        return not _ESCAPED.search(line)
    return any(p.search(line) for p in (_SHELL, _LUA, _PYTHON))
