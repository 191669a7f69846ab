"""What the log says is in force at an index: the fold of its entries, one after the other.

`LedgerState` is the only place that gives entries their meaning. The broker folds as it appends, replay folds as it
reads, and a node folds the steering entries it holds with receipt. Nothing here decides: what an entry claims was
decided before it was written, and replay decides it again.
"""

import hashlib
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Final

from consent_ledger.core.counters import Counter
from consent_ledger.core.merkle import leaf_hash
from schemas import statements as st
from schemas.entries import Answered, AnyEntry, Granted, Recorded, Rejected, Withheld
from schemas.ids import (
    AgencyId,
    CodeName,
    ConsentId,
    ExchangeId,
    FieldName,
    GivenId,
    Hash,
    KeyId,
    KeyName,
    LogId,
    NatsAccount,
    Purpose,
)
from schemas.note import VerifierKey, key_fingerprint, parse_vkey, split_note

DEADLINE_GRACE_MS: Final = 60_000
"""An outcome may be sequenced this long after `answer_by`, the same for both kinds."""


def text_hash(note: bytes) -> Hash:
    """Give SHA-256 of a note's text, by which the next steering statement's `prev` names it."""
    return Hash(hashlib.sha256(split_note(note).text).hexdigest())


@dataclass(frozen=True, slots=True)
class Member:
    """An agency in the federation, from its admission's index on."""

    agency: AgencyId
    kind: CodeName
    account: NatsAccount
    index: int


@dataclass(frozen=True, slots=True)
class Key:
    """A public key in force from its entry's index on; `public` as published in `key.added`."""

    name: KeyName
    agency: AgencyId
    role: st.KeyRole
    suite: st.Suite
    public: str
    id: KeyId
    index: int
    verifier: VerifierKey | None
    revoked: int | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """A DPO's approval of one kind of access by one agency."""

    index: int
    agency: AgencyId
    role: CodeName
    purpose: Purpose
    fields: frozenset[FieldName]
    valid_until: int
    ceiling: int
    automatic: bool


@dataclass(slots=True)
class Evidence:
    """A consent or given basis in force or ended, with the uses that are left and those that grants hold reserved."""

    index: int
    kind: str
    collector: AgencyId
    recipient: AgencyId
    holders: tuple[AgencyId, ...]
    purpose: Purpose
    fields: frozenset[FieldName]
    not_before: int
    expires: int
    uses: int
    person: Hash
    secrecy_release: bool
    reserved: int = 0
    withdrawn: int | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """An open grant: permitted, not yet answered."""

    index: int
    leaf: Hash
    statement: st.Request
    requester: AgencyId
    fields: tuple[FieldName, ...]
    closes: int


@dataclass(slots=True)
class LedgerState:
    """Everything decisions rest on, as of `size` entries."""

    log: LogId
    size: int = 0
    time: int = 0
    chain: int = 0
    chain_indices: list[int] = field(default_factory=list)
    chain_prev: Hash = st.NO_PREVIOUS
    registry: Hash | None = None
    members: dict[AgencyId, Member] = field(default_factory=dict)
    accounts: dict[NatsAccount, AgencyId] = field(default_factory=dict)
    keys: dict[KeyName, Key] = field(default_factory=dict)
    approvals: dict[ExchangeId, Approval] = field(default_factory=dict)
    approved: dict[tuple[AgencyId, Purpose, CodeName], Approval] = field(default_factory=dict)
    catalogues: dict[AgencyId, frozenset[FieldName]] = field(default_factory=dict)
    evidence: dict[ConsentId | GivenId, Evidence] = field(default_factory=dict)
    grants: dict[ExchangeId, Grant] = field(default_factory=dict)
    exchanges: set[bytes] = field(default_factory=set)
    counters: dict[KeyName, Counter] = field(default_factory=dict)
    _deadlines: list[tuple[int, ExchangeId]] = field(default_factory=list)

    def counter(self, key: KeyName) -> Counter:
        """Give a key's counter, starting one for a key that never signed."""
        return self.counters.setdefault(key, Counter())

    def key_in_force(self, name: KeyName, role: st.KeyRole) -> Key | None:
        """Give a key that is unrevoked, has this role and belongs to a member; None otherwise."""
        key = self.keys.get(name)
        if key is None or key.role != role or key.revoked is not None or key.agency not in self.members:
            return None
        return key

    def key_by_id(self, agency: AgencyId, key_id: KeyId) -> Key | None:
        """Give an agency's unrevoked key by its long id; an agency has few keys, so they are looked through."""
        for key in self.keys.values():
            if key.id == key_id and key.agency == agency and key.revoked is None:
                return key
        return None

    def free_overdue(self, time_ms: int) -> None:
        """End, by computation, the grants whose deadline has passed unanswered; their uses are free again."""
        while self._deadlines and self._deadlines[0][0] < time_ms:
            grant = self.grants.pop(heappop(self._deadlines)[1], None)
            if grant is not None:
                self._release(grant)

    def apply(self, leaf: bytes, entry: AnyEntry, statement: st.Statement) -> None:
        """Fold one entry in; `leaf` are its bytes, `statement` the parsed text of the note it embeds."""
        index = self.size
        self.size += 1
        self.time = entry.time
        if isinstance(statement, st.Numbered):
            self.counter(statement.key).use(statement.n)
        if isinstance(statement, st.Steered) and isinstance(entry, Recorded):
            self.chain, self.chain_prev = statement.seq, text_hash(entry.statement.encode())
            self.chain_indices.append(index)
        match entry:
            case Granted():
                self._grant(index, leaf, entry, statement)
            case Answered() | Withheld():
                self._answer(entry, statement)
            case Recorded():
                self._record(index, statement)
            case Rejected() | _:
                self._remember_exchange(statement)

    def _remember_exchange(self, statement: st.Statement) -> None:
        if isinstance(statement, st.Request):
            self.exchanges.add(bytes.fromhex(statement.exchange))

    def _grant(self, index: int, leaf: bytes, entry: Granted, statement: st.Statement) -> None:
        if not isinstance(statement, st.Request):
            return
        self._remember_exchange(statement)
        evidence = self._evidence_of(statement.basis)
        if evidence is not None:
            evidence.reserved += 1
        closes = statement.answer_by + DEADLINE_GRACE_MS
        heappush(self._deadlines, (closes, statement.exchange))
        self.grants[statement.exchange] = Grant(
            index=index,
            leaf=Hash(leaf_hash(leaf).hex()),
            statement=statement,
            requester=self.keys[statement.key].agency,
            fields=entry.fields,
            closes=closes,
        )

    def _answer(self, entry: Answered | Withheld, statement: st.Statement) -> None:
        """Close the grant; a disclosure consumes the reserved use, any other end frees it."""
        if not isinstance(statement, st.Outcome):
            return
        grant = self.grants.pop(statement.exchange, None)
        if grant is None:
            return
        evidence = self._evidence_of(grant.statement.basis)
        if evidence is not None and isinstance(entry, Answered) and entry.body.kind == "disclosed":
            evidence.uses -= 1
        self._release(grant)

    def _release(self, grant: Grant) -> None:
        evidence = self._evidence_of(grant.statement.basis)
        if evidence is not None:
            evidence.reserved -= 1

    def _evidence_of(self, basis: st.Basis) -> Evidence | None:
        name = basis.consent or basis.given
        return None if name is None else self.evidence.get(name)

    def _record(self, index: int, statement: st.Statement) -> None:
        match statement:
            case st.RegistrySet():
                self.registry = statement.registry
            case st.MemberAdmitted():
                self.members[statement.agency] = Member(statement.agency, statement.kind, statement.account, index)
                self.accounts[statement.account] = statement.agency
            case st.MemberLeft():
                left = self.members.pop(statement.agency, None)
                if left is not None:
                    self.accounts.pop(left.account, None)
            case st.KeyAdded():
                self.keys[statement.name] = Key(
                    name=statement.name,
                    agency=statement.agency,
                    role=statement.role,
                    suite=statement.suite,
                    public=statement.public,
                    id=key_fingerprint(statement.public),
                    index=index,
                    verifier=None if statement.role == "seal" else parse_vkey(statement.public),
                )
            case st.KeyRevoked():
                self._revoke(statement.name, index)
            case _:
                self._record_of_agency(index, statement)

    def _revoke(self, name: KeyName, index: int) -> None:
        key = self.keys.get(name)
        if key is not None and key.revoked is None:
            self.keys[name] = replace(key, revoked=index)

    def _record_of_agency(self, index: int, statement: st.Statement) -> None:
        match statement:
            case st.ApprovalGiven():
                self._approve(index, statement)
            case st.ApprovalEnded():
                approval = self.approvals.pop(statement.approval, None)
                if approval is not None:
                    self.approved.pop((approval.agency, approval.purpose, approval.role), None)
            case st.CatalogueSet():
                self.catalogues[self.keys[statement.key].agency] = frozenset(statement.fields)
            case st.ConsentGiven() | st.BasisGiven():
                self._evidence_given(index, statement)
            case st.ConsentWithdrawn():
                self._withdraw(statement.consent, index)
            case st.BasisWithdrawn():
                self._withdraw(statement.given, index)
            case st.Void():
                self.counter(statement.key).void(statement.first, statement.last)
            case _:
                return

    def _approve(self, index: int, statement: st.ApprovalGiven) -> None:
        agency = self.keys[statement.key].agency
        approval = Approval(
            index=index,
            agency=agency,
            role=statement.role,
            purpose=statement.purpose,
            fields=frozenset(statement.fields),
            valid_until=statement.valid_until,
            ceiling=statement.ceiling,
            automatic=statement.automatic,
        )
        self.approvals[statement.approval] = approval
        self.approved[(agency, statement.purpose, statement.role)] = approval

    def _evidence_given(self, index: int, statement: st.ConsentGiven | st.BasisGiven) -> None:
        consent = isinstance(statement, st.ConsentGiven)
        self.evidence[statement.consent if isinstance(statement, st.ConsentGiven) else statement.given] = Evidence(
            index=index,
            kind="consent" if isinstance(statement, st.ConsentGiven) else statement.kind,
            collector=self.keys[statement.key].agency,
            recipient=statement.recipient,
            holders=statement.holders,
            purpose=statement.purpose,
            fields=frozenset(statement.fields),
            not_before=statement.not_before if isinstance(statement, st.ConsentGiven) else 0,
            expires=statement.expires,
            uses=statement.uses,
            person=statement.person,
            secrecy_release=consent and statement.secrecy_release,
        )

    def _withdraw(self, name: ConsentId | GivenId, index: int) -> None:
        evidence = self.evidence.get(name)
        if evidence is not None and evidence.withdrawn is None:
            evidence.withdrawn = index
