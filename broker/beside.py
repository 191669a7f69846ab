"""Puts pages beside the operator's API under one address: each path belongs to one of them."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


def beside(api: ASGIApp, pages: Mapping[str, ASGIApp]) -> ASGIApp:
    """Give one application: what lies at or below one of the prefixes is the pages' of it, all else is the API's."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Give a call to the one it is for."""
        path = f"{scope.get('path', '')}/"
        found = next((one for prefix, one in pages.items() if path.startswith(f"{prefix}/")), api)
        await found(scope, receive, send)

    return app
