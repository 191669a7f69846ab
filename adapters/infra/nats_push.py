"""Bringing accounts to running NATS servers, with a login of the system account."""

from collections.abc import Iterable

from pydantic import BaseModel, ValidationError

from adapters.infra.nats_accounts import CLAIMS_LOOKUP, CLAIMS_UPDATE
from schemas.bus import Bus
from schemas.errors import Misuse, Unavailable


class _Verdict(BaseModel):
    code: int = 0


class _Answer(BaseModel):
    """What a server says to a pushed JWT; more members than these are left alone."""

    data: _Verdict | None = None


async def push_accounts(bus: Bus, jwts: Iterable[tuple[str, str]], *, timeout_s: float) -> None:
    """Give accounts to the server one after the other, in the order given, as (public key, JWT).

    Each is read back: a server keeps the newer of two JWTs and says nothing when that is not the pushed one. Raises
    Misuse when the server refuses a JWT or keeps another, Unavailable when it does not answer; what was pushed before
    stays, and pushing all again is safe.
    """
    for account, jwt in jwts:
        answer = await bus.call(CLAIMS_UPDATE, jwt.encode(), timeout_s=timeout_s)
        try:
            verdict = _Answer.model_validate_json(answer).data
        except ValidationError as error:
            message = f"{account}: the NATS server's answer to its JWT cannot be read"
            raise Unavailable(message) from error
        if verdict is None or verdict.code != 200:
            message = f"{account}: the NATS server refuses its JWT"
            raise Misuse(message)
        if await bus.call(CLAIMS_LOOKUP.replace("*", account), b"", timeout_s=timeout_s) != jwt.encode():
            message = f"{account}: the NATS server keeps a newer JWT; is this clock behind, or the folder a copy?"
            raise Misuse(message)
