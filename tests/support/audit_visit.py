"""An auditor with a browser at a broker's pages, and a machine whose long work a test lets go on or fail."""

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from adapters.web.assets import Assets
from adapters.web.pages import Pages
from adapters.web.sessions import Sessions
from adapters.web.throttle import Throttle
from broker.audit_pages import replaying
from broker.audit_pages.building import COOKIE
from broker.audit_pages.front import Front
from broker.auditing import Auditing
from broker.counting import Counting
from broker.log_files import LogFiles
from broker.long_work import LongWork
from broker.witness_state import Watch
from broker.witnessing import Witnessing
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.core.merkle import EMPTY_ROOT
from schemas import canonical
from schemas import messages as ms
from schemas.commitment import sha256
from schemas.errors import HandschlagError, Unavailable
from tests.support import keys
from tests.support.middle import Middle, serving
from tests.support.pens import DAY, LOG, ManualClock
from tests.support.small_law import LAW

BASE = "https://broker.example"
OPENS = "an auditor's token"
NOT_YET = ("/audit/replay/state", "/audit/replay/report.json")
"""There once a replay was begun, and once one is done."""
REPORT = canonical.pretty(
    {
        "log": LOG,
        "size": 63,
        "root": "0" * 64,
        "verdict": "tampered",
        "counts": {"tampered": 1},
        "entries": {"hashed": 63, "proven": 62, "decided": 61},
        "notes": [{"code": "no_policy", "text": "No witness policy."}, {"code": "newer", "text": "Something new."}],
        "command": "replay",
        "findings": [
            {
                "what": "tampered",
                "index": 3,
                "path": None,
                "rule": "decision",
                "expected": "no",
                "found": "yes",
                "class": 1,
            }
        ],
    }
).encode()


class Auditor:
    """An auditor with a browser, at the pages of a broker above a log in memory."""

    def __init__(self, middle: Middle) -> None:
        """Open the browser."""
        log = middle.log
        self.middle, self.clock = middle, log.pens.clock
        files = LogFiles(log.store, lambda: log.sequencer.size)
        empty = sign_checkpoint(Checkpoint(log.pens.log, 0, EMPTY_ROOT), keys.signer(log.pens.log))
        self.witnessing = Witnessing(log.sequencer, middle.bus, self.clock, empty, lambda *_: None)
        self.counting = Counting(files, lambda: log.sequencer.size)
        log.sequencer.committed.append(self.counting.committed)
        self.report, self.sent = asyncio.Event(), asyncio.Event()
        self.lines = ["0 63", "nothing", "12 63"]
        self.found = REPORT
        self.packed: list[bytes | HandschlagError] = [b"one", b"two"]
        self.work = LongWork(self.replay, self.pack, self.clock)
        self.front = Front(
            auditing=Auditing(files, lambda: log.sequencer.note),
            witnesses=Watch(self.witnessing).look,
            tally=self.counting.tally,
            work=self.work,
            state=lambda: log.sequencer.state,
            registries={LAW.hash: LAW},
            auditors=(sha256(b"somebody else's"), sha256(OPENS.encode())),
            sessions=Sessions(self.clock, secrets.token_bytes, COOKIE),
            throttle=Throttle(self.clock),
            pages=Pages("broker.audit_pages", Assets.load()),
        )
        transport = httpx.ASGITransport(self.front.app(replaying.pages(), tls=True))
        self.browser = httpx.AsyncClient(transport=transport, base_url=BASE, follow_redirects=True)

    async def replay(self, said: Callable[[str], None]) -> bytes:
        """Do as another process does: say how far it is, and give a report when the test lets it."""
        for line in self.lines:
            said(line)
        await self.report.wait()
        if not self.found:
            message = "replay: the disk is full"
            raise Unavailable(message)
        return self.found

    async def pack(self) -> AsyncGenerator[bytes]:
        """Give pieces of an export, or break off."""
        for piece in self.packed:
            if isinstance(piece, HandschlagError):
                raise piece
            yield piece
        self.sent.set()

    async def press(self, path: str) -> httpx.Response:
        """Press a button of the page it stands on."""
        page = await self.browser.get("/audit/check")
        (secret, *_) = re.findall(r'name="form_secret" value="([0-9a-f]+)"', page.text)
        return await self.browser.post(path, data={"form_secret": secret})

    async def type(self, token: str = OPENS) -> httpx.Response:
        """Type a token."""
        return await self.browser.post("/audit", data={"token": token})

    async def rows(self, query: str = "") -> list[int]:
        """Give the indices of the entries a page lists."""
        page = await self.browser.get(f"/audit/entries{query}")
        assert page.status_code == 200
        return [int(index) for index in re.findall(r'scope="row"><a [^>]*href="/audit/entries/([0-9]+)"', page.text)]


@asynccontextmanager
async def auditing_a_story() -> AsyncIterator[Auditor]:
    """Give an auditor of a log in which one request was granted, answered and acknowledged, and one was refused."""
    async with serving() as middle:
        await middle.hand("kurse").disclose_at_once()
        pens, jobcenter = middle.log.pens, middle.hand("jobcenter")
        consent = await middle.consented(uses=5)
        request = pens.request("jobcenter", "kurse", consent)
        assert isinstance(await jobcenter.request(request), ms.Delivered)
        assert isinstance(pens.clock, ManualClock)
        pens.clock.ms += DAY
        await jobcenter.logged(pens.acknowledgement("jobcenter", "kurse", [request.exchange]))
        await middle.hand("beratung").logged(pens.withdrawal("beratung", consent))
        await jobcenter.request(pens.request("jobcenter", "kurse", consent))
        yield Auditor(middle)
