"""The NATS operator's folder: what it holds survives, stays private, and gives the JWTs to push in the right order."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.infra.nats_accounts import Permissions
from adapters.infra.nats_keys import ENTROPY_BYTES, Kind, new_seed, public_key
from adapters.infra.nats_operator_files import OperatorStore
from adapters.infra.nats_server_conf import ServerPlace
from schemas.errors import Malformed, Misuse
from schemas.ids import AgencyId, FederationName
from tests.unit.test_nats_accounts import verify

NOW_S = 1_790_000_000
FEDERATION = FederationName("musterstadt.example")
JOBCENTER = AgencyId("jobcenter")
COUNSELLING = AgencyId("counselling")
USER = public_key(new_seed(Kind.USER, bytes(ENTROPY_BYTES)))
PERMISSIONS = Permissions(("ask.request",), ("_IB_jobcenter.>",))
PLACE = ServerPlace("bus", "127.0.0.1", 4222, "/tls/bus.pem", "/tls/bus.key", "/tls/ca.pem", "/var/lib/bus")


@pytest.fixture
def store(tmp_path: Path) -> OperatorStore:
    """Give an operator with one member."""
    store = OperatorStore.create(tmp_path / "operator", FEDERATION, NOW_S)
    store.add_agency(JOBCENTER, NOW_S + 10)
    return store


def test_a_folder_read_again_is_the_same_operator(store: OperatorStore, tmp_path: Path) -> None:
    """What was created and changed is found again: the same members and the very same JWTs."""
    again = OperatorStore.load(tmp_path / "operator")
    assert again.members == store.members
    assert again.accounts == store.accounts
    assert again.account_jwts(NOW_S + 20) == store.account_jwts(NOW_S + 20)


def test_every_file_is_its_owners_alone(store: OperatorStore, tmp_path: Path) -> None:
    """Files have mode 0600 and folders 0700, from `create` on and after changes."""
    store.revoke_agency(JOBCENTER, NOW_S + 20)
    for path in (tmp_path / "operator").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert stat.S_IMODE((tmp_path / "operator").stat().st_mode) == 0o700


def test_the_root_key_is_needed_by_nothing_after_create(store: OperatorStore, tmp_path: Path) -> None:
    """With the operator's root key in a safe, members come and go and logins are made as before."""
    (tmp_path / "operator" / "operator.seed").unlink()
    again = OperatorStore.load(tmp_path / "operator")
    again.add_agency(COUNSELLING, NOW_S + 20)
    again.revoke_agency(JOBCENTER, NOW_S + 30)
    again.server_conf(PLACE, NOW_S + 40)
    assert set(again.accounts.agencies) == {COUNSELLING}
    assert len(store.members) == 1


def test_a_new_member_is_pushed_before_the_broker_that_names_it(store: OperatorStore) -> None:
    """First the member's own account, then the broker's with the way to it."""
    (first, member), (second, broker) = store.add_agency(COUNSELLING, NOW_S + 20)
    account = store.accounts.agencies[COUNSELLING]
    assert (first, second) == (account, store.accounts.broker)
    assert verify(member).holder == account
    [door] = [door for door in verify(broker).nats["imports"] if door["account"] == account]
    activation = verify(door["token"])
    assert (activation.issuer, activation.holder) == (account, store.accounts.broker)


def test_a_member_that_leaves_is_cut_before_the_broker_forgets_it(store: OperatorStore) -> None:
    """First the account that cuts its connections, then the broker's without the way to it."""
    account = store.accounts.agencies[JOBCENTER]
    (first, member), (second, broker) = store.revoke_agency(JOBCENTER, NOW_S + 20)
    assert (first, second) == (account, store.accounts.broker)
    assert verify(member).nats["revocations"] == {"*": NOW_S + 20}
    assert verify(broker).nats["imports"] == []


def test_adding_a_member_twice_changes_nothing(store: OperatorStore) -> None:
    """A repeated command gives the same account again."""
    members = store.members
    store.add_agency(JOBCENTER, NOW_S + 20)
    assert store.members == members


def test_a_member_that_comes_back_gets_a_new_account(store: OperatorStore) -> None:
    """The old account stays revoked for good, also in what a new server is told."""
    old = store.accounts.agencies[JOBCENTER]
    store.revoke_agency(JOBCENTER, NOW_S + 20)
    store.add_agency(JOBCENTER, NOW_S + 30)
    assert store.accounts.agencies[JOBCENTER] != old
    assert verify(store.account_jwts(NOW_S + 40)[old]).nats["limits"]["conn"] == 0


def test_revoked_users_add_up(store: OperatorStore) -> None:
    """Each revoked login stays revoked when another one is, and the newest time counts for each."""
    other = public_key(new_seed(Kind.USER, bytes([1] * ENTROPY_BYTES)))
    store.revoke_user(JOBCENTER, USER, NOW_S + 20)
    store.revoke_user(JOBCENTER, other, NOW_S + 30)
    [(account, jwt)] = store.revoke_user(JOBCENTER, USER, NOW_S + 40)
    assert account == store.accounts.agencies[JOBCENTER]
    assert verify(jwt).nats["revocations"] == {USER: NOW_S + 40, other: NOW_S + 30}


def test_who_is_no_member_cannot_be_revoked(store: OperatorStore) -> None:
    """An unknown agency, or one revoked already, is our mistake; nothing is changed."""
    with pytest.raises(Misuse, match="counselling: no such member"):
        store.revoke_agency(COUNSELLING, NOW_S + 20)
    with pytest.raises(Misuse, match="counselling: no such member"):
        store.revoke_user(COUNSELLING, USER, NOW_S + 20)
    with pytest.raises(Malformed):
        store.revoke_user(JOBCENTER, "nobody", NOW_S + 20)
    assert len(store.members) == 1


def test_time_never_runs_backwards(store: OperatorStore) -> None:
    """With a clock that was put back, accounts still get later times than any before, so servers keep the newest."""
    times = [verify(jwt).claims["iat"] for _account, jwt in store.add_agency(COUNSELLING, NOW_S - 500)]
    assert times == [NOW_S + 11, NOW_S + 11]


def test_a_login_is_signed_by_its_account(store: OperatorStore) -> None:
    """The operator admits a user by its public key to an account of its own, and to no other."""
    account = store.accounts.agencies[JOBCENTER]
    jwt = verify(store.admit(account, USER, "node", PERMISSIONS, now_s=NOW_S, expires_s=NOW_S + 60))
    assert (jwt.issuer, jwt.holder) == (account, USER)
    stranger = type(account)(public_key(new_seed(Kind.ACCOUNT, bytes(ENTROPY_BYTES))))
    with pytest.raises(Misuse, match="No such file"):
        store.admit(stranger, USER, "node", PERMISSIONS, now_s=NOW_S, expires_s=NOW_S + 60)
    with pytest.raises(Malformed):
        store.admit(type(account)("../signing"), USER, "node", PERMISSIONS, now_s=NOW_S, expires_s=NOW_S + 60)


def test_a_folder_is_not_made_twice(store: OperatorStore, tmp_path: Path) -> None:
    """A second `create` overwrites no key."""
    with pytest.raises(Misuse, match="not overwritten"):
        OperatorStore.create(tmp_path / "operator", FEDERATION, NOW_S)
    assert OperatorStore.load(tmp_path / "operator").members == store.members


def test_a_change_beside_is_not_overwritten(store: OperatorStore, tmp_path: Path) -> None:
    """Of two processes that change the folder, the one that read it before the other's change must repeat."""
    OperatorStore.load(tmp_path / "operator").add_agency(COUNSELLING, NOW_S + 20)
    with pytest.raises(Misuse, match="another process"):
        store.revoke_agency(JOBCENTER, NOW_S + 20)
    assert len(OperatorStore.load(tmp_path / "operator").members) == 2


def test_a_folder_that_is_none_or_damaged_is_refused(tmp_path: Path) -> None:
    """A missing folder is our mistake, a damaged file is named as malformed."""
    with pytest.raises(Misuse, match="No such file"):
        OperatorStore.load(tmp_path)
    (tmp_path / "federation.json").write_text("{}")
    (tmp_path / "federation.json").chmod(0o600)
    with pytest.raises(Malformed):
        OperatorStore.load(tmp_path)


def test_a_key_others_may_read_is_not_used(store: OperatorStore, tmp_path: Path) -> None:
    """A seed whose file was opened to others is refused: it may have been copied."""
    (tmp_path / "operator" / "signing.seed").chmod(0o644)
    with pytest.raises(Misuse, match=r"signing\.seed"):
        store.account_jwts(NOW_S + 20)


def test_a_half_written_change_leaves_the_old_file(store: OperatorStore, tmp_path: Path) -> None:
    """A file left over from a crash in the middle of a change disturbs neither reading nor the next change."""
    (tmp_path / "operator" / ".federation.json.left").write_text("half")
    again = OperatorStore.load(tmp_path / "operator")
    again.add_agency(COUNSELLING, NOW_S + 20)
    assert set(OperatorStore.load(tmp_path / "operator").accounts.agencies) == {JOBCENTER, COUNSELLING}
    assert set(store.accounts.agencies) == {JOBCENTER}


def test_the_configuration_has_both_sides_of_tls_and_all_accounts(store: OperatorStore) -> None:
    """The rendered text demands certificates before anything else and holds each account's JWT of that time."""
    conf = store.server_conf(PLACE, NOW_S + 20)
    for line in (
        "verify: true",
        "handshake_first: true",
        'min_version: "1.3"',
        'cert_file: "/tls/bus.pem"',
        "port: 4222",
    ):
        assert line in conf
    for account, jwt in store.account_jwts(NOW_S + 20).items():
        assert f"{account}: {jwt}" in conf
    assert "no_auth_user" not in conf
    assert "http:" not in conf


def test_monitoring_is_on_loopback_only(store: OperatorStore) -> None:
    """The server's own pages, which have no login, are never opened to the network."""
    conf = store.server_conf(replace(PLACE, host="192.0.2.1", monitor_port=8222), NOW_S)
    assert 'host: "192.0.2.1"' in conf
    assert 'http: "127.0.0.1:8222"' in conf


@pytest.mark.parametrize("path", ['/tls/a"\nport: 1', "/tls/a\\", "/tls/a\tb"])
def test_a_place_cannot_bring_in_settings(store: OperatorStore, path: str) -> None:
    """A path that could end its quoted string is refused."""
    with pytest.raises(Misuse, match="key must have no quotes"):
        store.server_conf(replace(PLACE, key=path), NOW_S)
