"""The exceptions of the house and the stable codes that travel on the wire.

A decided "no" is never an exception: it is a value that carries a `Code`. What is raised is a broken world, and the
type says whose fault it is. Codes are part of the protocol: they may be added, never renamed or given a new meaning,
because old ledgers are replayed with them.
"""

from enum import StrEnum


class Code(StrEnum):
    """Why something was refused or failed; stable for ever (refusals stand in ledger entries)."""

    # Refusals the broker decides and the ledger records: they know the law and the log, never a person.
    PROHIBITED = "prohibited"
    PURPOSE_UNKNOWN = "purpose_unknown"
    PURPOSE_NOT_IN_FORCE = "purpose_not_in_force"
    MODE_NOT_AVAILABLE = "mode_not_available"
    PAIR_NOT_ALLOWED = "pair_not_allowed"
    NO_APPROVAL = "no_approval"
    APPROVAL_CONDITION = "approval_condition"
    NOT_A_MEMBER = "not_a_member"
    KEY_NOT_IN_FORCE = "key_not_in_force"
    BASIS_MISMATCH = "basis_mismatch"
    CONSENT_UNKNOWN = "consent_unknown"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CONSENT_RENEWED = "consent_renewed"
    CONSENT_EXPIRED = "consent_expired"
    CONSENT_NOT_YET = "consent_not_yet"
    CONSENT_EXHAUSTED = "consent_exhausted"
    CONSENT_FOREIGN = "consent_foreign"
    GIVEN_UNKNOWN = "given_unknown"
    GIVEN_WITHDRAWN = "given_withdrawn"
    GIVEN_EXPIRED = "given_expired"
    GIVEN_EXHAUSTED = "given_exhausted"
    GIVEN_FOREIGN = "given_foreign"
    CONDITION_MISSING = "condition_missing"
    NOTHING_LEFT = "nothing_left"
    NO_CATALOGUE = "no_catalogue"
    REGISTRY_MISMATCH = "registry_mismatch"
    COLLECTOR_MAY_SANCTION = "collector_may_sanction"
    SECRECY_RELEASE_MISSING = "secrecy_release_missing"
    # Outcomes decided a second time.
    GRANT_UNKNOWN = "grant_unknown"
    GRANT_CLOSED = "grant_closed"
    DEADLINE_PASSED = "deadline_passed"
    NOT_AVAILABLE = "not_available"
    # Validly signed statements that use up their number without effect (`statement.rejected`).
    STALE = "stale"
    MISADDRESSED = "misaddressed"
    VOIDED = "voided"
    NOT_ENTITLED = "not_entitled"
    ID_IN_USE = "id_in_use"
    FIELD_UNKNOWN = "field_unknown"
    CONDITION_UNKNOWN = "condition_unknown"
    APPROVAL_TOO_LONG = "approval_too_long"
    # Never logged: nothing changes but a metric.
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    NOT_AUTHENTIC = "not_authentic"
    WRONG_LOG = "wrong_log"
    CHAIN_BROKEN = "chain_broken"
    COUNTER_TOO_FAR = "counter_too_far"
    EQUIVOCATION = "equivocation"
    TEXT_NOT_APPROVED = "text_not_approved"
    ASKED_TOO_SOON = "asked_too_soon"
    UNKNOWN_TOPIC = "unknown_topic"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


class HandschlagError(Exception):
    """The root of every exception this product raises on purpose.

    `code` is what the other side of a wire is told; the message is for people and names field, place and rule. It never
    holds personal data.
    """

    code: Code = Code.UNAVAILABLE

    def __init__(self, message: str, *, code: Code | None = None) -> None:
        """Keep the message and, where the class default is too coarse, a finer code."""
        super().__init__(message)
        if code is not None:
            self.code = code


class Malformed(HandschlagError):
    """Theirs: bytes, a file or a call that breaks a rule of form. Nothing was changed by it."""

    code = Code.MALFORMED


class NotAuthentic(HandschlagError):
    """Theirs: a signature, proof, seal or identity that does not hold. Nothing was changed by it."""

    code = Code.NOT_AUTHENTIC


class Misuse(HandschlagError):
    """Ours: the calling code or the settings broke a contract of ours."""


class Unavailable(HandschlagError):
    """Nobody's fault: something outside did not answer; the same call may succeed later."""

    code = Code.UNAVAILABLE


class Busy(Unavailable):
    """The receiver is full; nothing was counted. Try again after `retry_after_ms` milliseconds."""

    code = Code.BUSY

    def __init__(self, message: str, *, retry_after_ms: int) -> None:
        """Keep the message and how long to wait, in milliseconds."""
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class Pruned(HandschlagError):
    """Nobody's fault: entries whose time was over, and of which the log keeps the hashes only."""


class LedgerInconsistent(HandschlagError):
    """Stop and shout: the log contradicts itself, its lock, a witness or a receipt. No process goes on after it."""


class Incomplete(LedgerInconsistent):
    """Part of a log is not where it must be; what is there may be sound."""
