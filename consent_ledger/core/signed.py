"""From note bytes to a statement whose signers are proven, with the keys that are in force at an index."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consent_ledger.core.state import Key
from schemas import statements as st
from schemas.canonical import Decode, decode_model
from schemas.errors import Code, Malformed, NotAuthentic
from schemas.ids import AgencyId, FederationName, KeyName
from schemas.note import Note, VerifiedNote, VerifierKey, split_note, verify_split
from schemas.statements import ClientWithdrawn, Numbered, Statement, Steered, parse_statement_text
from schemas.wire import MAX_STATEMENT_BYTES

STEERING: Final = AgencyId("steering")
"""The name the steering group's keys carry in place of an agency; no agency may be admitted under it."""

CLIENT: Final = AgencyId("client")
"""Stands in place of an agency for what a client said by a code; no agency may be admitted under it."""
_UNSIGNED: Final = b"handschlag/client.withdrawn/v1\n"

Check = Callable[[Note, Sequence[VerifierKey]], VerifiedNote]
"""Verifies a note's signatures with known keys, as `schemas.note.verify_split` does."""

_QUORUM: Final = 2
_ROLES: Final[Mapping[type[Numbered], tuple[st.KeyRole, ...]]] = {
    st.ApprovalGiven: ("dpo",),
    st.ApprovalEnded: ("dpo",),
    st.Void: ("statement", "dpo"),
    st.AgencyHead: ("statement", "dpo"),
}


@dataclass(frozen=True, slots=True)
class Pins:
    """What a node or auditor knows beforehand and takes from nobody: the federation and its steering keys."""

    federation: FederationName
    steering: tuple[VerifierKey, ...]


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement with proven signers: `agency` is the signing key's agency, or `steering` for the steering group."""

    note: bytes
    statement: Statement
    agency: AgencyId


def read_note(unverified_note: bytes, decode: Decode = decode_model) -> tuple[Note, Statement]:
    """Take a note apart and parse its statement without proving anything; Malformed when either is out of form.

    What a client says by a code is a text without signatures. `decode` is as in `parse_statement_text`.
    """
    if len(unverified_note) > MAX_STATEMENT_BYTES:
        message = f"statement: {len(unverified_note)} bytes, at most {MAX_STATEMENT_BYTES} are taken"
        raise Malformed(message, code=Code.TOO_LARGE)
    note = Note(unverified_note, ()) if unverified_note.startswith(_UNSIGNED) else split_note(unverified_note)
    return note, parse_statement_text(note.text.decode("utf-8", "replace"), decode)


def verify_statement(unverified_note: bytes, keys: Mapping[KeyName, Key], pins: Pins) -> SignedStatement:
    """Prove who signed a statement.

    An agency's statement has one signature, by the key it names, whose role fits the statement's type; a steering
    statement those of two or more pinned steering keys. Other signature lines are refused: they would carry into the
    log what nobody signed. Whether the key is in force is decided in log order. Raises Malformed for bad form,
    NotAuthentic when a signature is missing, unknown or wrong.
    """
    note, statement = read_note(unverified_note)
    return SignedStatement(unverified_note, statement, verify_signers(note, statement, keys, pins))


def verify_signers(
    note: Note, statement: Statement, keys: Mapping[KeyName, Key], pins: Pins, check: Check = verify_split
) -> AgencyId:
    """Prove who signed a note whose statement has been read from its text; raises as `verify_statement`.

    `check` stands in for `verify_split` where signatures were verified beforehand, in another process. Nobody signs a
    client's withdrawal: whether its code is right only the state can tell (`prove.check_code`).
    """
    if isinstance(statement, ClientWithdrawn):
        return CLIENT
    if isinstance(statement, Steered):
        return _verify_steered(note, statement, pins)
    return _verify_numbered(note, statement, keys, check)


def _verify_numbered(note: Note, statement: Numbered, keys: Mapping[KeyName, Key], check: Check) -> AgencyId:
    key, roles = keys.get(statement.key), signing_roles(statement)
    if key is None or key.verifier is None or key.role not in roles:
        message = f"statement: its key is not a {' or '.join(roles)} key of this federation"
        raise NotAuthentic(message, code=Code.KEY_NOT_IN_FORCE)
    _check_no_others(note, check(note, (key.verifier,)).signers)
    return key.agency


def _verify_steered(note: Note, statement: Steered, pins: Pins) -> AgencyId:
    signers = verify_split(note, pins.steering).signers
    _check_no_others(note, signers)
    if len({signer.public for signer in signers}) < _QUORUM:
        message = f"statement: {_QUORUM} different steering keys must sign it"
        raise NotAuthentic(message)
    roles = {signer.name.rpartition("/")[2].partition("-")[0] for signer in signers}
    if isinstance(statement, st.RegistrySet | st.TextReviewed) and not {"dpo", "steward"} <= roles:
        message = "law and texts: the DPO role and the access steward must both sign"
        raise NotAuthentic(message)
    return STEERING


def _check_no_others(note: Note, signers: Sequence[VerifierKey]) -> None:
    if len(note.signatures) != len(signers):
        message = "statement: it carries a signature line that is repeated or of a key not asked for"
        raise Malformed(message)


def signing_roles(statement: Numbered) -> tuple[st.KeyRole, ...]:
    """Give the roles of keys that may sign an agency's statement.

    Approvals are the DPO's; voids and heads speak of the very key that signs them; all else is the statement key's.
    """
    return _ROLES.get(type(statement), ("statement",))
