"""The part of the node's HTTP API about packages: several requests with one occasion and one checklist."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from adapters.node.api_calls import Who, question_of
from adapters.node.desk import Desk
from adapters.node.package_models import Checklist, NewPackage, PackagePart
from adapters.node.packaging import Packaging
from adapters.node.tokens import Caller
from schemas.ids import RANDOM_PATTERN

OccasionPath = Annotated[str, Path(pattern=RANDOM_PATTERN, description="The package's id at this agency.")]


def packages(desk: Desk) -> APIRouter:
    """Serve packages of the asking side."""
    router = APIRouter(tags=["asking"])

    @router.post("/packages", status_code=201)
    async def start(body: NewPackage, who: Who, response: Response) -> Checklist:
        """Ask several at once; each is a request like any other, and one that fails keeps no other from being asked."""
        occasion = await Packaging(desk.requester).start([question_of(one, who) for one in body.requests])
        response.headers["Location"] = f"/v1/packages/{occasion}"
        return await _checklist(desk, occasion, who)

    @router.get("/packages/{occasion}")
    async def checklist(occasion: OccasionPath, who: Who) -> Checklist:
        """Say what came, what waits and what was refused, each with its explanation."""
        return await _checklist(desk, occasion, who)

    return router


async def _checklist(desk: Desk, occasion: str, who: Caller) -> Checklist:
    staff = await desk.running.colleagues.reads_for(who.staff)
    items = await Packaging(desk.requester).checklist(occasion, *staff)
    return Checklist(
        occasion=occasion,
        parts=[
            PackagePart(
                purpose=one.part.purpose,
                holder=one.part.holder,
                stands=one.stands,
                problem=one.part.problem,
                request=None if one.asked is None else desk.told(one.asked),
            )
            for one in items
        ],
    )
