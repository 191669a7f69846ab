"""Operator mode in pure functions: what makes the walls of the bus, as JWTs the NATS server enforces.

The operator's signing key signs accounts, an account's key signs its users. One account per agency keeps agencies
apart: a topic, an inbox or a forged reply of one account means nothing in another. Two doors exist, both service
imports:

* `BROKER` exports `broker.req.*.>`; every agency and `STEERING` import `broker.req.<own account>.>` as `ask.>`. The
  server checks the account in the third place (`account_token_position`), so the broker can take it for granted.
* every agency exports `adapter.>` to holders of an activation it signed, and only `BROKER` gets one; `BROKER` imports
  it as `adapter.<agency>.>`.

Shapes: the claims of nats-io/jwt v2. Time (`now_s`, Unix seconds) and keys are arguments; the same arguments give the
same text.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic_core import to_json

from adapters.infra.nats_keys import Kind, check_public_key, public_key, sign
from schemas import topics
from schemas.errors import Misuse
from schemas.ids import AgencyId, NatsAccount
from schemas.wire import MAX_MESSAGE_BYTES

Claims = Mapping[str, object]
"""The `nats` part of a JWT."""

BROKER: Final = "broker"
STEERING: Final = "steering"
SYSTEM: Final = "system"

MAX_PAYLOAD_BYTES: Final = MAX_MESSAGE_BYTES + 4096
"""What an account may send at once; the rest over a whole message is for NATS headers."""
NODE_ANSWERS_WITHIN_S: Final = 15
"""How long a node may answer a call; above the delay before `later`, and all that comes after is a call of its own."""
BROKER_ANSWERS_WITHIN_S: Final = 60
CLAIMS_UPDATE: Final = "$SYS.REQ.CLAIMS.UPDATE"
CLAIMS_LIST: Final = "$SYS.REQ.CLAIMS.LIST"
"""Topics on which a server takes an account's JWT in, and lists the accounts it knows."""
EVERYBODY: Final = "*"
"""In a list of revocations: each user of the account issued at that time or before."""

TOPIC: Final = "subject"
LOCAL_TOPIC: Final = "local_subject"
"""What the claims call a topic, and the topic an import has on this side of the door."""

_NO_LIMIT: Final = -1
_NODE: Final = "adapter.>"


@dataclass(frozen=True)
class Limits:
    """How much of the server one account may use."""

    connections: int
    subscriptions: int


AGENCY_LIMITS: Final = Limits(connections=8, subscriptions=64)
BROKER_LIMITS: Final = Limits(connections=32, subscriptions=1024)
NOTHING: Final = Limits(connections=0, subscriptions=0)


@dataclass(frozen=True)
class Permissions:
    """What one user may do inside its account; topics may hold the wild cards `*` and `>`.

    `answer_within_s` lets the user answer each call it was sent once, on that call's reply topic, for this long.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    answer_within_s: int = 0


@dataclass(frozen=True)
class Accounts:
    """The accounts of one federation by their public keys; `agencies` holds the active members only."""

    system: NatsAccount
    broker: NatsAccount
    steering: NatsAccount
    agencies: Mapping[AgencyId, NatsAccount] = field(default_factory=dict)


def agency_permissions(agency: AgencyId, asks: Sequence[str], serves: Sequence[str]) -> Permissions:
    """Let a node publish the topics `asks`, and listen to its own inboxes and the topics `serves`."""
    inbox = f"{topics.inbox_prefix(agency)}.>"
    return Permissions(tuple(asks), (inbox, *serves), NODE_ANSWERS_WITHIN_S)


def steering_permissions(asks: Sequence[str]) -> Permissions:
    """Let the federation's administration ask the broker, and serve nothing."""
    return Permissions(tuple(asks), (f"_IB_{STEERING}.>",))


def broker_permissions(calls: Sequence[str], serves: Sequence[str]) -> Permissions:
    """Let the broker call nodes on the topics `calls`, and listen to its own inboxes and the topics `serves`."""
    return Permissions(tuple(calls), (f"_IB_{BROKER}.>", *serves), BROKER_ANSWERS_WITHIN_S)


def system_permissions() -> Permissions:
    """Let the operator push accounts to running servers and list them; not watch, not disconnect."""
    return Permissions((CLAIMS_UPDATE, CLAIMS_LIST), (f"_IB_{SYSTEM}.>",))


def operator_jwt(root_seed: str, signing_key: str, system_account: NatsAccount, name: str, now_s: int) -> str:
    """Say who the operator is and which key signs accounts for it; the root key is needed for nothing else."""
    claims = {
        "signing_keys": [check_public_key(Kind.OPERATOR, signing_key)],
        "system_account": system_account,
        "type": "operator",
    }
    return _jwt(root_seed, public_key(root_seed), name, claims, now_s)


def system_account_jwt(signing_seed: str, accounts: Accounts, now_s: int) -> str:
    """Make the account of the server's own administration."""
    return _jwt(signing_seed, accounts.system, SYSTEM, _account(BROKER_LIMITS), now_s)


def activation_jwt(agency_seed: str, broker: NatsAccount, now_s: int) -> str:
    """Let the broker's account, and nobody else, use the door of an agency; signed by the agency's account."""
    claims = {TOPIC: _NODE, "kind": "service", "type": "activation"}
    return _jwt(agency_seed, broker, "adapter", claims, now_s)


def broker_account_jwt(signing_seed: str, accounts: Accounts, activations: Mapping[AgencyId, str], now_s: int) -> str:
    """Make the broker's account: one way in for all, one way out to each active member.

    `activations` holds what `activation_jwt` gave for each of them.
    """
    asked = {
        "name": "ask",
        TOPIC: "broker.req.*.>",
        "type": "service",
        "account_token_position": topics.ACCOUNT_TOKEN_POSITION,
    }
    nodes = [
        {**_import(f"adapter-{agency}", _NODE, account, f"adapter.{agency}.>"), "token": activations[agency]}
        for agency, account in sorted(accounts.agencies.items())
    ]
    claims = _account(BROKER_LIMITS, exports=[asked], imports=nodes)
    return _jwt(signing_seed, accounts.broker, BROKER, claims, now_s)


def steering_account_jwt(signing_seed: str, accounts: Accounts, now_s: int) -> str:
    """Make the account of the federation's administration, which asks the broker as an agency does."""
    claims = _account(AGENCY_LIMITS, imports=[_ask_import(accounts.steering, accounts.broker)])
    return _jwt(signing_seed, accounts.steering, STEERING, claims, now_s)


def agency_account_jwt(
    signing_seed: str, accounts: Accounts, agency: AgencyId, revoked_users: Mapping[str, int], now_s: int
) -> str:
    """Make the account of an active member.

    `revoked_users` maps a user's public key to Unix seconds: its JWTs issued then or before are worth nothing, and a
    connection that uses one is cut when the server takes this account in.
    """
    served: Claims = {"name": "adapter", TOPIC: _NODE, "type": "service", "token_req": True}
    account = accounts.agencies[agency]
    claims = _account(AGENCY_LIMITS, exports=[served], imports=[_ask_import(account, accounts.broker)])
    if revoked_users:
        claims |= {"revocations": {check_public_key(Kind.USER, user): at_s for user, at_s in revoked_users.items()}}
    return _jwt(signing_seed, account, agency, claims, now_s)


def revoked_account_jwt(
    signing_seed: str, agency: AgencyId, account: NatsAccount, revoked_at_s: int, now_s: int
) -> str:
    """Make the account of a former member: no door, no connection, every user revoked; it cuts who is connected."""
    claims = _account(NOTHING) | {"revocations": {EVERYBODY: revoked_at_s}}
    return _jwt(signing_seed, account, agency, claims, now_s)


def user_jwt(account_seed: str, user: str, name: str, permissions: Permissions, *, now_s: int, expires_s: int) -> str:
    """Admit a user to an account until `expires_s` (Unix seconds); the user's seed stays with its owner."""
    if not permissions.publish or not permissions.subscribe:
        message = "NATS permissions: an empty list would allow everything"
        raise Misuse(message)
    claims: Claims = {
        "pub": {"allow": list(permissions.publish)},
        "sub": {"allow": list(permissions.subscribe)},
        **_answers(permissions.answer_within_s),
        "subs": _NO_LIMIT,
        "data": _NO_LIMIT,
        "payload": MAX_PAYLOAD_BYTES,
        "allowed_connection_types": ["STANDARD"],
        "type": "user",
    }
    return _jwt(account_seed, check_public_key(Kind.USER, user), name, claims, now_s, expires_s)


def _answers(within_s: int) -> Claims:
    return {"resp": {"max": 1, "ttl": within_s * 1_000_000_000}} if within_s else {}


def _import(name: str, topic: str, account: NatsAccount, local_topic: str) -> Claims:
    return {"name": name, TOPIC: topic, "account": account, LOCAL_TOPIC: local_topic, "type": "service"}


def _ask_import(account: NatsAccount, broker: NatsAccount) -> Claims:
    return _import("ask", f"broker.req.{account}.>", broker, "ask.>")


def _account(limits: Limits, *, exports: Sequence[Claims] = (), imports: Sequence[Claims] = ()) -> dict[str, object]:
    """Give the claims of an account with these doors and no others: no leaf node, no storage, no bearer tokens."""
    return {
        "exports": list(exports),
        "imports": list(imports),
        "limits": {
            "conn": limits.connections,
            "subs": limits.subscriptions,
            "payload": MAX_PAYLOAD_BYTES,
            "data": _NO_LIMIT,
            "exports": len(exports),
            "imports": len(imports),
            "wildcards": True,
            "disallow_bearer": True,
            "leaf": 0,
        },
        "type": "account",
    }


def _jwt(issuer_seed: str, holder: str, name: str, claims: Claims, now_s: int, expires_s: int | None = None) -> str:
    """Sign claims about `holder`; the id is a hash of all the rest, so no randomness is needed.

    Canonical JSON cannot say these claims (their keys have upper-case letters and `*`); nobody compares these bytes.
    """
    body: dict[str, object] = {
        "iat": now_s,
        "iss": public_key(issuer_seed),
        "name": name,
        "sub": holder,
        **({} if expires_s is None else {"exp": expires_s}),
        "nats": {**claims, "version": 2},
    }
    body["jti"] = base64.b32encode(hashlib.sha256(to_json(body)).digest()).rstrip(b"=").decode()
    signed = f"{_base64url(to_json({'typ': 'JWT', 'alg': 'ed25519-nkey'}))}.{_base64url(to_json(body))}"
    return f"{signed}.{_base64url(sign(issuer_seed, signed.encode()))}"


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
