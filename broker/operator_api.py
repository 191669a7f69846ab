"""The broker's HTTP pages, all in this file: health, metrics, and the log for whoever wants to check it.

Checkpoints and hash tiles are open to all: they tell of nobody. Bundles of entries need an auditor's token; a data
protection officer's opens the entries that their own agency is party to, one by one with a proof (LEDGER, section 6).
Of tokens the settings hold the SHA-256 only.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import FastAPI, Header, HTTPException, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from broker.metrics import CONTENT_TYPE
from broker.own_entries import Listing, OwnEntries
from consent_ledger.core.tiles import Tile, parse_tile_path
from consent_ledger.earlier import Receipted
from schemas.errors import Malformed
from schemas.ids import AgencyId, Hash

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
JSON: Final = "application/json"
FOR_EVER: Final = "public, max-age=31536000, immutable"
FOR_ONE_READER: Final = "private, max-age=31536000, immutable"
FOR_NOW: Final = "no-cache"


class Refused(BaseModel):
    """Why there is nothing to give."""

    detail: str


def _gives(kinds: str, what: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe a route's answers: content of a type, or of several between blanks, or one of these refusals."""
    content: dict[str, Any] = {kind.partition(";")[0]: {} for kind in kinds.split() if "/" in kind}
    told: dict[int | str, dict[str, Any]] = {200: {"content": content, "description": what}}
    return told | {status: {"model": Refused, "description": _REFUSALS[status]} for status in statuses}


_REFUSALS: Final[Mapping[int, str]] = {401: "It needs a token that was not given.", 404: "There is none of this name."}


class Health(BaseModel):
    """Whether the broker does its work: each part says so of itself.

    `witnessed` is false once an entry has waited too long for a checkpoint that witnesses have cosigned: a log that
    nobody watches is a log that can be forked. `cosigned_age_s` is the time since a witness last cosigned, None before
    the first; `uncosigned` counts the entries that no cosigned checkpoint covers yet. These two only inform.
    """

    sequencer_runs: bool
    nats_connected: bool
    disk_writable: bool
    keys_loaded: bool
    witnessed: bool
    serves: bool
    cosigned_age_s: float | None = None
    uncosigned: int

    @property
    def healthy(self) -> bool:
        """True when every part is."""
        ours = self.sequencer_runs and self.keys_loaded and self.serves
        return ours and self.nats_connected and self.disk_writable and self.witnessed


async def _nothing(_shard: str, _path: str) -> None:
    """Give nothing: no shard was closed yet."""


@dataclass(frozen=True)
class Pages:
    """What the pages show.

    `beside` gives what lies beside the log, `state` what a shard starts from, both by the file's name; `closed` gives a
    file of a closed shard by the shard's name and its path there. `auditors` are SHA-256 of tokens in hex, `officers`
    those of agencies' officers.
    """

    health: Callable[[], Awaitable[Health]]
    metrics: Callable[[], str]
    checkpoint: Callable[[], bytes | None]
    read_tile: Callable[[Tile], Awaitable[bytes | None]]
    beside: Callable[[str], bytes | None]
    own: OwnEntries
    auditors: Sequence[Hash] = ()
    officers: Mapping[AgencyId, Hash] = field(default_factory=dict)
    state: Callable[[str], bytes | None] = lambda _: None
    closed: Callable[[str, str], Awaitable[bytes | None]] = _nothing


def make_app(pages: Pages) -> FastAPI:
    """Give the web application over these pages."""
    app = FastAPI(title="Handschlag broker", docs_url=None, redoc_url=None)

    @app.get("/health", response_model=Health, responses={503: {"model": Health, "description": "A part does not."}})
    async def health() -> JSONResponse:
        """Say part by part whether the broker works: 200 when all do, else 503."""
        found = await pages.health()
        return JSONResponse(found.model_dump(), 200 if found.healthy else 503, {"Cache-Control": "no-store"})

    @app.get("/metrics", response_class=Response, responses=_gives(CONTENT_TYPE, "Numbers."))
    async def metrics() -> Response:
        """Give counts and sizes in the text format of Prometheus."""
        return Response(pages.metrics(), media_type=CONTENT_TYPE)

    _serve_log(app, pages)
    _serve_closed(app, pages)
    _serve_own(app, pages)
    _serve_beside(app, pages)
    return app


def _serve_log(app: FastAPI, pages: Pages) -> None:
    """Serve the log as C2SP tlog-tiles."""

    @app.get("/log/checkpoint", response_class=Response, responses=_gives(TEXT, "A signed note.", 404))
    async def checkpoint() -> Response:
        """Give the newest checkpoint that was offered to the witnesses, with their cosignatures (C2SP tlog-tiles)."""
        note = pages.checkpoint()
        if note is None:
            raise HTTPException(404, "the log has no checkpoint yet")
        return Response(note, media_type=TEXT, headers={"Cache-Control": FOR_NOW})

    @app.get("/log/tile/{path:path}", response_class=Response, responses=_gives(BYTES, "Hashes or entries.", 401, 404))
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


def _serve_closed(app: FastAPI, pages: Pages) -> None:
    """Serve the shards that are closed, each as a log of its own, and what the later ones start from."""

    def for_auditors(authorization: str) -> None:
        """Let pass who has an auditor's token; 401 for all others."""
        if not may_read_entries(authorization, pages.auditors):
            raise HTTPException(401, "entries need an auditor's token", {"WWW-Authenticate": "Bearer"})

    @app.get(
        "/log/shards/{shard}/{path:path}",
        response_class=Response,
        responses=_gives(f"{BYTES} {TEXT}", "A file of a closed shard.", 401, 404),
    )
    async def closed(shard: str, path: str, authorization: Annotated[str, Header()] = "") -> Response:
        """Give a file of a closed shard: all may have its hash tiles, checkpoint and key, an auditor its entries."""
        if path.startswith("tile/entries/"):
            for_auditors(authorization)
        content = await pages.closed(shard, path)
        if content is None:
            raise HTTPException(404, "no closed shard has such a file")
        kind = BYTES if path.startswith("tile/") else TEXT
        return Response(content, media_type=kind, headers={"Cache-Control": FOR_NOW})

    @app.get("/log/state/{name}", response_class=Response, responses=_gives(BYTES, "A state.", 401, 404))
    async def state(name: str, authorization: Annotated[str, Header()] = "") -> Response:
        """Give an auditor what a shard starts from, by its hash: it says what the entries before it said."""
        for_auditors(authorization)
        content = pages.state(name)
        if content is None:
            raise HTTPException(404, "no such state lies beside the log")
        return Response(content, media_type=BYTES, headers={"Cache-Control": FOR_ONE_READER})


def _serve_own(app: FastAPI, pages: Pages) -> None:
    """Serve each agency's own entries to its data protection officer."""

    def agency_of(authorization: str) -> AgencyId:
        """Tell whose officer asks; 401 for anybody else."""
        agency = officer_of(authorization, pages.officers)
        if agency is None:
            raise HTTPException(401, "an agency's entries need its officer's token", {"WWW-Authenticate": "Bearer"})
        return agency

    async def receipt_of(index: int, authorization: str) -> Receipted:
        """Give an entry with its proof; 404 for one that is none of the agency's."""
        receipt = await pages.own.receipt(agency_of(authorization), index)
        if receipt is None:
            raise HTTPException(404, "this agency is party to no entry of this index")
        return receipt

    @app.get("/log/own", responses={401: {"model": Refused, "description": _REFUSALS[401]}})
    async def own(
        response: Response, start: Annotated[int, Query(ge=0)] = 0, authorization: Annotated[str, Header()] = ""
    ) -> Listing:
        """Give an officer the indices of their agency's entries, a page from `start`; `next` is where to go on."""
        agency = agency_of(authorization)
        response.headers["Cache-Control"] = "no-store"
        return await pages.own.listing(agency, start)

    @app.get("/log/own/{index}.entry", response_class=Response, responses=_gives(BYTES, "An entry.", 401, 404))
    async def own_entry(index: int, authorization: Annotated[str, Header()] = "") -> Response:
        """Give an officer one entry's bytes."""
        receipt = await receipt_of(index, authorization)
        return Response(receipt.entry, media_type=BYTES, headers={"Cache-Control": FOR_ONE_READER})

    @app.get("/log/own/{index}.tlog-proof", response_class=Response, responses=_gives(TEXT, "A proof.", 401, 404))
    async def own_proof(index: int, authorization: Annotated[str, Header()] = "") -> Response:
        """Give an officer the proof that the entry stands in the log, under the newest checkpoint (C2SP tlog-proof)."""
        receipt = await receipt_of(index, authorization)
        return Response(receipt.proof, media_type=TEXT, headers={"Cache-Control": "private, no-cache"})


def _serve_beside(app: FastAPI, pages: Pages) -> None:
    """Serve whatever else lies beside the log; the last routes, for they take every path."""

    @app.get("/log/registry/{name}", response_class=Response, responses=_gives(JSON, "The law of some time.", 404))
    async def registry(name: str) -> Response:
        """Give a registry bundle by its hash: the law of some time, which never changes."""
        content = pages.beside(f"registry/{name}")
        if content is None:
            raise HTTPException(404, "no such bundle lies beside the log")
        return Response(content, media_type=JSON, headers={"Cache-Control": FOR_EVER})

    @app.get("/log/{path:path}", response_class=Response, responses=_gives(TEXT, "What lies beside the log.", 404))
    async def beside(path: str) -> Response:
        """Give what lies beside the log for those who check it: its key and the pins. No secret."""
        content = pages.beside(path)
        if content is None:
            raise HTTPException(404, "no such file lies beside the log")
        return Response(content, media_type=TEXT, headers={"Cache-Control": FOR_NOW})


def may_read_entries(unverified_header: str, auditors: Sequence[Hash]) -> bool:
    """Tell whether an Authorization header holds an auditor's token; compared in constant time, each with each."""
    return any(_matches(unverified_header, auditors))


def officer_of(unverified_header: str, officers: Mapping[AgencyId, Hash]) -> AgencyId | None:
    """Give the agency whose officer's token an Authorization header holds; compared as an auditor's is."""
    found = zip(officers, _matches(unverified_header, officers.values()), strict=True)
    return next((agency for agency, matches in found if matches), None)


def _matches(unverified_header: str, digests: Iterable[Hash]) -> list[bool]:
    """Compare a bearer token with each of these SHA-256 in hex; every one is compared, whatever the first say."""
    scheme, _, token = unverified_header.partition(" ")
    digest = hashlib.sha256(token.strip().encode()).hexdigest() if scheme.lower() == "bearer" else ""
    return [hmac.compare_digest(digest, one) for one in digests]


def _tile_at(path: str) -> Tile:
    try:
        return parse_tile_path(f"tile/{path}")
    except Malformed as error:
        raise HTTPException(404, str(error)) from error
