"""What the parts of the node's HTTP API share: who calls, and the ids in paths."""

from typing import Annotated, Final

from fastapi import Depends, Path, Request

from adapters.node.tokens import Caller
from schemas.ids import RANDOM_PATTERN

CALLER: Final = "handschlag.caller"
"""Where the gate notes who calls."""


async def _caller(request: Request) -> Caller:
    """Give who calls, as the gate has proven it."""
    caller: Caller = request.scope[CALLER]
    return caller


Who = Annotated[Caller, Depends(_caller)]
ExchangePath = Annotated[str, Path(pattern=RANDOM_PATTERN, description="The exchange's id.")]
