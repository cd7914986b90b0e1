"""Are session cookies out of reach of scripts, plain HTTP and other sites?"""

import re
from collections.abc import Iterator

from probe.checks.exposure.pages import unread_services
from probe.checks.support import conclude, scan_proof
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Proof
from probe.model.finding import Answer, violated
from probe.model.observation import HttpPage

SESSION = re.compile(r"(?i)sess|sid\b|^sid|auth|token|login|jwt|sysauth|^id$|ticket")
NOT_SESSION = re.compile(r"(?i)csrf|xsrf|lang|theme|consent")


def check(dut: Dut) -> Iterator[Answer]:
    told: dict[str, tuple[dict[str, None], list[Proof]]] = {}
    pages = list(dut.all(HttpPage))
    for seen in pages:
        for name, value in seen.fact.headers:
            lacks = lacking(value, seen.fact.tls) if name == "set-cookie" else ""
            if lacks:
                place = endpoint("tcp", seen.fact.address, seen.fact.port)
                texts, proof = told.setdefault(place, ({}, []))
                texts.setdefault(lacks)
                proof.extend(p for p in seen.proof if p not in proof)
    yield from conclude(
        dut,
        [violated(s, f"Session cookie {'; '.join(t)[:200]}.", *p) for s, (t, p) in told.items()],
        unread_services(dut),
        "No session cookie was set without its guards on the pages that were read.",
        proof=(*(p for s in pages for p in s.proof), *scan_proof(dut)),
    )


def lacking(cookie: str, tls: bool) -> str:
    """``SID without HttpOnly, SameSite``; empty when nothing is missing or it is no session."""
    pair, *attributes = cookie.split(";")
    name, _, value = pair.partition("=")
    if not SESSION.search(name.strip()) or NOT_SESSION.search(name) or not value.strip():
        return ""
    flags = {
        a.partition("=")[0].strip().lower(): a.partition("=")[2].strip().lower() for a in attributes
    }
    lacks = [] if "httponly" in flags else ["HttpOnly"]
    # Over plain HTTP a browser does not keep a cookie marked Secure (RFC 6265 section 4.1.2.5).
    lacks += ["Secure"] if tls and "secure" not in flags else []
    lacks += ["SameSite"] if flags.get("samesite", "none") == "none" else []
    return f"{name.strip()[:40]} without {', '.join(lacks)}" if lacks else ""
