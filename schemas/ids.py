"""The names of things as types, so that one kind of id cannot be handed in for another."""

import re
from typing import Annotated, NewType

from pydantic import StringConstraints

AGENCY_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"
FEDERATION_PATTERN = r"^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$"
HASH_PATTERN = r"^[0-9a-f]{64}$"
RANDOM_PATTERN = r"^[0-9a-f]{32}$"
PURPOSE_PATTERN = r"^Z[0-9]{2}@[1-9][0-9]{0,3}$"
FIELD_PATTERN = r"^[a-z][a-z0-9_]{0,39}\.[a-z][a-z0-9_]{0,39}$"
CODE_PATTERN = r"^[a-z][a-z0-9_]{0,63}$"
NORM_PATTERN = r"^[A-Za-zÄÖÜäöüß0-9 §().,/-]{2,120}$"
KEY_NAME_PATTERN = r"^[a-z0-9.-]{1,64}/[a-z0-9-]{1,32}/[a-z]+-[1-9][0-9]{0,5}$"
LOG_PATTERN = r"^[a-z0-9.-]{1,64}/log/[a-z0-9.-]{1,32}$"
NATS_ACCOUNT_PATTERN = r"^A[A-Z2-7]{55}$"


def _text(pattern: str) -> StringConstraints:
    return StringConstraints(strict=True, pattern=pattern)


AgencyId = Annotated[NewType("AgencyId", str), _text(AGENCY_PATTERN)]
"""An agency: lower-case letters, digits and inner hyphens, at most 32 characters."""
FederationName = Annotated[NewType("FederationName", str), _text(FEDERATION_PATTERN)]
"""The town or county whose agencies share one ledger, for example `musterstadt.example`."""
LogId = Annotated[NewType("LogId", str), _text(LOG_PATTERN)]
"""Origin of one shard of the log: `<federation>/log/<shard>`; also the log key's name (C2SP tlog-checkpoint)."""
ExchangeId = Annotated[NewType("ExchangeId", str), _text(RANDOM_PATTERN)]
"""128 random bits in hex; one request and everything that follows from it."""
ConsentId = Annotated[NewType("ConsentId", str), _text(RANDOM_PATTERN)]
"""128 random bits in hex; one consent, for one purpose and one recipient."""
GivenId = Annotated[NewType("GivenId", str), _text(RANDOM_PATTERN)]
"""128 random bits in hex; one given basis (`client_request` or `cooperation_duty`)."""
Purpose = Annotated[NewType("Purpose", str), _text(PURPOSE_PATTERN)]
"""A purpose with its version, `Z16@1`."""
FieldName = Annotated[NewType("FieldName", str), _text(FIELD_PATTERN)]
"""One leaf of the data model, `category.field`."""
KeyName = Annotated[NewType("KeyName", str), _text(KEY_NAME_PATTERN)]
"""`<federation>/<agency>/<role>-<n>`; the name part of a C2SP vkey."""
KeyId = Annotated[NewType("KeyId", str), _text(HASH_PATTERN)]
"""SHA-256 of a vkey (or, for a seal key, of its published line) in hex."""
Hash = Annotated[NewType("Hash", str), _text(HASH_PATTERN)]
"""A SHA-256 or HMAC-SHA256 value in lower-case hex."""
CodeName = Annotated[NewType("CodeName", str), _text(CODE_PATTERN)]
"""An entry of a code list or a rule id."""
Norm = Annotated[NewType("Norm", str), _text(NORM_PATTERN)]
"""A citation such as `SGB X § 67b(2)`."""
NatsAccount = Annotated[NewType("NatsAccount", str), _text(NATS_ACCOUNT_PATTERN)]
"""The public key of an agency's NATS account, as the server attests it."""

_PURPOSE = re.compile(PURPOSE_PATTERN)


def purpose_id(purpose: Purpose) -> str:
    """Give the id part of `Z16@1`, that is `Z16`."""
    return purpose.partition("@")[0]
