"""FLOW at the holding agency: from a permit to a sealed record, or to "later" (steps 8 to 14).

Whatever the holder cannot or must not answer by machine is outwardly the same: "later" after one fixed delay, however
long the work took, then "not available" at the deadline the law sets (promise 8).
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from adapters.node.background import Background
from adapters.node.core.accept import AcceptedGrant, Holding, accept, needed
from adapters.node.core.answer import committed_person, open_person
from adapters.node.core.matching import Found, Match
from adapters.node.core.opening import open_under
from adapters.node.core.release import Parties, Release, decide_release
from adapters.node.federation import Federation
from adapters.node.finder import Finder
from adapters.node.identity import Identity
from adapters.node.outcomes import Answering, Outcomes
from adapters.node.store import NodeStore
from adapters.node.store.rows import Receipt, ReceivedState, basis_of
from adapters.sources.port import LocalRef, Source
from consent_ledger.core.leaf import read_leaf
from schemas import canonical
from schemas import messages as ms
from schemas.entries import Granted
from schemas.errors import Code, HandschlagError, LedgerInconsistent, NotAuthentic
from schemas.ids import ExchangeId
from schemas.record import SealedPerson

T = TypeVar("T")

_PRUNE_EVERY: Final = 1024


class Examined(NamedTuple):
    """What came out of a person block: the block if it opened, the rows it may be, and the way of the answer."""

    block: SealedPerson | None
    refs: tuple[LocalRef, ...]
    release: Release


@dataclass
class Responder:
    """The answering side of a node."""

    identity: Identity
    federation: Federation
    store: NodeStore
    source: Source
    outcomes: Outcomes
    background: Background
    finder: Finder
    _seen: dict[ExchangeId, int] = field(default_factory=dict)
    _working: dict[ExchangeId, asyncio.Task[ms.Delivered | None]] = field(default_factory=dict)

    @property
    def holding(self) -> Holding:
        """What this holder decides a grant with."""
        return Holding(self.identity.agency, self.source.catalogue, self.federation.view)

    async def start(self) -> None:
        """Take up what an earlier run left: which grants came in already, and their outcomes."""
        self._seen = await self.store.received.seen(self.identity.clock.now_ms())
        await self.outcomes.start()
        if not self.source.by_hand:
            self.finder.start()

    async def permit(self, permit: ms.Permit) -> ms.Message:
        """Work on a grant: the record at once, or "later" after the purpose's fixed delay.

        A grant that comes again while it is worked on waits for the same work, and one that came before gets the same
        bytes. Work that takes longer than the delay goes on, and what comes of it is handed over by a call of ours.
        """
        arrived_s = asyncio.get_running_loop().time()
        # 8. Accept: receipts, signatures, basis, fields, all of it again.
        grant = await self._accept(permit)
        exchange = grant.request.exchange
        work = self._working.get(exchange)
        if work is None:
            work = asyncio.get_running_loop().create_task(self.background.guarded(self._work(grant, permit)))
            self._working[exchange] = work
            work.add_done_callback(lambda _: self._working.pop(exchange, None))
        until_s = arrived_s + grant.rule.row.later_after_ms / 1000
        await asyncio.wait({work}, timeout=_left(until_s))
        if work.done():
            # 14. The receipt is the permit: only now does the ciphertext leave.
            answer = work.result()
            if answer is not None:
                self.background.check()
                return answer
        else:
            self.background.spawn("late_answer", self._hand_over_late(exchange, work))
        await asyncio.sleep(_left(until_s))
        return ms.Later(b"", b"")

    async def close(self) -> None:
        """Finish what is worked on."""
        self.finder.close()
        while self._working:
            await asyncio.wait(set(self._working.values()))

    # -- 8: accept -------------------------------------------------------------------------------------------------

    async def _accept(self, permit: ms.Permit) -> AcceptedGrant:
        """Prove a grant and all it rests on, after fetching what this node lacks of it."""
        view = self.federation.view
        claimed = read_leaf(permit.entry).entry
        if isinstance(claimed, Granted) and needed(claimed, view).chain:
            await self.federation.catch_up()
        proven = view.prove(permit.entry, permit.proof)
        if isinstance(proven.leaf.entry, Granted):
            await self._fetch(proven.leaf.entry, permit)
        grant = accept(proven, permit.person, self.holding)
        if grant.request.answer_by <= self.identity.clock.now_ms():
            message = "grant: its deadline has passed"
            raise NotAuthentic(message, code=Code.DEADLINE_PASSED)
        return grant

    async def _fetch(self, granted: Granted, permit: ms.Permit) -> None:
        lacking = needed(granted, self.federation.view)
        if lacking.registry is not None:
            await self.federation.hold_registry(lacking.registry)
        if lacking.approval is not None:
            await self.federation.hold_entry(lacking.approval)
        if granted.basis is not None and not self.federation.view.knows(granted.basis) and permit.basis_entry:
            await self.federation.learn(permit.basis_entry, permit.basis_proof)

    # -- 9 to 13 ---------------------------------------------------------------------------------------------------

    async def _work(self, grant: AcceptedGrant, permit: ms.Permit) -> ms.Delivered | None:
        """Answer a grant or keep it for later; nothing that goes wrong here shows outwardly."""
        exchange = grant.request.exchange
        if exchange in self._seen:
            return await self._quietly("repeat", self._repeat(exchange))
        self._remember(exchange, grant.request.answer_by)
        answer = await self._quietly("permit", self._answer_alone(grant, permit))
        if answer is None:
            await self._quietly("permit", self._forget_unkept(exchange))
        return answer

    async def _answer_alone(self, grant: AcceptedGrant, permit: ms.Permit) -> ms.Delivered | None:
        with self.outcomes.claim(grant.request.exchange):
            return await self._answer(grant, permit)

    async def _forget_unkept(self, exchange: ExchangeId) -> None:
        """Work on a grant of which nothing is durable as if it were new, when it comes again."""
        if await self.store.received.find(exchange) is None:
            self._seen.pop(exchange, None)

    async def _answer(self, grant: AcceptedGrant, permit: ms.Permit) -> ms.Delivered | None:
        receipt = Receipt(permit.entry, permit.proof)
        # 9. Open the person, find the row, ask the vetoes.
        examined = await self._examine(grant, permit.person)
        if examined.release.way == "automatic" and examined.block is not None:
            ref = examined.refs[0]
            # 10.-11. Only the granted columns; seal.
            closed = await self._quietly("record", self.outcomes.close_record(grant, ref))
            if closed is not None:
                # 11.-13. Sign; have it decided again and recorded.
                at, state = self.identity.clock.now_ms(), ReceivedState.SENDING
                kept = self.store.received.receive(grant, receipt, at, state, examined.release.why)
                answering = Answering.of(grant, ref, examined.block)
                settled = await self.outcomes.hand_in(answering, closed, kept, later=False)
                if settled.state is ReceivedState.DISCLOSED:
                    return ms.Delivered(b"", b"", *settled.receipt, closed.sealed)
                return None
            examined = examined._replace(release=Release("none", "not_readable"))
        await self._park(grant, receipt, examined)
        return None

    async def _examine(self, grant: AcceptedGrant, sealed: bytes) -> Examined:
        """Open, match, decide the way of release; whatever fails here is "later" like everything else."""
        view = self.federation.view
        block = await self._quietly("person_block", self._open(grant, sealed))
        if block is None:
            return Examined(None, (), Release("none", "unreadable"))
        if self.source.by_hand:
            return Examined(block, self._known(grant, block), Release("human", "by_hand"))
        found = await self._quietly("match", self._find(grant, block))
        if found is None:
            return Examined(block, (), Release("none", "source_down"))
        own, members, kinds = self.identity.agency, view.state.members, grant.registry.kinds
        purpose, now = grant.request.purpose, self.identity.clock.now_ms()
        parties = Parties(
            requester=kinds[members[grant.requester].kind],
            holder=kinds[members[own].kind],
            own_approval=view.automatic_approval(own, purpose, now),
            single_case=any(view.single_case(agency, purpose, now) for agency in (own, grant.requester)),
        )
        refs = tuple(one.candidate.ref for one in found.candidates)
        return Examined(block, refs, decide_release(grant, found, parties, first=block.handle is None))

    async def _open(self, grant: AcceptedGrant, sealed: bytes) -> SealedPerson:
        """Open the person block; names count only where they open the commitment of the basis."""
        openers, own = self.identity.openers, self.identity.agency
        block = open_under(self.federation.view.logs, lambda log: open_person(grant, sealed, openers, log, own))
        if block.handle is None:
            committed_person(grant, block)
        return block

    async def _find(self, grant: AcceptedGrant, block: SealedPerson) -> Match:
        """Find the row: by the pair handle of an earlier contact, else by matching."""
        if block.handle is None:
            person = committed_person(grant, block)
            return await self.finder.find(person)
        refs = self._known(grant, block)
        if not refs:
            return Match("none", ())
        return Match("certain", (Found(await self.source.lookup(refs[0]), 0.0, frozenset()),))

    def _known(self, grant: AcceptedGrant, block: SealedPerson) -> tuple[LocalRef, ...]:
        """Give the row of a pair handle, if it is this requester's and was opened for this very basis.

        On a statute it is enough that the handle still stands: there the holder needs no commitment to know the person.
        """
        basis = None if grant.request.basis.norm is not None else basis_of(grant.request.basis)
        ref = None if block.handle is None else self.outcomes.handle(block.handle, grant.requester, basis)
        return () if ref is None else (ref,)

    async def _park(self, grant: AcceptedGrant, receipt: Receipt, examined: Examined) -> None:
        """Keep what cannot be answered now, and set the clock for its deadline."""
        exchange, block = grant.request.exchange, examined.block
        human = examined.release.way == "human" and block is not None
        state = ReceivedState.HUMAN if human else ReceivedState.WAITING
        at = self.identity.clock.now_ms()
        ops = [self.store.received.receive(grant, receipt, at, state, examined.release.why)]
        if human and block is not None:
            person = canonical.encode_model(block).decode()
            ops.append(self.store.received.for_human(exchange, person, examined.refs, block.offer))
        await self.store.write(*ops)
        self.outcomes.watch(grant.request.answer_by)

    # -- later -----------------------------------------------------------------------------------------------------

    async def _repeat(self, exchange: ExchangeId) -> ms.Delivered | None:
        """Give the same bytes for a grant that came before, if they were permitted and are still held."""
        row = await self.store.received.find(exchange)
        if row is None or row.state is not ReceivedState.DISCLOSED or not row.sealed:
            return None
        return ms.Delivered(b"", b"", *row.outcome, row.sealed)

    async def _hand_over_late(self, exchange: ExchangeId, work: "asyncio.Task[ms.Delivered | None]") -> None:
        """Hand over at once what was disclosed after "later" was said."""
        await asyncio.wait({work})
        if work.result() is not None:
            await self.outcomes.hand_over_now(exchange)

    def _remember(self, exchange: ExchangeId, answer_by: int) -> None:
        """Remember a grant until its deadline; after it, none is accepted."""
        if len(self._seen) % _PRUNE_EVERY == 0:
            now = self.identity.clock.now_ms()
            self._seen = {name: until for name, until in self._seen.items() if until > now}
        self._seen[exchange] = answer_by

    async def _quietly(self, what: str, work: Awaitable[T]) -> T | None:
        """Do a step whose failure, even by a defect, must look like any other reason for "later" (promise 8)."""
        try:
            return await work
        except LedgerInconsistent:
            raise
        except HandschlagError as error:
            self.background.report(what, error.code)
        except Exception as error:  # noqa: BLE001 - a defect that shows outwardly would tell that the person is known
            self.background.report(f"{what}: {type(error).__name__}", Code.UNAVAILABLE)
        return None


def _left(until_s: float) -> float:
    return max(0.0, until_s - asyncio.get_running_loop().time())
