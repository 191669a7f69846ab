"""Admitting agencies and letting them go, while broker and bus run and nobody else is disconnected.

Each step finds out what is done already, so a command that was cut off is simply given again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from adapters.infra import tls
from adapters.infra.nats_keys import Kind, check_public_key
from adapters.infra.nats_operator_files import Jwts, OperatorStore
from consent_ledger.core.state import LedgerState
from handschlag.admission import Admission, Application, OfferedKey
from handschlag.bus_logins import member_permissions
from handschlag.federation_folder import MEMBER_DAYS, FederationFolder, expiry_s, validity
from handschlag.nats_conf import write_server_conf
from handschlag.steering import Continuation
from handschlag.steering_session import SteeringSession, Step, steering_session
from schemas import statements as st
from schemas.errors import Misuse
from schemas.ids import AgencyId, CodeName, KeyName, NatsAccount

NEEDED_ROLES: Final = frozenset({"statement", "witness", "seal"})
"""A member has a key of each of these roles."""
_NO_ACCOUNT_YET: Final = NatsAccount("A" * 56)
"""Stands for an account while it is found out whether there may be one."""


@dataclass(frozen=True)
class MemberLine:
    """What is told of one agency: in the ledger, and on the bus."""

    agency: AgencyId
    kind: str
    keys: int
    on_the_bus: bool


async def admit(folder: FederationFolder, application: Application, commitment: CodeName | None) -> Admission:
    """Admit an agency; for a member that applies again with the same keys: renew its login and certificate.

    Raises Misuse, before anything is changed, when the federation's rules do not allow it; Malformed when the
    application is out of form; Unavailable when broker or bus do not answer: repeat the command then.
    """
    agency, now_s = application.agency, folder.now_s()
    user = check_public_key(Kind.USER, application.nats_user)
    authority, days = folder.authority(), validity(now_s, MEMBER_DAYS)
    certificate = tls.answer_request(authority, application.tls_csr.encode(), agency, days)
    async with steering_session(folder) as session:
        steps = partial(_admission_steps, session.state, application, commitment)
        operator = folder.operator()
        session.prepare(list(steps(operator.accounts.agencies.get(agency, _NO_ACCOUNT_YET))))
        jwts = operator.add_agency(agency, now_s)
        account = operator.accounts.agencies[agency]
        await session.record(session.prepare(list(steps(account))))
        await session.push(jwts)
    permissions, pins = member_permissions(agency), folder.pins()
    write_server_conf(folder, operator, pins.nats, folder.root.absolute())
    return Admission(
        agency=agency,
        user_jwt=operator.admit(account, user, agency, permissions, now_s=now_s, expires_s=expiry_s(now_s)),
        certificate=certificate.decode(),
        ca=authority.certificate.decode(),
        nats_url=pins.nats,
        federation=pins,
    )


async def revoke(folder: FederationFolder, agency: AgencyId) -> None:
    """Cut an agency off the bus, then end its keys and its membership in the ledger.

    Raises Misuse for an agency that never was a member; Unavailable when broker or bus do not answer: repeat then.
    """
    async with steering_session(folder) as session:
        operator = folder.operator()
        notes = session.prepare(list(_leaving_steps(session.state, agency)))
        await session.push(_revoked(operator, agency, folder.now_s()))
        await session.record(notes)
    write_server_conf(folder, operator, folder.pins().nats, folder.root.absolute())


async def members(folder: FederationFolder) -> list[MemberLine]:
    """Give the members as the ledger has them, and whether each has an account on the bus."""
    async with steering_session(folder) as session:
        accounts = folder.operator().accounts.agencies
        return [_line(session, agency, accounts.get(agency)) for agency in sorted(session.state.members)]


def _line(session: SteeringSession, agency: AgencyId, account: NatsAccount | None) -> MemberLine:
    member = session.state.members[agency]
    keys = sum(key.agency == agency and key.revoked is None for key in session.state.keys.values())
    return MemberLine(agency, member.kind, keys, account == member.account)


def _admission_steps(
    state: LedgerState, application: Application, commitment: CodeName | None, account: NatsAccount
) -> Iterator[Step]:
    """Give what the ledger lacks of an agency's admission; Misuse where it says something else."""
    missing = NEEDED_ROLES - {key.role for key in application.keys}
    if missing:
        message = f"application: keys: one of role {min(missing)} is missing"
        raise Misuse(message)
    member = state.members.get(application.agency)
    if member is None:
        yield partial(_admitted, application, commitment, account)
    elif (member.kind, member.account) != (application.kind, account):
        message = f"{application.agency}: is a member already, of another kind or with another account"
        raise Misuse(message)
    for offered in application.keys:
        known = state.keys.get(offered.name)
        if known is None:
            yield partial(key_added, application.agency, offered)
        elif (known.public, known.role, known.revoked) != (offered.public, offered.role, None):
            message = f"{offered.name}: the ledger has another key of this name, or it was revoked; make a new one"
            raise Misuse(message)


def _admitted(
    application: Application, commitment: CodeName | None, account: NatsAccount, head: Continuation
) -> st.Statement:
    return st.MemberAdmitted(
        **head, agency=application.agency, kind=application.kind, account=account, commitment=commitment
    )


def key_added(agency: AgencyId, key: OfferedKey, head: Continuation) -> st.Statement:
    """Compose the statement that puts an agency's key into force."""
    return st.KeyAdded(**head, agency=agency, role=key.role, name=key.name, suite=key.suite, public=key.public)


def _leaving_steps(state: LedgerState, agency: AgencyId) -> Iterator[Step]:
    """Give what the ledger lacks of an agency's leaving; Misuse for one that never was there."""
    if agency not in state.members and agency not in state.former:
        message = f"{agency}: never was a member of this federation"
        raise Misuse(message)
    for key in state.keys.values():
        if key.agency == agency and key.revoked is None:
            yield partial(key_revoked, key.name)
    if agency in state.members:
        yield partial(_left, agency)


def key_revoked(name: KeyName, head: Continuation) -> st.Statement:
    """Compose the statement that ends a key."""
    return st.KeyRevoked(**head, name=name)


def _left(agency: AgencyId, head: Continuation) -> st.Statement:
    return st.MemberLeft(**head, agency=agency)


def _revoked(operator: OperatorStore, agency: AgencyId, now_s: int) -> Jwts:
    """Revoke an agency's account, or give again the JWTs that say it is revoked."""
    if agency in operator.accounts.agencies:
        return operator.revoke_agency(agency, now_s)
    jwts = operator.account_jwts(now_s)
    revoked = [member.account for member in operator.members if member.agency == agency]
    return tuple((account, jwts[account]) for account in (*revoked, operator.accounts.broker))
