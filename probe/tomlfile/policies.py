"""Policy files: ``[policy]`` and its ``[[rule]]`` tables."""

import re
from pathlib import Path
from typing import Any

from probe.model.policy import Policy, Rule, Topic
from probe.tomlfile.readers import head_and_rows, is_date
from probe.tomlfile.shape import Rules, Shaper, nearest
from probe.tomlfile.source import Place, Source

RULES = Rules(
    renamed={"Policy.rules": "rule"},
    choices={"Rule.reply": ("accepted", "refused")},
)
CONFIDENCE = ("sourced:", "memory", "judgement")
VERSIONS = (
    *("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
    *("DTLSv1.0", "DTLSv1.2", "DTLSv1.3"),
)
TRAITS = (
    *("extended_master_secret", "secure_renegotiation", "compression", "heartbeat", "psk_only"),
    *("encrypt_then_mac", "session_ticket", "alpn", "record_size_limit", "max_fragment_length"),
    *("ocsp_staple", "raw_public_key", "client_certificate", "fallback_scsv", "post_quantum"),
    *("sha1_signature", "truncated_hmac", "early_data", "client_renegotiation"),
)
ORDERS = ("grade", "forward-secrecy")
KEYS = {
    Topic.SUITE: {"names", "exchange", "cipher", "versions"},
    Topic.DH: {"names", "least", "most"},
    Topic.ORDER: {"names"},
    Topic.KEY: {"names", "least", "most"},
    Topic.VERSION: {"names", "reply"},
    Topic.TRAIT: {"names", "reply", "versions"},
    Topic.GROUP: {"names", "versions"},
    Topic.HASH: {"names"},
    Topic.SIGNATURE: {"names", "versions"},
}
"""What a rule about each topic may say besides its grade."""
ALWAYS = {"about", "grade", "paragraph", "word", "note"}


def read_policy(path: Path) -> Policy:
    """One edition of a policy; its id is the file's name. Raises FileFault."""
    source = Source(path)
    shaper = Shaper(source, RULES)
    head, rows = head_and_rows(shaper, "policy", "rule")
    built = [shaper.build(Rule, row, ("rule", n)) for n, row in enumerate(rows)]
    rules = tuple(rule for rule in built if isinstance(rule, Rule))
    policy = shaper.build(Policy, head, ("policy",), id=path.stem, rules=rules)
    if policy is not None:
        _head(shaper, policy)
    if not rows:
        shaper.complain((), "there is no [[rule]]", "Add the policy's rules.")
    seen: set[tuple[object, ...]] = set()
    for n, (row, rule) in enumerate(zip(rows, built, strict=True)):
        if isinstance(rule, Rule):
            _rule(shaper, row, rule, ("rule", n))
            if _fits(rule) in seen:
                shaper.complain(("rule", n), "an earlier rule fits the same", "Keep one.")
            seen.add(_fits(rule))
    shaper.finish()
    assert isinstance(policy, Policy)
    return policy


def _head(shaper: Shaper, policy: Policy) -> None:
    if not policy.confidence.startswith(CONFIDENCE):
        hint = "Say 'sourced:' with the source, 'memory' or 'judgement'."
        shaper.complain(("policy", "confidence"), "how sure this is, is not said", hint)
    if not is_date(f"{policy.published}-01-01"[:10]):
        hint = "Write YYYY, YYYY-MM or YYYY-MM-DD."
        shaper.complain(("policy", "published"), "not a date", hint)


def _rule(shaper: Shaper, row: dict[str, Any], rule: Rule, place: Place) -> None:
    valid = KEYS[rule.about] | ALWAYS
    for key in row:
        if key not in valid:
            what = f"a rule about a {rule.about} has no '{key}'"
            shaper.complain((*place, key), what, nearest(key, valid))
    if not (rule.names or rule.exchange or rule.cipher or rule.about is Topic.DH):
        hint = "Add names = [ … ]; '*' stands for any text."
        shaper.complain(place, "it is not said what the rule fits", hint)
    if not rule.paragraph.strip():
        shaper.complain((*place, "paragraph"), "it is empty", "Name the paragraph.")
    if rule.least < 0 or (rule.most and rule.most < rule.least):
        shaper.complain(place, "no number of bits is within least and most", "Correct them.")
    _names(shaper, rule, place)


def _names(shaper: Shaper, rule: Rule, place: Place) -> None:
    fixed = {Topic.VERSION: VERSIONS, Topic.TRAIT: TRAITS, Topic.ORDER: ORDERS}
    known = fixed.get(rule.about, ())
    for key, valid in (
        ("names", known),
        ("versions", VERSIONS),
        ("exchange", ()),
        ("cipher", ()),
    ):
        for n, name in enumerate(getattr(rule, key)):
            if valid and name not in valid:
                what, hint = f"'{name[:40]}' is not known", nearest(name, valid)
            elif not re.fullmatch(r"[A-Za-z0-9_*.-]+", name):
                what = f"'{name[:40]}' is not a registered name"
                hint = "Write it as IANA does; '*' is allowed."
            else:
                continue
            shaper.complain((*place, key, n), what, hint)


def _fits(rule: Rule) -> tuple[object, ...]:
    return (
        *(rule.about, rule.names, rule.exchange, rule.cipher, rule.versions, rule.reply),
        *(rule.least, rule.most),
    )
