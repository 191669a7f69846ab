"""Role tokens: one algorithm, one key, one agency, a bounded life; everything else is no token."""

import base64
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from adapters.node.access import Role
from adapters.node.tokens import AUDIENCE, MAX_LIFE_S, Caller, Claims, Tokens, issue, new_key, read_public
from schemas.errors import Malformed, NotAuthentic
from schemas.ids import AgencyId
from tests.support.pens import ManualClock

NOW_S = 1_795_168_800
PRIVATE, PUBLIC = new_key()


def claims(**changes: object) -> Claims:
    """Give the claims of an adviser's token."""
    plain: dict[str, Any] = {
        "iss": AgencyId("jobcenter"),
        "aud": AUDIENCE,
        "sub": "staff-7",
        "role": Role.ADVISER,
        "iat": NOW_S,
        "exp": NOW_S + 600,
        "jti": "0" * 32,
    }
    return Claims(**{**plain, **changes})


def tokens(at_s: int = NOW_S, public: bytes = PUBLIC) -> Tokens:
    """Give the Jobcenter's check at a time."""
    return Tokens(AgencyId("jobcenter"), read_public(public), ManualClock(at_s * 1000))


def signed(payload: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    """Sign any claims with the agency's key."""
    key = OKPKey.import_key(json.loads(PRIVATE))
    return jwt.encode(header or {"alg": "Ed25519"}, payload, key, algorithms=["Ed25519"])


def plain(**changes: object) -> dict[str, Any]:
    """Give an adviser's claims as they stand in a token."""
    return {**claims().model_dump(mode="json"), **changes}


def test_a_token_says_who_calls() -> None:
    """A token of this agency, in time, gives staff id and role."""
    assert tokens().verify(issue(PRIVATE, claims())) == Caller("staff-7", Role.ADVISER)
    assert tokens(NOW_S + 599).verify(issue(PRIVATE, claims())).role is Role.ADVISER


@pytest.mark.parametrize(
    ("token", "at_s"),
    [
        ("", NOW_S),
        ("no token", NOW_S),
        ("a.b.c", NOW_S),
        ("x" * 5000, NOW_S),
        (signed(plain()) + "x", NOW_S),
        (signed(plain()), NOW_S + 600),
        (signed(plain()), NOW_S - 61),
        (signed(plain(exp=NOW_S + MAX_LIFE_S + 1)), NOW_S),
        (signed(plain(iss="beratung")), NOW_S),
        (signed(plain(aud="another-service")), NOW_S),
        (signed(plain(role="mayor")), NOW_S),
        (signed(plain(sub="")), NOW_S),
        (signed(plain(jti="1")), NOW_S),
        (signed(plain(exp=str(NOW_S + 600))), NOW_S),
        (signed(plain(admin=True)), NOW_S),
        (signed({name: value for name, value in plain().items() if name != "exp"}), NOW_S),
    ],
)
def test_what_is_no_token_is_refused(token: str, at_s: int) -> None:
    """Whatever is wrong with a token, the refusal says the same and repeats nothing of it."""
    with pytest.raises(NotAuthentic) as refused:
        tokens(at_s).verify(token)
    assert str(refused.value) == "token: missing, expired, or not signed for this node"


def test_no_other_algorithm_counts() -> None:
    """A token without signature, or with one under a shared secret made of the public key, is refused."""
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    body = signed(plain()).split(".")[1]
    shared = OctKey.import_key(PUBLIC.strip())
    forged = jwt.encode({"alg": "HS256"}, plain(), shared, algorithms=["HS256"])
    for token in (f"{header}.{body}.", forged):
        with pytest.raises(NotAuthentic):
            tokens().verify(token)


def test_another_agencys_key_counts_for_nothing() -> None:
    """A token must be signed with the one key the node was given."""
    _, other = new_key()
    with pytest.raises(NotAuthentic):
        tokens(public=other).verify(issue(PRIVATE, claims()))


def test_a_tokens_life_is_bounded() -> None:
    """Nobody signs a token that never lived, or lives longer than half a day."""
    for life_s in (0, MAX_LIFE_S + 1):
        with pytest.raises(Malformed):
            issue(PRIVATE, claims(exp=NOW_S + life_s))


@pytest.mark.parametrize("jwk", [b"", b"[]", b"{}", b'{"kty":"OKP","crv":"Ed25519"}', b'{"crv":"Ed25519","x":"!"}'])
def test_what_is_no_key_is_refused(jwk: bytes) -> None:
    """A damaged key file is named as such."""
    with pytest.raises(Malformed, match="token key"):
        read_public(jwk)
    with pytest.raises(Malformed, match="token key"):
        issue(jwk, claims())


def test_the_halves_of_a_key_are_not_taken_for_each_other() -> None:
    """The node refuses the private half, and nobody signs with the public one."""
    with pytest.raises(Malformed, match="public half"):
        read_public(PRIVATE)
    with pytest.raises(Malformed, match="public half"):
        issue(PUBLIC, claims())
