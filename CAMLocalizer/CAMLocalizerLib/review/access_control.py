"""AccessControl: only holders of the token, from this machine, one reviewer at a time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from . import pages
from .review_options import HOST

NAMES_OF_HOST = (HOST, "localhost")
PAGES = ("/", "/index.html")
WEBSOCKET = "/ws"
RESERVED_S = 5.0  # for a page that was handed out, until its websocket connects
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; worker-src 'self' blob:; connect-src 'self' {websocket}; object-src 'none'; "
    "base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
HARDENING = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AccessControl:
    """Checks every request to the page, the websocket included.

    The first address carries the token; from then on a cookie does, which scripts cannot read and other sites cannot
    send. Requests under another host name (DNS rebinding) or from another page (``Origin``) are refused, and so is
    a second reviewer.

    Args:
        on_left: called when the reviewer has left.
        token: what the address must carry; a random one by default.
    """

    def __init__(self, on_left: Callable[[], None] = lambda: None, *, token: str | None = None) -> None:
        self._on_left = on_left
        self.token = token or secrets.token_urlsafe(32)
        self.port = 0
        self._reviewing = False
        self._reserved_until = 0.0

    @property
    def address(self) -> str:
        """Address of the page, token included; right once ``port`` is set."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    @property
    def occupied(self) -> bool:
        """Whether a reviewer is there, or a page was just handed out to one."""
        return self._reviewing or time.monotonic() < self._reserved_until

    def middleware(self) -> Any:
        """Return the aiohttp middleware that checks every request."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            if sentence := self.refusal_of(request):
                return self._hardened(pages.refused(sentence))
            if request.path == WEBSOCKET:
                return await self._review(request, handler)
            if request.path in PAGES and self.occupied:
                return self._admitted(request, pages.occupied())
            response = await _answer(request, handler)
            if request.path == PAGES[1]:
                self._reserved_until = time.monotonic() + RESERVED_S
            return self._admitted(request, response)

        return check

    def refusal_of(self, request: web.Request) -> str:
        """Return why a request is refused, in a sentence; empty for one that is accepted."""
        if request.headers.get("Host", "") not in self._hosts():
            return "This review answers only under its own address on this machine."
        origin = request.headers.get("Origin")
        if origin is not None and origin not in [f"http://{host}" for host in self._hosts()]:
            return "This review answers only to its own page."
        token = request.query.get("token", request.cookies.get(self.cookie, ""))
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            return "Open the review with the whole address that its terminal shows; the token in it was missing here."
        return ""

    @property
    def cookie(self) -> str:
        """Name of the cookie; cookies know no ports, and several reviews may run."""
        return f"camlocalizer-review-{self.port}"

    def _hosts(self) -> tuple[str, ...]:
        return tuple(f"{name}:{self.port}" for name in NAMES_OF_HOST)

    async def _review(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let the one reviewer's websocket live; refuse a second."""
        if self._reviewing:
            return self._hardened(pages.refused("Another window holds this review; close it there first."))
        self._reviewing, self._reserved_until = True, 0.0
        try:
            return await handler(request)
        finally:
            self._reviewing = False
            self._on_left()

    def _admitted(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        if "token" in request.query:
            response.set_cookie(self.cookie, self.token, httponly=True, samesite="Strict", path="/")
        return self._hardened(response)

    def _hardened(self, response: web.StreamResponse) -> web.StreamResponse:
        response.headers.update(HARDENING)
        websockets = " ".join(f"ws://{host}" for host in self._hosts())
        response.headers["Content-Security-Policy"] = POLICY.format(websocket=websockets)
        return response


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return what a route answers; aiohttp raises redirections and errors."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        return answer
