"""Where a receipt's code opens the client's page: one rule for the pages that open and the papers that point."""

from typing import Final

CLIENT_PAGES: Final = "/c"
"""The path below which the broker serves the clients' pages."""


def client_address(base: str, view_code: str = "") -> str:
    """Give the address that a receipt's QR code holds, or without a code the one where it is typed.

    The code stands in the path, as a page that works without scripts needs it; it names nobody, and the page leads on
    at once to an address without it.
    """
    return f"{base}{CLIENT_PAGES}/{view_code}" if view_code else f"{base}{CLIENT_PAGES}"
