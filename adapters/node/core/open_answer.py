"""Step 15: the requester accepts a record only against both receipts, and refuses an answer with one field too many."""

from typing import NamedTuple, NoReturn

from adapters.node.core.view import Proven
from schemas import canonical, commitment
from schemas import statements as st
from schemas.commitment import sha256
from schemas.entries import Disclosed, Granted, Unavailable
from schemas.errors import NotAuthentic
from schemas.ids import FieldName
from schemas.record import Record
from schemas.seal import Opener, SealContext, fields_hash, unseal


class ProvenAnswer(NamedTuple):
    """A disclosure whose grant, entry and holder's signature are proven."""

    grant: Proven
    entry: Proven
    request: st.Request
    granted: tuple[FieldName, ...]
    body: st.OutcomeBody


def prove_answer(grant: Proven, entry: Proven) -> ProvenAnswer:
    """Check that a proven outcome answers a proven grant; NotAuthentic when the two do not belong together."""
    request, granted, answered, outcome = grant.leaf.statement, grant.leaf.entry, entry.leaf.entry, entry.leaf.statement
    if not isinstance(request, st.Request) or not isinstance(granted, Granted):
        _object("the grant is none")
    if not set(granted.fields) <= set(request.fields):
        _object("the grant names a field that was not asked for")
    if not isinstance(answered, Disclosed | Unavailable) or not isinstance(outcome, st.Outcome):
        _object("the entry is no answer")
    if (outcome.exchange, outcome.grant, answered.grant) != (request.exchange, grant.hash, grant.index):
        _object("the answer is to another grant")
    if entry.agency != request.holder:
        _object("the answer is not the holder's")
    commitment.check(outcome.body, commitment.commit_body(bytes.fromhex(answered.k), answered.body), "body")
    if not set(answered.body.fields) <= set(granted.fields):
        _object("the answer names a field that was not granted")
    return ProvenAnswer(grant, entry, request, granted.fields, answered.body)


def open_answer(answer: ProvenAnswer, unverified_sealed: bytes, opener: Opener, context: SealContext) -> Record:
    """Open the sealed record of a proven disclosure.

    Raises NotAuthentic when the bytes are not the ones the ledger names, do not open, do not fit the payload
    commitment, or hold a field that was not granted; Malformed when the record is out of form.
    """
    if answer.body.ct is None or answer.body.commitment is None or answer.body.ct != sha256(unverified_sealed):
        _object("the sealed record is not the one the ledger names")
    record = canonical.decode_model(Record, unseal(unverified_sealed, opener, context))
    opened = commitment.commit_record(bytes.fromhex(record.mask), record.fields)
    commitment.check(answer.body.commitment, opened, "record")
    if record.exchange != answer.request.exchange:
        _object("the record is of another exchange")
    if not {one.field for one in record.fields} <= set(answer.body.fields):
        _object("the record holds a field that was not granted")
    return record


def record_context(answer: ProvenAnswer, origin: str, suite: st.Suite) -> SealContext:
    """Give the context the record of this answer must be sealed in."""
    return SealContext(
        origin=origin,
        role="record",
        exchange=answer.request.exchange,
        sender=answer.request.holder,
        recipient=answer.grant.agency,
        key=answer.request.seal_key,
        suite=suite,
        fields_hash=fields_hash(answer.granted),
    )


def _object(why: str) -> NoReturn:
    message = f"answer: {why}"
    raise NotAuthentic(message)
