"""HTML pages with a login form: what is in them, found without running anything."""

import re
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from probe.collect.access.protocols.web.markup import Tag, tokens
from probe.collect.access.protocols.web.refusal import FAILED, MAX_WORDS, parsed, refuses

LOGIN = re.compile(r"log[\s_-]?(?:in|on)\b|sign[\s_-]?in\b|anmelden|einloggen", re.IGNORECASE)
LOGOUT = re.compile(r"log[\s_-]?(?:out|off)|sign[\s_-]?(?:out|off)|abmelden", re.IGNORECASE)
CAPTCHA = re.compile(r"captcha|verif(?:y|ication)[\s_-]?code|vcode", re.IGNORECASE)
CAPTCHA_PART = re.compile(r"recaptcha|hcaptcha|turnstile|captcha", re.IGNORECASE)
OTHER_BUTTON = re.compile(r"cancel|reset|forgot|regist|lost|abbrechen|clear|help", re.IGNORECASE)
ONWARD = re.compile(
    r"""location(?:\.href|\.replace|\.assign)?\s*[=(]\s*["']([^"'<>\s]{1,300})["']"""
)
REFRESH = re.compile(
    r"""^\s*\d*[.\d]*\s*[;,]\s*(?:url\s*=\s*)?["']?([^"'\s]{1,300})""", re.IGNORECASE
)
USERLIKE = re.compile(r"user|login|name|account|mail|id$", re.IGNORECASE)
TRANSFORMS = re.compile(
    r"md5|sha1|sha256|sha512|hmac|crypt|btoa|base64|hash\(|rsa|\.submit\(|onsubmit|"
    r"addEventListener\(\s*['\"]submit|\.ajax|fetch\(|XMLHttpRequest|preventDefault|axios",
    re.IGNORECASE,
)
LIBRARY = re.compile(r"jquery|bootstrap|modernizr|respond|html5shiv", re.IGNORECASE)
MAX_ELEMENTS = 2_000
MAX_LINK_TEXT = 200


@dataclass
class Control:
    """An input, button, select or textarea."""

    kind: str
    name: str
    value: str
    on: bool = True
    """Whether a browser would send it: checked, or not a check box at all."""


@dataclass
class Form:
    """A form as written."""

    action: str
    method: str
    enctype: str
    scripted: bool
    controls: list[Control] = field(default_factory=list)

    @property
    def password(self) -> Control | None:
        """The password field, when there is exactly one: two or more are for changing a password."""
        found = [c for c in self.controls if c.kind == "password" and c.name]
        return found[0] if len(found) == 1 else None

    @property
    def user(self) -> Control | None:
        """The nearest text field before the password, by preference one that is named like a user."""
        before: list[Control] = []
        secret = self.password
        for control in self.controls:
            if control is secret:
                break
            if control.kind in ("text", "email", "tel", "") and control.name:
                before.append(control)
        named = [c for c in before if USERLIKE.search(c.name)]
        found = named or before
        return found[-1] if found else None

    @property
    def captcha(self) -> bool:
        return any(CAPTCHA.search(c.name) for c in self.controls)

    @property
    def only_user(self) -> Control | None:
        """The one field of a form that asks for a user and, on its next page, for the password."""
        shown = [c for c in self.controls if c.name and c.kind in ("text", "email", "tel", "")]
        secret = any(c.kind == "password" for c in self.controls)
        one = len(shown) == 1 and not secret and USERLIKE.search(shown[0].name)
        return shown[0] if one and self.method == "post" else None

    @property
    def button(self) -> Control | None:
        """The button that a person would press to log in."""
        found = [c for c in self.controls if c.kind in ("submit", "image")]
        other = [c for c in found if OTHER_BUTTON.search(f"{c.name} {c.value}")]
        return next((c for c in found if c not in other), found[0] if found else None)

    def filled(self, username: str, password: str) -> str:
        """The body that a browser would send (WHATWG URL-encoded form), hidden fields as given."""
        pairs: list[tuple[str, str]] = []
        secret, account, button = self.password, self.user or self.only_user, self.button
        for control in self.controls:
            if not control.name or not control.on or control.kind in ("button", "reset", "file"):
                continue
            if control.kind in ("submit", "image") and control is not button:
                continue
            value = control.value
            if control is secret:
                value = password
            elif control is account:
                value = username
            if control.kind == "image":
                pairs += [(f"{control.name}.x", "1"), (f"{control.name}.y", "1")]
            else:
                pairs.append((control.name, value))
        return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)


class Page:
    """A parsed page: its forms, links, scripts and visible text."""

    def __init__(self, html: str) -> None:
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        """Target and text."""
        self.script_sources: list[str] = []
        self.loose_password = self.captcha = False
        self.frames: list[str] = []
        self.refresh = ""
        self._form: Form | None = None
        self._in = ""
        elements, text, scripts = 0, [], []
        for token in tokens(html):
            if isinstance(token, Tag):
                elements += 1
                if token.name.startswith("/"):
                    self._end(token.name[1:])
                elif elements <= MAX_ELEMENTS:
                    self._start(token.name, token.attributes)
                else:
                    self._in = token.name if token.name in ("script", "style") else self._in
            elif self._in == "script":
                scripts.append(token)
            elif self._in != "style":
                text.append(token)
                self._link_text(token)
        self.scripts, self.text = "".join(scripts), " ".join(text)

    def _start(self, tag: str, a: dict[str, str]) -> None:
        if tag == "form":
            self._form = Form(
                action=a.get("action", ""),
                method=a.get("method", "get").lower(),
                enctype=a.get("enctype", "").lower(),
                scripted="onsubmit" in a,
            )
            self.forms.append(self._form)
        elif tag in ("input", "button", "select", "textarea"):
            self._control(tag, a)
        elif tag == "a":
            self.links.append((a.get("href", ""), ""))
        elif tag == "script" and a.get("src"):
            self.script_sources.append(a["src"])
        elif tag in ("frame", "iframe") and a.get("src"):
            self.frames.append(a["src"])
        elif tag == "meta" and a.get("http-equiv", "").lower() == "refresh":
            found = REFRESH.match(a.get("content", "")[:400])
            self.refresh = self.refresh or (found[1] if found else "")
        parts = (a.get("class", ""), a.get("src", ""), a.get("id", ""), a.get("name", ""))
        self.captcha = self.captcha or bool(CAPTCHA_PART.search(" ".join(parts)[:600]))
        if tag in ("script", "style", "a"):
            self._in = tag

    def _end(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == self._in:
            self._in = ""

    def _link_text(self, data: str) -> None:
        if self._in == "a" and self.links and len(self.links[-1][1]) < MAX_LINK_TEXT:
            href, text = self.links[-1]
            self.links[-1] = (href, (text + data)[:MAX_LINK_TEXT])

    def _control(self, tag: str, a: dict[str, str]) -> None:
        kind = a.get("type", "submit" if tag == "button" else "text" if tag == "input" else tag)
        kind = kind.lower()
        on = kind not in ("checkbox", "radio") or "checked" in a
        value = a.get("value", "on" if kind in ("checkbox", "radio") else "")
        if self._form is None:
            self.loose_password = self.loose_password or kind == "password"
            return
        self._form.controls.append(Control(kind, a.get("name", ""), value, on))
        if "onclick" in a and kind in ("submit", "button", "image"):
            self._form.scripted = True

    @property
    def login(self) -> Form | None:
        """The form that a login would be sent by."""
        return next((f for f in self.forms if f.password), None)

    def shows(self, form: Form) -> bool:
        """Whether this page asks for the same login again (any other password field may be a setting)."""
        if form.password is None:
            user = form.only_user.name if form.only_user else ""
            return any(f.only_user and f.only_user.name == user for f in self.forms)
        name = form.password.name
        return any(f.password and f.password.name == name for f in self.forms)

    @property
    def logout(self) -> str:
        """The address of the log-out link; ``""`` when there is none."""
        return next((h for h, t in self.links if LOGOUT.search(h) or LOGOUT.search(t)), "")

    @property
    def first_step(self) -> Form | None:
        """The form that asks for the user alone, where the page as a whole is about a login."""
        about = LOGIN.search(self.text[:4000]) or LOGIN.search(" ".join(self._buttons()))
        return next((f for f in self.forms if f.only_user), None) if about else None

    def _buttons(self) -> list[str]:
        return [f"{c.name} {c.value} {f.action}" for f in self.forms for c in f.controls[:20]][:20]

    @property
    def onward(self) -> list[str]:
        """Where a browser would go on to, and then the links that are named like a login."""
        found = [self.refresh] if self.refresh else []
        if not self.forms:
            found += [m[1] for m in ONWARD.finditer(self.scripts[:100_000])][:2]
        found += self.frames[:4]
        named = (h for h, t in self.links if LOGIN.search(h) or LOGIN.search(t))
        found += [h for h in named if not LOGOUT.search(h)][:2]
        return [h for h in dict.fromkeys(found) if not h.lower().startswith(("javascript", "#"))]

    @property
    def may_be_sent_by_script(self) -> bool:
        """Whether there is a script that could send the form in the browser's place."""
        return bool(self.scripts.strip() or self.script_sources)

    @property
    def suspicious_scripts(self) -> bool:
        """Whether a script in the page may change what is typed before it is sent."""
        form = self.login
        return bool(TRANSFORMS.search(self.scripts)) or (form is not None and form.scripted)


def says_no(body: str, page: Page) -> bool:
    """Whether an answer that shows no form is a recognisable refusal, in words or in JSON."""
    value = parsed(body)
    return bool(FAILED.search(page.text[:MAX_WORDS])) if value is None else refuses(value)
