"""Who may come in: the names that a request may be meant for, pages that may not ask, and the token.

Pages of the web can make a browser send requests here. What they cannot do is to choose the headers Host, Origin and
Sec-Fetch-Site, or to read an answer that has no CORS headers; so a request that a page of another place has sent is
refused by these, and one that follows a link is let in only where it shows a page.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from monosema.errors import UsageError
from monosema.files import digest

SHORTEST = 16
"""Characters of a token."""
MOST_LINKS = 16
"""Links that wait to be followed."""
OPEN_PATHS = ("/healthz", "/health")
"""What is told without a token."""
NEURONPEDIA = "x-secret-key"
"""Header in which clients of Neuronpedia's inference server send the token."""
Headers = Mapping[str, str]


def is_loopback(host: str) -> bool:
    """Whether a host (a name or an address, no port) is this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """Whether a host is an address, no name: nobody can let an address point elsewhere."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def host_of(header: str) -> str:
    """The host of a Host header, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if header.count(":") == 1 else header


class Door:
    """What is asked of each request before anything of it is looked at."""

    def __init__(self, token: str | None = None, names: tuple[str, ...] = ()) -> None:
        """`token`: what those who ask must know; None: only this machine is served, and nothing is asked.

        `names`: of this machine, by which others may reach it; it may be reached by its addresses in any case. Raises
        `UsageError` for a token that could be guessed.
        """
        if token is not None and (len(token) < SHORTEST or not token.isascii() or not token.isprintable()):
            raise UsageError(
                f"the token has {len(token)} characters; expected {SHORTEST} or more of ASCII, such as "
                f"{secrets.token_urlsafe(SHORTEST)}"
            )
        self._token, self._names = token, {name.lower() for name in names}
        self._session = secrets.token_urlsafe()
        self._links: list[str] = []
        self.cookie = "monosema-" + digest((token or "").encode())[:8]
        """Name of the cookie: servers with other tokens on this machine have other ones."""

    @property
    def is_locked(self) -> bool:
        """Whether a token is asked for."""
        return self._token is not None

    def link(self) -> str:
        """A path that lets a browser in, once."""
        self._links = [*self._links, secrets.token_urlsafe()][-MOST_LINKS:]
        return f"/?token={self._links[-1]}"

    def wrong_place(self, method: str, headers: Headers) -> str | None:
        """Why a request was not meant for this server, or was sent by a page of another; None where all is well."""
        host = headers.get("host", "")
        if not self._known(host_of(host).lower()):
            return f"{host!a} is no name of this machine"
        origin = headers.get("origin")
        if origin is not None and _place_of(origin) != host.lower():
            return f"a page of {origin[:100]!a} may not ask here"
        site = headers.get("sec-fetch-site", "none")
        shows = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if site not in ("none", "same-origin") and not (method == "GET" and shows):
            return "a page of another site may not ask here"
        return None

    def _known(self, host: str) -> bool:
        if is_loopback(host):
            return True
        return self.is_locked and (is_address(host) or host in self._names)

    def lets_in(self, path: str, headers: Headers) -> bool:
        """Whether a request knows the token, or its browser was let in by a link."""
        if self._token is None or path in OPEN_PATHS:
            return True
        kind, _, said = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(said.strip(), self._token):
            return True
        if _same(headers.get(NEURONPEDIA, ""), self._token):
            return True
        cookies = [one.strip().partition("=") for one in headers.get("cookie", "").split(";")]
        return any(name == self.cookie and _same(value, self._session) for name, _, value in cookies)

    def follow(self, method: str, path: str, query: str) -> str | None:
        """The cookie for a browser that follows a link; None where it follows none, or one that was followed."""
        if method != "GET" or path != "/" or not self.is_locked:
            return None
        given = parse_qs(query).get("token", [""])[0]
        found = [link for link in self._links if _same(given, link)]
        if not found:
            return None
        self._links.remove(found[0])
        return f"{self.cookie}={self._session}; Path=/; HttpOnly; SameSite=Lax"


def _place_of(origin: str) -> str | None:
    """Host and port of an Origin header, in small letters; None where it is no address."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _same(said: str, known: str) -> bool:
    """Whether two texts are equal, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(said.encode(), known.encode())
