"""Several applications under one address: each path belongs to one of them."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


def beside(rest: ASGIApp, parts: Mapping[str, ASGIApp]) -> ASGIApp:
    """Give one application: what lies at or below one of the prefixes is that part's, all else is the rest's."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Give a call to the one it is for."""
        path = f"{scope.get('path', '')}/"
        found = next((one for prefix, one in parts.items() if path.startswith(f"{prefix}/")), rest)
        await found(scope, receive, send)

    return app
