"""The pens of a small federation: keys that are the same in every run, and a builder for each statement there is.

A builder gives a valid statement and takes its number; `changed` makes of it what a test needs. Five agencies are
known:

* `beratung`, counselling, which collects consents and asks;
* `jobcenter`, which asks and may sanction;
* `amt`, the immigration office;
* `kurse`, a provider of courses, which holds;
* `stadtplan`, planning, whose ceiling is 0.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal, TypedDict, TypeVar

from adapters.infra.key_files import Ed25519Signer, SealKey
from consent_ledger.core.decision import OpenedBody
from consent_ledger.core.evidence import evidence_id
from consent_ledger.core.leaf import Leaf
from consent_ledger.core.signed import Pins
from consent_ledger.core.state import text_hash
from schemas import statements as st
from schemas.commitment import commit_body, sha256
from schemas.ids import (
    AgencyId,
    ApprovalId,
    CodeName,
    ConsentId,
    ExchangeId,
    FederationName,
    FieldName,
    GivenId,
    Hash,
    KeyId,
    KeyName,
    LogId,
    NatsAccount,
    Norm,
    Purpose,
)
from schemas.note import SignatureType, key_fingerprint, sign_note
from schemas.registry import Registry
from schemas.wire import Wire
from tests.support import keys
from tests.support.small_law import LAW

FEDERATION: Final = FederationName("musterstadt.example")
LOG: Final = LogId(keys.LOG)
START: Final = 1_795_168_800_000  # 2026-11-20T10:00Z
HOUR: Final = 3_600_000
VIEW_CODE: Final = "VIEWVIEWVIEWVIEW"
WITHDRAW_CODE: Final = "STOPSTOPSTOPSTOP"
"""The codes on every receipt of these pens."""
DAY: Final = 24 * HOUR
DEADLINE: Final = HOUR + 60_000
"""How long after a request the builders make its outcome may be sequenced, in ms."""

KINDS: Final = {
    "beratung": "counselling",
    "jobcenter": "jobcentre",
    "amt": "immigration",
    "kurse": "provider",
    "stadtplan": "planning",
}
ROLE: Final = CodeName("adviser")
PERSON: Final = b"the sealed person block, which nobody here opens"
SEALED: Final = b"the sealed record, which nobody here opens"
MASK: Final = bytes(range(32))
NORM: Final = Norm("SGB X § 67")

WireT = TypeVar("WireT", bound=Wire)


class HeadFields(TypedDict):
    """What every statement of an agency begins with."""

    log: LogId
    at: int
    key: KeyName
    n: int


class ChainFields(TypedDict):
    """What every steering statement begins with."""

    log: LogId
    at: int
    seq: int
    prev: Hash


@dataclass
class ManualClock:
    """A clock that stands still until a test moves it."""

    ms: int = START

    def now_ms(self) -> int:
        """Give the time it was set to."""
        return self.ms


@cache
def signer(agency: str, role: str, number: int = 1) -> Ed25519Signer:
    """Give the key of an agency's role."""
    kind = SignatureType.COSIGNATURE if role == "witness" else SignatureType.ED25519
    return keys.signer(f"{FEDERATION}/{agency}/{role}-{number}", kind)


@cache
def seal_key(agency: str, number: int = 1) -> SealKey:
    """Give the key that records for an agency are sealed to."""
    name = f"{FEDERATION}/{agency}/seal-{number}"
    return SealKey(name, "x25519", hashlib.sha256(name.encode()).digest())


def seal_id(agency: str, number: int = 1) -> KeyId:
    """Give the id of an agency's seal key."""
    return key_fingerprint(seal_key(agency, number).published.public)


def account(agency: str) -> NatsAccount:
    """Give an agency's made-up NATS account."""
    return NatsAccount("A" + hashlib.sha256(agency.encode()).hexdigest().translate(_BASE32)[:55].upper())


_BASE32: Final = str.maketrans("0189", "abcd")
STEERING: Final = (signer("steering", "dpo"), signer("steering", "steward"))
PINS: Final = Pins(FEDERATION, tuple(pen.key for pen in STEERING))


def changed(shape: WireT, **changes: object) -> WireT:
    """Give a statement (or another shape) with other values; nothing checks them before it is read."""
    return shape.model_copy(update=changes)


@dataclass
class Federation:
    """The pens of everybody. A builder gives a valid statement; `changed` makes of it what a test needs."""

    clock: ManualClock = field(default_factory=ManualClock)
    log: LogId = LOG
    seq: int = 0
    prev: Hash = st.NO_PREVIOUS
    numbers: Counter[KeyName] = field(default_factory=Counter)
    drawn: int = 0
    handed_over: Hash | None = None

    def draw(self) -> str:
        """Give 128 bits that look random and are the same in every run."""
        self.drawn += 1
        return hashlib.sha256(b"%d" % self.drawn).hexdigest()[:32]

    def sign(self, statement: st.Statement) -> bytes:
        """Sign a statement as its type demands; a steering statement moves the chain on."""
        text = st.statement_text(statement).encode()
        if isinstance(statement, st.ClientWithdrawn):
            return text
        if not isinstance(statement, st.Steered):
            agency, _, key = statement.key.removeprefix(f"{FEDERATION}/").partition("/")
            role, _, number = key.partition("-")
            return sign_note(text, [signer(agency, role, int(number))])
        note = sign_note(text, STEERING)
        self.seq, self.prev = statement.seq, text_hash(note)
        return note

    # -- the steering group ----------------------------------------------------------------------------------------

    def chain(self) -> ChainFields:
        """Give the fields with which the steering chain goes on."""
        return {"log": self.log, "at": self.clock.ms, "seq": self.seq + 1, "prev": self.prev}

    def opening(self) -> st.ShardOpened:
        """Open the shard."""
        return st.ShardOpened(**self.chain(), log_vkey=keys.signer(self.log).key.vkey, state=self.handed_over)

    def closing(self, following: str = "2026-12") -> st.ShardClosed:
        """Close the shard; the log goes on in the following one."""
        origin = LogId(f"{FEDERATION}/log/{following}")
        return st.ShardClosed(**self.chain(), next=origin, next_vkey=keys.signer(origin).key.vkey)

    def log_key(self, ended: LogId, size: int, root: bytes) -> st.LogKey:
        """Open the shard in place of one that is ended at a checkpoint."""
        vkey, state = keys.signer(self.log).key.vkey, self.handed_over or st.NO_PREVIOUS
        return st.LogKey(**self.chain(), log_vkey=vkey, state=state, ended=ended, size=size, root=Hash(root.hex()))

    def pruning(self, shard: str, size: int, root: Hash) -> st.ShardPruned:
        """Let the entries of a closed shard go."""
        return st.ShardPruned(**self.chain(), shard=LogId(shard), size=size, root=root)

    def registry(self, law: Registry = LAW) -> st.RegistrySet:
        """Put a registry into force."""
        return st.RegistrySet(**self.chain(), registry=law.hash)

    def review(
        self, verdict: Literal["approved", "withdrawn"], text: bytes = b"words", purpose: str | None = None
    ) -> st.TextReviewed:
        """Approve a text for clients, or withdraw it; with a purpose an agency's own form for it."""
        return st.TextReviewed(
            **self.chain(),
            language="ar",
            text=sha256(text),
            reader=sha256(b"sheet"),
            verdict=verdict,
            purpose=None if purpose is None else Purpose(purpose),
        )

    def admission(self, agency: str, kind: str | None = None) -> st.MemberAdmitted:
        """Admit an agency."""
        return st.MemberAdmitted(
            **self.chain(),
            agency=AgencyId(agency),
            kind=CodeName(kind or KINDS[agency]),
            account=account(agency),
            commitment=CodeName("signed"),
        )

    def leaving(self, agency: str) -> st.MemberLeft:
        """End an agency's membership."""
        return st.MemberLeft(**self.chain(), agency=AgencyId(agency))

    def key(self, agency: str, role: st.KeyRole, number: int = 1) -> st.KeyAdded:
        """Put an agency's key into force."""
        seal = role == "seal"
        pen = None if seal else signer(agency, role, number)
        return st.KeyAdded(
            **self.chain(),
            agency=AgencyId(agency),
            role=role,
            name=KeyName(f"{FEDERATION}/{agency}/{role}-{number}"),
            suite="x25519" if seal else "ed25519",
            public=seal_key(agency, number).published.public if pen is None else pen.key.vkey,
        )

    def revocation(self, agency: str, role: st.KeyRole, number: int = 1) -> st.KeyRevoked:
        """End an agency's key."""
        return st.KeyRevoked(**self.chain(), name=KeyName(f"{FEDERATION}/{agency}/{role}-{number}"))

    # -- agencies --------------------------------------------------------------------------------------------------

    def head(self, agency: str, role: str = "statement") -> HeadFields:
        """Give the fields of an agency's next statement; its number is taken."""
        name = KeyName(f"{FEDERATION}/{agency}/{role}-1")
        self.numbers[name] += 1
        return {"log": self.log, "at": self.clock.ms, "key": name, "n": self.numbers[name]}

    def approval(self, agency: str, purpose: str, law: Registry = LAW, ceiling: int = 2) -> st.ApprovalGiven:
        """Approve all fields of a purpose for advisers, for a year."""
        return st.ApprovalGiven(
            **self.head(agency, "dpo"),
            approval=ApprovalId(self.draw()),
            role=ROLE,
            purpose=Purpose(purpose),
            fields=tuple(sorted(law.purposes[Purpose(purpose)].fields)),
            valid_until=self.clock.ms + 365 * DAY,
            ceiling=ceiling,
        )

    def approval_end(self, approval: st.ApprovalGiven) -> st.ApprovalEnded:
        """End an approval."""
        agency = approval.key.split("/")[1]
        return st.ApprovalEnded(**self.head(agency, "dpo"), approval=approval.approval)

    def catalogue(self, agency: str, fields: Iterable[str]) -> st.CatalogueSet:
        """Publish what an agency can deliver."""
        return st.CatalogueSet(**self.head(agency), fields=tuple(sorted(map(FieldName, fields))))

    def consent(
        self, collector: str, recipient: str, holders: Sequence[str] = ("kurse",), purpose: str = "Z16@1", uses: int = 1
    ) -> st.ConsentGiven:
        """Take a consent for 30 days to all fields of a purpose, with the release from secrecy."""
        return st.ConsentGiven(
            **self.head(collector),
            consent=ConsentId(self.draw()),
            purpose=Purpose(purpose),
            recipient=AgencyId(recipient),
            holders=tuple(sorted(map(AgencyId, holders))),
            fields=tuple(sorted(LAW.purposes[Purpose(purpose)].fields)),
            not_before=self.clock.ms,
            expires=self.clock.ms + 30 * DAY,
            uses=uses,
            text_sha256=sha256(b"text"),
            language="ar",
            medium="screen",
            capacity="own",
            secrecy_release=True,
            person=sha256(b"person"),
            view=sha256(VIEW_CODE.encode()),
            withdraw=sha256(WITHDRAW_CODE.encode()),
            words=sha256(b"words"),
            staff=sha256(b"staff"),
            role=ROLE,
            interpreter="relative",
            understood="first",
        )

    def given(self, collector: str, recipient: str, holder: str) -> st.BasisGiven:
        """Take a client's request to hand a paper over."""
        return st.BasisGiven(
            **self.head(collector),
            given=GivenId(self.draw()),
            kind="client_request",
            purpose=Purpose("Z23@1"),
            recipient=AgencyId(recipient),
            holders=(AgencyId(holder),),
            fields=tuple(sorted(LAW.purposes[Purpose("Z23@1")].fields)),
            expires=self.clock.ms + 30 * DAY,
            uses=1,
            norm=NORM,
            person=sha256(b"person"),
            view=sha256(VIEW_CODE.encode()),
            withdraw=sha256(WITHDRAW_CODE.encode()),
        )

    def refusal(self, collector: str, recipient: str) -> st.ConsentRefused:
        """Record a client's no."""
        return st.ConsentRefused(
            **self.head(collector),
            purpose=Purpose("Z16@1"),
            recipient=AgencyId(recipient),
            text_sha256=sha256(b"text"),
            language="ar",
        )

    def withdrawal(
        self, agency: str, ended: st.ConsentGiven | st.BasisGiven
    ) -> st.ConsentWithdrawn | st.BasisWithdrawn:
        """End a consent or given basis."""
        if isinstance(ended, st.ConsentGiven):
            return st.ConsentWithdrawn(**self.head(agency), consent=ended.consent, cause="withdrawn")
        return st.BasisWithdrawn(**self.head(agency), given=ended.given)

    def client_withdrawal(
        self, ended: st.ConsentGiven | st.BasisGiven, code: str = WITHDRAW_CODE
    ) -> st.ClientWithdrawn:
        """Let the client end a consent or given basis by the code on its receipt."""
        return st.ClientWithdrawn(log=self.log, at=self.clock.ms, basis=ConsentId(evidence_id(ended)), code=code)

    def recoding(self, agency: str, of: st.ConsentGiven | st.BasisGiven, view: str, withdraw: str) -> st.ConsentCodes:
        """Give a receipt new codes."""
        basis, hashes = ConsentId(evidence_id(of)), [sha256(code.encode()) for code in (view, withdraw)]
        return st.ConsentCodes(**self.head(agency), basis=basis, view=hashes[0], withdraw=hashes[1])

    def request(
        self, asker: str, holder: str, basis: st.ConsentGiven | st.BasisGiven | Norm, purpose: str = "Z16@1"
    ) -> st.Request:
        """Ask for all fields of a purpose; a consent or given basis brings its own purpose."""
        purpose = purpose if isinstance(basis, str) else basis.purpose
        return st.Request(
            **self.head(asker),
            exchange=ExchangeId(self.draw()),
            staff=sha256(b"staff"),
            role=ROLE,
            purpose=Purpose(purpose),
            holder=AgencyId(holder),
            fields=tuple(sorted(LAW.purposes[Purpose(purpose)].fields)),
            basis=_basis(basis),
            registry=LAW.hash,
            person_ct=sha256(PERSON),
            seal_key=seal_id(asker),
            answer_by=self.clock.ms + HOUR,
            exp=self.clock.ms + 120_000,
        )

    def outcome(self, granted: Leaf, grant_hash: Hash, kind: str = "disclosed") -> tuple[st.Outcome, OpenedBody]:
        """Answer a grant with all its fields, or with "not available"."""
        request, fields = granted.statement, getattr(granted.entry, "fields", ())
        assert isinstance(request, st.Request)
        disclosed = st.OutcomeBody(
            kind="disclosed", fields=fields, ct=sha256(SEALED), commitment=sha256(b"payload commitment")
        )
        body = disclosed if kind == "disclosed" else st.OutcomeBody(kind="unavailable")
        outcome = st.Outcome(
            **self.head(request.holder), exchange=request.exchange, grant=grant_hash, body=commit_body(MASK, body)
        )
        return outcome, OpenedBody(Hash(MASK.hex()), body)

    def acknowledgement(self, agency: str, holder: str, exchanges: Iterable[ExchangeId]) -> st.Acknowledged:
        """Acknowledge what a holder sent."""
        return st.Acknowledged(**self.head(agency), holder=AgencyId(holder), exchanges=tuple(sorted(exchanges)))

    def void(self, agency: str, first: int, last: int, role: str = "statement") -> st.Void:
        """Declare numbers of a key dead."""
        return st.Void(**self.head(agency, role), first=first, last=last)

    def agency_head(self, agency: str, role: str = "statement") -> st.AgencyHead:
        """Say which number a key has come to."""
        fields = self.head(agency, role)
        return st.AgencyHead(**fields, last=fields["n"])

    # -- the beginning ---------------------------------------------------------------------------------------------

    def founding(self, agencies: Mapping[str, str] = KINDS) -> Iterator[st.Statement]:
        """Give, one after the other, what opens the log, sets the law and admits the agencies with their keys.

        Each statement must be signed before the next is taken, because it continues the chain.
        """
        yield self.opening()
        yield self.registry()
        roles: tuple[st.KeyRole, ...] = ("statement", "dpo", "seal", "witness")
        for agency in agencies:
            yield self.admission(agency)
            for role in roles:
                yield self.key(agency, role)

    def first_words(self) -> Iterator[st.Statement]:
        """Give the approvals and catalogues with which the five agencies can work."""
        asking = {
            "beratung": ("Z16", "Z17", "Z19", "Z20"),
            "jobcenter": ("Z16", "Z18", "Z03", "Z08", "Z23"),
            "amt": ("Z23",),
            "stadtplan": ("Z16",),
        }
        for agency, purposes in asking.items():
            for purpose in purposes:
                yield self.approval(agency, f"{purpose}@1")
        yield self.catalogue("kurse", ("course.started", "course.state", "course.advice", "cv.school"))
        yield self.catalogue("beratung", ("cv.school", "cv.goal"))
        yield self.catalogue("amt", ("person.status", "benefit.state"))


def _basis(basis: st.ConsentGiven | st.BasisGiven | Norm) -> st.Basis:
    if isinstance(basis, st.ConsentGiven):
        return st.Basis(kind="consent", consent=basis.consent)
    if isinstance(basis, st.BasisGiven):
        return st.Basis(kind=basis.kind, given=basis.given)
    return st.Basis(kind="statute", norm=basis)
