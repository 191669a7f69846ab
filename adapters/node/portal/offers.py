"""What is offered to a client at the desk: the choice a colleague makes, and the text that follows from it. Pure.

The choice stands in the session while both talk, so that the text that is signed for is the one that was shown, even
when midnight passes between the two.
"""

from datetime import date, timedelta
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

from adapters.node.core.taking import Taken
from adapters.web.client_words import Shipped
from consent_ledger.core.state import LedgerState
from schemas.calendar import end_of_day_ms, parse_day
from schemas.client_texts import LANGUAGES, Offer, Party, Told, tell
from schemas.errors import Misuse
from schemas.ids import AgencyId, Purpose
from schemas.record import PersonBlock
from schemas.registry import Day, Registry
from schemas.wire import Wire

DAYS: Final = (30, 90, 180, 365)
USES: Final = (1, 3, 12)
MEDIA: Final = ("screen", "paper", "oral")
CAPACITIES: Final = ("own", "guardian")


class Choice(Wire):
    """What a colleague chose: for whom to ask whom, in which language, until when, how often, by which way.

    `tries` counts answers to the question that shows whether the text was understood, `understood` says one was right.
    """

    purpose: Purpose
    recipient: AgencyId
    holder: AgencyId
    language: Literal[LANGUAGES]  # type: ignore[valid-type]  # the one list of languages
    until: Day
    uses: Annotated[int, Field(ge=1, le=12)]
    medium: Literal["screen", "paper", "oral"]
    capacity: Literal["own", "guardian"]
    tries: Annotated[int, Field(ge=0, le=100)] = 0
    understood: bool = False


class Shown(NamedTuple):
    """A language that may be shown to clients, and whether its text is a draft still."""

    language: str
    name: str
    draft: bool


def languages(words: dict[str, Shipped], state: LedgerState, *, drafts: bool) -> list[Shown]:
    """Give the languages whose text is approved, and the drafts where the settings let drafts be shown."""
    all_ = [Shown(name, one.words.name, (name, one.hash) not in state.texts) for name, one in words.items()]
    return [one for one in all_ if drafts or not one.draft]


def last_day(today: date, days: int) -> str:
    """Give the last day of a consent that begins today."""
    return (today + timedelta(days=days)).isoformat()


def text(choice: Choice, language: str, words: dict[str, Shipped], law: Registry, state: LedgerState) -> Told:
    """Put the text of a choice together in a language; Misuse when an agency has left meanwhile."""
    parties = [state.members.get(agency) for agency in (choice.recipient, choice.holder)]
    recipient, holder = (None if one is None else Party(one.kind, one.agency) for one in parties)
    rule = law.purposes.get(choice.purpose)
    if recipient is None or holder is None or rule is None:
        message = "consent: an agency or purpose of it is gone"
        raise Misuse(message)
    offer = Offer(
        basis="consent",
        purpose=choice.purpose,
        recipient=recipient,
        holders=(holder,),
        fields=tuple(name for name in law.fields if name in rule.fields),
        until=choice.until,
        uses=choice.uses,
        secrecy_release=releases_secrecy(choice, law, state),
    )
    return tell(offer, language, words[language].words, law)


def releases_secrecy(choice: Choice, law: Registry, state: LedgerState) -> bool:
    """Tell whether a yes must release the holder from § 203 StGB."""
    row, holder = law.purposes[choice.purpose].row, law.kinds[state.members[choice.holder].kind]
    return row.secrecy_release == "always" or (row.secrecy_release == "if_holder_203" and holder.secrecy_203)


def taken(choice: Choice, told: Told, person: PersonBlock, law: Registry, state: LedgerState) -> Taken:
    """Give the consent to be signed for a yes: bound to the text that was shown."""
    return Taken(
        purpose=choice.purpose,
        recipient=choice.recipient,
        holders=(choice.holder,),
        fields=tuple(sorted(law.purposes[choice.purpose].fields)),
        person=person,
        expires=end_of_day_ms(parse_day(choice.until, "until")),
        uses=choice.uses,
        text_sha256=told.hash,
        language=choice.language,
        medium=choice.medium,
        capacity=choice.capacity,
        secrecy_release=releases_secrecy(choice, law, state),
    )
