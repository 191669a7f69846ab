"""The broker's HTTP pages, all in this file: health, metrics, and the log for whoever wants to check it.

Checkpoints and hash tiles are open to all: they tell of nobody. Entries need an auditor's token, of which the settings
hold the SHA-256 only.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import FastAPI, Header, HTTPException, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from broker.metrics import CONTENT_TYPE
from consent_ledger.core.tiles import Tile, parse_tile_path
from schemas.errors import Malformed
from schemas.ids import Hash

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
FOR_EVER: Final = "public, max-age=31536000, immutable"
FOR_ONE_READER: Final = "private, max-age=31536000, immutable"
FOR_NOW: Final = "no-cache"


class Health(BaseModel):
    """Whether the broker does its work: each part says so of itself.

    `cosigned_age_s` is the time since a witness last cosigned, None before the first; `uncosigned` counts the entries
    that no cosigned checkpoint covers yet. Both inform; they do not make the broker unhealthy.
    """

    sequencer_runs: bool
    nats_connected: bool
    disk_writable: bool
    keys_loaded: bool
    serves: bool
    cosigned_age_s: float | None = None
    uncosigned: int

    @property
    def healthy(self) -> bool:
        """True when every part is."""
        parts = (self.sequencer_runs, self.nats_connected, self.disk_writable, self.keys_loaded, self.serves)
        return all(parts)


@dataclass(frozen=True)
class Pages:
    """What the pages show; `auditors` are SHA-256 of tokens in hex."""

    health: Callable[[], Awaitable[Health]]
    metrics: Callable[[], str]
    checkpoint: Callable[[], bytes | None]
    read_tile: Callable[[Tile], Awaitable[bytes | None]]
    beside: Callable[[str], bytes | None]
    auditors: Sequence[Hash] = ()


def make_app(pages: Pages) -> FastAPI:
    """Give the web application over these pages."""
    app = FastAPI(title="Handschlag broker", docs_url=None, redoc_url=None)

    @app.get("/health", response_model=Health)
    async def health() -> JSONResponse:
        """Say part by part whether the broker works: 200 when all do, else 503."""
        found = await pages.health()
        return JSONResponse(found.model_dump(), 200 if found.healthy else 503, {"Cache-Control": "no-store"})

    @app.get("/metrics")
    async def metrics() -> Response:
        """Give counts and sizes in the text format of Prometheus."""
        return Response(pages.metrics(), media_type=CONTENT_TYPE)

    @app.get("/log/checkpoint")
    async def checkpoint() -> Response:
        """Give the newest checkpoint that was offered to the witnesses, with their cosignatures (C2SP tlog-tiles)."""
        note = pages.checkpoint()
        if note is None:
            raise HTTPException(404, "the log has no checkpoint yet")
        return Response(note, media_type=TEXT, headers={"Cache-Control": FOR_NOW})

    @app.get("/log/tile/{path:path}")
    async def tile(path: str, authorization: Annotated[str, Header()] = "") -> Response:
        """Give a tile of hashes, or to an auditor a bundle of entries (C2SP tlog-tiles)."""
        wanted = _tile_at(path)
        if wanted.level is None and not may_read_entries(authorization, pages.auditors):
            raise HTTPException(401, "entries need an auditor's token", {"WWW-Authenticate": "Bearer"})
        content = await pages.read_tile(wanted)
        if content is None:
            raise HTTPException(404, "the log has no such tile")
        lifetime = FOR_EVER if wanted.level is not None else FOR_ONE_READER
        return Response(content, media_type=BYTES, headers={"Cache-Control": lifetime})

    @app.get("/log/{path:path}")
    async def beside(path: str) -> Response:
        """Give what lies beside the log for those who check it: its key, the pins, registry bundles. No secret."""
        content = pages.beside(path)
        if content is None:
            raise HTTPException(404, "no such file lies beside the log")
        return Response(content, media_type=TEXT, headers={"Cache-Control": FOR_NOW})

    return app


def may_read_entries(unverified_header: str, auditors: Sequence[Hash]) -> bool:
    """Tell whether an Authorization header holds an auditor's token; compared in constant time, each with each."""
    scheme, _, token = unverified_header.partition(" ")
    digest = hashlib.sha256(token.strip().encode()).hexdigest()
    matches = [hmac.compare_digest(digest, auditor) for auditor in auditors]
    return scheme.lower() == "bearer" and any(matches)


def _tile_at(path: str) -> Tile:
    try:
        return parse_tile_path(f"tile/{path}")
    except Malformed as error:
        raise HTTPException(404, str(error)) from error
