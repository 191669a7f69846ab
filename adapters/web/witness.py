"""The HTTP interface of a witness (C2SP tlog-witness v1.0): `add-checkpoint`, and the last checkpoint of each log."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from consent_ledger.witness_service import MAX_REQUEST_BYTES, TEXT, WitnessService
from schemas.errors import Unavailable


def make_app(service: WitnessService) -> Starlette:
    """Give the web application of a witness."""

    async def add_checkpoint(request: Request) -> Response:
        """Cosign, or say why not."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_REQUEST_BYTES:
                return Response("the request is larger than any checkpoint with its proof\n", 413, media_type=TEXT)
        try:
            status, content_type, content = await service.add(bytes(body))
        except Unavailable:
            return Response("this witness cannot store what it would cosign\n", 503, media_type=TEXT)
        return Response(content, status, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    async def checkpoint(request: Request) -> Response:
        """Show the last checkpoint cosigned of a log, by the SHA-256 of its origin."""
        note = await service.shown(request.path_params["log"])
        if note is None:
            return Response("no checkpoint of such a log was cosigned here\n", 404, media_type=TEXT)
        return Response(note, media_type=TEXT, headers={"Cache-Control": "no-cache"})

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/{log}/checkpoint", checkpoint, methods=["GET"]),
        ]
    )
