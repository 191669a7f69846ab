"""FLOW of witnessing: the nodes cosign what the log has signed, beside the hot path (LEDGER, sections 5 and 6).

Commits wake it: at most once a second, or after 1,000 entries, the newest checkpoint goes to every witness with the
proof that it extends what that witness holds. What comes in half a second is kept at once; a slower witness holds
nobody up and its cosignature is added when it comes.

A checkpoint that a witness holds with the log's own signature and that this log does not extend, or has not reached,
proves that the ledger was set back or forked. That is LedgerInconsistent: the process ends, or does not start.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from consent_ledger.core.checkpoint import Checkpoint, format_checkpoint, unverified_checkpoint
from consent_ledger.core.merkle import verify_consistency
from consent_ledger.core.policy import Policy
from consent_ledger.ports import Clock
from consent_ledger.sequencer import Receipt, Sequencer
from consent_ledger.witness import format_addition
from schemas import messages as ms
from schemas.bus import Bus
from schemas.errors import Code, HandschlagError, LedgerInconsistent, NotAuthentic, Unavailable
from schemas.ids import AgencyId
from schemas.note import VerifierKey, split_signatures, verify_cosignature
from schemas.topics import node_call

EVERY_S: Final = 1.0
EVERY_ENTRIES: Final = 1000
PATIENCE_S: Final = 0.5
"""How long a round waits for cosignatures before it keeps those that came."""
ASK_TIMEOUT_S: Final = 5.0
RETRY_S: Final = 2.0
"""How long the start waits before it asks again those who did not answer."""
_TRIES: Final = 2
"""A witness that holds another size than it was thought to says so once; then it is asked with the right one."""


@dataclass(slots=True)
class _Offer:
    """A checkpoint out for cosigning: `base` is its note with the log's signature alone, `lines` by cosigner's name."""

    checkpoint: Checkpoint
    base: bytes
    lines: dict[str, bytes] = field(default_factory=dict)
    kept: bool = False

    @property
    def note(self) -> bytes:
        """The checkpoint's note with all cosignatures that came by now."""
        return b"".join([self.base, *self.lines.values()])


@dataclass
class Witnessing:
    """Asks the members' nodes to cosign, and knows the newest checkpoint that is fit to be shown to the world.

    `ledger` is the sequencer of the log; `empty` a signed checkpoint of the empty log, to ask with before there is
    any other. `report` is told of witnesses that fail.
    """

    ledger: Sequencer
    bus: Bus
    clock: Clock
    empty: bytes
    report: Callable[[str, Code], None]
    policy: Policy | None = None
    every_s: float = EVERY_S
    patience_s: float = PATIENCE_S
    retry_s: float = RETRY_S
    published: bytes | None = None
    cosigned_size: int = 0
    cosigned_at_ms: int | None = None
    _held: dict[AgencyId, int] = field(default_factory=dict)
    _asked: set[AgencyId] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _crowd: asyncio.Event = field(default_factory=asyncio.Event)
    _entries: int = 0

    async def confirm(self) -> None:
        """Ask what the witnesses hold until enough have answered that no quorum can hold more than this log.

        Without a policy one round of asking is enough. Raises LedgerInconsistent when one holds what this log lacks.
        """
        note = self.ledger.note or self.empty
        asked = set(self._witnesses()) | {_agency(key) for key in self._of_policy()}
        answered: set[AgencyId] = set()
        while True:
            replies = await asyncio.gather(*(self._confirmed(agency, note) for agency in sorted(asked - answered)))
            answered |= {agency for agency in replies if agency is not None}
            if self._enough(answered):
                break
            self.report("start waits for witnesses", Code.UNAVAILABLE)
            await asyncio.sleep(self.retry_s)
        self.published = self.ledger.note
        self._news.set()

    def committed(self, receipts: Sequence[Receipt]) -> None:
        """Hear of a batch from the sequencer."""
        self._entries += len(receipts)
        self._news.set()
        if self._entries >= EVERY_ENTRIES:
            self._crowd.set()

    async def run(self) -> None:
        """Have each new checkpoint cosigned until cancelled; raises LedgerInconsistent as the module says."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as asking:
                while True:
                    await self._news.wait()
                    self._news.clear()
                    self._crowd.clear()
                    self._entries, began = 0, loop.time()
                    await self._round(asking)
                    await self._pause(began + self.every_s)
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures

    async def _pause(self, until: float) -> None:
        """Wait for the next round's turn, or for enough entries to bring it forward."""
        try:
            async with asyncio.timeout_at(until):
                await self._crowd.wait()
        except TimeoutError:
            return

    async def _round(self, asking: asyncio.TaskGroup) -> None:
        """Offer the newest checkpoint to every witness that is not busy with an earlier one."""
        if self.ledger.note is None:
            return
        offer = _offer(self.ledger.note)
        tasks = [
            asking.create_task(self._ask(agency, keys, offer))
            for agency, keys in self._witnesses().items()
            if agency not in self._asked
        ]
        if tasks:
            await asyncio.wait(tasks, timeout=self.patience_s)
        await self._keep(offer)

    async def _ask(self, agency: AgencyId, keys: Sequence[VerifierKey], offer: _Offer) -> None:
        """Get one witness's cosignatures into the offer; only a contradiction of the log is more than a report."""
        self._asked.add(agency)
        try:
            lines = await self._cosignatures(agency, keys, offer)
        except LedgerInconsistent:
            raise
        except HandschlagError as error:
            self.report("witness", error.code)
        else:
            offer.lines.update(lines)
            if lines and offer.kept:
                await self._keep(offer)
        finally:
            self._asked.discard(agency)

    async def _cosignatures(self, agency: AgencyId, keys: Sequence[VerifierKey], offer: _Offer) -> Mapping[str, bytes]:
        """Give one witness's lines by the names of its keys; none when it holds something else than we believe."""
        size = offer.checkpoint.size
        for _ in range(_TRIES):
            old = self._held.get(agency, 0)
            proof = await self.ledger.consistency(old, size) if 0 < old < size else ()
            reply = await self._call(agency, format_addition(old, proof, offer.base))
            if reply.line:
                lines = _check_lines(offer.checkpoint, reply.line, keys)
                self._held[agency] = size
                return lines
            self._held[agency] = await self._compare(agency, reply.larger)
        return {}

    async def _confirmed(self, agency: AgencyId, note: bytes) -> AgencyId | None:
        """Ask one witness for what it holds; None when it did not say. A fresh one cosigns, which tells as much."""
        try:
            reply = await self._call(agency, format_addition(0, (), note))
            if reply.line:
                _check_lines(unverified_checkpoint(note), reply.line, self._witnesses().get(agency, self._of_policy()))
                self._held[agency] = unverified_checkpoint(note).size
            else:
                self._held[agency] = await self._compare(agency, reply.larger)
        except LedgerInconsistent:
            raise
        except HandschlagError as error:
            self.report("witness", error.code)
            return None
        return agency

    async def _call(self, agency: AgencyId, addition: bytes) -> ms.Cosigned:
        request = ms.pack(ms.Witness(addition))
        reply = await self.bus.call(node_call(agency, "witness"), request, timeout_s=ASK_TIMEOUT_S)
        answer = ms.unpack(reply, ms.Cosigned, ms.Failed)
        if isinstance(answer, ms.Cosigned):
            return answer
        message = f"witness {agency}: does not cosign"
        raise Unavailable(message)

    async def _compare(self, agency: AgencyId, unverified_note: bytes) -> int:
        """Give the size of the checkpoint a witness holds, after checking that this log extends it."""
        if not unverified_note:
            return 0
        held = self.ledger.verifier.verify(unverified_note).checkpoint
        if held.size > self.ledger.size or self.ledger.note is None:
            message = (
                f"witness {agency}: holds a checkpoint of {held.size} entries signed by this log, which has "
                f"{self.ledger.size}: the ledger is an older copy. Bring back the newest shard and lock."
            )
            raise LedgerInconsistent(message)
        ours = unverified_checkpoint(self.ledger.note)
        if held.size:
            proof = await self.ledger.consistency(held.size, ours.size)
            try:
                verify_consistency(held.size, ours.size, proof, held.root, ours.root)
            except NotAuthentic as error:
                message = (
                    f"witness {agency}: holds a checkpoint of {held.size} entries signed by this log, with another "
                    "root: two ledgers were written under one key. Stop both and verify each against an export."
                )
                raise LedgerInconsistent(message) from error
        return held.size

    async def _keep(self, offer: _Offer) -> None:
        """Store a checkpoint with its cosignatures, and show it to the world unless a newer one is shown."""
        offer.kept = True
        if offer.lines:
            try:
                await self.ledger.cosigned(offer.note)
                if offer.checkpoint.size >= self.cosigned_size:
                    self.cosigned_size, self.cosigned_at_ms = offer.checkpoint.size, self.clock.now_ms()
            except Unavailable as error:
                self.report("cosignatures", error.code)
        if self.published is None or offer.checkpoint.size >= unverified_checkpoint(self.published).size:
            self.published = offer.note

    def _enough(self, answered: set[AgencyId]) -> bool:
        """Tell whether those who did not answer are too few for a quorum of their own (n - k + 1 have answered)."""
        silent = [key for key in self._of_policy() if _agency(key) not in answered]
        return self.policy is None or self.policy.quorum is None or not self.policy.satisfied(silent)

    def _of_policy(self) -> tuple[VerifierKey, ...]:
        return () if self.policy is None else tuple(self.policy.witnesses.values())

    def _witnesses(self) -> dict[AgencyId, list[VerifierKey]]:
        """Give the members' witness keys in force."""
        state = self.ledger.state
        found: dict[AgencyId, list[VerifierKey]] = {}
        for name in state.keys:
            key = state.key_in_force(name, "witness")
            if key is not None and key.verifier is not None:
                found.setdefault(key.agency, []).append(key.verifier)
        return found


def _offer(note: bytes) -> _Offer:
    """Take a note apart into what the log signed and what witnesses added; the log's own line is the first."""
    text, _, signatures = note.rpartition(b"\n\n")
    own, *cosigned = signatures.splitlines(keepends=True)
    lines = {split_signatures(line)[0].name: line for line in cosigned}
    return _Offer(unverified_checkpoint(note), text + b"\n\n" + own, lines)


def _check_lines(checkpoint: Checkpoint, unverified_lines: bytes, keys: Iterable[VerifierKey]) -> Mapping[str, bytes]:
    """Verify the cosignatures by a witness's keys, and leave out all others; give them by the names of the keys."""
    known = {(key.name, key.key_id): key for key in keys}
    lines: dict[str, bytes] = {}
    found = split_signatures(unverified_lines)
    for signature, line in zip(found, unverified_lines.splitlines(keepends=True), strict=True):
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            verify_cosignature(format_checkpoint(checkpoint), line, key)
            lines[key.name] = line
    if not lines:
        message = "witness: a signature line by a key of its own is expected"
        raise NotAuthentic(message)
    return lines


def _agency(key: VerifierKey) -> AgencyId:
    """Give the agency in a key's name, `<federation>/<agency>/witness-<n>`."""
    return AgencyId(key.name.split("/")[1])
