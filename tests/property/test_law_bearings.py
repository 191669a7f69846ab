"""What a decision rests on beside fields and consents: members, keys, the law named, days, norm, deadline, approval.

Each of them is taken away from each lawful request there can be, for the grant and again for the disclosure, and each
has a reason of its own; to its last moment it carries.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import pytest

from broker.core.standing import CLOCK_SKEW_MS, Case, Denial, Standing, standing
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import Code
from schemas.ids import AgencyId, CodeName, KeyName, Norm
from schemas.registry import PurposeRule
from tests.support.pens import FEDERATION, changed, seal_id
from tests.support.scenes import REVIEWED, case_of, lawful_pairs, whole

pytestmark = pytest.mark.slow  # thousands of decisions

Damage = Callable[[Case], Case]


def _gone(case: Case, agency: AgencyId) -> Case:
    members = {name: member for name, member in case.state.members.items() if name != agency}
    return case._replace(state=replace(case.state, members=members))


def _revoked(case: Case, role: st.KeyRole) -> Case:
    name = KeyName(f"{FEDERATION}/{case.requester}/{role}-1")
    keys = {**case.state.keys, name: replace(case.state.keys[name], revoked=9)}
    return case._replace(state=replace(case.state, keys=keys))


def _approved(case: Case, until_ms: int) -> Case:
    approved = {key: replace(approval, valid_until=until_ms) for key, approval in case.state.approved.items()}
    return case._replace(state=replace(case.state, approved=approved))


def _asked(case: Case, **changes: object) -> Case:
    return case._replace(request=changed(case.request, **changes))


def _ruled(case: Case, rule: PurposeRule) -> Case:
    purposes = {**case.registry.purposes, case.request.purpose: rule}
    return case._replace(registry=case.registry._replace(purposes=purposes))


def _rule(case: Case) -> PurposeRule:
    return case.registry.purposes[case.request.purpose]


def _with_norm(case: Case, norm: str) -> Case:
    return _asked(case, basis=changed(case.request.basis, norm=Norm(norm)))


def _latest_ms(case: Case) -> int:
    return case.time_ms + _rule(case).row.answer_within_s * 1000 + CLOCK_SKEW_MS


def _signing_key(case: Case) -> str:
    return case.state.keys[KeyName(f"{FEDERATION}/{case.requester}/statement-1")].id


DAMAGES: Final[dict[str, tuple[Code, Damage]]] = {
    "the requester left": (Code.NOT_A_MEMBER, lambda case: _gone(case, case.requester)),
    "the holder left": (Code.NOT_A_MEMBER, lambda case: _gone(case, case.request.holder)),
    "signed by a revoked key": (Code.KEY_NOT_IN_FORCE, lambda case: _revoked(case, "statement")),
    "sealed to a revoked key": (Code.KEY_NOT_IN_FORCE, lambda case: _revoked(case, "seal")),
    "sealed to another's key": (
        Code.KEY_NOT_IN_FORCE,
        lambda case: _asked(case, seal_key=seal_id(case.request.holder)),
    ),
    "sealed to a signing key": (Code.KEY_NOT_IN_FORCE, lambda case: _asked(case, seal_key=_signing_key(case))),
    "the purpose is off": (
        Code.PURPOSE_NOT_IN_FORCE,
        lambda case: _ruled(case, _rule(case)._replace(row=changed(_rule(case).row, off=True))),
    ),
    "the purpose begins later": (
        Code.PURPOSE_NOT_IN_FORCE,
        lambda case: _ruled(case, _rule(case)._replace(from_ms=case.time_ms + 1)),
    ),
    "the purpose is over": (
        Code.PURPOSE_NOT_IN_FORCE,
        lambda case: _ruled(case, _rule(case)._replace(to_ms=case.time_ms)),
    ),
    "the mode is planned": (
        Code.MODE_NOT_AVAILABLE,
        lambda case: _ruled(case, _rule(case)._replace(row=changed(_rule(case).row, mode="push"))),
    ),
    "the deadline is too late": (Code.DEADLINE_PASSED, lambda case: _asked(case, answer_by=_latest_ms(case) + 1)),
    "the approval ran out": (Code.NO_APPROVAL, lambda case: _approved(case, case.time_ms)),
    "the approval is another role's": (Code.NO_APPROVAL, lambda case: _asked(case, role=CodeName("another"))),
}
"""What can be wrong, and the reason it is refused with."""


def _lawful() -> Iterator[Case]:
    """Give every purpose with every pair and basis it is for, for the grant and for the disclosure."""
    for purpose, pairs in lawful_pairs(REVIEWED).items():
        for pair in pairs:
            for basis in REVIEWED.purposes[purpose].row.basis:
                case = case_of(whole(REVIEWED, purpose, pair, basis))
                if isinstance(standing(case), Standing):
                    yield case
                    for evidence in case.state.evidence.values():
                        evidence.reserved = 1
                    yield case._replace(reserved=True)


@pytest.mark.parametrize("wrong", DAMAGES)
def test_each_bearing_is_needed_and_has_its_own_reason(wrong: str) -> None:
    """Whatever the purpose, the pair and the basis: without it nothing is granted, and nothing granted is disclosed."""
    code, damage = DAMAGES[wrong]
    tried = 0
    for case in _lawful():
        tried += 1
        assert standing(damage(case)) == Denial(code, CodeName(code.value)), case.request
    assert tried > 300


def test_all_bearings_carry_to_their_last_moment() -> None:
    """A purpose that begins now and ends next, an approval in its last millisecond, the latest deadline: it stands."""
    for case in _lawful():
        last = _approved(_asked(case, answer_by=_latest_ms(case)), case.time_ms + 1)
        rule = _rule(case)._replace(from_ms=case.time_ms, to_ms=case.time_ms + 1)
        assert isinstance(standing(_ruled(last, rule)), Standing)


def test_a_statute_is_named_by_a_norm_of_the_purpose() -> None:
    """Every norm of the purpose will do, and no other."""
    for case in _lawful():
        if case.request.basis.kind == "statute":
            norms = _rule(case).row.norm
            assert all(isinstance(standing(_with_norm(case, norm)), Standing) for norm in norms)
            code = Code.BASIS_MISMATCH
            assert standing(_with_norm(case, "SGB X § 999")) == Denial(code, CodeName(code.value))


def test_a_grant_is_bound_to_the_law_it_was_asked_under_and_a_disclosure_to_the_law_in_force() -> None:
    """A question composed under another law is refused; its grant, once given, is judged by the law of the moment."""
    for case in _lawful():
        decided = standing(_asked(case, registry=sha256(b"another law")))
        code = Code.REGISTRY_MISMATCH
        assert isinstance(decided, Standing) if case.reserved else decided == Denial(code, CodeName(code.value))


def test_a_use_is_held_for_the_grant_that_reserved_it_alone() -> None:
    """With all uses reserved the one who reserved still discloses, the next one is refused; with more, neither does."""
    for case in _lawful():
        if case.request.basis.kind != "statute":
            word = "CONSENT" if case.request.basis.kind == "consent" else "GIVEN"
            code = Code[f"{word}_EXHAUSTED"]
            for reserved, stands in ((0, True), (1, case.reserved), (2, False)):
                for evidence in case.state.evidence.values():
                    evidence.reserved = reserved
                decided = standing(case)
                assert isinstance(decided, Standing) if stands else decided == Denial(code, CodeName(code.value))
