"""From unverified bytes to a statement whose signer is proven and is the one the server says is calling."""

from typing import NamedTuple

from consent_ledger.core.decision import Submission
from consent_ledger.core.signed import STEERING, Pins, SignedStatement, verify_statement
from consent_ledger.core.state import LedgerState
from schemas.errors import Code, Malformed, NotAuthentic
from schemas.ids import AgencyId, Hash, NatsAccount
from schemas.statements import Outcome, Request


class Gate(NamedTuple):
    """What authenticating rests on: the pins, and the steering group's own NATS account."""

    pins: Pins
    steering_account: NatsAccount


def caller_agency(account: NatsAccount, state: LedgerState, gate: Gate) -> AgencyId:
    """Give the agency the server attests as caller; NotAuthentic for an account of no member."""
    if account == gate.steering_account:
        return STEERING
    agency = state.accounts.get(account)
    if agency is None:
        message = "account: belongs to no member of this federation"
        raise NotAuthentic(message, code=Code.NOT_A_MEMBER)
    return agency


def authenticate(unverified_note: bytes, account: NatsAccount, state: LedgerState, gate: Gate) -> SignedStatement:
    """Prove a statement's signer and that the caller is that signer, for this log or a closed shard of it.

    Raises Malformed for bad form, or another log; NotAuthentic for a wrong signature or a caller who is not the signer.
    Nothing is counted or logged by a statement that fails here.
    """
    agency = caller_agency(account, state, gate)
    signed = verify_statement(unverified_note, state.keys, gate.pins)
    if signed.agency != agency:
        message = f"statement: signed by {signed.agency}, sent by {agency}"
        raise NotAuthentic(message)
    if signed.statement.log != state.log and signed.statement.log not in state.shards:
        message = f"log: this is {state.log}"
        raise Malformed(message, code=Code.WRONG_LOG)
    return signed


def recordable(signed: SignedStatement) -> Submission:
    """Take a statement that travels alone; requests and outcomes have calls of their own."""
    if isinstance(signed.statement, Request | Outcome):
        message = "statement: requests and outcomes have calls of their own"
        raise Malformed(message)
    return Submission(signed)


def request_submission(signed: SignedStatement, person_hash: Hash) -> Submission:
    """Take a request whose sealed person block has the hash it names; Malformed when it does not fit."""
    statement = signed.statement
    if not isinstance(statement, Request):
        message = "statement: a request is expected here"
        raise Malformed(message)
    if statement.person_ct != person_hash:
        message = "person_ct: is not the hash of the sealed block beside the statement"
        raise Malformed(message)
    return Submission(signed)
