"""What the checks of a declaration share: its proof, and the answer when something is not declared."""

from probe.model.declaration import Declaration
from probe.model.evidence import EvidenceRef
from probe.model.finding import Answer, Owner, inconclusive

NO_REASON = {"", "-", "?", "n/a", "na", "none", "no", "tbd", "todo", "to do", "to be defined", "x"}
"""What people write where a reason belongs."""


def proof(declaration: Declaration) -> EvidenceRef:
    """The declaration file itself."""
    return EvidenceRef(sha256=declaration.sha256, caption="declaration file")


def undeclared(declaration: Declaration | None, subject: str, what: str, add: str) -> Answer:
    """Nothing is known because nothing was declared; ``add`` is the table to write."""
    given = () if declaration is None else (proof(declaration),)
    lead = "No declaration was given, so" if declaration is None else "The declaration leaves out"
    summary = f"{lead} {what} is not known." if declaration is None else f"{lead} {what}."
    settle = f"Add {add} to the declaration file."
    return inconclusive(subject, summary, *given, owner=Owner.OPERATOR, settle=settle)


def is_reason(text: str) -> bool:
    """Whether somebody gave a reason rather than a placeholder."""
    return text.strip().rstrip(".").lower() not in NO_REASON


def is_public(place: str) -> bool:
    """Whether the text is a web address that anybody can open."""
    return place.lower().startswith(("https://", "http://"))
