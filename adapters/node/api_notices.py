"""The part of the node's HTTP API about notices: which are still to hand out, and that one was (Art. 14 GDPR)."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from adapters.node.api_calls import ExchangePath, Who
from adapters.node.api_models import Shape
from adapters.node.desk import Desk
from adapters.node.notices import Notice, Notices
from schemas.ids import AgencyId, ExchangeId, Hash, Purpose
from schemas.registry import Day
from schemas.statements import Language

_HANDED: Final[dict[str, Any]] = {
    "on": "2026-12-03",
    "language": "ar",
    "staff": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
}


class NewHanding(Shape):
    """That the person has the notice: on which day, and in which language they got it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"on": "2026-12-03", "language": "ar"}]})
    on: Day
    language: Language


class Handing(NewHanding):
    """How a notice was handed out, with the pseudonym of who did it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_HANDED]})
    staff: Hash


class NoticeLine(Shape):
    """A notice: of which request, since when there is something to tell, and by when the law wants it told."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "exchange": "0123456789abcdef0123456789abcdef",
                    "purpose": "Z06@1",
                    "holder": "sozialamt",
                    "case_ref": "JC-2026-117",
                    "got": "2026-12-01",
                    "due": "2027-01-01",
                    "handed": _HANDED,
                }
            ]
        }
    )
    exchange: ExchangeId
    purpose: Purpose
    holder: AgencyId
    case_ref: str | None
    got: Day
    due: Day
    handed: Annotated[Handing | None, Field(description="Missing while it is still to be handed out.")]


def notices(desk: Desk) -> APIRouter:
    """Serve notices of the asking side."""
    router = APIRouter(tags=["asking"])

    @router.get("/notices")
    async def listed(who: Who, show: Literal["waiting", "handed"] = "waiting") -> list[NoticeLine]:
        """List the caller's notices, and those of whom they stand in for: to hand out, or handed out."""
        staff, found = await desk.running.colleagues.reads_for(who.staff), Notices(desk.requester)
        return [_line(one) for one in await (found.waiting if show == "waiting" else found.handed)(*staff)]

    @router.post("/requests/{exchange}/notice")
    async def hand_out(exchange: ExchangePath, body: NewHanding, who: Who) -> NoticeLine:
        """Note that the person has the notice of one of the caller's own requests."""
        asked = await desk.own_request(ExchangeId(exchange), who)
        return _line(await Notices(desk.requester).hand_out(asked, body.on, body.language, who.staff))

    return router


def _line(notice: Notice) -> NoticeLine:
    asked, handed = notice.asked, notice.handed
    return NoticeLine(
        exchange=asked.exchange,
        purpose=asked.purpose,
        holder=asked.holder,
        case_ref=asked.case_ref,
        got=notice.got,
        due=notice.due,
        handed=None if handed is None else Handing(on=handed.on, language=handed.language, staff=handed.staff),
    )
