"""FLOW: queue -> decide in order -> commit -> sign -> receipts. One task owns the log.

1. Take what is queued, without waiting for more, up to 256.
2. Decide each in order on the state as of its index, earlier entries of the same batch included.
3. Commit entries and tiles in one transaction; the store reads them back and compares the root (LEDGER section 5).
4. Sign the checkpoint; compare-and-swap the lock file.
5. Only now answer, each with its receipt. Repeats look their first answer up themselves, beside the owner's task.

A crash before 5 leaves a tail nobody was told of; `recovery.recover` checks it again in full and takes it up. A failure
of 3 or 4 ends the process: what is in memory can no longer be trusted, and recovery is the normal path.
"""

import asyncio
import hmac
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, sign_checkpoint, unverified_checkpoint
from consent_ledger.core.decision import Decide, Decision, NotLogged, Submission
from consent_ledger.core.leaf import Leaf, read_leaf, statement_id
from consent_ledger.core.proof import format_proof, parse_proof, verify_parsed
from consent_ledger.core.signed import read_note
from consent_ledger.core.state import LedgerState
from consent_ledger.earlier import AllEntries, Earlier, hashes_of
from consent_ledger.ports import Clock, Store
from schemas.entries import encode_entry
from schemas.errors import Busy, Code, LedgerInconsistent, Malformed, Misuse, Unavailable
from schemas.ids import LogId
from schemas.note import Signer, parse_vkey
from schemas.statements import ClientWithdrawn

MAX_BATCH: Final = 256
MAX_QUEUE: Final = 2048
RETRY_AFTER_MS: Final = 200
REMEMBERED_RECEIPTS: Final = 4096
RECENT_RECEIPTS: Final = 1024
MAX_CLOCK_BACK_MS: Final = 1000
_NONE: Final = Earlier()


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entry that stands in the log, and the proof of it; `repeated` when it stood there already."""

    index: int
    leaf: Leaf
    proof: bytes
    repeated: bool = False


@dataclass(slots=True)
class _Waiting:
    """A submission in the queue; `answer` None tells the submitter that its number is in the log already."""

    submission: Submission
    answer: asyncio.Future[Receipt | NotLogged | None]
    decided: Decision | NotLogged | None = None
    raw: bytes = b""


class Sequencer:
    """The single owner of one shard: everything that enters the log goes through `submit`.

    `state` is ahead of what is durable by the batch under way. What is said because of it waits for that batch:
    receipts do by themselves, anything else by `durable`.
    """

    def __init__(
        self, store: Store, state: LedgerState, decide: Decide, signer: Signer, clock: Clock, earlier: Earlier = _NONE
    ) -> None:
        """Take a recovered store and the state folded from it; the first checkpoint is the store's last.

        `earlier` are the closed shards, for receipts of what stands in them. Raises Misuse when the state is not the
        fold of all that the store holds.
        """
        if state.entries != store.size:
            message = f"sequencer: a state of {state.entries} entries beside a store of {store.size}; recover it first"
            raise Misuse(message)
        self.state = state
        self.verifier = CheckpointVerifier(signer.key)
        self.note = store.last_checkpoint()
        self.size = store.size
        self.first = state.first
        self.committed: list[Callable[[Sequence[Receipt]], None]] = []
        self._store = store
        self._earlier = earlier
        self._verifiers = {state.log: self.verifier}
        self._decide = decide
        self._signer = signer
        self._clock = clock
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(MAX_QUEUE)
        self._writer = ThreadPoolExecutor(1, "ledger-writer")
        self._owner: asyncio.Task[object] | None = None
        self._failed: BaseException | None = None
        self._receipts: dict[int, Receipt] = {}
        self._recent: dict[bytes, Receipt] = {}

    @property
    def waiting(self) -> int:
        """How many submissions wait for the next batch."""
        return self._queue.qsize()

    async def submit(self, submission: Submission) -> Receipt | NotLogged:
        """Have a submission decided and logged; the answer comes after it is durable.

        Raises Busy before anything is counted when the queue is full, Unavailable when the log has stopped.
        """
        self._check_running()
        if submission.signed.statement.log in self._earlier:
            return await self._repeated(submission)
        waiting = _Waiting(submission, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull as error:
            message = "ledger: the queue is full"
            raise Busy(message, retry_after_ms=RETRY_AFTER_MS) from error
        answer = await waiting.answer
        return await self._repeated(submission) if answer is None else answer

    async def run(self) -> None:
        """Own the log until cancelled; raises what broke it, after telling all who wait."""
        self._owner = asyncio.current_task()
        batch: list[_Waiting] = []
        try:
            while True:
                batch = [await self._queue.get()]
                while len(batch) < MAX_BATCH and not self._queue.empty():
                    batch.append(self._queue.get_nowait())
                await self._sequence(batch)
        except BaseException as error:
            self._failed = self._failed or error
            self._abandon(batch)
            if self._failed is not error:
                raise self._failed from error
            raise

    async def durable(self) -> None:
        """Wait until all that the state holds by now is durable; raises Unavailable when the log has stopped."""
        await self._read(lambda: None)
        self._check_running()

    async def receipt(self, index: int) -> Receipt:
        """Give the receipt of an entry that is in the log already; those asked for often are remembered.

        Raises Misuse when the log has no such entry, Unavailable when it has stopped.
        """
        found = self._receipts.get(index)
        if found is None:
            found = await self._read(self._read_receipt, index)
            while len(self._receipts) >= REMEMBERED_RECEIPTS:
                del self._receipts[next(iter(self._receipts))]
            self._receipts[index] = found
        return found

    @property
    def end(self) -> int:
        """How many durable entries there are in all shards."""
        return self.first + self.size

    def prove(self, entry: bytes, unverified_proof: bytes) -> None:
        """Check that an entry stands in this log, in whichever shard; NotAuthentic or Malformed when it does not."""
        proof = parse_proof(unverified_proof)
        checkpoint = unverified_checkpoint(proof.note)
        origin = LogId(checkpoint.origin)
        shard = self.state.shards.get(origin)
        if shard is not None:
            shard.check_within(checkpoint)
        if origin not in self._verifiers and shard is not None:
            self._verifiers[origin] = CheckpointVerifier(parse_vkey(shard.vkey))
        verify_parsed(entry, proof, self._verifiers.get(origin, self.verifier))

    def recent(self, raw: bytes) -> Receipt | None:
        """Give the receipt of an entry by its bytes, if it is one of the last that were committed."""
        return self._recent.get(raw)

    async def cosigned(self, note: bytes) -> None:
        """Keep a checkpoint with the cosignatures it has by now."""
        await self._read(self._store.put_checkpoint, note)

    async def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Give the proof that the log of size `new` extends that of size `old`, for witnesses."""
        return await self._read(self._store.consistency_proof, old, new)

    async def hashes(self, first: int, most: int) -> bytes:
        """Give leaf hashes of signed entries from `first` on, at most so many, 32 bytes each; none beyond the log."""
        return await self._read(hashes_of, self._store, first, min(self.size, first + most))

    async def closed(self, log: LogId, first: int, most: int) -> tuple[bytes, bytes] | None:
        """Give a closed shard's last checkpoint, and leaf hashes as `hashes` does; None for none of the closed ones."""
        if log not in self._earlier:
            return None
        return await self._read(self._earlier.note, log), await self._read(self._earlier.hashes, log, first, most)

    async def close(self) -> None:
        """Wait for the write that is under way, close the store, free the writer thread."""
        await self._in_writer(self._store.close)
        await self._in_writer(self._earlier.close)
        self._writer.shutdown()

    async def _in_writer(self, work: Callable[..., T], *args: object) -> T:
        """Run store work in the one thread the store belongs to, after what was begun before."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, lambda: work(*args))

    async def _read(self, work: Callable[..., T], *args: object) -> T:
        """Ask the store beside the owner's task; a contradiction found there stops the log as a failed write does."""
        self._check_running()
        try:
            return await self._in_writer(work, *args)
        except LedgerInconsistent as error:
            self._failed = self._failed or error
            if self._owner is not None:
                self._owner.cancel()
            raise

    def _check_running(self) -> None:
        if self._failed is not None:
            message = "ledger: the log has stopped; the broker must be restarted"
            raise Unavailable(message) from self._failed

    def _abandon(self, batch: list[_Waiting]) -> None:
        while not self._queue.empty():
            batch.append(self._queue.get_nowait())
        for waiting in batch:
            if not waiting.answer.done():
                message = "ledger: the log stopped before this was durable; ask again"
                waiting.answer.set_exception(Unavailable(message))

    async def _sequence(self, batch: list[_Waiting]) -> None:
        clock_ms = self._clock.now_ms()
        if clock_ms < self.state.time - MAX_CLOCK_BACK_MS:
            for waiting in batch:
                _answer(waiting, NotLogged(Code.UNAVAILABLE, "clock: more than a second behind the log"))
            return
        self.state.advance(clock_ms)
        for waiting in batch:
            self._decide_one(waiting)
        logged = [waiting for waiting in batch if waiting.raw]
        if logged:
            await self._commit(logged)
        for waiting in batch:
            if not isinstance(waiting.decided, Decision):
                _answer(waiting, waiting.decided)

    def _decide_one(self, waiting: _Waiting) -> None:
        """Decide one submission at its index; leaves `decided` None where its number stands in the log already."""
        statement = waiting.submission.signed.statement
        place = self.state.place(statement)
        if place == "used":
            return
        if place == "too_far":
            waiting.decided = NotLogged(Code.COUNTER_TOO_FAR, "n: too far ahead of this key's first missing number")
            return
        try:
            decided = self._decide(self.state, waiting.submission, self.state.time)
            raw = encode_entry(decided.kind, decided.entry) if isinstance(decided, Decision) else b""
        except Malformed as error:
            waiting.decided = NotLogged(error.code, str(error))
            return
        waiting.decided, waiting.raw = decided, raw
        if isinstance(decided, Decision):
            self.state.apply(raw, decided.entry, statement)

    async def _commit(self, logged: list[_Waiting]) -> None:
        first = self.state.entries - len(logged)
        raws = [waiting.raw for waiting in logged]
        ids = [statement_id(waiting.submission.signed.statement) for waiting in logged]
        self.note, proofs = await self._in_writer(self._write, first, raws, ids)
        self.size = first + len(raws)
        receipts = []
        for index, (waiting, proof) in enumerate(zip(logged, proofs, strict=True), self.first + first):
            decided = waiting.decided
            if isinstance(decided, Decision):
                leaf = Leaf(waiting.raw, decided.kind, decided.entry, waiting.submission.signed.statement)
                receipts.append(Receipt(index, leaf, proof))
                self._recent[waiting.raw] = receipts[-1]
                _answer(waiting, receipts[-1])
        for old in list(islice(self._recent, max(0, len(self._recent) - RECENT_RECEIPTS))):
            del self._recent[old]
        for listener in self.committed:
            listener(receipts)

    def _write(self, first: int, raws: list[bytes], ids: list[bytes]) -> tuple[bytes, list[bytes]]:
        """Make a batch durable, sign it and swap the lock; runs in the writer thread. Gives checkpoint and proofs."""
        appended = self._store.append(raws, ids)
        note = sign_checkpoint(Checkpoint(self.state.log, appended.size, appended.root), self._signer)
        self._store.swap_lock(self.note, note)
        paths = (self._store.inclusion_proof(index, appended.size) for index in range(first, appended.size))
        return note, [format_proof(index, path, note) for index, path in enumerate(paths, first)]

    def _read_receipt(self, index: int) -> Receipt:
        """Build the receipt of an old entry under the locked checkpoint; runs in the writer thread."""
        note = self._store.last_checkpoint()
        size = 0 if note is None else unverified_checkpoint(note).size
        if index >= self.first + size:
            message = f"receipt: entry {index} is not in the log"
            raise Misuse(message)
        raw, proof = AllEntries(self._earlier, self._store).receipt(index, note or b"")
        return Receipt(index, read_leaf(raw), proof, repeated=True)

    async def _repeated(self, submission: Submission) -> Receipt | NotLogged:
        """Answer a repeat with the first answer; other content under a used number is equivocation, only counted."""
        log = submission.signed.statement.log
        index = await self._read(self._looked_up, submission)
        if index is None and log in self._earlier:
            return NotLogged(Code.WRONG_LOG, f"log: {log} is closed without it; sign it anew for {self.state.log}")
        if index is None:
            return NotLogged(Code.VOIDED, "n: dead for this key")
        receipt = await self.receipt(index)
        if not _same(receipt.leaf, submission):
            return NotLogged(Code.EQUIVOCATION, "n: the log holds other content under this number")
        return receipt

    def _looked_up(self, submission: Submission) -> int | None:
        """Find the entry of a statement, of a closed shard there; what a client ended, in whichever shard that was."""
        statement = submission.signed.statement
        name = statement_id(statement)
        if statement.log in self._earlier:
            return self._earlier.lookup(statement.log, name)
        local = self._store.lookup(name)
        if local is not None:
            return self.first + local
        logs = reversed(self._earlier.logs) if isinstance(statement, ClientWithdrawn) else ()
        return next((found for log in logs if (found := self._earlier.lookup(log, name)) is not None), None)


def _same(held: Leaf, sent: Submission) -> bool:
    """Tell whether a repeat says what was said before; of a client's withdrawal the code alone, said at any time."""
    statement = sent.signed.statement
    if isinstance(statement, ClientWithdrawn) and isinstance(held.statement, ClientWithdrawn):
        return hmac.compare_digest(held.statement.code, statement.code)
    return read_note(held.entry.statement.encode())[0].text == read_note(sent.signed.note)[0].text


def _answer(waiting: _Waiting, value: Receipt | NotLogged | None) -> None:
    """Answer unless the caller has gone away; a caller that stopped waiting asks again and gets the same bytes."""
    if not waiting.answer.done():
        waiting.answer.set_result(value)
