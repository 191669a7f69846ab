"""Keys and JWTs of operator mode: the text NATS expects, signed by the right key, saying exactly what was asked for."""

import base64
import binascii
import hashlib
import json
from typing import Any, NamedTuple

import nacl.signing
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.infra import nats_accounts
from adapters.infra.nats_accounts import LOCAL_TOPIC, TOPIC, Accounts, Permissions
from adapters.infra.nats_keys import ENTROPY_BYTES, Kind, check_public_key, new_seed, public_key, sign
from schemas import topics
from schemas.errors import Malformed, Misuse
from schemas.ids import AgencyId, NatsAccount

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
NOW_S = 1_790_000_000
LATER_S = NOW_S + 3600
JOBCENTER = AgencyId("jobcenter")
COUNSELLING = AgencyId("counselling")

entropies = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)
kinds = st.sampled_from(Kind)


def seed(kind: Kind, number: int) -> str:
    """Give a seed that is the same in every run."""
    return new_seed(kind, number.to_bytes(ENTROPY_BYTES, "big"))


def account(number: int) -> NatsAccount:
    """Give an account's public key that is the same in every run."""
    return NatsAccount(public_key(seed(Kind.ACCOUNT, number)))


SIGNING = seed(Kind.OPERATOR, 1)
USER = public_key(seed(Kind.USER, 2))
ACCOUNTS = Accounts(account(3), account(4), account(5), {JOBCENTER: account(6), COUNSELLING: account(7)})
ACTIVATIONS = {JOBCENTER: "activation of the jobcenter", COUNSELLING: "activation of the counselling"}


class Jwt(NamedTuple):
    """A JWT whose signature was checked."""

    issuer: str
    holder: str
    claims: dict[str, Any]
    nats: dict[str, Any]


def verify(jwt: str) -> Jwt:
    """Check header and signature of a JWT with nothing of the code under test, and give what it says."""
    header, body, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in jwt.split("."))
    assert json.loads(header) == {"typ": "JWT", "alg": "ed25519-nkey"}
    claims = json.loads(body)
    key = base64.b32decode(claims["iss"])
    assert binascii.crc_hqx(key[:-2], 0).to_bytes(2, "little") == key[-2:]
    nacl.signing.VerifyKey(key[1:-2]).verify(jwt.rpartition(".")[0].encode(), signature)
    return Jwt(claims["iss"], claims["sub"], claims, claims["nats"])


@given(kinds, entropies)
def test_a_seed_names_its_kind_and_gives_the_key_of_its_entropy(kind: Kind, entropy: bytes) -> None:
    """Seed and public key are written as NATS writes them: kind, Ed25519 key, CRC-16, in base32."""
    text = new_seed(kind, entropy)
    assert text.startswith("S" + kind.name[0])
    raw = base64.b32decode(public_key(text))
    assert raw[:1] == bytes([kind.value])
    assert raw[1:-2] == bytes(nacl.signing.SigningKey(entropy).verify_key)
    assert raw[-2:] == binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little")


@given(kinds, entropies, st.binary())
@pytest.mark.slow
def test_what_a_seed_signs_its_public_key_verifies(kind: Kind, entropy: bytes, message: bytes) -> None:
    """Signatures are plain Ed25519 over the message."""
    text = new_seed(kind, entropy)
    nacl.signing.VerifyKey(base64.b32decode(public_key(text))[1:-2]).verify(message, sign(text, message))


@given(kinds, entropies, st.data())
@pytest.mark.slow
def test_one_wrong_letter_is_noticed(kind: Kind, entropy: bytes, data: st.DataObject) -> None:
    """A seed or public key with any one letter changed is refused, and the message does not repeat it."""
    right = new_seed(kind, entropy)
    for text, read in ((right, public_key), (public_key(right), lambda key: check_public_key(kind, key))):
        at = data.draw(st.integers(0, len(text) - 1))
        letter = data.draw(st.sampled_from([other for other in BASE32 if other != text[at]]))
        wrong = text[:at] + letter + text[at + 1 :]
        with pytest.raises(Malformed) as refused:
            read(wrong)
        assert wrong not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "S", "SU", "A" * 56, "ü", "UAAA", USER[:-1], USER.lower(), USER + "A", USER + "="]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    """Text that is cut short, too long or something else is refused as seed and as public key."""
    with pytest.raises(Malformed):
        public_key(text)
    with pytest.raises(Malformed):
        check_public_key(Kind.USER, text)


def test_a_key_of_another_kind_is_refused() -> None:
    """An account's key is no user's key, however genuine."""
    assert check_public_key(Kind.USER, USER) == USER
    with pytest.raises(Malformed, match="user key"):
        check_public_key(Kind.USER, account(1))


def test_the_operator_names_its_signing_key_and_the_system_account() -> None:
    """The operator signs itself and lets another key sign accounts."""
    root = seed(Kind.OPERATOR, 8)
    jwt = verify(nats_accounts.operator_jwt(root, public_key(SIGNING), ACCOUNTS.system, "musterstadt.example", NOW_S))
    assert (jwt.issuer, jwt.holder) == (public_key(root), public_key(root))
    assert jwt.nats["type"] == "operator"
    assert jwt.nats["signing_keys"] == [public_key(SIGNING)]
    assert jwt.nats["system_account"] == ACCOUNTS.system


def test_the_broker_has_one_door_in_and_one_out_per_member() -> None:
    """All ask through one export whose third step is the caller's account; each member is reached under its name."""
    jwt = verify(nats_accounts.broker_account_jwt(SIGNING, ACCOUNTS, ACTIVATIONS, NOW_S))
    assert (jwt.issuer, jwt.holder) == (public_key(SIGNING), ACCOUNTS.broker)
    [ask] = jwt.nats["exports"]
    assert (ask[TOPIC], ask["type"], ask["account_token_position"]) == ("broker.req.*.>", "service", 3)
    doors = {(door["account"], door[TOPIC], door[LOCAL_TOPIC], door["token"]) for door in jwt.nats["imports"]}
    assert doors == {
        (ACCOUNTS.agencies[agency], "adapter.>", f"adapter.{agency}.>", ACTIVATIONS[agency])
        for agency in (JOBCENTER, COUNSELLING)
    }


@pytest.mark.parametrize("agency", [JOBCENTER, COUNSELLING])
def test_an_agency_has_its_own_door_to_the_broker_and_one_only_the_broker_may_use(agency: AgencyId) -> None:
    """What an agency imports names its own account, and what it exports needs its activation."""
    jwt = verify(nats_accounts.agency_account_jwt(SIGNING, ACCOUNTS, agency, {}, NOW_S))
    own = ACCOUNTS.agencies[agency]
    [ask] = jwt.nats["imports"]
    [served] = jwt.nats["exports"]
    assert (jwt.issuer, jwt.holder) == (public_key(SIGNING), own)
    assert (ask["account"], ask[TOPIC]) == (ACCOUNTS.broker, f"broker.req.{own}.>")
    assert ask[LOCAL_TOPIC] == "ask.>"
    assert (served[TOPIC], served["type"], served["token_req"]) == ("adapter.>", "service", True)
    assert "revocations" not in jwt.nats


def test_steering_asks_as_an_agency_does_and_serves_nothing() -> None:
    """Steering has the door to the broker under its own account, and none that leads to it."""
    jwt = verify(nats_accounts.steering_account_jwt(SIGNING, ACCOUNTS, NOW_S))
    assert [door[TOPIC] for door in jwt.nats["imports"]] == [f"broker.req.{ACCOUNTS.steering}.>"]
    assert jwt.nats["exports"] == []


def test_an_activation_is_the_agencys_word_for_the_broker() -> None:
    """The agency's own key signs that the broker's account may use its door."""
    own = seed(Kind.ACCOUNT, 6)
    jwt = verify(nats_accounts.activation_jwt(own, ACCOUNTS.broker, NOW_S))
    assert (jwt.issuer, jwt.holder) == (ACCOUNTS.agencies[JOBCENTER], ACCOUNTS.broker)
    assert (jwt.nats["type"], jwt.nats["kind"], jwt.nats[TOPIC]) == ("activation", "service", "adapter.>")


def test_every_account_has_limits() -> None:
    """No account has unlimited connections, subscriptions or payload, any leaf node, storage or bearer token."""
    jwts = [
        nats_accounts.system_account_jwt(SIGNING, ACCOUNTS, NOW_S),
        nats_accounts.broker_account_jwt(SIGNING, ACCOUNTS, ACTIVATIONS, NOW_S),
        nats_accounts.steering_account_jwt(SIGNING, ACCOUNTS, NOW_S),
        nats_accounts.agency_account_jwt(SIGNING, ACCOUNTS, JOBCENTER, {}, NOW_S),
    ]
    for jwt in jwts:
        limits = verify(jwt).nats["limits"]
        assert 0 < limits["conn"] <= 32
        assert 0 < limits["subs"] <= 1024
        assert 0 < limits["payload"] < 1024 * 1024
        assert limits["disallow_bearer"] is True
        assert limits["leaf"] == 0
        assert not {"mem_storage", "disk_storage", "streams"} & set(limits)


def test_revoked_users_stand_in_their_account() -> None:
    """Each revoked user is named with the time up to which its logins are worth nothing."""
    jwt = verify(nats_accounts.agency_account_jwt(SIGNING, ACCOUNTS, JOBCENTER, {USER: NOW_S}, NOW_S))
    assert jwt.nats["revocations"] == {USER: NOW_S}
    with pytest.raises(Malformed):
        nats_accounts.agency_account_jwt(SIGNING, ACCOUNTS, JOBCENTER, {"nobody": NOW_S}, NOW_S)


def test_a_revoked_account_has_nothing() -> None:
    """A former member's account has no door and no connection, and every user of it is revoked."""
    jwt = verify(nats_accounts.revoked_account_jwt(SIGNING, JOBCENTER, account(6), NOW_S - 5, NOW_S))
    assert (jwt.nats["imports"], jwt.nats["exports"]) == ([], [])
    assert jwt.nats["limits"]["conn"] == 0
    assert jwt.nats["revocations"] == {"*": NOW_S - 5}


def test_a_user_gets_exactly_its_permissions() -> None:
    """A login names its topics, how long it may answer a call once, when it ends, and admits no odd connection."""
    own = seed(Kind.ACCOUNT, 6)
    permissions = nats_accounts.agency_permissions(JOBCENTER, ["ask.request"], ["adapter.permit"])
    jwt = verify(nats_accounts.user_jwt(own, USER, "node", permissions, now_s=NOW_S, expires_s=LATER_S))
    assert (jwt.issuer, jwt.holder) == (account(6), USER)
    assert jwt.nats["pub"] == {"allow": ["ask.request"]}
    assert jwt.nats["sub"] == {"allow": ["_IB_jobcenter.>", "adapter.permit"]}
    assert jwt.nats["resp"] == {"max": 1, "ttl": 15_000_000_000}
    assert jwt.nats["allowed_connection_types"] == ["STANDARD"]
    assert jwt.nats["payload"] == nats_accounts.MAX_PAYLOAD_BYTES
    assert (jwt.claims["iat"], jwt.claims["exp"]) == (NOW_S, LATER_S)


@pytest.mark.parametrize(
    ("permissions", "publish", "subscribe", "answers"),
    [
        (nats_accounts.steering_permissions(["ask.record"]), ["ask.record"], ["_IB_steering.>"], False),
        (
            nats_accounts.broker_permissions(["adapter.*.permit"], [topics.BROKER_TOPICS]),
            ["adapter.*.permit"],
            ["_IB_broker.>", "broker.req.*.*"],
            True,
        ),
        (
            nats_accounts.system_permissions(),
            ["$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.CLAIMS.LIST"],
            ["_IB_system.>"],
            False,
        ),
    ],
)
def test_the_other_logins_have_no_more_than_they_need(
    permissions: Permissions, publish: list[str], subscribe: list[str], *, answers: bool
) -> None:
    """Broker, steering and operator get their topics and their own inbox; who serves nothing may answer nothing."""
    own = seed(Kind.ACCOUNT, 6)
    jwt = verify(nats_accounts.user_jwt(own, USER, "x", permissions, now_s=NOW_S, expires_s=LATER_S))
    assert jwt.nats["pub"]["allow"] == publish
    assert jwt.nats["sub"]["allow"] == subscribe
    assert ("resp" in jwt.nats) is answers


@pytest.mark.parametrize("permissions", [Permissions((), ("x",)), Permissions(("x",), ())])
def test_empty_permissions_are_refused(permissions: Permissions) -> None:
    """An empty list means "everything" to NATS, so none is ever written."""
    own = seed(Kind.ACCOUNT, 6)
    with pytest.raises(Misuse, match="everything"):
        nats_accounts.user_jwt(own, USER, "x", permissions, now_s=NOW_S, expires_s=LATER_S)


def test_the_same_arguments_give_the_same_text() -> None:
    """JWTs hold no randomness; their id follows from their content and differs with it."""
    one, same, other = [
        nats_accounts.steering_account_jwt(SIGNING, ACCOUNTS, now_s) for now_s in (NOW_S, NOW_S, NOW_S + 1)
    ]
    assert one == same
    claims = verify(one).claims
    jti = claims.pop("jti")
    assert jti != verify(other).claims["jti"]
    digest = hashlib.sha256(json.dumps(claims, separators=(",", ":")).encode()).digest()  # noqa: TID251  an oracle
    assert jti == base64.b32encode(digest).rstrip(b"=").decode()
