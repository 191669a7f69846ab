"""A consent as the client gave it, checked against the law before anything is signed."""

from typing import Final, Literal, NamedTuple

from adapters.node.core.compose import lawbook, purpose_rule
from adapters.node.core.view import View
from schemas import statements as st
from schemas.calendar import berlin_day
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId, FieldName, Hash, Purpose
from schemas.record import PersonBlock

OWN_AT_YEARS: Final = 15
"""From this age on a person consents for themself (§ 36(1) SGB I); to be checked for each Land."""


class Taken(NamedTuple):
    """A consent as the client gave it, screen by screen recorded by the collecting agency's staff."""

    purpose: Purpose
    recipient: AgencyId
    holders: tuple[AgencyId, ...]
    fields: tuple[FieldName, ...]
    person: PersonBlock
    expires: int
    uses: int
    text_sha256: Hash
    language: st.Language
    medium: Literal["screen", "own_device", "paper", "oral"]
    capacity: Literal["own", "guardian"]
    secrecy_release: bool


def check_taken(taken: Taken, collector: AgencyId, view: View, at_ms: int) -> None:
    """Refuse what the broker would reject anyway, so that a slip costs no number; Misuse names field and rule."""
    registry, members = lawbook(view), view.state.members
    rule = purpose_rule(taken.purpose, registry)
    parties = (taken.recipient, *taken.holders)
    kinds = [members[party].kind for party in parties if party in members]
    checks = (
        ("consent" in rule.row.basis, "purpose: rests on no consent", Code.BASIS_MISMATCH),
        (rule.in_force(at_ms), "purpose: is not in force", Code.PURPOSE_NOT_IN_FORCE),
        (bool(taken.fields) and set(taken.fields) <= rule.fields, "fields: not of this purpose", Code.FIELD_UNKNOWN),
        (at_ms < taken.expires, "expires: lies in the past", Code.STALE),
        (
            taken.capacity == "guardian" or not _is_child(taken.person, at_ms),
            "capacity: for a child under 15 a guardian consents (V08)",
            Code.CONDITION_MISSING,
        ),
        (
            bool(taken.holders) and taken.recipient not in taken.holders,
            "holders: the recipient is none",
            Code.MISADDRESSED,
        ),
        (len(kinds) == len(parties), "recipient, holders: one is no member of the federation", Code.NOT_A_MEMBER),
    )
    failed = next(((text, code) for holds, text, code in checks if not holds), None)
    if failed is not None:
        raise Misuse(failed[0], code=failed[1])
    if not all(rule.pairs(kinds[0], holder) for holder in kinds[1:]):
        message = "recipient, holders: the purpose is for other kinds of agencies"
        raise Misuse(message, code=Code.PAIR_NOT_ALLOWED)
    if kinds[0] in rule.row.neutral_collector and registry.kinds[members[collector].kind].sanction_power:
        message = "recipient: this agency could sanction the client and must not collect for it"
        raise Misuse(message, code=Code.COLLECTOR_MAY_SANCTION)


def _is_child(person: PersonBlock, at_ms: int) -> bool:
    """Tell whether a person is certainly under 15; of a date known in part the first possible day counts."""
    if person.birth_date is None:
        return False
    year, month, day = (*map(int, person.birth_date.split("-")), 1, 1)[:3]
    today = berlin_day(at_ms)
    return (today.year - year - ((today.month, today.day) < (month, day))) < OWN_AT_YEARS
