"""From note bytes to a statement whose signers are proven, with the keys that are in force at an index."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consent_ledger.core.state import Key
from schemas import statements as st
from schemas.errors import Code, Malformed, NotAuthentic
from schemas.ids import AgencyId, FederationName, KeyName
from schemas.note import Note, VerifierKey, split_note, verify_split
from schemas.statements import Numbered, Statement, Steered, parse_statement_text
from schemas.wire import MAX_STATEMENT_BYTES

STEERING: Final = AgencyId("steering")
"""The name the steering group's keys carry in place of an agency; no agency may be admitted under it."""

_QUORUM: Final = 2
_DPO_SIGNS: Final = (st.ApprovalGiven, st.ApprovalEnded)


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


def read_note(unverified_note: bytes) -> tuple[Note, Statement]:
    """Take a note apart and parse its statement without proving anything; Malformed when either is out of form."""
    if len(unverified_note) > MAX_STATEMENT_BYTES:
        message = f"statement: {len(unverified_note)} bytes, at most {MAX_STATEMENT_BYTES} are taken"
        raise Malformed(message, code=Code.TOO_LARGE)
    note = split_note(unverified_note)
    return note, parse_statement_text(note.text.decode())


def verify_statement(unverified_note: bytes, keys: Mapping[KeyName, Key], pins: Pins) -> SignedStatement:
    """Prove who signed a statement.

    An agency's statement needs the signature of the key it names, of role `statement` (of role `dpo` for approvals); a
    steering statement needs two different pinned steering keys. Whether the key is in force is decided in log order.
    Raises Malformed for bad form, NotAuthentic when a signature is missing, unknown or wrong.
    """
    note, statement = read_note(unverified_note)
    if isinstance(statement, Steered):
        return SignedStatement(unverified_note, statement, _verify_steered(note, statement, pins))
    return SignedStatement(unverified_note, statement, _verify_numbered(note, statement, keys))


def _verify_numbered(note: Note, statement: Numbered, keys: Mapping[KeyName, Key]) -> AgencyId:
    key = keys.get(statement.key)
    if key is None or key.verifier is None or key.role != key_role(statement):
        message = f"statement: key {statement.key} is not a {key_role(statement)} key of this federation"
        raise NotAuthentic(message, code=Code.KEY_NOT_IN_FORCE)
    verify_split(note, (key.verifier,))
    return key.agency


def _verify_steered(note: Note, statement: Steered, pins: Pins) -> AgencyId:
    signers = {signer.name for signer in verify_split(note, pins.steering).signers}
    if len(signers) < _QUORUM:
        message = f"statement: {len(signers)} steering keys signed, {_QUORUM} are needed"
        raise NotAuthentic(message)
    roles = {name.rpartition("/")[2].partition("-")[0] for name in signers}
    if isinstance(statement, st.RegistrySet) and not {"dpo", "steward"} <= roles:
        message = "registry.set: the DPO role and the access steward must both sign"
        raise NotAuthentic(message)
    return STEERING


def key_role(statement: Statement) -> st.KeyRole:
    """Give the role of the key that must sign an agency's statement: its DPO for approvals, else its statement key."""
    return "dpo" if isinstance(statement, _DPO_SIGNS) else "statement"
