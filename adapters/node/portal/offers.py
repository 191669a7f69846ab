"""What is offered to a client at the desk: the choice a colleague makes, and the text that follows from it. Pure.

The choice stands in the session while both talk, so that the text that is signed for is the one that was shown, even
when midnight passes between the two.
"""

from datetime import date, timedelta
from typing import Annotated, Final, Literal, NamedTuple, get_args

from pydantic import Field

from adapters.node.core.consent_text import By, Terms, Words, is_draft, releases_secrecy
from adapters.node.core.taking import Guardian, Taken
from adapters.node.tokens import Caller
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.calendar import end_of_day_ms, parse_day
from schemas.client_texts import LANGUAGES, Told
from schemas.ids import AgencyId, CodeName, Purpose
from schemas.record import PersonBlock
from schemas.registry import Day, Registry
from schemas.wire import Wire

DAYS: Final = (30, 90, 180, 365)
USES: Final = (1, 3, 12)
MEDIA: Final = ("screen", "paper", "oral")
CONSENTING: Final = ("own", *get_args(Guardian))
INTERPRETERS: Final = get_args(st.Interpreter)
ENOUGH_TRIES: Final = 2
"""After so many answers to the question both decide in talking."""


class Choice(Wire):
    """What a colleague chose: for whom to ask whom, in which language, until when, how often, by which way.

    `guardian` is who consents in the client's place. `tries` counts answers to the question that shows whether the text
    was understood, `right` says the last one was.
    """

    purpose: Purpose
    recipient: AgencyId
    holder: AgencyId
    language: Literal[LANGUAGES]  # type: ignore[valid-type]  # the one list of languages
    until: Day
    uses: Annotated[int, Field(ge=1, le=12)]
    medium: Literal["screen", "paper", "oral"]
    interpreter: st.Interpreter
    guardian: Guardian | None = None
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


class Shown(NamedTuple):
    """A language that may be shown to clients, and whether its text is a draft still."""

    language: str
    name: str
    draft: bool


def languages(words: Words, state: LedgerState, *, drafts: bool) -> list[Shown]:
    """Give the languages whose text is approved, and the drafts where the settings let drafts be shown.

    The German text stands beside every other, and it is the one that counts: while it is a draft, there is none.
    """
    all_ = [Shown(name, one.words.name, is_draft(name, words, state)) for name, one in words.items()]
    german = is_draft("de", words, state)
    return [one for one in all_ if drafts or not (one.draft or german)]


def last_day(today: date, days: int) -> str:
    """Give the last day of a consent that begins today."""
    return (today + timedelta(days=days)).isoformat()


def terms(choice: Choice, law: Registry) -> Terms:
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
    )
