"""A state as bytes, and back: what a process that starts would otherwise have to fold from every entry.

The first line is the format's name; each other one is a kind, a space and canonical JSON. Kinds stand in a fixed order,
the lines of a kind in that of their indexes in the log, or else of their names. So a state has one spelling: whoever
folds the same entries writes the same bytes. What follows from something else is not written.
"""

from collections.abc import Collection, Iterator
from itertools import islice
from operator import attrgetter
from typing import Final, TypeVar

from pydantic import ValidationError

from consent_ledger.core import state_lines as ln
from consent_ledger.core.approval import Approval
from consent_ledger.core.counters import Counter
from consent_ledger.core.evidence import Evidence
from consent_ledger.core.shard import Shard, Succession
from consent_ledger.core.state import Key, LedgerState, Member
from schemas import canonical
from schemas import statements as st
from schemas.errors import Malformed
from schemas.ids import CodeName, ConsentId, FieldName, Hash
from schemas.note import from_base64, key_fingerprint, parse_vkey, to_base64
from schemas.wire import Wire

FORMAT: Final = b"handschlag/state/v1"

_PARTIES: Final = ("member", "key", "approval", "catalogue")
_KINDS: Final = ("head", "shard", "text", *_PARTIES, "fields", "evidence", "grant", "counter", "exchanges", "views")
_ID_BYTES: Final = 16
_HASH_BYTES: Final = 32
_VIEW_BYTES: Final = _HASH_BYTES + 8
_TOGETHER: Final = 4096
"""So many ids are packed into one line: a line for each would take longer to read than the entries of a small log."""

LineT = TypeVar("LineT", bound=Wire)

_index = attrgetter("index")


def dump_state(state: LedgerState) -> bytes:
    """Write a state; states that decide alike give equal bytes."""
    return b"\n".join(
        [FORMAT, *(f"{kind} ".encode() + canonical.encode_model(line) for kind, line in _lines(state)), b""]
    )


def load_state(unverified: bytes) -> LedgerState:
    """Read what `dump_state` wrote; Malformed when a line is out of form, or names what is not there.

    Nothing here proves that any of it is so: that is for who signed the bytes to say.
    """
    lines = _Lines(unverified)
    try:
        state = _begun(lines)
        _hold_parties(state, lines)
        _hold_evidence(state, lines)
        for line in lines.of("grant", ln.GrantLine):
            state.hold_grant(line.index, line.leaf, _request(line.statement), line.fields)
        for counted in lines.of("counter", ln.CounterLine):
            state.counters[counted.key] = _counter(counted)
    except LookupError as error:
        message = "state: a line names a key or a set of fields that has no line before it"
        raise Malformed(message) from error
    state.exchanges.update(lines.unpacked("exchanges", _ID_BYTES))
    for packed in lines.unpacked("views", _VIEW_BYTES):
        state.views[packed[:_HASH_BYTES]] = int.from_bytes(packed[_HASH_BYTES:])
    return state


# -- writing ----------------------------------------------------------------------------------------------------------


def _lines(state: LedgerState) -> Iterator[tuple[str, Wire]]:
    """Give kind and content of each line in order."""
    yield "head", _head(state)
    for shard in sorted(state.shards.values(), key=attrgetter("first")):
        yield "shard", _shard_line(shard)
    for language, text in sorted(state.texts):
        yield "text", ln.TextLine(language=language, text=text)
    for language, text, purpose in sorted(state.forms):
        yield "text", ln.TextLine(language=language, text=text, purpose=purpose)
    for member in sorted(state.members.values(), key=_index):
        yield (
            "member",
            ln.MemberLine(agency=member.agency, kind=member.kind, account=member.account, index=member.index),
        )
    for key in sorted(state.keys.values(), key=_index):
        yield "key", _key_line(key)
    yield from _approval_lines(state)
    for holder, catalogue in sorted(state.catalogues.items()):
        yield (
            "catalogue",
            ln.CatalogueLine(holder=holder, index=state.catalogue_indices[holder], fields=tuple(sorted(catalogue))),
        )
    yield from _evidence_lines(state)
    for grant in sorted(state.grants.values(), key=_index):
        request = st.statement_text(grant.statement)
        yield "grant", ln.GrantLine(index=grant.index, leaf=grant.leaf, fields=grant.fields, statement=request)
    for name, counter in sorted(state.counters.items()):
        taken = tuple(counter.taken())
        if taken:  # to ask for a number's place starts a counter, and changes nothing
            yield "counter", ln.CounterLine(key=name, highest=counter.highest, taken=taken)
    yield from _packed("exchanges", state.exchanges)
    yield from _packed("views", [view + index.to_bytes(8) for view, index in state.views.items()])


def _head(state: LedgerState) -> ln.HeadLine:
    return ln.HeadLine(
        log=state.log,
        first=state.first,
        size=state.size,
        time=state.time,
        chain=state.chain,
        chain_indices=tuple(state.chain_indices),
        chain_prev=state.chain_prev,
        registry=state.registry,
        former=tuple(sorted(state.former)),
    )


def _shard_line(shard: Shard) -> ln.ShardLine:
    closed = shard.closed
    if closed is None:
        return ln.ShardLine(log=shard.log, first=shard.first, vkey=shard.vkey)
    return ln.ShardLine(
        log=shard.log,
        first=shard.first,
        vkey=shard.vkey,
        end=closed.end,
        closed=closed.at_ms,
        next=closed.next,
        next_vkey=closed.next_vkey,
        root=closed.root,
        pruned=shard.pruned,
    )


def _key_line(key: Key) -> ln.KeyLine:
    return ln.KeyLine(
        name=key.name,
        agency=key.agency,
        role=key.role,
        suite=key.suite,
        public=key.public,
        index=key.index,
        revoked=key.revoked,
    )


def _approval_lines(state: LedgerState) -> Iterator[tuple[str, ln.ApprovalLine]]:
    for name, approval in sorted(state.approvals.items(), key=lambda item: item[1].index):
        yield (
            "approval",
            ln.ApprovalLine(
                approval=name,
                index=approval.index,
                agency=approval.agency,
                role=approval.role,
                purpose=approval.purpose,
                fields=tuple(sorted(approval.fields)),
                valid_until=approval.valid_until,
                ceiling=approval.ceiling,
                automatic=approval.automatic,
                conditions=tuple(sorted(approval.conditions)),
                in_force=state.approved.get((approval.agency, approval.purpose, approval.role)) is approval,
            ),
        )


def _evidence_lines(state: LedgerState) -> Iterator[tuple[str, Wire]]:
    """Give the sets of fields there are, and each consent and given basis with the number of its set."""
    sets = sorted({one.fields for one in state.evidence.values()}, key=sorted)
    for fields in sets:
        yield "fields", ln.FieldsLine(fields=tuple(sorted(fields)))
    numbers = {fields: number for number, fields in enumerate(sets)}
    for name, one in sorted(state.evidence.items(), key=lambda item: item[1].index):
        yield (
            "evidence",
            ln.EvidenceLine(
                id=ConsentId(name),
                index=one.index,
                kind=CodeName(one.kind),
                collector=one.collector,
                recipient=one.recipient,
                holders=one.holders,
                purpose=one.purpose,
                fields=numbers[one.fields],
                not_before=one.not_before,
                expires=one.expires,
                uses=one.uses,
                person=one.person,
                secrecy_release=one.secrecy_release,
                view=Hash(one.view.hex()),
                withdraw=Hash(one.withdraw.hex()),
                reserved=one.reserved,
                withdrawn=one.withdrawn,
                renewed=one.renewed,
            ),
        )


def _packed(kind: str, ids: Collection[bytes]) -> Iterator[tuple[str, ln.PackedLine]]:
    rest = iter(sorted(ids))
    while together := b"".join(islice(rest, _TOGETHER)):
        yield kind, ln.PackedLine(packed=to_base64(together))


# -- reading ----------------------------------------------------------------------------------------------------------


class _Lines:
    """The lines of a bundle, by their kinds."""

    def __init__(self, unverified: bytes) -> None:
        lines = unverified.split(b"\n")
        if lines[0] != FORMAT or lines[-1]:
            message = f"state: must begin with the line {FORMAT.decode()}, and end with a whole line"
            raise Malformed(message)
        self._by_kind: dict[str, list[bytes]] = {kind: [] for kind in _KINDS}
        for number, line in enumerate(lines[1:-1], 2):
            kind, _, content = line.partition(b" ")
            found = self._by_kind.get(kind.decode(errors="replace"))
            if found is None:
                message = f"state, line {number}: is of no known kind"
                raise Malformed(message)
            found.append(content)

    def of(self, kind: str, shape: type[LineT]) -> Iterator[LineT]:
        """Read the lines of a kind; Malformed naming the kind and what is wrong."""
        try:
            yield from map(shape.model_validate_json, self._by_kind[kind])
        except ValidationError as error:
            raise Malformed(canonical.describe(f"state, {kind}", error)) from error

    def unpacked(self, kind: str, width: int) -> Iterator[bytes]:
        """Give the ids that are packed into the lines of a kind."""
        for line in self.of(kind, ln.PackedLine):
            packed = from_base64(line.packed, f"state, {kind}")
            if len(packed) % width:
                message = f"state, {kind}: {len(packed)} bytes, must be a multiple of {width}"
                raise Malformed(message)
            yield from (packed[start : start + width] for start in range(0, len(packed), width))


def _begun(lines: _Lines) -> LedgerState:
    heads = list(lines.of("head", ln.HeadLine))
    if len(heads) != 1:
        message = f"state: {len(heads)} lines of kind head, must be 1"
        raise Malformed(message)
    head = heads[0]
    state = LedgerState(head.log, head.size, head.time, head.first)
    state.chain, state.chain_indices, state.chain_prev = head.chain, list(head.chain_indices), head.chain_prev
    state.registry, state.former = head.registry, set(head.former)
    for line in lines.of("shard", ln.ShardLine):
        state.hold_shard(_shard(line))
    for approved in lines.of("text", ln.TextLine):
        state.hold_text(approved.language, approved.text, approved.purpose)
    return state


def _shard(line: ln.ShardLine) -> Shard:
    if line.end is None or line.closed is None or line.next is None or line.next_vkey is None:
        return Shard(line.log, line.first, line.vkey)
    closed = Succession(line.end, line.closed, line.next, line.next_vkey, line.root)
    return Shard(line.log, line.first, line.vkey, closed, line.pruned)


def _hold_parties(state: LedgerState, lines: _Lines) -> None:
    """Put members, keys, approvals and catalogues into force."""
    for member in lines.of("member", ln.MemberLine):
        state.hold_member(Member(member.agency, member.kind, member.account, member.index))
    for key in lines.of("key", ln.KeyLine):
        state.hold_key(
            Key(
                name=key.name,
                agency=state.own_name(key.agency),
                role=key.role,
                suite=key.suite,
                public=key.public,
                id=key_fingerprint(key.public),
                index=key.index,
                verifier=None if key.role == "seal" else parse_vkey(key.public),
                revoked=key.revoked,
            )
        )
    for line in lines.of("approval", ln.ApprovalLine):
        approval = Approval(
            index=line.index,
            agency=line.agency,
            role=line.role,
            purpose=line.purpose,
            fields=frozenset(line.fields),
            valid_until=line.valid_until,
            ceiling=line.ceiling,
            automatic=line.automatic,
            conditions=frozenset(line.conditions),
        )
        state.hold_approval(line.approval, approval, in_force=line.in_force)
    for catalogue in lines.of("catalogue", ln.CatalogueLine):
        state.catalogues[catalogue.holder] = frozenset(catalogue.fields)
        state.catalogue_indices[catalogue.holder] = catalogue.index


def _hold_evidence(state: LedgerState, lines: _Lines) -> None:
    sets: list[frozenset[FieldName]] = [state.own_fields(line.fields) for line in lines.of("fields", ln.FieldsLine)]
    for line in lines.of("evidence", ln.EvidenceLine):
        state.evidence[line.id] = Evidence(
            index=line.index,
            kind=line.kind,
            collector=state.own_name(line.collector),
            recipient=state.own_name(line.recipient),
            holders=tuple(map(state.own_name, line.holders)),
            purpose=line.purpose,
            fields=sets[line.fields],
            not_before=line.not_before,
            expires=line.expires,
            uses=line.uses,
            person=line.person,
            secrecy_release=line.secrecy_release,
            view=bytes.fromhex(line.view),
            withdraw=bytes.fromhex(line.withdraw),
            reserved=line.reserved,
            withdrawn=line.withdrawn,
            renewed=line.renewed,
        )


def _request(unverified: str) -> st.Request:
    statement = st.parse_statement_text(unverified)
    if not isinstance(statement, st.Request):
        message = "state, grant: its statement is no request"
        raise Malformed(message)
    return statement


def _counter(line: ln.CounterLine) -> Counter:
    counter = Counter()
    for first, last in line.taken:
        counter.void(first, last)
    counter.highest = line.highest
    return counter
