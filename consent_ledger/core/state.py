"""What the log says is in force at an index: the fold of its entries, one after the other.

`LedgerState` is the only place that gives entries their meaning. The broker folds as it appends, replay folds as it
reads, and a node folds the steering entries it holds with receipt. Nothing here decides: what an entry claims was
decided before it was written, and replay decides it again. Besides entries only the log's time changes the state, and
each entry carries it: what follows from time is therefore the same for all who fold.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Final, assert_never

from consent_ledger.core.approval import Approval
from consent_ledger.core.counters import Counter, Place
from consent_ledger.core.evidence import Evidence, evidence_id
from consent_ledger.core.merkle import leaf_hash
from consent_ledger.core.shard import Shard, Succession
from schemas import statements as st
from schemas.entries import Answered, AnyEntry, Closed, Granted, Recorded, Refused, Rejected, Withheld
from schemas.ids import (
    AgencyId,
    ApprovalId,
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
from schemas.note import VerifierKey, from_base64, key_fingerprint, parse_vkey, split_note

Steering = (
    st.ShardOpened
    | st.ShardClosed
    | st.LogKey
    | st.ShardPruned
    | st.RegistrySet
    | st.TextReviewed
    | st.MemberAdmitted
    | st.MemberLeft
    | st.KeyAdded
    | st.KeyRevoked
)
"""What only the steering group signs."""

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
    """Everything decisions rest on, as of `size` entries and the log's `time` in ms.

    Entries are counted over all shards: the open one is `log`, and its entry 0 has the index `first`. `shards` are
    those opened so far, by origin; `begun_with` hashes the bundle that the next shard starts from.
    `former` holds the agencies that left: an id is used once, so that nothing given to one agency is taken over by
    another. `publics` are all raw public keys that ever were in force, `approvals` all that were ever given; `approved`
    are those in force, one for each agency, purpose and role. `exchanges` are all ids used up by requests, as bytes.
    `texts` are the client texts approved and not withdrawn, by language and hash of its file, `forms` the agencies' own
    printed forms, each for one purpose.
    `views` has by the hash of a view code the index of the entry it belongs to: no decision rests on it.
    """

    log: LogId
    size: int = 0
    time: int = 0
    first: int = 0
    shards: dict[LogId, Shard] = field(default_factory=dict)
    begun_with: Hash | None = None
    chain: int = 0
    chain_indices: list[int] = field(default_factory=list)
    chain_prev: Hash = st.NO_PREVIOUS
    registry: Hash | None = None
    texts: set[tuple[st.Language, Hash]] = field(default_factory=set)
    forms: set[tuple[st.Language, Hash, Purpose]] = field(default_factory=set)
    members: dict[AgencyId, Member] = field(default_factory=dict)
    former: set[AgencyId] = field(default_factory=set)
    accounts: dict[NatsAccount, AgencyId] = field(default_factory=dict)
    keys: dict[KeyName, Key] = field(default_factory=dict)
    publics: set[bytes] = field(default_factory=set)
    approvals: dict[ApprovalId, Approval] = field(default_factory=dict)
    approved: dict[tuple[AgencyId, Purpose, CodeName], Approval] = field(default_factory=dict)
    catalogues: dict[AgencyId, frozenset[FieldName]] = field(default_factory=dict)
    catalogue_indices: dict[AgencyId, int] = field(default_factory=dict)
    evidence: dict[ConsentId | GivenId, Evidence] = field(default_factory=dict)
    grants: dict[ExchangeId, Grant] = field(default_factory=dict)
    exchanges: set[bytes] = field(default_factory=set)
    counters: dict[KeyName, Counter] = field(default_factory=dict)
    views: dict[bytes, int] = field(default_factory=dict)
    _key_names: dict[KeyId, KeyName] = field(default_factory=dict)
    _field_sets: dict[frozenset[FieldName], frozenset[FieldName]] = field(default_factory=dict)
    _deadlines: list[tuple[int, ExchangeId]] = field(default_factory=list)

    @property
    def log_vkey(self) -> str | None:
        """The key that signs the open shard's checkpoints; None before the shard is opened."""
        shard = self.shards.get(self.log)
        return None if shard is None else shard.vkey

    @property
    def entries(self) -> int:
        """How many entries of the open shard there are."""
        return self.size - self.first

    @property
    def closed(self) -> Succession | None:
        """How the open shard ended, once it has: nothing more is logged in it."""
        shard = self.shards.get(self.log)
        return None if shard is None else shard.closed

    def counter(self, key: KeyName) -> Counter:
        """Give a key's counter, starting one for a key that never signed."""
        counter = self.counters.get(key)
        if counter is None:
            counter = self.counters[key] = Counter()
        return counter

    def place(self, statement: st.Statement) -> Place:
        """Say what a statement's number is: free, used, or too far ahead; a void may come from however far."""
        if isinstance(statement, st.Steered):
            return "used" if statement.seq <= self.chain else "next"
        if isinstance(statement, st.ClientWithdrawn):
            evidence = self.evidence.get(statement.basis)
            return "next" if evidence is None or evidence.withdrawn is None else "used"
        place = self.counter(statement.key).place(statement.n)
        return "next" if place == "too_far" and isinstance(statement, st.Void) else place

    def key_in_force(self, name: KeyName, *roles: st.KeyRole) -> Key | None:
        """Give a key that is unrevoked, has one of these roles and belongs to a member; None otherwise."""
        key = self.keys.get(name)
        if key is None or key.role not in roles or key.revoked is not None or key.agency not in self.members:
            return None
        return key

    def key_by_id(self, agency: AgencyId, key_id: KeyId) -> Key | None:
        """Give an agency's unrevoked key by its long id; None when there is none."""
        name = self._key_names.get(key_id)
        key = None if name is None else self.keys[name]
        return None if key is None or key.agency != agency or key.revoked is not None else key

    # What is held under more than one name, or in a form of its own: entries and snapshots put it in by the same way.

    def hold_text(self, language: st.Language, text: Hash, purpose: Purpose | None, *, approved: bool = True) -> None:
        """Hold an approved text, or no more: the words of a language, or with a purpose an agency's own form for it."""
        if purpose is None:
            (self.texts.add if approved else self.texts.discard)((language, text))
        else:
            (self.forms.add if approved else self.forms.discard)((language, text, purpose))

    def has_text(self, language: st.Language, text: Hash, purpose: Purpose | None) -> bool:
        """Tell whether a text is approved."""
        return (language, text) in self.texts if purpose is None else (language, text, purpose) in self.forms

    def hold_shard(self, shard: Shard) -> None:
        """Hold a shard, open or closed, and that the key of its checkpoints is in use."""
        self.shards[shard.log] = shard
        self.publics.add(parse_vkey(shard.vkey).public)

    def hold_member(self, member: Member) -> None:
        """Hold a member, found by its name and by its account."""
        self.members[member.agency] = member
        self.accounts[member.account] = member.agency

    def hold_key(self, key: Key) -> None:
        """Hold a public key, found by its name and by its long id."""
        verifier = key.verifier
        self.publics.add(from_base64(key.public, "public") if verifier is None else verifier.public)
        self.keys[key.name] = key
        self._key_names[key.id] = key.name

    def hold_approval(self, name: ApprovalId, approval: Approval, *, in_force: bool = True) -> None:
        """Hold an approval; in force, it stands in place of an earlier one for the same kind of access."""
        self.approvals[name] = approval
        if in_force:
            self.approved[approval.agency, approval.purpose, approval.role] = approval

    def hold_grant(self, index: int, leaf: Hash, statement: st.Request, fields: tuple[FieldName, ...]) -> None:
        """Hold an open grant until it is answered or its deadline has passed."""
        closes = statement.answer_by + DEADLINE_GRACE_MS
        heappush(self._deadlines, (closes, statement.exchange))
        requester = self.keys[statement.key].agency
        self.grants[statement.exchange] = Grant(index, leaf, statement, requester, fields, closes)

    def own_name(self, agency: AgencyId) -> AgencyId:
        """Give the one text of a member's name that is held already, for an equal one."""
        member = self.members.get(agency)
        return agency if member is None else member.agency

    def own_fields(self, fields: Iterable[FieldName]) -> frozenset[FieldName]:
        """Give the one set of these fields that is held for all consents to them."""
        found = frozenset(fields)
        return self._field_sets.setdefault(found, found)

    def advance(self, time_ms: int) -> None:
        """Let the log's time pass, never backwards: grants whose deadline lies before it end, and free their uses."""
        self.time = max(self.time, time_ms)
        while self._deadlines and self._deadlines[0][0] < self.time:
            grant = self.grants.pop(heappop(self._deadlines)[1], None)
            if grant is not None:
                self._release(grant)

    def close(self, succession: Succession) -> None:
        """End the open shard; one that was never opened has nothing to end."""
        shard = self.shards.get(self.log)
        if shard is not None:
            self.shards[self.log] = replace(shard, closed=succession)

    def move_on(self, closed: Succession) -> None:
        """Go on in the shard that follows a closed one: all stays in force, and every key counts from 1 again."""
        self.log, self.first, self.size = closed.next, closed.end, closed.end
        self.counters = {}

    def skip(self) -> None:
        """Count an entry that proves nothing: it has an index and no effect."""
        self.size += 1

    def apply(self, leaf: bytes, entry: AnyEntry, statement: st.Statement) -> None:
        """Fold one entry in; `leaf` are its bytes, `statement` the parsed text of the note it embeds."""
        self.advance(entry.time)
        match entry, statement:
            case Granted(), st.Request():
                self._grant(leaf, entry, statement)
            case ((Answered() | Withheld()), st.Outcome()):
                self._answer(entry, statement)
            case ((Recorded() | Closed()), st.Steered()):
                self._record_of_steering(statement)
                self.begun_with = entry.state if isinstance(entry, Closed) else None
                self.chain, self.chain_prev = statement.seq, text_hash(entry.statement.encode())
                self.chain_indices.append(self.size)
            case Recorded(), _:
                self._record_of_agency(statement)
            case ((Refused() | Rejected()), st.Request()):
                self._use_up(statement)
            case _:
                pass  # a rejected statement only uses up its number
        if isinstance(statement, st.Numbered):
            self.counter(statement.key).use(statement.n)
        self.size += 1

    def _use_up(self, request: st.Request) -> None:
        self.exchanges.add(bytes.fromhex(request.exchange))
        if request.view is not None:
            self.views[bytes.fromhex(request.view)] = self.size

    def _grant(self, leaf: bytes, entry: Granted, statement: st.Request) -> None:
        self._use_up(statement)
        evidence = self._evidence_of(statement.basis)
        if evidence is not None:
            evidence.reserved += 1
        self.hold_grant(self.size, Hash(leaf_hash(leaf).hex()), statement, entry.fields)

    def _answer(self, entry: Answered | Withheld, statement: st.Outcome) -> None:
        """Close the grant; a disclosure consumes the reserved use, any other end frees it."""
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

    def _record_of_steering(self, statement: Steering) -> None:
        match statement:
            case st.ShardOpened() | st.LogKey() | st.ShardClosed() | st.ShardPruned():
                self._record_of_shard(statement)
            case st.RegistrySet():
                self.registry = statement.registry
            case st.TextReviewed():
                self._review(statement)
            case st.MemberAdmitted():
                self.hold_member(Member(statement.agency, statement.kind, statement.account, self.size))
            case st.MemberLeft():
                self._leave(statement.agency)
            case st.KeyAdded():
                self._add_key(statement)
            case st.KeyRevoked():
                self._revoke(statement.name)
            case _:
                assert_never(statement)

    def _record_of_shard(self, statement: st.ShardOpened | st.LogKey | st.ShardClosed | st.ShardPruned) -> None:
        match statement:
            case st.ShardOpened():
                self.hold_shard(Shard(self.log, self.first, statement.log_vkey))
            case st.ShardClosed():
                self.close(Succession(self.size + 1, self.time, statement.next, statement.next_vkey))
            case st.LogKey():
                self._take_over(statement)
            case st.ShardPruned():
                self._forget(statement)
            case _:
                assert_never(statement)

    def _take_over(self, statement: st.LogKey) -> None:
        """Open a shard after one that could not be closed; the time for which that one is kept runs from here."""
        ended = self.shards.get(statement.ended)
        if ended is not None and ended.closed is not None:
            self.shards[ended.log] = replace(ended, closed=replace(ended.closed, at_ms=self.time))
        self.hold_shard(Shard(self.log, self.first, statement.log_vkey))

    def _forget(self, statement: st.ShardPruned) -> None:
        """Let go what stood in a pruned shard and is over: consents and bases, and the codes that open their story."""
        shard = self.shards.get(statement.shard)
        if shard is None or shard.closed is None:
            return
        self.shards[statement.shard] = replace(shard, pruned=statement.root)
        end = shard.closed.end
        over = [name for name, one in self.evidence.items() if one.index < end and one.over(self.time)]
        for name in over:
            del self.evidence[name]
        kept = {one.index for one in self.evidence.values()}
        self.views = {view: index for view, index in self.views.items() if index >= end or index in kept}

    def _review(self, statement: st.TextReviewed) -> None:
        approved = statement.verdict == "approved"
        self.hold_text(statement.language, statement.text, statement.purpose, approved=approved)

    def _leave(self, agency: AgencyId) -> None:
        left = self.members.pop(agency, None)
        if left is not None:
            self.accounts.pop(left.account, None)
            self.former.add(agency)

    def _add_key(self, statement: st.KeyAdded) -> None:
        key = Key(
            name=statement.name,
            agency=statement.agency,
            role=statement.role,
            suite=statement.suite,
            public=statement.public,
            id=key_fingerprint(statement.public),
            index=self.size,
            verifier=None if statement.role == "seal" else parse_vkey(statement.public),
        )
        self.hold_key(key)

    def _revoke(self, name: KeyName) -> None:
        key = self.keys.get(name)
        if key is not None and key.revoked is None:
            self.keys[name] = replace(key, revoked=self.size)

    def _record_of_agency(self, statement: st.Statement) -> None:
        match statement:
            case st.ApprovalGiven():
                self._approve(statement)
            case st.ApprovalEnded():
                self._end_approval(statement.approval)
            case st.CatalogueSet():
                self._publish(statement)
            case st.ConsentGiven() | st.BasisGiven():
                self._evidence_given(statement)
            case st.ConsentWithdrawn():
                self._withdraw(statement.consent)
            case st.BasisWithdrawn():
                self._withdraw(statement.given)
            case st.ClientWithdrawn():
                self._withdraw(statement.basis)
            case st.ConsentCodes():
                self._recode(statement)
            case st.Void():
                self.counter(statement.key).void(statement.first, statement.last)
            case _:
                return

    def _publish(self, statement: st.CatalogueSet) -> None:
        """Hold an agency's latest catalogue; a node may learn an earlier one after it."""
        agency = self.keys[statement.key].agency
        if self.catalogue_indices.get(agency, -1) < self.size:
            self.catalogues[agency] = frozenset(statement.fields)
            self.catalogue_indices[agency] = self.size

    def _approve(self, statement: st.ApprovalGiven) -> None:
        approval = Approval(
            index=self.size,
            agency=self.keys[statement.key].agency,
            role=statement.role,
            purpose=statement.purpose,
            fields=frozenset(statement.fields),
            valid_until=statement.valid_until,
            ceiling=statement.ceiling,
            automatic=statement.automatic,
            conditions=frozenset(statement.conditions or ()),
        )
        self.hold_approval(statement.approval, approval)

    def _end_approval(self, name: ApprovalId) -> None:
        """End an approval; one that a later approval has replaced is over already, and the later one stays."""
        ended = self.approvals.get(name)
        if ended is not None and self.approved.get((ended.agency, ended.purpose, ended.role)) is ended:
            del self.approved[ended.agency, ended.purpose, ended.role]

    def _evidence_given(self, statement: st.ConsentGiven | st.BasisGiven) -> None:
        """Put a consent or given basis into force; a renewed consent ends the one it replaces."""
        consent = statement if isinstance(statement, st.ConsentGiven) else None
        if consent is not None and consent.replaces is not None:
            self._withdraw(consent.replaces, renewed=True)
        # Most consents are to the same fields and agencies: held once for all, or 100,000 consents would not fit.
        self.evidence[evidence_id(statement)] = Evidence(
            index=self.size,
            kind=statement.kind if isinstance(statement, st.BasisGiven) else "consent",
            collector=self.keys[statement.key].agency,
            recipient=self.own_name(statement.recipient),
            holders=tuple(map(self.own_name, statement.holders)),
            purpose=statement.purpose,
            fields=self.own_fields(statement.fields),
            not_before=0 if consent is None else consent.not_before,
            expires=statement.expires,
            uses=statement.uses,
            person=statement.person,
            secrecy_release=consent is not None and consent.secrecy_release,
            view=bytes.fromhex(statement.view),
            withdraw=bytes.fromhex(statement.withdraw),
        )
        self.views[self.evidence[evidence_id(statement)].view] = self.size

    def _recode(self, statement: st.ConsentCodes) -> None:
        evidence = self.evidence.get(statement.basis)
        if evidence is not None:
            self.views.pop(evidence.view, None)
            self.views[bytes.fromhex(statement.view)] = evidence.index
            evidence.view, evidence.withdraw = bytes.fromhex(statement.view), bytes.fromhex(statement.withdraw)

    def _withdraw(self, name: ConsentId | GivenId, *, renewed: bool = False) -> None:
        evidence = self.evidence.get(name)
        if evidence is not None and evidence.withdrawn is None:
            evidence.withdrawn, evidence.renewed = self.size, renewed
