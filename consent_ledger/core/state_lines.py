"""The lines of a state written as bytes, each with what one thing in force is made of; see `core/state_bundle.py`."""

from typing import Annotated

from pydantic import Field, StringConstraints

from schemas import canonical
from schemas import statements as st
from schemas.ids import AgencyId, ApprovalId, CodeName, ConsentId, Hash, KeyName, LogId, NatsAccount, Purpose
from schemas.wire import MAX_STATEMENT_BYTES, Wire

_Whole = Annotated[int, Field(ge=0, le=canonical.MAX_INTEGER)]


class HeadLine(Wire):
    """Where in the log the state is, and what there is one of."""

    log: LogId
    first: _Whole
    size: _Whole
    time: st.Millis
    chain: _Whole
    chain_indices: tuple[_Whole, ...]
    chain_prev: Hash
    registry: Hash | None = None
    former: tuple[AgencyId, ...]


class ShardLine(Wire):
    """A shard of the log; `end` to `next_vkey` are there when it is closed, `root` when log.key ended it."""

    log: LogId
    first: _Whole
    vkey: st.Vkey
    end: _Whole | None = None
    closed: st.Millis | None = None
    next: LogId | None = None
    next_vkey: st.Vkey | None = None
    root: Hash | None = None
    pruned: Hash | None = None


class MemberLine(Wire):
    """A member, from its admission's index on."""

    agency: AgencyId
    kind: CodeName
    account: NatsAccount
    index: _Whole


class KeyLine(Wire):
    """A key that is or was in force."""

    name: KeyName
    agency: AgencyId
    role: st.KeyRole
    suite: st.Suite
    public: Annotated[str, StringConstraints(strict=True, min_length=10, max_length=2000)]
    index: _Whole
    revoked: _Whole | None = None


class ApprovalLine(Wire):
    """An approval that was given; `in_force` tells whether it was neither ended nor replaced."""

    approval: ApprovalId
    index: _Whole
    agency: AgencyId
    role: CodeName
    purpose: Purpose
    fields: st.Fields
    valid_until: st.Millis
    ceiling: Annotated[int, Field(ge=0, le=3)]
    automatic: bool
    conditions: st.Codes = ()
    in_force: bool


class TextLine(Wire):
    """A client text that is approved, by its language and the hash of its file; with a purpose an agency's own form."""

    language: st.Language
    text: Hash
    purpose: Purpose | None = None


class CatalogueLine(Wire):
    """The fields a holder can deliver, and the index of the entry that says so."""

    holder: AgencyId
    index: _Whole
    fields: st.Fields


class FieldsLine(Wire):
    """A set of fields that consents are to; they name it by its number, from 0."""

    fields: st.Fields


class EvidenceLine(Wire):
    """A consent or given basis; `fields` is the number of a line of kind `fields`."""

    id: ConsentId
    index: _Whole
    kind: CodeName
    collector: AgencyId
    recipient: AgencyId
    holders: st.Holders
    purpose: Purpose
    fields: _Whole
    not_before: st.Millis
    expires: st.Millis
    uses: _Whole
    person: Hash
    secrecy_release: bool
    view: Hash
    withdraw: Hash
    reserved: _Whole
    withdrawn: _Whole | None = None
    renewed: bool


class GrantLine(Wire):
    """An open grant, with the text of the request it answers."""

    index: _Whole
    leaf: Hash
    fields: st.AnsweredFields
    statement: Annotated[str, StringConstraints(strict=True, max_length=MAX_STATEMENT_BYTES)]


class CounterLine(Wire):
    """The numbers of a key that are logged or dead, as ranges (first, last), and the highest that is logged."""

    key: KeyName
    highest: _Whole
    taken: tuple[tuple[st.Number, st.Number], ...]


class PackedLine(Wire):
    """Ids or hashes of one length, one after the other, in base64."""

    packed: Annotated[str, StringConstraints(strict=True, min_length=1)]
