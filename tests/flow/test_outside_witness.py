"""A witness of somebody else's: what it answers by HTTP (C2SP tlog-witness), and a broker that asks it."""

import asyncio
import hashlib
import threading
from pathlib import Path

import httpx
import pytest

from adapters.web.witness import make_app
from broker.witnesses import MAX_ANSWER_BYTES, OutsideWitness
from broker.witnessing import Witnessing
from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, sign_checkpoint, unverified_checkpoint
from consent_ledger.core.merkle import EMPTY_ROOT, Edge, leaf_hash
from consent_ledger.witness import SIZE_TYPE, format_addition
from consent_ledger.witness_service import MAX_REQUEST_BYTES, WitnessService
from handschlag.witness_process import MAX_EVIDENCE, WitnessFolder
from schemas.errors import Code, HandschlagError, LedgerInconsistent, Malformed, Misuse, NotAuthentic, Unavailable
from tests.support import keys
from tests.support.ledger_world import founded, stored
from tests.support.memory_bus import MemoryNet
from tests.support.pens import KINDS, LOG, ManualClock, signer
from tests.support.running_log import RunningLog

LOG_SIGNER = keys.signer(LOG)
OUTSIDER = signer("stranger", "witness")
NOW_MS = 1_800_000_000_000
TEXT = "text/plain; charset=utf-8"


def tree(size: int, salt: str = "") -> Checkpoint:
    """Give the checkpoint of a log of so many entries; another salt is another history."""
    edge = Edge()
    edge.extend(leaf_hash(f"{salt}{index}".encode()) for index in range(size))
    return Checkpoint(LOG, size, edge.root())


def addition(old: int, checkpoint: Checkpoint, *proof: bytes) -> bytes:
    """Ask for a checkpoint signed by the log."""
    return format_addition(old, proof, sign_checkpoint(checkpoint, LOG_SIGNER))


class Site:
    """A witness in a folder, reached as over HTTP."""

    def __init__(self, root: Path) -> None:
        """Know one log."""
        self.folder = WitnessFolder(root)
        (root / "logs.txt").write_text(f"# the logs\n{LOG_SIGNER.key.vkey}  # ours\n\n", "utf-8")
        self.service = WitnessService([OUTSIDER], self.folder.logs, self.folder, ManualClock(NOW_MS))
        transport = httpx.ASGITransport(make_app(self.service))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://witness.example")

    async def add(self, body: bytes) -> httpx.Response:
        """Post an addition."""
        return await self.client.post("/add-checkpoint", content=body)

    def asked_by_a_broker(self) -> OutsideWitness:
        """Give the witness as a broker has it."""
        return OutsideWitness("http://witness.example/", OUTSIDER.key, self.client)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give a witness that has seen nothing."""
    return Site(tmp_path)


async def test_a_first_checkpoint_is_cosigned_kept_and_shown(site: Site) -> None:
    """200 with a line that verifies; afterwards the checkpoint with both signatures is shown to everybody."""
    answer = await site.add(addition(0, tree(2)))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    shown = await site.client.get(f"/{hashlib.sha256(LOG.encode()).hexdigest()}/checkpoint")
    assert shown.content.endswith(answer.content)
    verified = CheckpointVerifier(LOG_SIGNER.key, [OUTSIDER.key]).verify(shown.content)
    assert verified.cosigned_at_s == {OUTSIDER.key: NOW_MS // 1000}
    assert (await site.client.get(f"/{'0' * 64}/checkpoint")).status_code == 404


async def test_each_refusal_has_the_status_of_the_specification(site: Site) -> None:
    """400, 403, 404, 409 with the size held, 422; and none of them changes what is held."""
    await site.add(addition(0, tree(1)))
    held = site.folder.held(LOG)
    elsewhere = "elsewhere.example/log/2027-01"
    stranger = sign_checkpoint(Checkpoint(elsewhere, 1, bytes(32)), keys.signer(elsewhere))
    forged = sign_checkpoint(tree(2), LOG_SIGNER)[:-8] + b"AAAAAA=\n"
    bad = {
        b"": 400,
        b"old x\n\n": 400,
        b"old 3\n\n" + sign_checkpoint(tree(2), LOG_SIGNER): 400,
        format_addition(0, (), stranger): 404,
        format_addition(1, (), forged): 403,
        addition(0, tree(2)): 409,
        addition(1, tree(1, "another")): 409,
        addition(1, tree(2), bytes(32)): 422,
        b"x" * (MAX_REQUEST_BYTES + 1): 413,
    }
    for body, status in bad.items():
        answer = await site.add(body)
        assert answer.status_code == status, answer.text
        assert (answer.headers["content-type"], answer.text) == (SIZE_TYPE, "1\n") or status != 409
        assert answer.headers["content-type"] == TEXT or status == 409
    assert site.folder.held(LOG) == held


async def test_a_log_that_contradicts_itself_leaves_evidence(site: Site) -> None:
    """What a log signed and what does not fit what it signed before is kept, bounded in number."""
    await site.add(addition(0, tree(1)))
    for number in range(MAX_EVIDENCE + 3):
        await site.add(addition(1, tree(2, f"{number} "), bytes(32)))
    evidence = list((site.folder.root / hashlib.sha256(LOG.encode()).hexdigest() / "evidence").iterdir())
    assert len(evidence) == MAX_EVIDENCE
    assert all(b"old 1" in path.read_bytes() for path in evidence)


async def test_two_at_once_are_never_both_cosigned_from_one_size(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first is being stored the second waits, and then hears of the size that is held by now."""
    storing, may_go = threading.Event(), threading.Event()
    keep = site.folder.keep

    def stalled(origin: str, note: bytes) -> None:
        """Hold the first one up just before it is durable."""
        storing.set()
        assert may_go.wait(5)
        keep(origin, note)

    monkeypatch.setattr(site.folder, "keep", stalled)
    first = asyncio.create_task(site.add(addition(0, tree(1))))
    assert await asyncio.to_thread(storing.wait, 5)
    second = asyncio.create_task(site.add(addition(0, tree(2, "another"))))
    await asyncio.sleep(0)
    may_go.set()
    assert ((await first).status_code, (await second).status_code, (await second).text) == (200, 409, "1\n")


async def test_what_cannot_be_stored_is_not_cosigned(site: Site) -> None:
    """A witness whose disk refuses answers 503 and gives no signature away."""
    (site.folder.root / hashlib.sha256(LOG.encode()).hexdigest()).write_text("in the way", "utf-8")
    answer = await site.add(addition(0, tree(1)))
    assert (answer.status_code, b"\xe2\x80\x94" in answer.content) == (503, False)


@pytest.mark.parametrize(
    ("text", "rule"),
    [("nonsense\n", "line 1"), (f"\n{OUTSIDER.key.vkey}\n", "line 2: is no log's key"), (None, "no such file")],
)
def test_a_list_of_logs_that_is_none_is_refused(tmp_path: Path, text: str | None, rule: str) -> None:
    """The message names file, line and rule."""
    if text is not None:
        (tmp_path / "logs.txt").write_text(text, "utf-8")
    with pytest.raises((Malformed, Misuse), match=rule):
        WitnessFolder(tmp_path).logs()


# -- a broker that asks it ---------------------------------------------------------------------------------------------


class Asking:
    """A running log with one outside witness and nobody else."""

    def __init__(self, log: RunningLog, site: Site) -> None:
        """Prepare to witness."""
        self.log, self.site = log, site
        self.reports: list[tuple[str, Code]] = []
        empty = sign_checkpoint(Checkpoint(LOG, 0, EMPTY_ROOT), LOG_SIGNER)
        self.witnessing = Witnessing(
            log.sequencer,
            MemoryNet().broker(),
            log.pens.clock,
            empty,
            lambda where, code: self.reports.append((where, code)),
            outside=(site.asked_by_a_broker(),),
            every_s=0.0,
            patience_s=1.0,
        )
        log.sequencer.committed.append(self.witnessing.committed)

    async def cosigned(self) -> int:
        """Have one more entry logged and cosigned from outside; give the size."""
        receipt = await self.log.write(self.log.pens.agency_head("jobcenter"))
        async with asyncio.timeout(5):
            while self.witnessing.cosigned_size <= receipt.index:  # noqa: ASYNC110 - a store sends no events
                await asyncio.sleep(0)
        return receipt.index + 1


async def test_an_outside_witness_cosigns_what_the_broker_shows(site: Site) -> None:
    """Checkpoint after checkpoint, each from the size it holds, also when the broker had forgotten that size."""
    pens = founded()
    async with RunningLog(pens, stored(pens)) as log:
        asking = Asking(log, site)
        running = asyncio.create_task(asking.witnessing.run())
        for forgets in (False, True, False):
            size = await asking.cosigned()
            note = log.store.checkpoint(size) or b""
            assert OUTSIDER.key in CheckpointVerifier(LOG_SIGNER.key, [OUTSIDER.key]).verify(note).cosigned_at_s
            if forgets:
                asking.witnessing._held.clear()  # noqa: SLF001 -- as after a restart
        running.cancel()


async def test_a_witness_that_holds_more_stops_the_start(site: Site) -> None:
    """What the log's own key signed and this log has not reached proves an older copy; the start is refused."""
    pens = founded()
    async with RunningLog(pens, stored(pens)) as log:
        await site.add(addition(0, tree(log.sequencer.size + 5)))
        with pytest.raises(LedgerInconsistent, match="older copy"):
            await Asking(log, site).witnessing.confirm()


async def test_a_fork_known_outside_stops_the_start(site: Site) -> None:
    """Another root at a smaller size proves two ledgers under one key."""
    pens = founded()
    async with RunningLog(pens, stored(pens)) as log:
        await site.add(addition(0, tree(3, "another")))
        with pytest.raises(LedgerInconsistent, match="two ledgers"):
            await Asking(log, site).witnessing.confirm()


async def test_a_start_confirms_with_what_the_witness_cosigned_before(site: Site) -> None:
    """After a restart the witness shows what it holds, and that this log extends it."""
    pens = founded()
    async with RunningLog(pens, stored(pens)) as log:
        asking = Asking(log, site)
        running = asyncio.create_task(asking.witnessing.run())
        size = await asking.cosigned()
        running.cancel()
        again = Asking(log, site)
        await again.witnessing.confirm()
        assert unverified_checkpoint(again.witnessing.published or b"").size == size
        assert again.reports == [("witness", Code.UNAVAILABLE)] * len(KINDS), "the members, none of whom is there"


class Told:
    """A witness that answers what a test wants, by path."""

    def __init__(self, **answers: httpx.Response) -> None:
        """Take the answers to `add` and `show`."""
        transport = httpx.MockTransport(lambda request: answers["add" if request.method == "POST" else "show"])
        self.witness = OutsideWitness("http://w.example", OUTSIDER.key, httpx.AsyncClient(transport=transport))


SIZE = {"content-type": SIZE_TYPE}
NOTHING = httpx.Response(404)


@pytest.mark.parametrize(
    ("add", "raised"),
    [
        (httpx.Response(403), Misuse),
        (httpx.Response(404), Misuse),
        (httpx.Response(500), Unavailable),
        (httpx.Response(422), NotAuthentic),
        (httpx.Response(409, headers=SIZE, content=b"7\n"), NotAuthentic),
        (httpx.Response(409, headers=SIZE, content=b"7"), Malformed),
        (httpx.Response(409, headers=SIZE, content=b"07\n"), Malformed),
        (httpx.Response(409, content=b"7\n"), Malformed),
        (httpx.Response(200, content=b"x" * (MAX_ANSWER_BYTES + 1)), Malformed),
    ],
)
async def test_an_odd_answer_is_named_and_harms_nobody(add: httpx.Response, raised: type[HandschlagError]) -> None:
    """Each odd answer of a witness that shows nothing is an error with the witness's name, for one report."""
    with pytest.raises(raised, match="witness musterstadt"):
        await Told(add=add, show=NOTHING).witness.add(7, (), sign_checkpoint(tree(7), LOG_SIGNER))


async def test_a_witness_out_of_reach_is_unavailable() -> None:
    """No connection is no contradiction."""

    def broken(request: httpx.Request) -> httpx.Response:
        """Fail to connect."""
        raise httpx.ConnectError(request.method, request=request)

    witness = OutsideWitness("http://w.example", OUTSIDER.key, httpx.AsyncClient(transport=httpx.MockTransport(broken)))
    with pytest.raises(Unavailable, match="does not answer"):
        await witness.add(0, (), sign_checkpoint(tree(1), LOG_SIGNER))
    await witness.close()


async def test_a_size_without_a_checkpoint_accuses_nobody() -> None:
    """A witness that only names a larger size is not believed: the broker goes on, without its cosignature."""
    pens = founded()
    async with RunningLog(pens, stored(pens)) as log:
        told = Told(add=httpx.Response(409, headers=SIZE, content=b"999999\n"), show=NOTHING)
        reports: list[tuple[str, Code]] = []
        empty = sign_checkpoint(Checkpoint(LOG, 0, EMPTY_ROOT), LOG_SIGNER)
        witnessing = Witnessing(
            log.sequencer,
            MemoryNet().broker(),
            pens.clock,
            empty,
            lambda *one: reports.append(one),
            outside=(told.witness,),
        )
        await witnessing.confirm()
        assert ("witness", Code.UNAVAILABLE) in reports
