"""The sequencer: order, durability before answers, repeats, faults of the store, and its clock."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from consent_ledger.core.decision import Decision, NotLogged, Submission
from consent_ledger.core.merkle import leaf_hash
from consent_ledger.core.proof import verify_proof
from consent_ledger.core.state import LedgerState
from consent_ledger.ports import Appended
from consent_ledger.sequencer import MAX_BATCH, MAX_CLOCK_BACK_MS, MAX_QUEUE, Receipt, Sequencer
from schemas import statements as st
from schemas.errors import Busy, Code, LedgerInconsistent, Malformed, Misuse, Unavailable
from schemas.ids import Hash
from tests.support import keys
from tests.support.ledger_world import Ledger, founded, stored
from tests.support.memory_store import MemoryDisk, MemoryStore
from tests.support.pens import DEADLINE, LOG, START, changed
from tests.support.running_log import PATIENCE_S, RunningLog, TornStore


@pytest.fixture
def pens() -> Ledger:
    """Give the pens of everybody, after the founding."""
    return founded()


@pytest.fixture
def disk(pens: Ledger) -> MemoryDisk:
    """Give the disk of the founded log."""
    return stored(pens)


# -- order and receipts ---------------------------------------------------------------------------------------------


async def test_a_statement_is_logged_and_its_receipt_holds(pens: Ledger, disk: MemoryDisk) -> None:
    """The answer carries the entry and a proof of it under the log's signed checkpoint, which is the locked one."""
    async with RunningLog(pens, disk) as log:
        receipt = await log.write(pens.agency_head("amt"))
        proven = verify_proof(receipt.leaf.raw, receipt.proof, log.sequencer.verifier)
        assert (proven.index, receipt.repeated) == (receipt.index, False)
        assert proven.checkpoint.note == disk.lock == log.sequencer.note
        assert proven.checkpoint.checkpoint.size == log.sequencer.size == len(disk.entries)


async def test_a_batch_is_decided_in_its_order(pens: Ledger, disk: MemoryDisk) -> None:
    """Of statements queued together each is decided on what the earlier ones of the same batch changed."""
    consent = pens.consent("beratung", "jobcenter", uses=2)
    before, after = pens.request("jobcenter", "kurse", consent), pens.request("jobcenter", "kurse", consent)
    statements: list[st.Statement] = [before, consent, after, pens.withdrawal("kurse", consent)]
    statements.append(pens.request("jobcenter", "kurse", consent))
    size = len(disk.entries)
    async with RunningLog(pens, disk) as log:
        batches: list[Sequence[Receipt]] = []
        log.sequencer.committed.append(batches.append)
        receipts = await asyncio.gather(*(log.write(statement) for statement in statements))
        assert [receipt.index for receipt in receipts] == list(range(size, size + 5))
        kinds = ["refused", "consent.given", "granted", "consent.withdrawn", "refused"]
        assert [receipt.leaf.kind.removeprefix("exchange.") for receipt in receipts] == kinds
        assert [len(batch) for batch in batches] == [5]
        assert log.replay() == []


async def test_what_is_queued_is_taken_256_at_a_time(pens: Ledger, disk: MemoryDisk) -> None:
    """A long queue becomes full batches and a rest, in order."""
    async with RunningLog(pens, disk) as log:
        sizes: list[int] = []
        log.sequencer.committed.append(lambda batch: sizes.append(len(batch)))
        heads = [pens.agency_head("amt") for _ in range(MAX_BATCH + 10)]
        receipts = await asyncio.gather(*(log.write(head) for head in heads))
        assert sizes == [MAX_BATCH, 10]
        assert [receipt.leaf.statement for receipt in receipts] == heads


async def test_old_entries_have_receipts_too(pens: Ledger, disk: MemoryDisk) -> None:
    """Any entry of the log is proven under the last checkpoint; asking again gives the very same."""
    async with RunningLog(pens, disk) as log:
        receipt = await log.sequencer.receipt(3)
        assert verify_proof(disk.entries[3], receipt.proof, log.sequencer.verifier).index == 3
        assert await log.sequencer.receipt(3) is receipt
        with pytest.raises(Misuse):
            await log.sequencer.receipt(len(disk.entries))


async def test_witnesses_get_proofs_and_their_cosignatures_are_kept(pens: Ledger, disk: MemoryDisk) -> None:
    """Consistency between two sizes is proven, and a checkpoint's note is kept in the store."""
    async with RunningLog(pens, disk) as log:
        size = len(disk.entries)
        await log.write(pens.agency_head("amt"))
        assert await log.sequencer.consistency(size, size + 1) == log.store.consistency_proof(size, size + 1)
        assert log.sequencer.note is not None
        await log.sequencer.cosigned(log.sequencer.note)
        assert disk.checkpoints[size + 1] == log.sequencer.note


# -- nothing before it is durable -----------------------------------------------------------------------------------


class HeldStore(MemoryStore):
    """A store whose lock is swapped only when the test lets it."""

    def __init__(self, origin: str, disk: MemoryDisk) -> None:
        """Open the disk, with the door open."""
        super().__init__(origin, disk)
        self.reached = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def swap_lock(self, old_note: bytes | None, new_note: bytes) -> None:
        """Say that the swap was reached, wait, then swap."""
        self.reached.set()
        self.may_go_on.wait()
        super().swap_lock(old_note, new_note)


async def test_nothing_is_said_before_the_lock_is_swapped(pens: Ledger, disk: MemoryDisk) -> None:
    """While the swap is under way neither the submitter, nor a repeat, nor who asks for durability has an answer."""
    store = HeldStore(LOG, disk)
    async with RunningLog(pens, disk, store) as log:
        store.may_go_on.clear()
        submission = log.submission(pens.agency_head("amt"))
        first = asyncio.ensure_future(log.sequencer.submit(submission))
        await asyncio.get_running_loop().run_in_executor(None, store.reached.wait)
        assert len(disk.entries) == log.sequencer.state.size
        repeat = asyncio.ensure_future(log.sequencer.submit(submission))
        durable = asyncio.ensure_future(log.sequencer.durable())
        receipt = asyncio.ensure_future(log.sequencer.receipt(log.sequencer.state.size - 1))
        for _ in range(20):
            await asyncio.sleep(0)
        assert [first.done(), repeat.done(), durable.done(), receipt.done()] == [False] * 4
        store.may_go_on.set()
        await asyncio.gather(first, repeat, durable, receipt)
        assert isinstance(first.result(), Receipt)
        assert (repeated := repeat.result()) == receipt.result()
        assert isinstance(repeated, Receipt)
        assert repeated.repeated


FAULTS = [("append", False), ("append", True), ("swap_lock", False), ("swap_lock", True)]


@pytest.mark.parametrize(("step", "written"), FAULTS)
@pytest.mark.slow
async def test_a_fault_of_the_store_stops_the_log_and_loses_nothing(
    pens: Ledger, disk: MemoryDisk, step: str, *, written: bool
) -> None:
    """Everybody who waits is told to ask again; after the restart each repeat is answered, from one entry each."""
    size = len(disk.entries)
    async with RunningLog(pens, disk) as log:
        submissions = [log.submission(pens.agency_head("amt")) for _ in range(3)]
        disk.fail_once(step, written=written)
        told = await asyncio.wait_for(
            asyncio.gather(*map(log.sequencer.submit, submissions), return_exceptions=True), PATIENCE_S
        )
        assert [type(one) for one in told] == [Unavailable] * 3
        assert log.task is not None
        await asyncio.wait([log.task])
        assert isinstance(log.task.exception(), Unavailable)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(log.sequencer.submit(submissions[0]), PATIENCE_S)
        with pytest.raises(Unavailable):
            await log.sequencer.receipt(0)
        with pytest.raises(Unavailable):
            await log.sequencer.durable()
    survived = not (step == "append" and not written)
    async with RunningLog(pens, disk) as log:
        assert log.sequencer.size == (size + 3 if survived else size)
        receipts = await asyncio.gather(*map(log.sequencer.submit, submissions))
        for index, receipt in enumerate(receipts, size):
            assert isinstance(receipt, Receipt)
            assert (receipt.index, receipt.repeated) == (index, survived)
            verify_proof(receipt.leaf.raw, receipt.proof, log.sequencer.verifier)
        assert log.kinds(size) == ["agency.head"] * 3
        assert log.replay() == []


async def test_who_queues_while_the_log_stops_is_told_too(pens: Ledger, disk: MemoryDisk) -> None:
    """What came in behind the batch that failed does not wait for ever."""
    async with RunningLog(pens, disk) as log:
        submissions = [log.submission(pens.agency_head("amt")) for _ in range(MAX_BATCH + 5)]
        disk.fail_once("append", written=False)
        told = await asyncio.gather(*map(log.sequencer.submit, submissions), return_exceptions=True)
        assert {type(one) for one in told} == {Unavailable}


async def test_a_fault_under_the_barrier_is_told(pens: Ledger, disk: MemoryDisk) -> None:
    """Who waits for durability hears that it did not come."""
    store = HeldStore(LOG, disk)
    async with RunningLog(pens, disk, store) as log:
        store.may_go_on.clear()
        lost = asyncio.ensure_future(log.submit(pens.agency_head("amt")))
        await asyncio.get_running_loop().run_in_executor(None, store.reached.wait)
        durable = asyncio.ensure_future(log.sequencer.durable())
        await asyncio.sleep(0)
        disk.fail_once("swap_lock", written=False)
        store.may_go_on.set()
        told = await asyncio.gather(lost, durable, return_exceptions=True)
        assert [type(one) for one in told] == [Unavailable, Unavailable]


async def test_a_contradiction_found_while_reading_stops_the_log(pens: Ledger, disk: MemoryDisk) -> None:
    """A ledger that contradicts itself is not written on: the one who asked is told, and the process ends with it."""
    async with RunningLog(pens, disk, TornStore(LOG, disk)) as log:
        with pytest.raises(LedgerInconsistent):
            await log.sequencer.receipt(3)
        assert log.task is not None
        await asyncio.wait([log.task])
        assert isinstance(log.task.exception(), LedgerInconsistent)
        with pytest.raises(Unavailable):
            await log.submit(pens.agency_head("amt"))


async def test_a_contradiction_is_told_before_the_log_runs(pens: Ledger, disk: MemoryDisk) -> None:
    """Also where nobody owns the log yet, the first contradiction is the last word."""
    log = RunningLog(pens, disk, TornStore(LOG, disk))
    with pytest.raises(LedgerInconsistent):
        await log.sequencer.receipt(3)
    with pytest.raises(Unavailable):
        await log.sequencer.receipt(3)
    await log.sequencer.close()


async def test_a_stopped_log_takes_nothing(pens: Ledger, disk: MemoryDisk) -> None:
    """After its end in good order a sequencer says that it is over."""
    async with RunningLog(pens, disk) as log:
        await log.write(pens.agency_head("amt"))
    with pytest.raises(Unavailable):
        await log.submit(pens.agency_head("amt"))


def test_a_state_that_is_not_the_stores_is_refused(pens: Ledger, disk: MemoryDisk) -> None:
    """A sequencer begins on the fold of all that is stored, and on nothing less."""
    store = MemoryStore(LOG, disk)
    with pytest.raises(Misuse, match="recover"):
        Sequencer(store, LedgerState(LOG), pens.decide, keys.log_signer(), pens.clock)


# -- admission to the queue -----------------------------------------------------------------------------------------


async def test_a_full_queue_says_busy_before_anything_is_counted(pens: Ledger, disk: MemoryDisk) -> None:
    """The one too many is told when to come again; its number is free, and those in the queue are answered."""
    log = RunningLog(pens, disk)
    submission = log.submission(pens.agency_head("amt"))
    waiting = [asyncio.ensure_future(log.sequencer.submit(submission)) for _ in range(MAX_QUEUE)]
    await asyncio.sleep(0)
    late = log.submission(pens.agency_head("amt"))
    with pytest.raises(Busy) as caught:
        await log.sequencer.submit(late)
    assert caught.value.retry_after_ms > 0
    for gone in waiting[10:]:
        gone.cancel()
    async with log:
        assert {type(one) for one in await asyncio.gather(*waiting[:10])} == {Receipt}
        assert isinstance(await log.sequencer.submit(late), Receipt)


async def test_a_caller_that_went_away_is_logged_all_the_same(pens: Ledger, disk: MemoryDisk) -> None:
    """Its statement stands; when it asks again it gets that entry's receipt."""
    log = RunningLog(pens, disk)
    submission = log.submission(pens.agency_head("amt"))
    waiting = asyncio.ensure_future(log.sequencer.submit(submission))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    async with log:
        receipt = await log.sequencer.submit(submission)
        assert isinstance(receipt, Receipt)
        assert receipt.repeated


# -- repeats and numbers --------------------------------------------------------------------------------------------


async def test_repeats_get_the_first_entry(pens: Ledger, disk: MemoryDisk) -> None:
    """In the same batch, later, and after a restart: one statement, one entry, the same bytes."""
    async with RunningLog(pens, disk) as log:
        submission = log.submission(pens.agency_head("amt"))
        answers = await asyncio.gather(*(log.sequencer.submit(submission) for _ in range(3)))
        answers.append(await log.sequencer.submit(submission))
        size = len(disk.entries)
    async with RunningLog(pens, disk) as log:
        answers.append(await log.sequencer.submit(submission))
        assert len(disk.entries) == size
    leaves = {one.leaf.raw for one in answers if isinstance(one, Receipt)}
    assert len(leaves) == 1
    assert [isinstance(one, Receipt) and one.repeated for one in answers] == [False, True, True, True, True]


async def test_a_repeated_request_is_not_decided_again(pens: Ledger, disk: MemoryDisk) -> None:
    """The first decision stands, though the consent is withdrawn by now; so does a steering statement's."""
    async with RunningLog(pens, disk) as log:
        consent = pens.consent("beratung", "jobcenter")
        await log.write(consent)
        request = log.submission(pens.request("jobcenter", "kurse", consent))
        first = await log.sequencer.submit(request)
        await log.write(pens.withdrawal("beratung", consent))
        again = await log.sequencer.submit(request)
        assert isinstance(first, Receipt)
        assert isinstance(again, Receipt)
        assert again.leaf == first.leaf
        leaving = log.submission(pens.leaving("amt"))
        assert isinstance(await log.sequencer.submit(leaving), Receipt)
        repeated = await log.sequencer.submit(leaving)
        assert isinstance(repeated, Receipt)
        assert repeated.repeated


@pytest.mark.parametrize("together", [True, False])
async def test_two_contents_under_one_number_are_told(pens: Ledger, disk: MemoryDisk, *, together: bool) -> None:
    """The second one is equivocation: it is not logged, and the first stands; in one batch as in two."""
    head = pens.agency_head("amt")
    other = changed(head, at=head.at + 1)
    async with RunningLog(pens, disk) as log:
        if together:
            first, second = await asyncio.gather(log.submit(head), log.submit(other))
        else:
            first, second = await log.submit(head), await log.submit(other)
        assert isinstance(first, Receipt)
        assert isinstance(second, NotLogged)
        assert second.code is Code.EQUIVOCATION
        assert log.sequencer.state.size == first.index + 1


async def test_a_dead_number_is_refused_as_voided(pens: Ledger, disk: MemoryDisk) -> None:
    """What was declared dead comes too late, in the batch of the void already; what was logged before it stands."""
    logged, lost = pens.agency_head("amt"), pens.agency_head("amt")
    void = pens.void("amt", logged.n, lost.n)
    async with RunningLog(pens, disk) as log:
        await log.write(logged)
        _, late = await asyncio.gather(log.submit(void), log.submit(lost))
        later = await log.submit(lost)
        for answer in (late, later):
            assert isinstance(answer, NotLogged)
            assert answer.code is Code.VOIDED
        repeated = await log.submit(logged)
        assert isinstance(repeated, Receipt)
        assert repeated.repeated


async def test_the_window_holds_but_for_voids(pens: Ledger, disk: MemoryDisk) -> None:
    """A number 1,024 ahead of the first missing one is refused until the gap is declared dead."""
    far = changed(pens.agency_head("amt"), n=5000, last=5000)
    async with RunningLog(pens, disk) as log:
        refused = await log.submit(far)
        assert isinstance(refused, NotLogged)
        assert refused.code is Code.COUNTER_TOO_FAR
        void = changed(pens.void("amt", 1, 1), n=4999, first=1, last=4998)
        await log.write(void)
        assert isinstance(await log.submit(far), Receipt)
        assert log.replay() == []


# -- time -----------------------------------------------------------------------------------------------------------


async def test_the_clock_may_be_a_second_behind_and_no_more(pens: Ledger, disk: MemoryDisk) -> None:
    """Up to a second the log's own time stands still; beyond it nothing is decided."""
    async with RunningLog(pens, disk) as log:
        pens.clock.ms = START - MAX_CLOCK_BACK_MS
        assert (await log.write(pens.agency_head("amt"))).leaf.entry.time == START
        pens.clock.ms -= 1
        refused = await log.submit(pens.agency_head("amt"))
        assert isinstance(refused, NotLogged)
        assert refused.code is Code.UNAVAILABLE
        pens.clock.ms = START + 5
        assert (await log.write(pens.agency_head("amt"))).leaf.entry.time == START + 5


async def test_what_a_refused_statement_saw_of_time_counts_for_the_next(pens: Ledger, disk: MemoryDisk) -> None:
    """A grant that ended while something was refused stays ended, though the clock steps back: replay sees the same."""
    async with RunningLog(pens, disk) as log:
        consent = pens.consent("beratung", "jobcenter")
        await log.write(consent)
        granted = await log.write(pens.request("jobcenter", "kurse", consent))
        await log.write(pens.revocation("amt", "statement"))
        pens.clock.ms = START + DEADLINE + 1
        assert isinstance(await log.submit(pens.agency_head("amt")), NotLogged)
        pens.clock.ms = START + DEADLINE - 500
        answered = await log.answer(granted)
        assert (answered.leaf.kind, answered.leaf.entry.time) == ("statement.rejected", START + DEADLINE + 1)
        assert log.replay() == []


# -- what cannot be decided -----------------------------------------------------------------------------------------


async def test_a_statement_that_breaks_the_decision_breaks_nothing_else(pens: Ledger, disk: MemoryDisk) -> None:
    """Where deciding finds a statement out of form, that one is refused, and those of the same batch are logged."""
    poisoned = pens.agency_head("amt")

    def decide(state: LedgerState, submission: Submission, time_ms: int) -> Decision | NotLogged:
        """Decide all but the one."""
        if submission.signed.statement == poisoned:
            message = "entry: too large"
            raise Malformed(message, code=Code.TOO_LARGE)
        return pens.decide(state, submission, time_ms)

    log = RunningLog(pens, disk)
    log.sequencer = Sequencer(log.store, log.sequencer.state, decide, keys.log_signer(), pens.clock)
    async with log:
        refused, receipt = await asyncio.gather(log.submit(poisoned), log.submit(pens.agency_head("kurse")))
        assert refused == NotLogged(Code.TOO_LARGE, "entry: too large")
        assert isinstance(receipt, Receipt)


class DeafStore(MemoryStore):
    """A store whose processor errs: it signs off another root than the entries have."""

    def append(self, leaves: Sequence[bytes], ids: Sequence[bytes | None]) -> Appended:
        """Append, and give the root of something else."""
        appended = super().append(leaves, ids)
        return Appended(appended.size, leaf_hash(b"something else"), appended.hashes)


async def test_a_root_that_is_not_the_stores_is_never_answered(pens: Ledger, disk: MemoryDisk) -> None:
    """Where the lock refuses the checkpoint that was signed, nobody gets a receipt under it."""
    async with RunningLog(pens, disk, DeafStore(LOG, disk)) as log:
        lock = disk.lock
        with pytest.raises(Unavailable):
            await log.submit(pens.agency_head("amt"))
        assert disk.lock == lock
        assert log.task is not None
        await asyncio.wait([log.task])
        assert isinstance(log.task.exception(), LedgerInconsistent)


async def test_grants_are_known_by_the_hash_of_their_leaf(pens: Ledger, disk: MemoryDisk) -> None:
    """The hash an outcome must name is that of the very bytes in the receipt."""
    async with RunningLog(pens, disk) as log:
        consent = pens.consent("beratung", "jobcenter")
        await log.write(consent)
        granted = await log.write(pens.request("jobcenter", "kurse", consent))
        (grant,) = log.sequencer.state.grants.values()
        assert grant.leaf == Hash(leaf_hash(granted.leaf.raw).hex())
        assert (await log.answer(granted)).leaf.kind == "exchange.disclosed"
