"""What only the steering group signs, two keys each: shards, law, texts, members and their keys; one gapless chain."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from schemas import canonical
from schemas.calendar import LAST_MS
from schemas.ids import AgencyId, CodeName, Hash, KeyName, LogId, NatsAccount, Purpose
from schemas.wire import Version, Wire

Millis = Annotated[int, Field(ge=0, le=LAST_MS)]
"""Milliseconds since 1970-01-01T00:00Z."""
Number = Annotated[int, Field(ge=1, le=canonical.MAX_INTEGER)]
Vkey = Annotated[str, StringConstraints(strict=True, min_length=10, max_length=400)]
Language = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,8})?$")]
"""A language with, where it matters, its script or country: `de`, `ar`, `zh-Hant` (RFC 5646)."""
KeyRole = Literal["statement", "witness", "seal", "dpo"]
Suite = Literal["ed25519", "mldsa44", "mlkem768-x25519", "x25519"]
"""What a key is of: Ed25519 signs and cosigns, ML-DSA-44 only cosigns, the others seal."""
NO_PREVIOUS: Final = Hash("0" * 64)
"""`prev` of the first statement of the steering chain."""


class Signed(Wire):
    """What every statement holds: the log it is meant for and the signer's clock (information, not authority)."""

    v: Version = 1
    log: LogId
    at: Millis


class Steered(Signed):
    """A statement of the steering group; `seq` and `prev` (SHA-256 of the text before) make one gapless chain."""

    seq: Number
    prev: Hash


class Opening(Steered):
    """What every entry 0 says: the shard's origin stands in `log`, the key that signs its checkpoints here."""

    log_vkey: Vkey
    state: Hash | None = None


class ShardOpened(Opening):
    """Opens a shard of the log: its origin stands in `log`, its key here; `state` hashes the bundle it starts from.

    The first shard of a federation starts from nothing and has no `state`.
    """


class LogKey(Opening):
    """Ends the shard `ended`, whose key was lost or stolen, at its checkpoint of `size` and `root`; opens the next one.

    It stands in place of `shard.opened`, as entry 0 of the next shard: the ended one takes no entry any more. Nothing
    its key signed beyond that checkpoint counts. `state` hashes what was in force as of `size` entries.
    """

    state: Hash
    ended: LogId
    size: Number
    root: Hash


class ShardClosed(Steered):
    """Ends a shard with this entry: the log goes on under the origin `next`, in a shard that `next_vkey` signs.

    What agencies numbered for this shard and what it lacks here is dead; they sign it anew for the next one.
    """

    next: LogId
    next_vkey: Vkey


class ShardPruned(Steered):
    """The entries of a closed shard are over their time: their bytes may go, but for what is still in force.

    `size` and `root` are those of the shard's last checkpoint: its tree stays, and every receipt of it holds.
    """

    shard: LogId
    size: Number
    root: Hash


class RegistrySet(Steered):
    """Puts a registry bundle into force from this index on; signed by the DPO role and the access steward."""

    registry: Hash


class TextReviewed(Steered):
    """Lets a client text be used, or no more, from this index on; signed by the DPO role and the access steward.

    `text` is SHA-256 of the language's file, `reader` of the sheet a native reader signed; until then it is a draft.
    With `purpose` it is an agency's own printed form for that purpose, and `text` is SHA-256 of the form's file.
    """

    language: Language
    text: Hash
    reader: Hash
    purpose: Purpose | None = None
    verdict: Literal["approved", "withdrawn"]


class MemberAdmitted(Steered):
    """Admits an agency: its kind in the registry and its NATS account, by which the server attests it."""

    agency: AgencyId
    kind: CodeName
    account: NatsAccount
    commitment: CodeName | None = None


class MemberLeft(Steered):
    """Ends an agency's membership from this index on."""

    agency: AgencyId


class KeyAdded(Steered):
    """Puts an agency's public key into force: a vkey for signing roles, base64 of the raw key for role `seal`."""

    agency: AgencyId
    role: KeyRole
    name: KeyName
    suite: Suite
    public: Annotated[str, StringConstraints(strict=True, min_length=10, max_length=2000)]


class KeyRevoked(Steered):
    """Ends a key from this index on; what it signed before stays valid."""

    name: KeyName
