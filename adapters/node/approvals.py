"""FLOW of what an agency decides about itself: approvals of its data protection officer, the fields it can deliver.

Both are statements in the log like all others; the node learns its own from the entry's receipt, as it would another's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from adapters.node.collector import accepted
from adapters.node.core.compose import lawbook, purpose_rule
from adapters.node.core.view import Proven
from adapters.node.federation import Federation
from adapters.node.identity import Identity
from adapters.node.outbox import Handling, Head, Issued, Ours, Outbox, Reply, nothing_to_drop
from adapters.node.store import NodeStore
from consent_ledger.core.approval import Approval
from schemas import messages as ms
from schemas import statements as st
from schemas.calendar import DAY_MS
from schemas.entries import Recorded
from schemas.errors import Code, Misuse
from schemas.ids import ApprovalId, CodeName, FieldName, Purpose
from schemas.note import Signer
from schemas.registry import PurposeRule, conditions_of

RENEWED_MS: Final = 365 * DAY_MS
"""For how long a renewal approves again: twelve months, which is the longest there is."""


class Wish(NamedTuple):
    """What the data protection officer approves; fields empty means all the purpose allows."""

    role: CodeName
    purpose: Purpose
    valid_until: int
    fields: tuple[FieldName, ...] = ()
    ceiling: int = 2
    automatic: bool = False
    conditions: tuple[CodeName, ...] = ()


@dataclass
class Approvals:
    """The officer's desk, and the publishing of the catalogue."""

    identity: Identity
    federation: Federation
    outbox: Outbox
    store: NodeStore

    def __post_init__(self) -> None:
        """Prepare to learn from resent statements, too."""
        for shape in (st.ApprovalGiven, st.ApprovalEnded, st.CatalogueSet):
            self.outbox.handle(shape, Handling(self._take, nothing_to_drop))

    async def approve(self, wish: Wish) -> ApprovalId:
        """Approve a kind of access from its entry's index on; Misuse names the rule it breaks, or the log's reason."""
        rule = purpose_rule(wish.purpose, lawbook(self.federation.view))
        fields = tuple(sorted(set(wish.fields) or rule.fields))
        if not set(fields) <= rule.fields:
            message = "fields: not all are of this purpose"
            raise Misuse(message, code=Code.FIELD_UNKNOWN)
        self._check(wish, rule)
        name = ApprovalId(self.identity.random_bytes(16).hex())

        def compose(head: Head) -> st.ApprovalGiven:
            return st.ApprovalGiven(
                **head.fields(),
                approval=name,
                role=wish.role,
                purpose=wish.purpose,
                fields=fields,
                valid_until=wish.valid_until,
                ceiling=wish.ceiling,
                automatic=wish.automatic,
                conditions=tuple(sorted(set(wish.conditions))) or None,
            )

        await self._send(compose, "approval", self._officer())
        return name

    async def renew(self, name: ApprovalId) -> ApprovalId:
        """Approve the same again for twelve months from now, in place of an approval that is in force; give the new id.

        Misuse when this agency has none in force with this id: what has run out is looked at and approved anew.
        """
        old = self._own(name)
        kept = tuple(old.fields & purpose_rule(old.purpose, lawbook(self.federation.view)).fields)
        if not kept:
            message = "approval: the law has left none of its fields; approve the purpose anew"
            raise Misuse(message, code=Code.FIELD_UNKNOWN)
        return await self.approve(
            Wish(
                role=old.role,
                purpose=old.purpose,
                valid_until=self.identity.clock.now_ms() + RENEWED_MS,
                fields=kept,
                ceiling=old.ceiling,
                automatic=old.automatic,
                conditions=tuple(old.conditions),
            )
        )

    def _check(self, wish: Wish, rule: PurposeRule) -> None:
        """Refuse conditions there are none of, and answers by machine that § 79 SGB X does not know."""
        law = lawbook(self.federation.view)
        if not set(wish.conditions) <= conditions_of(law):
            message = f"conditions: only {', '.join(sorted(conditions_of(law)))}"
            raise Misuse(message, code=Code.CONDITION_UNKNOWN)
        own = law.kinds[self.federation.view.state.members[self.identity.agency].kind]
        if wish.automatic and not (own.section35 and own.name in rule.row.holder_kinds):
            message = "automatic: is for holders of social data alone, bodies of § 35 SGB I (§ 79 SGB X)"
            raise Misuse(message, code=Code.NOT_ENTITLED)

    async def end(self, name: ApprovalId) -> None:
        """End an approval from its entry's index on; Misuse when this agency never gave it."""
        self._own(name)
        await self._send(lambda head: st.ApprovalEnded(**head.fields(), approval=name), "approval", self._officer())

    def own(self) -> dict[ApprovalId, Approval]:
        """Give this agency's approvals that are in force, as far as the node learned them."""
        state, now = self.federation.view.state, self.identity.clock.now_ms()
        return {
            name: approval
            for name, approval in state.approvals.items()
            if approval.agency == self.identity.agency
            and approval.valid_until > now
            and state.approved.get((approval.agency, approval.purpose, approval.role)) is approval
        }

    def _own(self, name: ApprovalId) -> Approval:
        """Give one of this agency's approvals that are in force; Misuse for any other id."""
        found = self.own().get(name)
        if found is None:
            message = "approval: this agency has none in force with this id"
            raise Misuse(message, code=Code.NO_APPROVAL)
        return found

    async def publish(self, catalogue: frozenset[FieldName]) -> None:
        """Tell the federation which fields this agency can deliver."""
        fields = tuple(sorted(catalogue))
        await self._send(lambda head: st.CatalogueSet(**head.fields(), fields=fields), "catalogue", None)

    async def _send(self, compose: Callable[[Head], Ours], what: str, signer: Signer | None) -> None:
        accepted(await self.outbox.send(compose, ms.AskRecord, self._take, signer=signer), what)

    async def _take(self, issued: Issued, reply: Reply) -> Proven:
        """Take the receipt and learn from the entry, if it is no rejection."""
        proven = self.outbox.own_entry(issued, reply)
        if isinstance(proven.leaf.entry, Recorded) and isinstance(reply, ms.Logged):
            await self.federation.learn(reply.entry, reply.proof)
        await self.store.write(self.store.outgoing.logged(issued.statement, proven))
        return proven

    def _officer(self) -> Signer:
        if self.identity.dpo is None:
            message = "approval: the officer's key is not held by this node"
            raise Misuse(message)
        return self.identity.dpo
