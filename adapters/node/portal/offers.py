"""What is offered to a client at the desk: the choice a colleague makes, and the text that follows from it. Pure.

The choice stands in the session while both talk, so that the text that is signed for is the one that was shown, even
when midnight passes between the two.
"""

from datetime import date, timedelta
from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from adapters.node.core.consent_text import By, Terms, releases_secrecy
from adapters.node.core.taking import Guardian, Taken
from adapters.node.store.rows import Consent, ConsentState
from adapters.node.tokens import Caller
from schemas import statements as st
from schemas.calendar import DAY_MS, end_of_day_ms, parse_day
from schemas.client_texts import LANGUAGES, Told
from schemas.ids import AgencyId, CodeName, ConsentId, Purpose
from schemas.record import PersonBlock
from schemas.registry import Day, Registry
from schemas.wire import Wire

DAYS: Final = (30, 90, 180, 365)
USES: Final = (1, 3, 12)
MEDIA: Final = ("screen", "paper", "oral")
CONSENTING: Final = ("own", *get_args(Guardian))
INTERPRETERS: Final = get_args(st.Interpreter)
NEAR_DAYS: Final = 30
"""So many days before its end a consent may be renewed on the pages."""
ENOUGH_TRIES: Final = 2
"""After so many answers to the question both decide in talking."""


class Asking(Wire):
    """What a colleague chose: for what who would ask whom, in which language it is read, until when, how often."""

    purpose: Purpose
    recipient: AgencyId
    holder: AgencyId
    language: Literal[LANGUAGES]  # type: ignore[valid-type]  # the one list of languages
    until: Day
    uses: Annotated[int, Field(ge=1, le=12)]


class Choice(Asking):
    """A consent as a colleague chose it: by which way, and who says it.

    `guardian` is who consents in the client's place, `replaces` the consent that is renewed, `wished` that they asked
    for it themself. `tries` counts answers to the question that shows whether the text was understood, `right` says
    the last one was.
    """

    medium: Literal["screen", "paper", "oral"]
    interpreter: st.Interpreter
    guardian: Guardian | None = None
    replaces: ConsentId | None = None
    wished: bool = False
    tries: Annotated[int, Field(ge=0, le=ENOUGH_TRIES)] = 0
    right: bool = False

    @property
    def decides(self) -> bool:
        """True once the question was answered, rightly or often enough."""
        return self.right or self.tries >= ENOUGH_TRIES

    @property
    def understood(self) -> st.Understood:
        """What came of the question, as the consent says it."""
        if not self.right:
            return "talked_over" if self.decides else "not_asked"
        return "first" if self.tries == 1 else "second"

    def answered(self, agency: str) -> "Choice":
        """Take an answer to the question who will ask; once it is decided nothing changes it."""
        if self.decides:
            return self
        return self.model_copy(update={"tries": self.tries + 1, "right": agency == self.recipient})


def renewal(consent: Consent, today: date) -> Choice | None:
    """Give the choice to begin a renewal with: the same terms for as long again; None for what no page can offer.

    It is a choice like any other: the text is read anew, the question asked anew, and the answer is a new one.
    """
    old = consent.statement
    if not isinstance(old, st.ConsentGiven) or len(old.holders) != 1 or old.language not in LANGUAGES:
        return None
    lasted = min(DAYS, key=lambda days: abs(days - (old.expires - old.not_before) // DAY_MS))
    return Choice(
        purpose=old.purpose,
        recipient=old.recipient,
        holder=old.holders[0],
        language=old.language,
        until=last_day(today, lasted),
        uses=max(uses for uses in USES if uses <= max(old.uses, USES[0])),
        medium="screen" if old.medium == "own_device" else old.medium,
        interpreter=old.interpreter or "none",
        guardian=consent.guardian,
        replaces=old.consent,
    )


def near_end(consent: Consent, at_ms: int) -> bool:
    """Tell whether a consent that was collected here runs out soon, and may be renewed."""
    left = consent.statement.expires - at_ms
    mine = consent.withdraw_code is not None and isinstance(consent.statement, st.ConsentGiven)
    return mine and consent.stands(at_ms) is ConsentState.GIVEN and left <= NEAR_DAYS * DAY_MS


def last_day(today: date, days: int) -> str:
    """Give the last day of a consent that begins today."""
    return (today + timedelta(days=days)).isoformat()


def terms(choice: Asking, law: Registry) -> Terms:
    """Give the terms of a choice: all fields of the purpose, until the end of the last day."""
    rule = law.purposes.get(choice.purpose)
    return Terms(
        purpose=choice.purpose,
        recipient=choice.recipient,
        holders=(choice.holder,),
        fields=() if rule is None else tuple(sorted(rule.fields)),
        expires=end_of_day_ms(parse_day(choice.until, "until")),
        uses=choice.uses,
    )


def taken(choice: Choice, told: Told, person: PersonBlock, by: By, who: Caller) -> Taken:
    """Give the consent to be signed for a yes: bound to the text that was shown, with how it was understood."""
    chosen = terms(choice, by.law)
    return Taken(
        **chosen._asdict(),
        person=person,
        text_sha256=told.hash,
        language=choice.language,
        medium=choice.medium,
        capacity="own" if choice.guardian is None else "guardian",
        secrecy_release=releases_secrecy(chosen, by),
        interpreter=choice.interpreter,
        understood=choice.understood,
        staff=who.staff,
        role=CodeName(who.role),
        guardian=choice.guardian,
        replaces=choice.replaces,
        wished=choice.wished,
    )
