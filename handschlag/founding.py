"""Founding a federation: its folder is made whole, or not at all."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from adapters.infra import tls
from adapters.infra.files import write_atomic
from adapters.infra.key_files import create_nats_seed, create_signer
from adapters.infra.nats_accounts import BROKER
from adapters.infra.nats_keys import public_key
from adapters.infra.nats_operator_files import OperatorStore
from adapters.infra.whole_folder import whole_folder
from broker.bundles import bundle_path
from broker.settings import SETTINGS_FILE, BrokerSettings, BusSettings, HttpSettings
from consent_ledger.core.signed import STEERING
from handschlag.admission import FederationPins, write_paper
from handschlag.bus_logins import broker_permissions, new_user_seed
from handschlag.federation_folder import MEMBER_DAYS, SIGNERS, FederationFolder, expiry_s, validity
from handschlag.nats_conf import nats_url, write_server_conf
from handschlag.steering import SteeringDesk
from schemas import statements as st
from schemas import toml_files
from schemas.commitment import sha256
from schemas.ids import FederationName, LogId, NatsAccount

AUTHORITY_DAYS: Final = 3650
_PINS_COMMENT: Final = "The federation's pins. Compare the steering group's keys by telephone before you trust them."


@dataclass(frozen=True)
class Plan:
    """What a new federation is made of: where its bus will be reached, and the law it begins with."""

    name: FederationName
    nats_host: str
    nats_port: int
    bundle: bytes
    http_port: int = HttpSettings().port


def found(folder: FederationFolder, plan: Plan) -> FederationPins:
    """Make the folder of a new federation, whole or not at all; Misuse when there is something already."""
    root = folder.root.absolute()
    with whole_folder(root) as draft:
        return _fill(FederationFolder(draft, folder.clock), root, plan)


def _fill(folder: FederationFolder, root: Path, plan: Plan) -> FederationPins:
    now_s = folder.now_s()
    (folder.root / "steering").mkdir(mode=0o700)
    operator = OperatorStore.create(folder.nats, plan.name, now_s)
    folder.certificates.mkdir(mode=0o700)
    _bus_login(folder, operator, _certificates(folder, plan), plan.name)
    write_server_conf(folder, operator, nats_url(plan.nats_host, plan.nats_port), root)
    return _broker(folder, plan, operator.accounts.steering)


def _certificates(folder: FederationFolder, plan: Plan) -> tls.Identity:
    """Make the authority, and the certificates of the server and of the steering group's tools."""
    now_s = folder.now_s()
    authority = tls.make_authority(f"{plan.name} bus", validity(now_s, AUTHORITY_DAYS))
    authority.write(folder.certificates, "ca")
    hosts = [plan.nats_host, *(["localhost"] if _is_loopback(plan.nats_host) else [])]
    days = validity(now_s, MEMBER_DAYS)
    tls.issue(authority, "nats-server", tls.Role.SERVER, hosts, days).write(folder.certificates, "server")
    tls.issue(authority, STEERING, tls.Role.CLIENT, (), days).write(folder.certificates, STEERING)
    return authority


def _bus_login(
    folder: FederationFolder, operator: OperatorStore, authority: tls.Identity, name: FederationName
) -> None:
    """Make the broker's login and certificate, below its own folder."""
    now_s = folder.now_s()
    place = folder.broker / "nats"
    place.mkdir(parents=True)
    seed = new_user_seed()
    create_nats_seed(place / "user.key", f"{name}/broker", seed)
    account, user = operator.accounts.broker, public_key(seed)
    jwt = operator.admit(account, user, BROKER, broker_permissions(), now_s=now_s, expires_s=expiry_s(now_s))
    write_atomic(place / "user.jwt", jwt.encode())
    tls.issue(authority, BROKER, tls.Role.CLIENT, (), validity(now_s, MEMBER_DAYS)).write(place, "client")
    write_atomic(place / "ca.pem", authority.certificate)


def _broker(folder: FederationFolder, plan: Plan, steering_account: NatsAccount) -> FederationPins:
    """Make the steering keys and all of the broker's folder but its login; write the pins last."""
    month = datetime.fromtimestamp(folder.now_s(), UTC).strftime("%Y-%m")
    log = LogId(f"{plan.name}/log/{month}")
    for name in SIGNERS:
        create_signer(folder.root / "steering" / f"{name}.key", f"{plan.name}/{STEERING}/{name}")
    for part in ("keys", "ledger", "registry", "genesis"):
        (folder.broker / part).mkdir(mode=0o700)
    log_key = create_signer(folder.broker / "keys" / "log.key", log)
    registry = sha256(plan.bundle)
    write_atomic(bundle_path(folder.registry, registry), plan.bundle)
    signers = folder.signers()
    desk = SteeringDesk(log, signers, folder.clock)
    opened = desk.sign(st.ShardOpened(**desk.next(), log_vkey=log_key.public))
    write_atomic(folder.broker / "genesis" / "0001-shard.opened.note", opened)
    law = desk.sign(st.RegistrySet(**desk.next(), registry=registry))
    write_atomic(folder.broker / "genesis" / "0002-registry.set.note", law)
    vkeys = tuple(signer.key.vkey for signer in signers)
    url = nats_url(plan.nats_host, plan.nats_port)
    settings = BrokerSettings(
        federation=plan.name,
        log=log,
        steering=vkeys,
        steering_account=steering_account,
        nats=BusSettings(url=url),
        http=HttpSettings(port=plan.http_port),
    )
    write_atomic(folder.broker / SETTINGS_FILE, toml_files.write(settings).encode())
    pins = FederationPins(name=plan.name, log=log, steering=vkeys, nats=url, steering_account=steering_account)
    write_paper(pins, folder.pins_file, _PINS_COMMENT)
    return pins


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
