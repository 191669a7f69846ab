"""The auditor's pages on which this machine works long: a replay begun, watched and read, and the export as one file.

What comes of it is the operator's word. The page says so, and how to do the same on a machine of one's own.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from adapters.web.answers import file, to_keep
from broker.audit_pages.front import EXPORT, PREFIX, Door, Page, Visit
from broker.long_work import State
from schemas.errors import HandschlagError

ROWS: Final = 200
"""How many findings of a shard the page has; the report for programs has them all, as far as they are kept."""
_HERE: Final = f"{PREFIX}/replay"


def pages() -> Mapping[Door, Page]:
    """Give the pages by method and path."""
    return {
        ("GET", "/replay"): _shown,
        ("POST", "/replay"): _begun,
        ("POST", "/replay/cancel"): _canceled,
        ("GET", "/replay/state"): _state,
        ("GET", "/replay/report.json"): _report,
        EXPORT: _export,
    }


async def _shown(visit: Visit) -> Response:
    """Show the last replay, how far it is or what it found, and whether another may begin.

    A report counts a shard's entries from its own first one; `firsts` leads to the index over all shards.
    """
    work, shards = visit.front.work, visit.front.state().shards
    firsts = {log: one.first for log, one in shards.items() if one.pruned is None}
    return visit.show("replay.html", run=work.run, busy=work.busy, pause_s=work.pause_s, rows=ROWS, firsts=firsts)


async def _begun(visit: Visit) -> Response:
    """Begin a replay; where one is under way or has just ended, the page says so."""
    visit.front.work.begin_replay()
    return RedirectResponse(_HERE, 303)


async def _canceled(visit: Visit) -> Response:
    """Break off what is under way."""
    visit.front.work.cancel()
    return RedirectResponse(_HERE, 303)


async def _state(visit: Visit) -> Response:
    """Say to the page's script how far the replay is."""
    run = visit.front.work.run
    if run is None:
        raise HTTPException(404)
    return JSONResponse({"state": run.state.value, "done": run.done, "total": run.total})


async def _report(visit: Visit) -> Response:
    """Give the report for programs, as `handschlag ledger replay --json` writes it."""
    run = visit.front.work.run
    if run is None or run.state is not State.DONE:
        raise HTTPException(404)
    return file(run.raw, "replay.json", "application/json")


async def _export(visit: Visit) -> Response:
    """Give the whole log with all beside it as one file; 429 while the machine is at work for somebody else."""
    pieces = await visit.front.work.export()
    if pieces is None:
        return visit.show("busy.html", 429, pause_s=visit.front.work.pause_s)
    return _Streamed(pieces)


class _Streamed(StreamingResponse):
    """An archive as it is made; whoever takes no more of it ends the work."""

    def __init__(self, pieces: AsyncGenerator[bytes]) -> None:
        super().__init__(pieces, media_type="application/gzip", headers=to_keep("export.tar.gz"))
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except HandschlagError as error:
            # The head has gone out as that of a whole file: only a broken connection says that it is none.
            raise ConnectionAbortedError(str(error)) from error
        finally:
            await self._pieces.aclose()
