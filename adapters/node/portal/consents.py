"""The consent pages: a colleague collects, the client sits beside them and reads in their own language.

Choose, read, answer one question, say yes or no, take the receipt: five pages, none of which an address tells anything
about. A no is one click like a yes, and just as recorded. A wrong answer only has the text explained again; after two
the colleague and the client decide in talking, and nothing of it is held against anybody.
"""

from typing import Final, NamedTuple

from starlette.responses import RedirectResponse, Response

from adapters.node.access import Route
from adapters.node.core.compose import lawbook
from adapters.node.core.consent_text import Side, side
from adapters.node.core.taking import About, Refused
from adapters.node.portal import offers
from adapters.node.portal.cases import open_by_hand, opened_case
from adapters.node.portal.front import Page, Visit
from adapters.node.portal.offers import Choice
from adapters.node.portal.ways import tongues, way_named, ways
from adapters.node.store.rows import Consent, ConsentState
from adapters.web.client_words import shipped_words
from schemas import canonical
from schemas.calendar import berlin_day
from schemas.client_texts import Party, party, power
from schemas.errors import Malformed, Misuse
from schemas.ids import AgencyId, ConsentId, Hash
from schemas.record import PersonBlock

OFFER: Final = "offer"
RECEIPT: Final = "receipt"


class Line(NamedTuple):
    """A consent or given basis in the list: as it stands now, and whether it may be renewed."""

    consent: Consent
    state: ConsentState
    near_end: bool


class Who(NamedTuple):
    """A card of an agency: what it is, what it can do, and the same in German."""

    agency: AgencyId
    names: tuple[str, str]
    powers: tuple[str, str]


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {
        Route("GET", "/consents"): consents,
        Route("POST", "/consents/offer"): offer,
        Route("POST", "/consents/renew"): renew,
        Route("GET", "/consents/card"): card,
        Route("POST", "/consents/answer"): answer,
        Route("POST", "/consents/yes"): yes,
        Route("POST", "/consents/no"): no,
        Route("POST", "/consents/later"): later,
        Route("POST", "/consents/resume"): resume,
        Route("GET", "/consents/receipt"): receipt,
        Route("POST", "/consents/end"): end,
    }


async def consents(visit: Visit) -> Response:
    """Show what the client whose case is open may be offered or ask for, and all that this agency is party to."""
    case = await opened_case(visit)
    node, collector = visit.desk.running, visit.desk.running.collector
    now = visit.desk.now_ms
    return visit.show(
        "consents.html",
        case=case,
        ways=[] if case is None else ways(visit, "consent"),
        requests=[] if case is None else ways(visit, "client_request"),
        languages=tongues(visit),
        days=offers.DAYS,
        uses=offers.USES,
        media=offers.MEDIA,
        interpreters=offers.INTERPRETERS,
        consenting=offers.CONSENTING,
        held=[Line(one, one.stands(now), offers.near_end(one, now)) for one in await node.store.bases.consents()],
        open_states=(ConsentState.GIVEN, ConsentState.SENT),
        deferred=[] if collector is None else await collector.offering.waiting(),
    )


async def offer(visit: Visit) -> Response:
    """Take the choice, and lead on to the text."""
    case = await opened_case(visit)
    way = way_named(visit, "consent", visit.said("way"))
    languages = {one.language for one in tongues(visit)}
    days, uses = visit.said("days"), visit.said("uses")
    numbers = days in map(str, offers.DAYS) and uses in map(str, offers.USES)
    if case is None or way is None or visit.said("language") not in languages or not numbers:
        message = "offer: choose what is offered"
        raise Malformed(message)
    today = berlin_day(visit.desk.now_ms)
    said = {name: visit.said(name) for name in ("language", "medium", "interpreter")}
    guardian = None if visit.said("who") == "own" else visit.said("who")
    wished, until = visit.said("wished") == "yes", offers.last_day(today, int(days))
    more = {"guardian": guardian, "until": until, "uses": int(uses), "wished": wished}
    parties = {"purpose": way.purpose.purpose, "recipient": way.recipient, "holder": way.holder}
    try:
        choice = Choice.model_validate({**parties, **said, **more})
    except ValueError as error:
        message = "offer: choose what is offered"
        raise Malformed(message) from error
    return await _begin(visit, case.person, choice)


async def renew(visit: Visit) -> Response:
    """Open the client's case again and lead on to the text of the same terms: a renewal is a new conscious act."""
    node = visit.desk.running
    consent = await node.consents.get(ConsentId(visit.said("consent")))
    now = visit.desk.now_ms
    choice = offers.renewal(consent, berlin_day(now)) if offers.near_end(consent, now) else None
    if choice is None or way_named(visit, "consent", f"{choice.purpose},{choice.recipient},{choice.holder}") is None:
        message = "consent: cannot be renewed here and now; take a new one"
        raise Misuse(message)
    await open_by_hand(visit, consent.package.person)
    return await _begin(visit, consent.package.person, choice)


async def card(visit: Visit) -> Response:
    """Show the text in the client's language with the German beside it, and the next step."""
    case, choice = await opened_case(visit), _choice(visit)
    if case is None or choice is None:
        return RedirectResponse("/consents", 303)
    node = visit.desk.running
    law = lawbook(node.federation.view)
    sides = [_side(visit, choice, choice.language), _side(visit, choice, "de")]
    members = node.federation.view.state.members
    who = [
        Who(
            agency,
            (party(sides[0].words, known), party(sides[1].words, known)),
            (power(sides[0].words, law, known.kind), power(sides[1].words, law, known.kind)),
        )
        for agency in (choice.recipient, choice.holder)
        for known in (Party(members[agency].kind, agency),)
    ]
    return visit.show("consent_card.html", case=case, choice=choice, sides=sides, cards=who, answers=sorted(who))


async def answer(visit: Visit) -> Response:
    """Take the answer to the one question; a wrong one has the text explained again."""
    choice = _choice(visit)
    if choice is not None:
        _keep(visit, choice.answered(visit.said("answer")))
    return RedirectResponse("/consents/card", 303)


async def yes(visit: Visit) -> Response:
    """Have the consent signed and logged, bound to the very text that was shown; the question comes before it."""
    case, choice = await opened_case(visit), _choice(visit)
    if case is None or choice is None:
        return RedirectResponse("/consents", 303)
    if not choice.decides:
        return RedirectResponse("/consents/card", 303)
    shown = _side(visit, choice, choice.language)
    if visit.said("text") != shown.told.hash:
        message = "consent: the text has changed since it was shown; show it again"
        raise Misuse(message)
    taken = offers.taken(choice, shown.told, case.person, visit.desk.by, visit.colleague.caller)
    consent = await visit.desk.collector.collect(taken)
    _forget(visit)
    visit.session.notes[RECEIPT] = f"{consent.id} {choice.language}"
    return RedirectResponse("/consents/receipt", 303)


async def no(visit: Visit) -> Response:
    """Record the no: the same click, and it names nobody."""
    choice = _choice(visit)
    if choice is None:
        return RedirectResponse("/consents", 303)
    shown = _side(visit, choice, choice.language)
    case = await opened_case(visit)
    person = None if case is None else case.person
    no = Refused(choice.purpose, choice.recipient, shown.told.hash, choice.language, person)
    await visit.desk.collector.refuse(no)
    _forget(visit)
    return visit.show("consent_refused.html", sides=[shown, _side(visit, choice, "de")])


async def later(visit: Visit) -> Response:
    """Put the answer off: neither a yes nor a no, and nothing of it leaves the house."""
    case, choice = await opened_case(visit), _choice(visit)
    if case is not None and choice is not None:
        await visit.desk.collector.offering.defer(_about(case.person, choice), _written(choice))
        _forget(visit)
    return RedirectResponse("/consents", 303)


async def resume(visit: Visit) -> Response:
    """Ask again what was put off: the text is read anew, and the question answered anew."""
    found = await visit.desk.collector.offering.resume(Hash(visit.said("offer")))
    choice = canonical.decode_model(Choice, found.choice.encode())
    await open_by_hand(visit, found.about.person)
    _keep(visit, choice.model_copy(update={"tries": 0, "right": False}))
    return RedirectResponse("/consents/card", 303)


async def receipt(visit: Visit) -> Response:
    """Show the receipt to print, with both codes: in the client's language and in German."""
    name, _, language = visit.session.notes.get(RECEIPT, "").partition(" ")
    if not name:
        return RedirectResponse("/consents", 303)
    consent: Consent = await visit.desk.running.consents.get(ConsentId(name))
    words = [shipped_words()[one].words for one in (language, "de")]
    return visit.show("consent_receipt.html", consent=consent, language_shown=language, words=words)


async def end(visit: Visit) -> Response:
    """End a consent for the client: one click, effective at its index in the log."""
    await visit.desk.collector.withdraw(ConsentId(visit.said("consent")))
    return RedirectResponse("/consents", 303)


def _side(visit: Visit, choice: Choice, language: str) -> Side:
    by = visit.desk.by
    return side(offers.terms(choice, by.law), language, shipped_words(), by)


def _choice(visit: Visit) -> Choice | None:
    kept = visit.session.notes.get(OFFER)
    return None if kept is None else canonical.decode_model(Choice, kept.encode())


def _keep(visit: Visit, choice: Choice) -> None:
    visit.session.notes[OFFER] = _written(choice)


def _written(choice: Choice) -> str:
    return canonical.encode_model(choice).decode()


def _about(person: PersonBlock, choice: Choice) -> About:
    return About(person, choice.purpose, choice.recipient)


async def _begin(visit: Visit, person: PersonBlock, choice: Choice) -> Response:
    """Lead on to the text, unless the client said no to this lately and does not wish to be asked."""
    about = _about(person, choice)
    await visit.desk.collector.offering.ask(about, _written(choice), wished=choice.wished)
    _keep(visit, choice)
    return RedirectResponse("/consents/card", 303)


def _forget(visit: Visit) -> None:
    visit.session.notes.pop(OFFER, None)
