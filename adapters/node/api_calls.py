"""What the parts of the node's HTTP API share: who calls, the ids in paths, and questions."""

from typing import Annotated, Final

from fastapi import Depends, Path, Request

from adapters.node.api_models import NewRequest
from adapters.node.core.compose import Question
from adapters.node.tokens import Caller
from schemas.ids import RANDOM_PATTERN, CodeName

CALLER: Final = "handschlag.caller"
"""Where the gate notes who calls."""


async def _caller(request: Request) -> Caller:
    """Give who calls, as the gate has proven it."""
    caller: Caller = request.scope[CALLER]
    return caller


Who = Annotated[Caller, Depends(_caller)]
ExchangePath = Annotated[str, Path(pattern=RANDOM_PATTERN, description="The exchange's id.")]


def question_of(body: NewRequest, who: Caller) -> Question:
    """Give a caller's question as the flow takes it."""
    return Question(
        purpose=body.purpose,
        holder=body.holder,
        role=CodeName(who.role),
        staff=who.staff,
        fields=tuple(body.fields),
        consent=body.consent,
        given=body.given,
        norm=body.norm,
        declared=tuple(body.declared),
        person=None if body.person is None else body.person.block(),
        case_ref=body.case_ref,
    )
