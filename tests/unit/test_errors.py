"""Exceptions say whose fault it is; codes are stable for ever."""

import pytest

from schemas import errors
from schemas.errors import Busy, Code, HandschlagError, Malformed

# Old ledgers are replayed with these words. A new code is added here; none of them is ever changed or taken out.
STABLE = """
    prohibited purpose_unknown purpose_not_in_force mode_not_available pair_not_allowed no_approval not_a_member
    key_not_in_force basis_mismatch consent_unknown consent_withdrawn consent_expired consent_not_yet consent_exhausted
    consent_foreign given_unknown given_withdrawn given_expired given_exhausted given_foreign condition_missing
    nothing_left no_catalogue registry_mismatch collector_may_sanction secrecy_release_missing grant_unknown
    grant_closed deadline_passed not_available stale misaddressed voided not_entitled id_in_use field_unknown malformed
    too_large not_authentic wrong_log chain_broken counter_too_far equivocation unknown_topic busy unavailable
    approval_condition condition_unknown approval_too_long text_not_approved consent_renewed asked_too_soon
"""


def test_no_code_is_renamed_or_dropped() -> None:
    """Each code that ever stood in a ledger or on the wire is still there and spelled the same."""
    assert sorted(Code) == sorted(STABLE.split())
    assert all(code.name == code.value.upper() for code in Code)


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (errors.Malformed("x"), Code.MALFORMED),
        (errors.NotAuthentic("x"), Code.NOT_AUTHENTIC),
        (errors.Misuse("x"), Code.UNAVAILABLE),
        (errors.Unavailable("x"), Code.UNAVAILABLE),
        (errors.Busy("x", retry_after_ms=5), Code.BUSY),
        (errors.LedgerInconsistent("x"), Code.UNAVAILABLE),
        (errors.Malformed("x", code=Code.TOO_LARGE), Code.TOO_LARGE),
    ],
    ids=lambda value: value if isinstance(value, Code) else f"{type(value).__name__}-{value.code}",
)
def test_each_exception_has_a_code_for_the_wire(raised: HandschlagError, code: Code) -> None:
    """What is ours is told as unavailable; what is theirs by its own code, or a finer one where it is given."""
    assert raised.code is code
    assert str(raised) == "x"


def test_a_finer_code_stays_with_its_error() -> None:
    """A code given to one error leaves the class as it was."""
    assert Malformed("x", code=Code.WRONG_LOG).code is Code.WRONG_LOG
    assert Malformed("x").code is Code.MALFORMED


def test_busy_says_how_long_to_wait() -> None:
    """Busy is a kind of unavailable that names the wait in milliseconds."""
    error = Busy("full", retry_after_ms=500)
    assert isinstance(error, errors.Unavailable)
    assert error.retry_after_ms == 500
