"""Who a node is: its agency, its keys behind ports, and the clock and dice it is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from consent_ledger.core.policy import Policy
from consent_ledger.ports import Clock
from schemas.ids import AgencyId, KeyId
from schemas.note import Signer
from schemas.seal import Opener


class Roles(NamedTuple):
    """Which sides of an exchange an agency takes; without a source nobody is a holder."""

    requester: bool = True
    holder: bool = True
    collector: bool = True


ALL_ROLES: Final = Roles()


@dataclass(frozen=True, slots=True)
class Identity:
    """An agency's keys at its node; `openers` holds every seal key still needed, by long id.

    `dpo` is None where the data protection officer signs elsewhere; without `witnesses` the node does not cosign.
    `former` are statement keys that signed before `statement` did, and may have left something open.
    `policy` says which witnesses the agency trusts; without one the log's own signature is enough.
    `drafts` lets clients be shown texts that nobody approved, as a demo with invented people does.
    `random_bytes` gives unpredictable bytes.
    """

    agency: AgencyId
    statement: Signer
    openers: Mapping[KeyId, Opener]
    seal_key: KeyId
    clock: Clock
    random_bytes: Callable[[int], bytes]
    witnesses: tuple[Signer, ...] = ()
    dpo: Signer | None = None
    policy: Policy | None = None
    former: tuple[Signer, ...] = ()
    roles: Roles = ALL_ROLES
    drafts: bool = False
