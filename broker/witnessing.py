"""FLOW of witnessing: nodes and outside witnesses cosign what the log has signed, beside the hot path (LEDGER 5 and 6).

Commits wake it: at most once a second, or after 1,000 entries, the newest checkpoint goes to every witness with the
proof that it extends what that witness holds. What comes in half a second is kept at once; a slower witness holds
nobody up and its cosignature is added when it comes.

A checkpoint that a witness holds with the log's own signature and that this log does not extend, or has not reached,
proves that the ledger was set back or forked. That is LedgerInconsistent: the process ends, or does not start.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from broker.witnesses import NodeWitness, OutsideWitness, Reply, Witness
from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, format_checkpoint, unverified_checkpoint
from consent_ledger.core.merkle import verify_consistency
from consent_ledger.core.policy import Policy
from consent_ledger.core.state import LedgerState
from consent_ledger.ports import Clock
from consent_ledger.sequencer import Receipt
from schemas.bus import Bus
from schemas.errors import Code, HandschlagError, LedgerInconsistent, NotAuthentic, Unavailable
from schemas.ids import AgencyId
from schemas.note import VerifierKey, split_signatures, verify_cosignature

EVERY_S: Final = 1.0
EVERY_ENTRIES: Final = 1000
PATIENCE_S: Final = 0.5
"""How long a round waits for cosignatures before it keeps those that came."""
RETRY_S: Final = 2.0
"""How long the start waits before it asks again those who did not answer."""
_TRIES: Final = 2
"""A witness that holds another size than it was thought to says so once; then it is asked with the right one."""


_KeyId = tuple[str, bytes]
"""A key's name and its id of four bytes: one name may stand for keys of several kinds."""


@dataclass(slots=True)
class _Offer:
    """A checkpoint out for cosigning: `base` is its note with the log's signature alone, `lines` by cosigner's key."""

    checkpoint: Checkpoint
    base: bytes
    lines: dict[_KeyId, bytes] = field(default_factory=dict)
    kept: bool = False

    @property
    def note(self) -> bytes:
        """The checkpoint's note with all cosignatures that came by now."""
        return b"".join([self.base, *self.lines.values()])


class Checkpointed(Protocol):
    """A shard as its witnesses see it: the `Sequencer` of the open one, or one that a log.key is about to end."""

    state: LedgerState
    verifier: CheckpointVerifier

    @property
    def size(self) -> int:
        """How many signed entries it has."""
        ...

    @property
    def note(self) -> bytes | None:
        """Its newest checkpoint; None before the first."""
        ...

    async def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Give the proof that its tree of size `new` extends that of size `old`."""
        ...

    async def cosigned(self, note: bytes) -> None:
        """Keep a checkpoint with the cosignatures it has by now."""
        ...


@dataclass
class Witnessing:
    """Asks the witnesses to cosign, and knows the newest checkpoint that is fit to be shown to the world.

    Witnesses are the members' nodes, those the policy names, and `outside` ones. `ledger` is what they cosign; `empty`
    a signed checkpoint of the empty log, to ask with before there is any other. `report` is told of those that fail.
    `waiting_since_ms` is since when there is an entry under no checkpoint that witnesses have cosigned (with a policy:
    its quorum), None while there is none; what was cosigned before the start counts once it is so again.
    """

    ledger: Checkpointed
    bus: Bus
    clock: Clock
    empty: bytes
    report: Callable[[str, Code], None]
    policy: Policy | None = None
    outside: Sequence[OutsideWitness] = ()
    every_s: float = EVERY_S
    patience_s: float = PATIENCE_S
    retry_s: float = RETRY_S
    published: bytes | None = None
    cosigned_size: int = 0
    cosigned_at_ms: int | None = None
    waiting_since_ms: int | None = None
    _held: dict[str, int] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _crowd: asyncio.Event = field(default_factory=asyncio.Event)
    _entries: int = 0
    _kept: asyncio.Event = field(default_factory=asyncio.Event)
    _covered: int = 0

    def of(self, ledger: Checkpointed) -> "Witnessing":
        """Give one that asks the same witnesses about another shard."""
        return Witnessing(
            ledger,
            self.bus,
            self.clock,
            self.empty,
            self.report,
            self.policy,
            self.outside,
            self.every_s,
            self.patience_s,
            self.retry_s,
        )

    async def confirm(self) -> None:
        """Ask what the witnesses hold until enough have answered that no quorum can hold more than this log.

        Without a policy one round of asking is enough. Raises LedgerInconsistent when one holds what this log lacks.
        """
        note = self.ledger.note or self.empty
        asked = self._known()
        answered: set[str] = set()
        while True:
            replies = await asyncio.gather(
                *(self._confirmed(*asked[name], note) for name in sorted(asked.keys() - answered))
            )
            answered |= {name for name in replies if name is not None}
            if self._enough(answered):
                break
            self.report("start waits for witnesses", Code.UNAVAILABLE)
            await asyncio.sleep(self.retry_s)
        self.published = self.ledger.note
        self._wait()
        self._news.set()

    def committed(self, receipts: Sequence[Receipt]) -> None:
        """Hear of a batch from the sequencer."""
        self._entries += len(receipts)
        self._wait()
        self._news.set()
        if self._entries >= EVERY_ENTRIES:
            self._crowd.set()

    async def covered(self) -> None:
        """Wait until the policy's quorum has cosigned all there is; without a policy, until all were asked for it once.

        Whoever was out of reach is asked again and again.
        """
        size = self.ledger.size
        while self._covered < size:
            self._kept.clear()
            self._news.set()
            await self._kept.wait()

    async def settle(self) -> None:
        """Have all there is cosigned, as `covered` says, and no more; raises as `confirm` and `run`."""
        await self.confirm()
        tasks = [asyncio.create_task(self.run()), asyncio.create_task(self.covered())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

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
            asking.create_task(self._ask(witness, keys, offer))
            for name, (witness, keys) in self._in_force().items()
            if name not in self._asked
        ]
        if tasks:
            await asyncio.wait(tasks, timeout=self.patience_s)
        await self._keep(offer)

    async def _ask(self, witness: Witness, keys: Sequence[VerifierKey], offer: _Offer) -> None:
        """Get one witness's cosignatures into the offer; only a contradiction of the log is more than a report."""
        self._asked.add(witness.name)
        try:
            lines = await self._cosignatures(witness, keys, offer.checkpoint, offer.base)
        except LedgerInconsistent:
            raise
        except HandschlagError as error:
            self.report("witness", error.code)
        else:
            offer.lines.update(lines)
            if lines and offer.kept:
                await self._keep(offer)
        finally:
            self._asked.discard(witness.name)

    async def _cosignatures(
        self, witness: Witness, keys: Sequence[VerifierKey], checkpoint: Checkpoint, note: bytes
    ) -> Mapping[_KeyId, bytes]:
        """Give one witness's lines by the names of its keys; none when it holds something else than we believe."""
        size = checkpoint.size
        for _ in range(_TRIES):
            old = self._held.get(witness.name, 0)
            proof = await self.ledger.consistency(old, size) if 0 < old < size else ()
            reply = await witness.add(old, proof, note)
            if reply.lines:
                lines = _check_lines(checkpoint, reply.lines, keys)
                self._held[witness.name] = size
                return lines
            self._held[witness.name] = await self._compare(witness.name, reply)
        return {}

    async def _confirmed(self, witness: Witness, keys: Sequence[VerifierKey], note: bytes) -> str | None:
        """Find out that a witness holds nothing that this log lacks, and give its name; None when it did not say.

        One that shows its checkpoint is compared with; one that cosigns has compared by itself. A fresh one cosigns.
        """
        try:
            reply = await witness.add(0, (), note)
            checkpoint = unverified_checkpoint(note)
            if reply.lines:
                _check_lines(checkpoint, reply.lines, keys)
                self._held[witness.name] = checkpoint.size
            else:
                self._held[witness.name] = await self._compare(witness.name, reply)
            if reply.size and not reply.note and not await self._cosignatures(witness, keys, checkpoint, note):
                message = f"witness {witness.name}: takes no proof from the size it says it holds"
                raise NotAuthentic(message)
        except LedgerInconsistent:
            raise
        except HandschlagError as error:
            self.report("witness", error.code)
            return None
        return witness.name

    async def _compare(self, name: str, unverified: Reply) -> int:
        """Give the size of the checkpoint a witness holds, after checking that this log extends it.

        A size alone proves nothing against this log: anybody could name one.
        """
        if not unverified.note and unverified.size > self.ledger.size:
            message = f"witness {name}: says it holds {unverified.size} entries, and does not show their checkpoint"
            raise Unavailable(message)
        if not unverified.note:
            return unverified.size
        held = self.ledger.verifier.verify(unverified.note).checkpoint
        if held.size > self.ledger.size or self.ledger.note is None:
            message = (
                f"witness {name}: holds a checkpoint of {held.size} entries signed by this log, which has "
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
                    f"witness {name}: holds a checkpoint of {held.size} entries signed by this log, with another "
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
        if self.policy is None or self.policy.satisfied(key for key in self._of_policy() if _id(key) in offer.lines):
            self._covered = max(self._covered, offer.checkpoint.size)
            if offer.lines:
                self.waiting_since_ms = None
                self._wait(beyond=offer.checkpoint.size)
        self._kept.set()

    def _wait(self, beyond: int = 0) -> None:
        """Begin to wait for witnesses, unless there is no entry they could cosign, or it was begun before."""
        if self.waiting_since_ms is None and self.ledger.size > beyond:
            self.waiting_since_ms = self.clock.now_ms()

    def _enough(self, answered: set[str]) -> bool:
        """Tell whether those who did not answer are too few for a quorum of their own (n - k + 1 have answered)."""
        silent = [key for key in self._of_policy() if self._name_of(key) not in answered]
        return self.policy is None or self.policy.quorum is None or not self.policy.satisfied(silent)

    def _of_policy(self) -> tuple[VerifierKey, ...]:
        return () if self.policy is None else tuple(self.policy.witnesses.values())

    def _name_of(self, key: VerifierKey) -> str:
        """Give the name of the witness that cosigns by a key."""
        return key.name if any(key == one.key for one in self.outside) else _agency(key)

    def _in_force(self) -> dict[str, tuple[Witness, list[VerifierKey]]]:
        """Give by name who cosigns now, with their keys: members by those the log has in force, and outside ones."""
        state = self.ledger.state
        found: dict[str, tuple[Witness, list[VerifierKey]]] = {one.name: (one, [one.key]) for one in self.outside}
        for name in state.keys:
            key = state.key_in_force(name, "witness")
            if key is not None and key.verifier is not None:
                found.setdefault(key.agency, (NodeWitness(self.bus, key.agency), []))[1].append(key.verifier)
        return found

    def _known(self) -> dict[str, tuple[Witness, list[VerifierKey]]]:
        """Give by name who may hold a checkpoint of this log: as `_in_force`, and all whom the policy names."""
        found = self._in_force()
        for key in self._of_policy():
            name = self._name_of(key)
            found.setdefault(name, (NodeWitness(self.bus, AgencyId(name)), list(self._of_policy())))
        return found


def _offer(note: bytes) -> _Offer:
    """Take a note apart into what the log signed and what witnesses added; the log's own line is the first."""
    text, _, signatures = note.rpartition(b"\n\n")
    own, *cosigned = signatures.splitlines(keepends=True)
    lines = {split_signatures(line)[0][:2]: line for line in cosigned}
    return _Offer(unverified_checkpoint(note), text + b"\n\n" + own, lines)


def _check_lines(
    checkpoint: Checkpoint, unverified_lines: bytes, keys: Iterable[VerifierKey]
) -> Mapping[_KeyId, bytes]:
    """Verify the cosignatures by a witness's keys, and leave out all others; give them by those keys."""
    known = {(key.name, key.key_id): key for key in keys}
    lines: dict[_KeyId, bytes] = {}
    found = split_signatures(unverified_lines)
    for signature, line in zip(found, unverified_lines.splitlines(keepends=True), strict=True):
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            verify_cosignature(format_checkpoint(checkpoint), line, key)
            lines[key.name, key.key_id] = line
    if not lines:
        message = "witness: a signature line by a key of its own is expected"
        raise NotAuthentic(message)
    return lines


def _id(key: VerifierKey) -> _KeyId:
    return key.name, key.key_id


def _agency(key: VerifierKey) -> str:
    """Give the agency in a key's name, `<federation>/<agency>/witness-<n>`."""
    return key.name.split("/")[1]
