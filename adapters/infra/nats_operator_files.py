"""The NATS operator's folder: keys, members, and what to push when they change.

    <folder>/operator.seed         signs nothing after `create`; best taken to a safe then
    <folder>/signing.seed          signs accounts
    <folder>/accounts/<key>.seed   signs the users of one account
    <folder>/federation.json       canonical JSON of `Federation`: all of it is public

All files have mode 0600. A change is durable here before it is pushed to a server; pushing again is always safe.
"""

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field

from adapters.infra import nats_accounts
from adapters.infra.files import read_private, write_atomic
from adapters.infra.nats_accounts import Accounts, Permissions
from adapters.infra.nats_keys import ENTROPY_BYTES, Kind, check_public_key, new_seed, public_key
from adapters.infra.nats_server_conf import ServerPlace, render
from adapters.infra.private_files import create_private
from schemas import canonical
from schemas.errors import Misuse
from schemas.ids import AgencyId, FederationName, NatsAccount
from schemas.wire import Wire

Seconds = Annotated[int, Field(ge=0)]
Jwts = tuple[tuple[NatsAccount, str], ...]
"""Accounts with their JWTs, in the order to push them in."""

_FEDERATION: Final = "federation.json"
_ACCOUNTS: Final = "accounts"
_ROOT_SEED: Final = "operator.seed"
_SIGNING_SEED: Final = "signing.seed"


class RevokedUser(Wire):
    """One login of a member that is worth nothing any more."""

    user: str
    at_s: Seconds


class Member(Wire):
    """One account of an agency; an agency that left and came back has two, the first one revoked."""

    agency: AgencyId
    account: NatsAccount
    revoked_at_s: Seconds | None = None
    revoked_users: tuple[RevokedUser, ...] = ()


class Federation(Wire):
    """What the operator remembers. `last_s` is the time of the last change, so that time never runs backwards."""

    v: Literal[1] = 1
    name: FederationName
    operator_jwt: str
    system: NatsAccount
    broker: NatsAccount
    steering: NatsAccount
    last_s: Seconds
    members: tuple[Member, ...] = ()


class OperatorStore:
    """The operator of one federation's bus, kept in a folder.

    Methods that change something write it down first and return JWTs; push them to a running server in that order
    (`nats_push.push_accounts`). Time is an argument in Unix seconds.
    """

    def __init__(self, folder: Path, federation: Federation) -> None:
        """Take what is in a folder; use `create` or `load`."""
        self._folder = folder
        self._federation = federation

    @classmethod
    def create(cls, folder: Path, name: FederationName, now_s: int) -> Self:
        """Make a new operator without members; Misuse when the folder holds one already."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / _ACCOUNTS).mkdir(mode=0o700, exist_ok=True)
        root, signing = _random_seed(Kind.OPERATOR), _random_seed(Kind.OPERATOR)
        create_private(folder / _ROOT_SEED, root.encode())
        create_private(folder / _SIGNING_SEED, signing.encode())
        system, broker, steering = (_new_account(folder) for _ in range(3))
        operator_jwt = nats_accounts.operator_jwt(root, public_key(signing), system, name, now_s)
        federation = Federation(
            name=name, operator_jwt=operator_jwt, system=system, broker=broker, steering=steering, last_s=now_s
        )
        create_private(folder / _FEDERATION, canonical.encode_model(federation))
        return cls(folder, federation)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a folder that `create` made; Misuse when there is none, Malformed when a file was damaged."""
        return cls(folder, canonical.decode_model(Federation, read_private(folder / _FEDERATION)))

    @property
    def members(self) -> tuple[Member, ...]:
        """All accounts ever given to agencies, in the order they were given."""
        return self._federation.members

    @property
    def accounts(self) -> Accounts:
        """The accounts in force."""
        federation = self._federation
        agencies = {member.agency: member.account for member in federation.members if member.revoked_at_s is None}
        return Accounts(federation.system, federation.broker, federation.steering, agencies)

    def add_agency(self, agency: AgencyId, now_s: int) -> Jwts:
        """Give an agency an account and the broker a way to it. For an active member: the same JWTs, made anew.

        The member's account comes first: the broker's names it. Nobody is disconnected by pushing them, but questions
        to the broker that are under way lose their reply (a server forgets it when it takes the broker's account in);
        who asked repeats.
        """
        account = self.accounts.agencies.get(agency)
        if account is None:
            account = _new_account(self._folder)
            self._save(now_s, (*self.members, Member(agency=agency, account=account)))
        return self._jwts_of(account, self._federation.broker, now_s=now_s)

    def revoke_agency(self, agency: AgencyId, now_s: int) -> Jwts:
        """Take an agency's account away; its connections are cut when the first JWT is pushed, nobody else's."""
        account = self._active(agency).account
        self._save(now_s, tuple(self._changed(agency, revoked_at_s=self._next_s(now_s))))
        return self._jwts_of(account, self._federation.broker, now_s=now_s)

    def revoke_user(self, agency: AgencyId, user: str, now_s: int) -> Jwts:
        """Make one login of a member worthless; the member's other logins stay connected."""
        member = self._active(agency)
        revoked = RevokedUser(user=check_public_key(Kind.USER, user), at_s=self._next_s(now_s))
        others = (other for other in member.revoked_users if other.user != user)
        self._save(now_s, tuple(self._changed(agency, revoked_users=(*others, revoked))))
        return self._jwts_of(member.account, now_s=now_s)

    def admit(
        self, account: NatsAccount, user: str, name: str, permissions: Permissions, *, now_s: int, expires_s: int
    ) -> str:
        """Make a login for a user whose seed only its owner has; Misuse when the account is not the operator's."""
        seed = self._account_seed(account)
        return nats_accounts.user_jwt(seed, user, name, permissions, now_s=now_s, expires_s=expires_s)

    def account_jwts(self, now_s: int) -> Mapping[NatsAccount, str]:
        """Give the JWTs of all accounts, revoked ones too: a server that was away must learn of them as well."""
        at_s = max(now_s, self._federation.last_s)
        signing, accounts = read_private(self._folder / _SIGNING_SEED).decode(), self.accounts
        activations = {
            agency: nats_accounts.activation_jwt(self._account_seed(account), accounts.broker, at_s)
            for agency, account in accounts.agencies.items()
        }
        jwts = {
            accounts.system: nats_accounts.system_account_jwt(signing, accounts, at_s),
            accounts.broker: nats_accounts.broker_account_jwt(signing, accounts, activations, at_s),
            accounts.steering: nats_accounts.steering_account_jwt(signing, accounts, at_s),
        }
        for member in self.members:
            if member.revoked_at_s is None:
                users = {revoked.user: revoked.at_s for revoked in member.revoked_users}
                jwt = nats_accounts.agency_account_jwt(signing, accounts, member.agency, users, at_s)
            else:
                jwt = nats_accounts.revoked_account_jwt(
                    signing, member.agency, member.account, member.revoked_at_s, at_s
                )
            jwts[member.account] = jwt
        return jwts

    def server_conf(self, place: ServerPlace, now_s: int) -> str:
        """Give the configuration of a server of this federation."""
        return render(place, self._federation.operator_jwt, self._federation.system, self.account_jwts(now_s))

    def _account_seed(self, account: NatsAccount) -> str:
        return read_private(self._folder / _ACCOUNTS / f"{check_public_key(Kind.ACCOUNT, account)}.seed").decode()

    def _jwts_of(self, *accounts: NatsAccount, now_s: int) -> Jwts:
        jwts = self.account_jwts(now_s)
        return tuple((account, jwts[account]) for account in accounts)

    def _active(self, agency: AgencyId) -> Member:
        for member in self.members:
            if member.agency == agency and member.revoked_at_s is None:
                return member
        message = f"{agency}: no such member, or it was revoked already"
        raise Misuse(message)

    def _changed(self, agency: AgencyId, **change: object) -> Iterator[Member]:
        active = self._active(agency)
        for member in self.members:
            yield member.model_copy(update=change) if member is active else member

    def _next_s(self, now_s: int) -> int:
        """Give the time of a change: later than any before, as a server keeps the newest of two accounts on disk."""
        return max(now_s, self._federation.last_s + 1)

    def _save(self, now_s: int, members: tuple[Member, ...]) -> None:
        """Write the members down, unless another process has changed the file since it was read."""
        path = self._folder / _FEDERATION
        if read_private(path) != canonical.encode_model(self._federation):
            message = f"{path}: another process changed it meanwhile; repeat the command"
            raise Misuse(message)
        self._federation = self._federation.model_copy(update={"members": members, "last_s": self._next_s(now_s)})
        write_atomic(path, canonical.encode_model(self._federation), mode=0o600)


def _random_seed(kind: Kind) -> str:
    return new_seed(kind, secrets.token_bytes(ENTROPY_BYTES))


def _new_account(folder: Path) -> NatsAccount:
    seed = _random_seed(Kind.ACCOUNT)
    account = NatsAccount(public_key(seed))
    create_private(folder / _ACCOUNTS / f"{account}.seed", seed.encode())
    return account
