"""What every answer of the pages carries: nothing from elsewhere is loaded, nothing framed, nothing personal is kept.

Sources: CSP level 3, RFC 6797 (HSTS), RFC 9111 (caching), Referrer Policy.
"""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; script-src 'self';"
    " form-action 'self'{login}; base-uri 'none'; frame-ancestors 'none'"
)
FETCHES: Final = "; connect-src 'self'"
FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
HSTS: Final = "max-age=31536000"


class Headers:
    """Puts them on each answer; `login` is the origin of the sign-on that a form may lead to.

    `fetches` says that a script of ours asks this server for how far something is.
    """

    def __init__(self, app: ASGIApp, login: str = "", *, tls: bool = True, fetches: bool = False) -> None:
        """Wrap an application; `tls` says that browsers reach it over TLS, whoever ends that."""
        self._app = app
        policy = POLICY.format(login=f" {login}" if login else "") + (FETCHES if fetches else "")
        self._fixed = FIXED | {"Content-Security-Policy": policy}
        if tls:
            self._fixed["Strict-Transport-Security"] = HSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers; whatever does not say otherwise is kept by nobody."""

        async def with_headers(message: Message) -> None:
            """Add them to the head of the answer."""
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._fixed)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)
