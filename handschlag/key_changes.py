"""Changing single keys of members, as ledger entries valid by index, while everything runs.

A new key is put into force beside the old ones; the agency's node takes it up when it starts with it; then the old one
is revoked. What the old key signed before stays valid. A key that fell into wrong hands is revoked at once.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from pydantic import ValidationError

from adapters.infra.key_files import PublishedKey
from consent_ledger.core.state import LedgerState
from handschlag.admission import OfferedKey
from handschlag.federation_folder import FederationFolder
from handschlag.membership import NEEDED_ROLES, key_added, key_revoked
from handschlag.steering_session import Step, steering_session
from schemas import canonical
from schemas.errors import Malformed, Misuse
from schemas.ids import AgencyId, KeyName
from schemas.statements import Suite

_SUITES: Final[dict[str, Suite]] = {"cosignature": "ed25519", "mldsa44-cosignature": "mldsa44"}
"""How key files call a suite, where the ledger calls it otherwise."""


async def add(folder: FederationFolder, published: PublishedKey) -> None:
    """Put a member's new key into force; one that is in force already stays as it is.

    Raises Malformed for a key whose name is no agency's, Misuse when the federation's rules do not allow it.
    """
    offered = _offered(published)
    agency = AgencyId(offered.name.split("/")[1])
    async with steering_session(folder) as session:
        steps = list(_adding(session.state, agency, offered))
        await session.record(session.prepare(steps))


async def revoke(folder: FederationFolder, name: KeyName, *, even_the_last: bool = False) -> None:
    """End a member's key from this index on; one that is revoked already stays so.

    Raises Misuse for a key the ledger does not know, and for the last of a role a member cannot be without, unless told
    to: without it the agency is cut off until it has a new one.
    """
    async with steering_session(folder) as session:
        steps = list(_revoking(session.state, name, even_the_last=even_the_last))
        await session.record(session.prepare(steps))


def _adding(state: LedgerState, agency: AgencyId, offered: OfferedKey) -> Iterator[Step]:
    known = state.keys.get(offered.name)
    if known is None:
        yield partial(key_added, agency, offered)
    elif (known.public, known.revoked) != (offered.public, None):
        message = (
            f"{offered.name}: the ledger has another key of this name, or it was revoked; make one of the next number"
        )
        raise Misuse(message)


def _revoking(state: LedgerState, name: KeyName, *, even_the_last: bool) -> Iterator[Step]:
    known = state.keys.get(name)
    if known is None:
        message = f"{name}: the ledger knows no such key"
        raise Misuse(message)
    if known.revoked is not None:
        return
    left = [
        key for key in state.keys.values() if (key.agency, key.role, key.revoked) == (known.agency, known.role, None)
    ]
    if len(left) == 1 and known.role in NEEDED_ROLES and not even_the_last:
        message = f"{name}: is {known.agency}'s last key of role {known.role}; add the next one first (keys rotate)"
        raise Misuse(message)
    yield partial(key_revoked, name)


def _offered(published: PublishedKey) -> OfferedKey:
    role = published.name.rpartition("/")[2].rpartition("-")[0]
    suite = _SUITES.get(published.suite, published.suite)
    values = {"role": role, "name": published.name, "suite": suite, "public": published.public}
    try:
        return OfferedKey.model_validate(values)
    except ValidationError as error:
        raise Malformed(canonical.describe(published.name, error)) from error
