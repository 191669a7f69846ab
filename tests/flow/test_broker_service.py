"""What the broker serves: to whom, how much at once, and which entries it gives to whom."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from broker.service import MAX_CALLS_PER_AGENCY
from consent_ledger.core.leaf import read_leaf
from schemas import canonical
from schemas import messages as ms
from schemas import statements as st
from schemas.errors import Code, LedgerInconsistent
from schemas.ids import Hash
from schemas.topics import ask
from schemas.wire import MAX_MESSAGE_BYTES
from tests.support.ledger_world import Ledger
from tests.support.middle import Hand, Middle, code_of, serving
from tests.support.pens import account, changed
from tests.support.running_log import TornStore
from tests.support.small_law import BUNDLE, LAW


@pytest.fixture
async def middle() -> AsyncIterator[Middle]:
    """Give a broker above the founded log, serving."""
    async with serving() as served:
        yield served


def _pens(middle: Middle) -> Ledger:
    return middle.log.pens


# -- who may ask at all ---------------------------------------------------------------------------------------------


async def test_a_foreign_account_gets_nothing(middle: Middle) -> None:
    """An account of no member is refused by every verb, and nothing is logged."""
    stranger = Hand("niemand", middle.net.steering(account("niemand")), _pens(middle))
    size = middle.log.sequencer.size
    note = _pens(middle).sign(_pens(middle).agency_head("amt"))
    query = canonical.encode_model(ms.ChainQuery(after=0))
    for verb, message in (
        ("record", ms.AskRecord(note)),
        ("request", ms.AskRequest(note, b"")),
        ("outcome", ms.AskOutcome(note, b"", b"")),
        ("deliver", ms.AskDeliver(b"", b"", b"")),
        ("chain", ms.AskChain(query)),
        ("evidence", ms.AskEvidence(canonical.encode_model(ms.EvidenceQuery(registry=LAW.hash)))),
    ):
        assert code_of(await stranger.ask(verb, message)) is Code.NOT_A_MEMBER, verb
    assert middle.log.sequencer.size == size


async def test_nobody_speaks_for_another(middle: Middle) -> None:
    """Another agency's signed statement is refused from one's own account."""
    note = _pens(middle).sign(_pens(middle).agency_head("amt"))
    assert code_of(await middle.hand("kurse").ask("record", ms.AskRecord(note))) is Code.NOT_AUTHENTIC


async def test_the_steering_group_sets_the_law(middle: Middle) -> None:
    """A registry whose bundle is held is put into force; one that breaks the chain is told, and not logged."""
    registry = _pens(middle).registry()
    answer = await middle.hand("steering").logged(registry)
    assert middle.proven(answer.entry, answer.proof).kind == "registry.set"
    broken = changed(_pens(middle).registry(), prev=registry.prev)
    assert code_of(await middle.hand("steering").record(broken)) is Code.CHAIN_BROKEN


async def test_an_unknown_topic_is_named(middle: Middle) -> None:
    """A verb that is none is answered as such by the broker's handler."""
    reply = await middle.service.handle(f"broker.req.{account('amt')}.gossip", b"")
    assert code_of(ms.unpack(reply, ms.Failed)) is Code.UNKNOWN_TOPIC


async def test_what_is_no_message_is_malformed(middle: Middle) -> None:
    """Bytes out of form, and messages meant for another verb, change nothing."""
    hand = middle.hand("amt")
    reply = await hand.bus.call(ask("record"), b"\x00\x00", timeout_s=5)
    assert code_of(ms.unpack(reply, ms.Failed)) is Code.MALFORMED
    assert code_of(await hand.ask("record", ms.Done())) is Code.MALFORMED
    assert middle.service.answered["failed"] == 2


async def test_an_agency_that_asks_too_much_at_once_is_told_busy(middle: Middle) -> None:
    """Its calls of one verb are bounded; other verbs and other agencies are served meanwhile."""
    gate = asyncio.Event()

    async def wait(_: ms.Message) -> ms.Message:
        """Answer when the test says so."""
        await gate.wait()
        return ms.Done()

    await middle.hand("jobcenter").serve("deliver", wait)
    collector = middle.hand("beratung")
    logged = await collector.logged(_pens(middle).consent("beratung", "jobcenter"))
    delivery = ms.AskDeliver(logged.entry, logged.proof, b"package")
    waiting = [asyncio.ensure_future(collector.ask("deliver", delivery)) for _ in range(MAX_CALLS_PER_AGENCY)]
    for _ in range(5):
        await asyncio.sleep(0)
    busy = await collector.ask("deliver", delivery)
    assert isinstance(busy, ms.Failed)
    fault = canonical.decode_model(ms.Fault, busy.fault)
    assert fault.code is Code.BUSY
    assert fault.retry_after_ms
    await collector.logged(_pens(middle).agency_head("beratung"))
    assert code_of(await middle.hand("amt").ask("deliver", delivery)) is Code.NOT_AUTHENTIC
    gate.set()
    assert await asyncio.gather(*waiting) == [ms.Done()] * MAX_CALLS_PER_AGENCY
    assert await collector.ask("deliver", delivery) == ms.Done()


async def test_a_log_that_has_stopped_is_unavailable_without_detail(middle: Middle) -> None:
    """What is our fault is said without a word about files or disks."""
    middle.log.store.disk.fail_once("append", written=False)
    for _ in range(2):
        answer = await middle.hand("amt").record(_pens(middle).agency_head("amt"))
        assert code_of(answer) is Code.UNAVAILABLE
        assert isinstance(answer, ms.Failed)
        assert b"disk" not in answer.fault
    query = canonical.encode_model(ms.HeadQuery(key=_pens(middle).head("amt")["key"]))
    assert code_of(await middle.hand("amt").ask("head", ms.AskHead(query))) is Code.UNAVAILABLE


# -- what can be fetched --------------------------------------------------------------------------------------------


def _evidence(*indices: int, registry: Hash | None = None) -> ms.AskEvidence:
    return ms.AskEvidence(canonical.encode_model(ms.EvidenceQuery(indices=indices, registry=registry)))


async def test_entries_are_for_their_parties(middle: Middle) -> None:
    """A party fetches a consent with proof; another agency, and the steering group, are refused it."""
    logged = await middle.hand("beratung").logged(_pens(middle).consent("beratung", "jobcenter"))
    index = middle.log.sequencer.size - 1
    for party in ("beratung", "jobcenter", "kurse"):
        answer = await middle.hand(party).ask("evidence", _evidence(index))
        assert isinstance(answer, ms.Receipts)
        assert answer.receipts[0] == logged.entry
        middle.proven(*answer.receipts)
    for stranger in ("amt", "steering"):
        assert code_of(await middle.hand(stranger).ask("evidence", _evidence(index))) is Code.NOT_ENTITLED
        assert code_of(await middle.hand(stranger).ask("evidence", _evidence(0, index))) is Code.NOT_ENTITLED


async def test_catalogues_are_for_all_members(middle: Middle) -> None:
    """Every member gets the catalogues in force, each agency's latest, from an index on; nobody's former one."""
    first = await middle.hand("kurse").logged(_pens(middle).catalogue("kurse", ["course.state"]))
    latest = await middle.hand("kurse").logged(_pens(middle).catalogue("kurse", ["course.started"]))
    indices = middle.log.sequencer.state.catalogue_indices
    for begin, entries in ((0, len(indices)), (max(indices.values()), 1), (max(indices.values()) + 1, 0)):
        query = canonical.encode_model(ms.EvidenceQuery(catalogues_from=begin))
        answer = await middle.hand("amt").ask("evidence", ms.AskEvidence(query))
        assert isinstance(answer, ms.Receipts)
        found = answer.receipts[::2]
        assert (len(found), first.entry in found) == (entries, False)
        assert (latest.entry in found) is (entries > 0)


async def test_approvals_are_for_all_members(middle: Middle) -> None:
    """A holder fetches the approval a grant rests on."""
    granted = read_leaf((await middle.granted()).grant_entry).entry
    answer = await middle.hand("kurse").ask("evidence", _evidence(getattr(granted, "approval", -1)))
    assert isinstance(answer, ms.Receipts)
    assert middle.proven(*answer.receipts).kind == "approval.given"


async def test_the_law_is_no_secret(middle: Middle) -> None:
    """A bundle is given by its hash; one that does not lie beside the log is not."""
    answer = await middle.hand("amt").ask("evidence", _evidence(registry=LAW.hash))
    assert answer == ms.Receipts(BUNDLE, ())
    assert code_of(await middle.hand("amt").ask("evidence", _evidence(registry=Hash("0" * 64)))) is Code.MALFORMED


async def test_nothing_is_given_from_beyond_the_log(middle: Middle) -> None:
    """An index the log has not reached is malformed."""
    answer = await middle.hand("amt").ask("evidence", _evidence(middle.log.sequencer.size))
    assert code_of(answer) is Code.MALFORMED


async def test_as_much_is_given_as_fits_into_one_message(middle: Middle) -> None:
    """A page that would be too large for the bus ends earlier; the rest is asked for again."""
    law = b"x" * (MAX_MESSAGE_BYTES - 20 * 1024)
    other = Middle(middle.log, {LAW.hash: law})
    await other.service.start()
    answer = await other.hand("amt").ask("evidence", _evidence(0, 1, 2, 3, registry=LAW.hash))
    assert isinstance(answer, ms.Receipts)
    assert answer.blob == law
    assert 0 < len(answer.receipts) // 2 < 4
    assert len(ms.pack(answer)) <= MAX_MESSAGE_BYTES


async def test_the_chain_is_given_page_by_page(middle: Middle) -> None:
    """From any seq on, the steering entries come with proof and in order."""
    whole = await middle.hand("amt").ask("chain", ms.AskChain(canonical.encode_model(ms.ChainQuery(after=0))))
    rest = await middle.hand("amt").ask("chain", ms.AskChain(canonical.encode_model(ms.ChainQuery(after=20))))
    assert isinstance(whole, ms.Receipts)
    assert isinstance(rest, ms.Receipts)
    entries = [read_leaf(raw).statement for raw in whole.receipts[::2]]
    assert [one.seq for one in entries if isinstance(one, st.Steered)] == list(range(1, _pens(middle).seq + 1))
    assert rest.receipts[::2] == whole.receipts[40::2]
    for entry, proof in zip(whole.receipts[::2], whole.receipts[1::2], strict=True):
        middle.proven(entry, proof)


async def test_a_key_is_told_how_far_it_has_come(middle: Middle) -> None:
    """An agency learns the highest number of its own keys, and of no other's."""
    head = _pens(middle).agency_head("amt")
    await middle.hand("amt").logged(head)
    query = ms.AskHead(canonical.encode_model(ms.HeadQuery(key=head.key)))
    answer = await middle.hand("amt").ask("head", query)
    assert isinstance(answer, ms.Head)
    told = canonical.decode_model(ms.HeadAnswer, answer.answer)
    assert (told.highest, told.log) == (head.n, middle.log.sequencer.state.log)
    assert code_of(await middle.hand("kurse").ask("head", query)) is Code.NOT_AUTHENTIC
    unknown = ms.AskHead(canonical.encode_model(ms.HeadQuery(key=_pens(middle).head("niemand")["key"])))
    assert code_of(await middle.hand("amt").ask("head", unknown)) is Code.NOT_AUTHENTIC


async def test_a_ledger_that_contradicts_itself_answers_nobody() -> None:
    """What is found then is no answer to anybody: it is passed on, so that the process ends with it."""
    query = ms.pack(ms.AskChain(canonical.encode_model(ms.ChainQuery(after=0))))
    async with serving(TornStore) as middle:
        with pytest.raises(LedgerInconsistent):
            await middle.service.handle(f"broker.req.{account('amt')}.chain", query)
        assert middle.log.task is not None
        await asyncio.wait([middle.log.task])
        assert isinstance(middle.log.task.exception(), LedgerInconsistent)
