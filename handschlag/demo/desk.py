"""A made-up member of staff at an agency's HTTP API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from handschlag.demo.patience import until
from handschlag.demo.stage import Office
from schemas.errors import Unavailable

Found = dict[str, Any]
"""A JSON object as the API gives it."""


@dataclass(frozen=True)
class Desk:
    """One role at one office; every call carries its token."""

    office: Office
    role: str

    def post(self, path: str, body: Found) -> Found:
        """Send something; Unavailable with the API's own words when it is not taken."""
        return self._call("POST", path, body)

    def put(self, path: str) -> Found:
        """Put something into force."""
        return self._call("PUT", path)

    def get(self, path: str) -> Found:
        """Look something up."""
        return self._call("GET", path)

    def list(self, path: str) -> list[Found]:
        """Look a list up."""
        lines: list[Found] = self._answer("GET", path).json()
        return lines

    def ask(self, purpose: str, holder: str, consent: str, fields: Sequence[str] = ()) -> Found:
        """Ask another agency for a client's record."""
        body = {"purpose": purpose, "holder": holder, "consent": consent, "fields": [*fields]}
        return self.post("/v1/requests", body)

    def until(self, path: str, name: str, value: str) -> Found:
        """Look at something until a field of it has a value."""

        def look() -> Found | None:
            """Look once."""
            found = self.get(path)
            return found if found[name] == value else None

        return until(look, f"{path}: {name} {value}")

    def until_listed(self, path: str, name: str, value: str) -> Found:
        """Look at a list until something is on it."""
        return until(lambda: next((line for line in self.list(path) if line[name] == value), None), f"{path}: {value}")

    def _call(self, method: str, path: str, body: Found | None = None) -> Found:
        response = self._answer(method, path, body)
        found: Found = response.json() if response.content else {}
        return found

    def _answer(self, method: str, path: str, body: Found | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.office.tokens[self.role]}"}
        response = httpx.request(method, self.office.address + path, json=body, headers=headers, timeout=30.0)
        if response.is_success:
            return response
        message = f"{self.office.agency} {path}: {response.status_code} {response.text}"
        raise Unavailable(message)
