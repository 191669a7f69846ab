"""The part of the node's HTTP API about packages: several requests with one occasion and one checklist."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from adapters.node.api_calls import Who, question_of
from adapters.node.desk import Desk
from adapters.node.package_models import Checklist, NewPackage, PackageLine, PackagePart
from adapters.node.packaging import Package, Packaging
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

    @router.get("/packages")
    async def started(who: Who) -> list[PackageLine]:
        """List the packages of the caller, and of whom they stand in for, newest first."""
        staff = await desk.running.colleagues.reads_for(who.staff)
        return [
            PackageLine(occasion=one.occasion, at_ms=one.at, parts=len(one.items), settled=one.settled)
            for one in await Packaging(desk.requester).started(*staff)
        ]

    @router.get("/packages/{occasion}")
    async def checklist(occasion: OccasionPath, who: Who) -> Checklist:
        """Say what came, what waits and what was refused, each with its explanation."""
        return await _checklist(desk, occasion, who)

    return router


async def _checklist(desk: Desk, occasion: str, who: Caller) -> Checklist:
    staff = await desk.running.colleagues.reads_for(who.staff)
    return _shown(desk, await Packaging(desk.requester).checklist(occasion, *staff))


def _shown(desk: Desk, package: Package) -> Checklist:
    return Checklist(
        occasion=package.occasion,
        at_ms=package.at,
        parts=[
            PackagePart(
                purpose=one.part.purpose,
                holder=one.part.holder,
                stands=one.stands,
                problem=one.part.problem,
                request=None if one.asked is None else desk.told(one.asked),
            )
            for one in package.items
        ],
    )
