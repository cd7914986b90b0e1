"""Whether an answer says no, in words or in JSON. Pure; any text has an answer."""

import json
import re
from typing import Any

FAILED = re.compile(
    r"incorrect|invalid|fail|denied|wrong|bad (?:user|pass|login)|mismatch|not match|error|falsch|"
    r"unauthori[sz]ed|expired|try again",
    re.IGNORECASE,
)
LOCKED = re.compile(
    r"locked|too many|temporarily|blocked|banned|try again (?:later|in|after)|gesperrt",
    re.IGNORECASE,
)
MAX_KEYS = 200
MAX_WORDS = 4_000


def parsed(text: str) -> Any:
    """The JSON value of an answer, None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def refuses(value: Any) -> bool:
    """Whether a JSON answer says no: an error, a flag that is false, a result that is nothing."""
    if not isinstance(value, dict):
        return value is False
    low = {str(k).lower(): v for k, v in list(value.items())[:MAX_KEYS]}
    if "jsonrpc" in low or {"id", "result"} <= low.keys():
        result = low.get("result")
        code = result[0] if isinstance(result, list) and result else None
        nothing = "result" in low and (result is None or result is False or result == "")
        return bool(low.get("error")) or nothing or (type(code) is int and code != 0)
    for key in ("ok", "success", "result", "status", "authenticated", "login", "code", "state"):
        flag = low.get(key)
        if flag is False or (isinstance(flag, str) and FAILED.search(flag)):
            return True
        if key in ("code", "status") and type(flag) is int and 400 <= flag < 600:
            return True
    for key in (
        "error",
        "errors",
        "err",
        "errno",
        "errcode",
        "err_code",
        "error_code",
        "errorcode",
    ):
        flag = low.get(key)
        if flag and flag not in ("0", "none", "ok", "null"):
            return True
    words = " ".join(str(low.get(k, "")) for k in ("message", "msg", "detail", "reason"))
    return bool(FAILED.search(words[:MAX_WORDS]))
