"""A consent as the client gave it, checked against the law before anything is signed."""

from typing import Final, Literal, NamedTuple

from adapters.node.core.compose import lawbook, purpose_rule
from adapters.node.core.view import View
from schemas import statements as st
from schemas.calendar import DAY_MS, berlin_day
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId, CodeName, ConsentId, FieldName, Hash, Norm, Purpose
from schemas.record import PersonBlock

OWN_AT_YEARS: Final = 15
"""From this age on a person consents for themself (§ 36(1) SGB I); to be checked for each Land."""


Guardian = Literal["parent", "guardian", "carer", "authorised"]
"""Who consents for a client: a parent (§ 1629 BGB), a guardian of a minor (§ 1773 BGB), a carer the court appointed
(§ 1814 BGB), or whom the client authorised (§ 167 BGB). It stays at the collector: a carer tells of a client's health.
"""


REFUSED_MS: Final = 90 * DAY_MS
"""So long after a no nobody asks again, unless the client wishes it (b.4)."""
DEFERRED_MS: Final = 30 * DAY_MS
"""So long a client may put off the answer; then the offer has run out."""


class About(NamedTuple):
    """What a client is asked: the person as the agency knows them, for what, and who would ask others."""

    person: PersonBlock
    purpose: Purpose
    recipient: AgencyId


class Taken(NamedTuple):
    """A consent as the client gave it, recorded by `staff` of the collecting agency in the role they have there.

    `guardian` says who consented in the client's place, and only then; `replaces` names the consent it renews.
    `wished` says that the client came to say it, however short after a no.
    """

    purpose: Purpose
    recipient: AgencyId
    holders: tuple[AgencyId, ...]
    fields: tuple[FieldName, ...]
    person: PersonBlock
    expires: int
    uses: int
    text_sha256: Hash
    language: st.Language
    medium: st.Medium
    capacity: st.Capacity
    secrecy_release: bool
    interpreter: st.Interpreter
    understood: st.Understood
    staff: str
    role: CodeName
    guardian: Guardian | None = None
    replaces: ConsentId | None = None
    wished: bool = False


class Refused(NamedTuple):
    """A client's no to a text; the person stays at the collector, None where it keeps no list."""

    purpose: Purpose
    recipient: AgencyId
    text_sha256: Hash
    language: st.Language
    person: PersonBlock | None


class Given(NamedTuple):
    """What a client asked for or owes instead of consenting: a paper handed over, or cooperation after a notice.

    `notice_date` is that of the written notice (§ 66(3) SGB I), in ms; only a duty to cooperate has one.
    """

    kind: Literal["client_request", "cooperation_duty"]
    purpose: Purpose
    recipient: AgencyId
    holders: tuple[AgencyId, ...]
    fields: tuple[FieldName, ...]
    person: PersonBlock
    expires: int
    uses: int
    norm: Norm
    notice_date: int | None = None


def about(taken: Taken) -> About:
    """Give what a consent is the answer to."""
    return About(taken.person, taken.purpose, taken.recipient)


_Check = tuple[bool, str, Code]
"""What must hold, what to say when it does not, and the code."""


def check_taken(taken: Taken, collector: AgencyId, view: View, at_ms: int) -> None:
    """Refuse what the broker would reject anyway, so that a slip costs no number; Misuse names field and rule."""
    registry, members = lawbook(view), view.state.members
    row = purpose_rule(taken.purpose, registry).row
    own = taken.capacity == "guardian" or not _is_child(taken.person, at_ms)
    first: _Check = ("consent" in row.basis, "purpose: rests on no consent", Code.BASIS_MISMATCH)
    child: _Check = (own, "capacity: for a child under 15 a guardian consents (V08)", Code.CONDITION_MISSING)
    named = (taken.capacity == "guardian") == (taken.guardian is not None)
    who: _Check = (named, "guardian: says who consents in the client's place, and only then", Code.CONDITION_MISSING)
    recipient = _check_common(taken, view, at_ms, first, child, who)
    if recipient in row.neutral_collector and registry.kinds[members[collector].kind].sanction_power:
        message = "recipient: this agency could sanction the client and must not collect for it"
        raise Misuse(message, code=Code.COLLECTOR_MAY_SANCTION)


def check_renewal(taken: Taken, old: st.ConsentGiven | st.BasisGiven, person: PersonBlock, at_ms: int) -> None:
    """Refuse a renewal of what is no consent of this person, purpose and recipient, or has run out, by Misuse."""
    same = isinstance(old, st.ConsentGiven) and (old.purpose, old.recipient) == (taken.purpose, taken.recipient)
    checks: tuple[_Check, ...] = (
        (same and person == taken.person, "replaces: is for another purpose, agency or person", Code.CONSENT_FOREIGN),
        (at_ms < old.expires, "replaces: has run out; take a new consent", Code.CONSENT_EXPIRED),
    )
    for holds, text, code in checks:
        if not holds:
            raise Misuse(text, code=code)


def check_asked_again(refused_at: int | None, at_ms: int, *, wished: bool) -> None:
    """Refuse to ask a client again too soon after their no, unless they wish it; Misuse."""
    if refused_at is not None and not wished and at_ms < refused_at + REFUSED_MS:
        message = "person: said no to this less than 90 days ago; is asked again only on their own wish"
        raise Misuse(message, code=Code.ASKED_TOO_SOON)


def check_given(given: Given, view: View, at_ms: int) -> None:
    """Refuse a given basis the broker would reject anyway; Misuse names field and rule."""
    row = purpose_rule(given.purpose, lawbook(view)).row
    alone = given.kind != "client_request" or (len(set(given.holders)), given.uses) == (1, 1)
    told = given.kind != "cooperation_duty" or (given.notice_date is not None and given.notice_date <= at_ms)
    _check_common(
        given,
        view,
        at_ms,
        (given.kind in row.basis, "purpose: does not rest on this kind of basis", Code.BASIS_MISMATCH),
        (given.norm in row.norm, "norm: is none of the purpose's", Code.BASIS_MISMATCH),
        (alone, "holders, uses: a client's request has one of each", Code.MALFORMED),
        (told, "notice_date: a duty to cooperate needs the date of its written notice", Code.CONDITION_MISSING),
    )


def _check_common(taken: Taken | Given, view: View, at_ms: int, first: _Check, *last: _Check) -> CodeName:
    """Check what holds for consents and given bases alike, between `first` and `last`; give the recipient's kind."""
    rule, members = purpose_rule(taken.purpose, lawbook(view)), view.state.members
    parties = (taken.recipient, *taken.holders)
    kinds = [members[party].kind for party in parties if party in members]
    checks = (
        first,
        (rule.in_force(at_ms), "purpose: is not in force", Code.PURPOSE_NOT_IN_FORCE),
        (bool(taken.fields) and set(taken.fields) <= rule.fields, "fields: not of this purpose", Code.FIELD_UNKNOWN),
        (at_ms < taken.expires, "expires: lies in the past", Code.STALE),
        (
            bool(taken.holders) and taken.recipient not in taken.holders,
            "holders: the recipient is none",
            Code.MISADDRESSED,
        ),
        (len(kinds) == len(parties), "recipient, holders: one is no member of the federation", Code.NOT_A_MEMBER),
        *last,
    )
    failed = next(((text, code) for holds, text, code in checks if not holds), None)
    if failed is not None:
        raise Misuse(failed[0], code=failed[1])
    if not all(rule.pairs(kinds[0], holder) for holder in kinds[1:]):
        message = "recipient, holders: the purpose is for other kinds of agencies"
        raise Misuse(message, code=Code.PAIR_NOT_ALLOWED)
    return kinds[0]


def _is_child(person: PersonBlock, at_ms: int) -> bool:
    """Tell whether a person is certainly under 15; of a date known in part the first possible day counts."""
    if person.birth_date is None:
        return False
    year, month, day = (*map(int, person.birth_date.split("-")), 1, 1)[:3]
    today = berlin_day(at_ms)
    return (today.year - year - ((today.month, today.day) < (month, day))) < OWN_AT_YEARS
