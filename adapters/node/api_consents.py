"""The part of the node's HTTP API about consents and given bases; who may use it says `access.ALLOWED`."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response

from adapters.node import api_views as views
from adapters.node import consent_models as shapes
from adapters.node.api_calls import Who
from adapters.node.api_models import LoggedAt
from adapters.node.core.consent_text import is_draft, releases_secrecy
from adapters.node.core.taking import Given, Refused, Taken
from adapters.node.desk import Desk
from adapters.node.store.rows import ConsentState
from schemas.ids import RANDOM_PATTERN, CodeName, ConsentId

ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {202: {"description": "Taken; what comes of it comes later."}}

ConsentPath = Annotated[str, Path(pattern=RANDOM_PATTERN, description="The consent's or given basis's id.")]


def consents(desk: Desk) -> APIRouter:
    """Serve consents and given bases: taken, refused, given new codes, withdrawn."""
    router = APIRouter(tags=["consent"])

    @router.post("/consents", status_code=201, responses=ACCEPTED)
    async def collect(body: shapes.NewConsent, who: Who, response: Response) -> shapes.CollectedConsent:
        """Record a client's consent and hand it to its recipient; the two codes are for the client's receipt.

        201 when it stands in the ledger; 202 while it is signed and could not be handed in yet.
        """
        consent = await desk.collector.collect(
            Taken(
                **body.terms()._asdict(),
                person=body.person.block(),
                text_sha256=body.text_sha256,
                language=body.language,
                medium=body.medium,
                capacity=body.capacity,
                secrecy_release=body.secrecy_release,
                interpreter=body.interpreter,
                understood=body.understood,
                staff=who.staff,
                role=CodeName(who.role),
                guardian=body.guardian,
                replaces=body.replaces,
                wished=body.wished,
            )
        )
        if consent.state is ConsentState.SENT:
            response.status_code = HTTPStatus.ACCEPTED
        return views.collected(consent, desk.now_ms)

    _text(desk, router)
    _given(desk, router)
    _after(desk, router)
    return router


def _text(desk: Desk, router: APIRouter) -> None:
    """Serve the text a client reads before a yes."""

    @router.post("/consents/text")
    async def text(body: shapes.Terms) -> shapes.ConsentText:
        """Give the text to show a client for these terms, with the hash a yes to it names; a draft is marked as such.

        Drafts are given only where the settings let clients be shown drafts.
        """
        terms, collector, by = body.terms(), desk.collector, desk.by
        shown = collector.text(terms, body.language)
        draft = is_draft(body.language, collector.words(), by.state)
        return views.consent_text(shown, draft=draft, secrecy_release=releases_secrecy(terms, by))


def _given(desk: Desk, router: APIRouter) -> None:
    """Serve what clients ask for or owe instead of consenting."""

    @router.post("/bases", status_code=201, responses=ACCEPTED)
    async def give(body: shapes.NewBasis, response: Response) -> shapes.CollectedConsent:
        """Record a client's request to hand a paper over, or a duty to cooperate with the date of its written notice.

        201 when it stands in the ledger; 202 while it is signed and could not be handed in yet.
        """
        given = await desk.collector.give(
            Given(
                kind=body.kind,
                **body.terms()._asdict(),
                person=body.person.block(),
                norm=body.norm,
                notice_date=body.notice_date_ms,
            )
        )
        if given.state is ConsentState.SENT:
            response.status_code = HTTPStatus.ACCEPTED
        return views.collected(given, desk.now_ms)


def _after(desk: Desk, router: APIRouter) -> None:
    """Serve what happens to consents later: looked at, given new codes, refused, withdrawn."""

    @router.post("/consents/{consent}/codes", status_code=201)
    async def reissue(consent: ConsentPath) -> shapes.CollectedConsent:
        """Give a receipt that was lost new codes; the old ones are dead once this is answered."""
        return views.collected(await desk.collector.reissue(ConsentId(consent)), desk.now_ms)

    @router.get("/consents")
    async def held() -> list[shapes.ConsentLine]:
        """List the consents this agency collected or may ask under, newest first."""
        return [views.consent_line(consent, desk.now_ms) for consent in await desk.running.store.bases.consents()]

    @router.post("/consents/refusals", status_code=201)
    async def refuse(body: shapes.NewRefusal) -> LoggedAt:
        """Record a client's no: as many clicks as a yes, and it names nobody."""
        person = None if body.person is None else body.person.block()
        no = Refused(body.purpose, body.recipient, body.text_sha256, body.language, person)
        proven = await desk.collector.refuse(no)
        return LoggedAt(log_index=proven.index)

    @router.post("/consents/{consent}/withdraw", responses=ACCEPTED)
    async def withdraw(consent: ConsentPath, body: shapes.WithdrawalBody, response: Response) -> LoggedAt:
        """End a consent, effective at the index given; 202 while it ends here and the ledger could not be told yet."""
        proven = await desk.collector.withdraw(ConsentId(consent), body.cause)
        if proven is None:
            response.status_code = HTTPStatus.ACCEPTED
        return LoggedAt(log_index=None if proven is None else proven.index)
