"""The part of the node's HTTP API about what waits for a human: release, confirm, refuse, ask a colleague."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from adapters.node import api_views as views
from adapters.node import release_models as shapes
from adapters.node.api_calls import ExchangePath, Who
from adapters.node.desk import Desk
from adapters.node.releases import Chosen, Wish
from adapters.sources.port import LocalRef
from schemas.ids import CodeName, ExchangeId

_KEPT: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": shapes.Kept, "description": "Two persons are demanded: kept until another person confirms it."}
}


def releases(desk: Desk) -> APIRouter:
    """Serve the release list of the answering side."""
    router = APIRouter(tags=["answering"])

    @router.get("/releases")
    async def waiting(who: Who) -> list[shapes.WaitingRelease]:
        """List what waits for a human, oldest first, with the person asked for and the rows side by side."""
        found = await desk.holder.releases.waiting(who.staff)
        return [views.waiting_release(one) for one in found]

    @router.post("/releases/{exchange}/release", status_code=204, response_model=None, responses=_KEPT)
    async def release(exchange: ExchangePath, body: shapes.ReleaseBody, who: Who) -> Response:
        """Answer for the row that is the person; the record travels now.

        202 where the purpose demands two persons: it is kept, and another person confirms or refuses.
        """
        typed = None if body.values is None else {field: tuple(values) for field, values in body.values.items()}
        chosen = Chosen(LocalRef(body.ref), who.staff, typed, CodeName(who.role))
        kept = await desk.holder.releases.release(ExchangeId(exchange), chosen)
        if kept is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        body_out = shapes.Kept(agreed_at_ms=kept.at).model_dump_json()
        return Response(body_out, HTTPStatus.ACCEPTED, media_type="application/json")

    @router.post("/releases/{exchange}/confirm", status_code=204, response_model=None)
    async def confirm(exchange: ExchangePath, body: shapes.ConfirmBody, who: Who) -> None:
        """Be the second person: what the first chose travels now."""
        await desk.holder.releases.confirm(ExchangeId(exchange), who.staff, body.agreed_at_ms)

    @router.post("/releases/{exchange}/refuse", status_code=204, response_model=None)
    async def refuse(exchange: ExchangePath, body: shapes.RefusalBody, who: Who) -> None:
        """Refuse; the requester learns "not available" at the deadline, as for a person nobody knows."""
        await desk.holder.releases.refuse(ExchangeId(exchange), who.staff, body.reason)

    router.include_router(_colleagues(desk))
    return router


def _colleagues(desk: Desk) -> APIRouter:
    """Serve who can be asked to decide, asking them, and what was done."""
    router = APIRouter()

    @router.get("/releases/colleagues")
    async def colleagues(who: Who) -> list[shapes.ColleagueLine]:
        """List the colleagues who may be asked to decide: those who release here and have logged in before."""
        known = await desk.running.colleagues.who_release()
        return [shapes.ColleagueLine(staff=one.staff, name=one.name) for one in known if one.staff != who.staff]

    @router.get("/releases/steps")
    async def steps() -> list[shapes.ReleaseStep]:
        """Give the latest steps of decisions, newest first, by pseudonym."""
        found = await desk.running.store.deciding.steps()
        return [
            shapes.ReleaseStep(
                exchange=one.exchange, at_ms=one.at, pseudonym=one.pseudonym, step=one.step, reason=one.why
            )
            for one in found
        ]

    @router.post("/releases/{exchange}/ask", status_code=204, response_model=None)
    async def ask(exchange: ExchangePath, body: shapes.AskColleagueBody, who: Who) -> None:
        """Ask a colleague to decide: it waits for them alone until they do or it is taken back."""
        wish = Wish(body.colleague, body.reason, body.note)
        await desk.holder.releases.ask(ExchangeId(exchange), who.staff, wish)

    @router.post("/releases/{exchange}/take-back", status_code=204, response_model=None)
    async def take_back(exchange: ExchangePath, who: Who) -> None:
        """End the asking of a colleague, as who asked or who was asked."""
        await desk.holder.releases.take_back(ExchangeId(exchange), who.staff)

    return router
