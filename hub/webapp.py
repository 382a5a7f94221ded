"""The web app as the Hub serves it: what Vite built into `hub/web/dist`, kept in memory, compressed at build time."""

from __future__ import annotations

import mimetypes
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.problems import Problem
from runtime.logging import logger

log = logger("hub")

DIST: Final = Path(__file__).with_name("web") / "dist"
_LOOK: Final = 1.0
_CODINGS: Final = {"br": ".br", "gzip": ".gz"}
_SECURITY: Final = {
    "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
# Styles in attributes are how the component library and the flowchart place things; scripts are files alone.
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>One Stack Hub</title></head><body>
<h1>The web app is not built yet</h1>
<p>The API is here; the web app's files are not. Build them with <code>make web</code> in the checkout, and load this
page again.</p>
<p>The API is described in <a href="/openapi.json">/openapi.json</a>.</p>
</body></html>
"""


@dataclass(slots=True)
class File:
    """One file as it is sent: by content coding."""

    type: str
    cache: str
    tag: str
    bodies: dict[str, bytes] = field(default_factory=dict)


class WebApp:
    """An ASGI application. Every path that is no file is the app's own to route, so it gets `index.html`."""

    def __init__(self, dist: Path = DIST) -> None:
        self._dist = dist
        self._files: Mapping[str, File] = {}
        self._built: int | None = None
        self._looked = -_LOOK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a GET or HEAD."""
        self._look()
        path: str = scope["path"]
        file = self._files.get(path)
        if file is None and path.startswith("/assets/"):
            # Not the app: a script of an older build would be answered with a page.
            raise Problem(404, "There is no such file; load the page again.")
        if file is None:
            file = self._files.get("/index.html")
        headers = Headers(scope=scope)
        if file is None:
            response = Response(_NOT_BUILT, 503, {**_SECURITY, "cache-control": "no-store"}, "text/html")
        else:
            response = _answer(file, headers)
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    def _look(self) -> None:
        """Take up a new build, without a restart."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        try:
            built = (self._dist / "index.html").stat().st_mtime_ns
        except OSError:
            built = None
        if built != self._built:
            self._files = load(self._dist) if built is not None else {}
            self._built = built


def load(dist: Path) -> dict[str, File]:
    """Every file of a build by its path in a URL."""
    found: dict[str, File] = {}
    for file in sorted(dist.rglob("*")):
        if not file.is_file() or file.suffix in _CODINGS.values():
            continue
        path = "/" + file.relative_to(dist).as_posix()
        body = file.read_bytes()
        type, _ = mimetypes.guess_type(file.name)
        if file.suffix == ".js":
            type = "text/javascript"
        if type is not None and (type.startswith("text/") or type in ("application/json", "image/svg+xml")):
            type += "; charset=utf-8"
        cache = _FOR_EVER if path.startswith("/assets/") else "no-cache"
        one = File(type or "application/octet-stream", cache, sha256(body).hexdigest()[:20], {"identity": body})
        for coding, ending in _CODINGS.items():
            beside = file.with_name(file.name + ending)
            if beside.is_file():
                one.bodies[coding] = beside.read_bytes()
        found[path] = one
    return found


def _answer(file: File, headers: Headers) -> Response:
    coding = _coding(headers.get("accept-encoding", ""), file)
    tag = f'"{file.tag}-{coding}"'
    about = {**_SECURITY, "cache-control": file.cache, "etag": tag, "vary": "accept-encoding"}
    if coding != "identity":
        about["content-encoding"] = coding
    known = headers.get("if-none-match")
    if known is not None and (
        known.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in known.split(",")]
    ):
        return Response(b"", 304, about)
    return Response(file.bodies[coding], 200, about, file.type)


def _coding(accepted: str, file: File) -> str:
    """The best coding that the file has and the browser takes (RFC 9110, 12.5.3)."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.strip().partition(";")
        _, _, weight = parameter.partition("q=")
        try:
            weights[name.strip()] = float(weight) if weight else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    for coding in _CODINGS:
        if coding in file.bodies and weights.get(coding, weights.get("*", 0.0)) > 0:
            return coding
    return "identity"
