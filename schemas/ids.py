"""The names of things as types, so that one kind of id cannot be handed in for another.

Calling a type, `AgencyId("jobcenter")`, only says what a text is; the pattern is checked where a shape is read.
"""

from typing import Annotated, NewType

from pydantic import StringConstraints

_AGENCY = r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"
_FEDERATION = r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?"

AGENCY_PATTERN = rf"^{_AGENCY}$"
FEDERATION_PATTERN = rf"^{_FEDERATION}$"
HASH_PATTERN = r"^[0-9a-f]{64}$"
RANDOM_PATTERN = r"^[0-9a-f]{32}$"
PURPOSE_PATTERN = r"^Z[0-9]{2}@[1-9][0-9]{0,3}$"
FIELD_PATTERN = r"^[a-z][a-z0-9_]{0,39}\.[a-z][a-z0-9_]{0,39}$"
CODE_PATTERN = r"^[a-z][a-z0-9_]{0,63}$"
NORM_PATTERN = r"^[A-Za-zÄÖÜäöüß0-9 §().,/-]{2,120}$"
KEY_NAME_PATTERN = rf"^{_FEDERATION}/{_AGENCY}/[a-z]+-[1-9][0-9]{{0,5}}$"
LOG_PATTERN = rf"^{_FEDERATION}/log/[a-z0-9]([a-z0-9.-]{{0,30}}[a-z0-9])?$"
NATS_ACCOUNT_PATTERN = r"^A[A-Z2-7]{55}$"


def _text(pattern: str) -> StringConstraints:
    return StringConstraints(strict=True, pattern=pattern)


AgencyId = NewType("AgencyId", Annotated[str, _text(AGENCY_PATTERN)])
"""An agency: lower-case letters, digits and inner hyphens, at most 32 characters."""
FederationName = NewType("FederationName", Annotated[str, _text(FEDERATION_PATTERN)])
"""The town or county whose agencies share one ledger, for example `musterstadt.example`; at most 64 characters."""
LogId = NewType("LogId", Annotated[str, _text(LOG_PATTERN)])
"""Origin of one shard of the log: `<federation>/log/<shard>`; also the log key's name (C2SP tlog-checkpoint)."""
ExchangeId = NewType("ExchangeId", Annotated[str, _text(RANDOM_PATTERN)])
"""128 random bits in hex; one request and everything that follows from it."""
ApprovalId = NewType("ApprovalId", Annotated[str, _text(RANDOM_PATTERN)])
"""128 random bits in hex; one approval by an agency's data protection officer."""
ConsentId = NewType("ConsentId", Annotated[str, _text(RANDOM_PATTERN)])
"""128 random bits in hex; one consent, for one purpose and one recipient."""
GivenId = NewType("GivenId", Annotated[str, _text(RANDOM_PATTERN)])
"""128 random bits in hex; one given basis (`client_request` or `cooperation_duty`)."""
Purpose = NewType("Purpose", Annotated[str, _text(PURPOSE_PATTERN)])
"""A purpose with its version, `Z16@1`."""
FieldName = NewType("FieldName", Annotated[str, _text(FIELD_PATTERN)])
"""One leaf of the data model, `category.field`."""
KeyName = NewType("KeyName", Annotated[str, _text(KEY_NAME_PATTERN)])
"""`<federation>/<agency>/<role>-<n>`; the name part of a C2SP vkey."""
KeyId = NewType("KeyId", Annotated[str, _text(HASH_PATTERN)])
"""SHA-256 of a vkey (or, for a seal key, of its published line) in hex."""
Hash = NewType("Hash", Annotated[str, _text(HASH_PATTERN)])
"""A SHA-256 or HMAC-SHA256 value, or a 32-byte key of one, in lower-case hex."""
CodeName = NewType("CodeName", Annotated[str, _text(CODE_PATTERN)])
"""An entry of a code list or a rule id."""
Norm = NewType("Norm", Annotated[str, _text(NORM_PATTERN)])
"""A citation such as `SGB X § 67b(2)`."""
NatsAccount = NewType("NatsAccount", Annotated[str, _text(NATS_ACCOUNT_PATTERN)])
"""The public key of an agency's NATS account, as the server attests it."""


def purpose_id(purpose: Purpose) -> str:
    """Give the id part of `Z16@1`, that is `Z16`."""
    return purpose.partition("@")[0]
