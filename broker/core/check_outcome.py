"""Step 12: an outcome as the holder handed it in fits itself; whether it stands is decided in log order afterwards."""

from consent_ledger.core.decision import OpenedBody, Submission
from consent_ledger.core.signed import SignedStatement
from schemas import canonical, commitment
from schemas.errors import Malformed
from schemas.ids import Hash
from schemas.statements import Outcome, OutcomeBody


def check_outcome(signed: SignedStatement, k: bytes, unverified_body: bytes) -> Submission:
    """Open the outcome's commitment with k and body.

    Raises Malformed when the statement is no outcome or the body is out of form, NotAuthentic when the body is not the
    one the holder signed. Nothing is logged then; the sender voids the number and signs anew.
    """
    if not isinstance(signed.statement, Outcome):
        message = "statement: an outcome is expected here"
        raise Malformed(message)
    body = canonical.decode_model(OutcomeBody, unverified_body)
    commitment.check(signed.statement.body, commitment.commit_body(k, body), "body")
    return Submission(signed, OpenedBody(Hash(k.hex()), body))
