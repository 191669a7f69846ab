"""Style sheets, fonts and pictures, served from the package under an address that changes with their bytes.

The address holds the hash of all of them, so a browser may keep what it has for ever and never mixes two versions.
"""

import hashlib
import mimetypes
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, Self

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from schemas.errors import Misuse

PREFIX: Final = "/static"
FOR_EVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {".woff2": "font/woff2", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_HASH_CHARS: Final = 12


@dataclass(frozen=True)
class Assets:
    """The bytes of each asset by name, and the hash over all."""

    content: dict[str, bytes]
    version: str

    @classmethod
    def load(cls) -> Self:
        """Read them from the package; Misuse when the parts that `make venv` fetches are not there."""
        folder = files("adapters.web") / "static"
        content = {item.name: item.read_bytes() for item in _files(folder)}
        if "kern.css" not in content:
            message = "pages: the design system was not fetched; run `make venv`"
            raise Misuse(message)
        digest = hashlib.sha256()
        for name in sorted(content):
            digest.update(name.encode() + b"\0" + content[name] + b"\0")
        return cls(content, digest.hexdigest()[:_HASH_CHARS])

    def url(self, name: str) -> str:
        """Give the address of an asset; Misuse for one there is not, so that no page links to nothing."""
        if name not in self.content:
            message = f"pages: there is no asset {name}"
            raise Misuse(message)
        return f"{PREFIX}/{self.version}/{name}"

    def route(self) -> Route:
        """Give the route that serves them."""
        return Route(PREFIX + "/{version}/{name}", self._serve, methods=["GET"])

    async def _serve(self, request: Request) -> Response:
        found = self.content.get(request.path_params["name"])
        if found is None or request.path_params["version"] != self.version:
            return PlainTextResponse("", 404)
        return Response(found, media_type=_type_of(request.path_params["name"]), headers={"Cache-Control": FOR_EVER})


def _files(folder: Traversable) -> list[Traversable]:
    """Give all files below a folder; their names are unique across it."""
    found: list[Traversable] = []
    for item in folder.iterdir():
        found.extend(_files(item) if item.is_dir() else [item])
    return [item for item in found if not item.name.endswith((".LICENSE", ".gitignore"))]


def _type_of(name: str) -> str:
    ending = name[name.rfind(".") :]
    return _TYPES.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
