"""Role tokens of the HTTP API: JWTs (RFC 7519) signed with Ed25519 (RFC 8037, RFC 9864), for minutes or hours.

The agency's own sign-on signs them; the node knows the public half alone. A token is taken only with this algorithm,
this key, this agency as issuer, this audience, all claims present and of their form, and a life of at most half a day.
"""

import binascii
from typing import Annotated, Final, Literal, NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import Field, StringConstraints, ValidationError
from pydantic_core import from_json, to_json

from adapters.node.access import Role
from consent_ledger.ports import Clock
from schemas.errors import Malformed, NotAuthentic
from schemas.ids import AgencyId
from schemas.wire import Wire

AUDIENCE: Final = "handschlag-node"
MAX_LIFE_S: Final = 12 * 3600
MAX_SKEW_S: Final = 60
MAX_TOKEN_CHARS: Final = 2000

_ALGORITHM: Final = "Ed25519"
_REFUSED: Final = "token: missing, expired, or not signed for this node"
_Seconds = Annotated[int, Field(ge=0, le=2**40)]

StaffId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")]


class Claims(Wire):
    """What a token says; times are POSIX seconds, `sub` is the agency's own id of a member of staff."""

    iss: AgencyId
    aud: Literal["handschlag-node"]
    sub: StaffId
    role: Annotated[Role, Field(strict=False)]
    iat: _Seconds
    exp: _Seconds
    jti: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{32}$")]


class Caller(NamedTuple):
    """Who calls, proven by a token."""

    staff: str
    role: Role


class Tokens:
    """Checks tokens against one agency's public key."""

    def __init__(self, agency: AgencyId, key: OKPKey, clock: Clock) -> None:
        """Take whose tokens count, the key from `read_public`, and the clock they expire by."""
        self._agency = agency
        self._key = key
        self._clock = clock

    def verify(self, unverified_token: str) -> Caller:
        """Give who calls; NotAuthentic, without saying why, for anything that is not a valid token of this agency."""
        try:
            if len(unverified_token) > MAX_TOKEN_CHARS:
                raise NotAuthentic(_REFUSED)
            token = jwt.decode(unverified_token, self._key, algorithms=[_ALGORITHM])
            claims = Claims.model_validate_json(to_json(token.claims))
        except (JoseError, ValueError) as error:
            raise NotAuthentic(_REFUSED) from error
        now_s = self._clock.now_ms() // 1000
        in_time = claims.iat <= now_s + MAX_SKEW_S and now_s < claims.exp <= claims.iat + MAX_LIFE_S
        if claims.iss != self._agency or not in_time:
            raise NotAuthentic(_REFUSED)
        return Caller(claims.sub, claims.role)


def issue(private_jwk: bytes, claims: Claims) -> str:
    """Sign a token with the agency's private key; Malformed when the file is no such key, or the life is too long."""
    if not 0 < claims.exp - claims.iat <= MAX_LIFE_S:
        message = f"token: must live between a second and {MAX_LIFE_S // 3600} hours"
        raise Malformed(message)
    key = _read(private_jwk)
    if not key.is_private:
        message = "token key: this is the public half"
        raise Malformed(message)
    return jwt.encode({"alg": _ALGORITHM}, claims.model_dump(mode="json"), key, algorithms=[_ALGORITHM])


def new_key() -> tuple[bytes, bytes]:
    """Make a key for tokens; give its private and its public half as JWK (RFC 7517, RFC 8037)."""
    key = OKPKey.generate_key("Ed25519")
    return to_json(key.as_dict(private=True)) + b"\n", to_json(key.as_dict(private=False)) + b"\n"


def read_public(jwk: bytes) -> OKPKey:
    """Read the public half of a key for tokens; Malformed when it is no Ed25519 key, or a private one."""
    key = _read(jwk)
    if key.is_private:
        message = "token key: the node needs the public half, and nobody else the private one"
        raise Malformed(message)
    return key


def _read(jwk: bytes) -> OKPKey:
    try:
        found = from_json(jwk)
        if isinstance(found, dict) and found.get("crv") == "Ed25519":
            return OKPKey.import_key(found)
    except (JoseError, ValidationError, ValueError, binascii.Error, TypeError) as error:
        raise Malformed(_NO_KEY) from error
    raise Malformed(_NO_KEY)


_NO_KEY: Final = "token key: not a JWK of an Ed25519 key"
