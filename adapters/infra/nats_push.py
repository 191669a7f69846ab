"""Bringing accounts to a running NATS server, with a login of the system account."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from adapters.infra.nats_accounts import CLAIMS_LIST, CLAIMS_UPDATE
from schemas.bus import Bus
from schemas.errors import Misuse, Unavailable
from schemas.ids import NatsAccount

AnswerT = TypeVar("AnswerT", bound=BaseModel)


class _Verdict(BaseModel):
    code: int


class _Update(BaseModel):
    """What a server says to a pushed JWT, as far as it is read; `data` is missing when it refuses the JWT."""

    data: _Verdict | None = None


class _List(BaseModel):
    data: frozenset[NatsAccount]


async def push_accounts(bus: Bus, jwts: Iterable[tuple[NatsAccount, str]], *, timeout_s: float) -> None:
    """Give accounts to the server one after the other, in the order given, as (public key, JWT).

    Raises Misuse when the server refuses one, Unavailable when it does not answer; what was pushed before stays, and
    pushing all again is safe. The server takes in whatever is well-formed, even an older JWT, and one of a foreign
    signer, which lets nobody in any more: push only what the operator's files gave last.
    """
    for account, jwt in jwts:
        answer = await bus.call(CLAIMS_UPDATE, jwt.encode(), timeout_s=timeout_s)
        verdict = _read(_Update, answer).data
        if verdict is None or verdict.code != HTTPStatus.OK:
            message = f"{account}: the NATS server refuses its JWT"
            raise Misuse(message)


async def known_accounts(bus: Bus, *, timeout_s: float) -> frozenset[NatsAccount]:
    """Give the public keys of the accounts the server knows, revoked ones too."""
    return _read(_List, await bus.call(CLAIMS_LIST, b"", timeout_s=timeout_s)).data


def _read(shape: type[AnswerT], answer: bytes) -> AnswerT:
    try:
        return shape.model_validate_json(answer)
    except ValidationError as error:
        message = "NATS server: its answer about accounts cannot be read"
        raise Unavailable(message) from error
