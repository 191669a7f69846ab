"""Who may do what on a federation's bus, and logins made on the spot for the steering group's own tools."""

import secrets
from typing import Final

from adapters.infra import nats_accounts
from adapters.infra.nats_accounts import STEERING, SYSTEM, Permissions
from adapters.infra.nats_bus import NatsSettings
from adapters.infra.nats_keys import ENTROPY_BYTES, Kind, new_seed, public_key
from adapters.infra.tls import client_context
from handschlag.federation_folder import FederationFolder
from schemas import topics
from schemas.ids import AgencyId, NatsAccount

TOOL_LOGIN_S: Final = 600
"""How long a login of one of the steering group's commands holds."""
ASKS: Final = tuple(topics.ask(verb) for verb in topics.ASK_VERBS)


def new_user_seed() -> str:
    """Make the seed of a NATS user."""
    return new_seed(Kind.USER, secrets.token_bytes(ENTROPY_BYTES))


def member_permissions(agency: AgencyId) -> Permissions:
    """Let an agency's node ask the broker, answer its three calls, and nothing else."""
    return nats_accounts.agency_permissions(agency, ASKS, [topics.served(call) for call in topics.NODE_CALLS])


def broker_permissions() -> Permissions:
    """Let the broker call the nodes and answer what is asked of it."""
    calls = [topics.node_call(AgencyId("*"), call) for call in topics.NODE_CALLS]
    return nats_accounts.broker_permissions(calls, [topics.BROKER_TOPICS])


def steering_login(folder: FederationFolder, now_s: int) -> NatsSettings:
    """Make a login that asks the broker as the steering group."""
    account = folder.operator().accounts.steering
    return _login(folder, account, STEERING, nats_accounts.steering_permissions(ASKS), now_s)


def system_login(folder: FederationFolder, now_s: int) -> NatsSettings:
    """Make a login that brings accounts to the NATS server."""
    return _login(folder, folder.operator().accounts.system, SYSTEM, nats_accounts.system_permissions(), now_s)


def _login(
    folder: FederationFolder, account: NatsAccount, name: str, permissions: Permissions, now_s: int
) -> NatsSettings:
    seed = new_user_seed()
    user, expires_s = public_key(seed), now_s + TOOL_LOGIN_S
    jwt = folder.operator().admit(account, user, name, permissions, now_s=now_s, expires_s=expires_s)
    certificates = folder.certificates
    return NatsSettings(
        servers=(folder.pins().nats,),
        name=name,
        inbox=f"_IB_{name}",
        jwt=lambda: jwt,
        seed=seed,
        tls=client_context(certificates / "ca.pem", certificates / f"{STEERING}.pem", certificates / f"{STEERING}.key"),
    )
