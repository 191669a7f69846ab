"""One valid example of everything that travels: statements, entries, messages, and what is sealed.

Ids are counted through and keys are made from their names, so that every run has the same bytes. All people and places
are invented.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, TypeVar

from pydantic import BaseModel

from adapters.infra.key_files import SealKey
from schemas import messages as ms
from schemas import statements as st
from schemas.canonical import encode_model
from schemas.commitment import commit_body, commit_person, commit_record, sha256
from schemas.entries import (
    RECORDED_AS,
    AnyEntry,
    Closed,
    Cut,
    Disclosed,
    Granted,
    Recorded,
    Refused,
    Rejected,
    Unavailable,
    Withheld,
    encode_entry,
)
from schemas.errors import Code
from schemas.ids import (
    AgencyId,
    ApprovalId,
    CodeName,
    ConsentId,
    ExchangeId,
    FieldName,
    GivenId,
    Hash,
    KeyName,
    LogId,
    NatsAccount,
    Norm,
    Purpose,
)
from schemas.note import key_fingerprint, sign_note
from schemas.record import ConsentPackage, FieldValues, PersonBlock, Record, SealedPerson, Value
from schemas.seal import SealContext, fields_hash
from tests.support import keys

LOG: Final = LogId(keys.LOG)
NEXT_LOG: Final = LogId("musterstadt.example/log/2026-12")
AT: Final = 1_795_168_800_000  # 2026-11-20T10:00Z
DAY: Final = 86_400_000

ASKER: Final = AgencyId("counselling")
HOLDER: Final = AgencyId("courses")
ASKER_KEY: Final = KeyName("musterstadt.example/counselling/statement-1")
DPO_KEY: Final = KeyName("musterstadt.example/counselling/dpo-1")
HOLDER_KEY: Final = KeyName("musterstadt.example/courses/statement-1")
SEAL_KEY: Final = SealKey("musterstadt.example/counselling/seal-1", "x25519", hashlib.sha256(b"seal").digest())
ACCOUNT: Final = NatsAccount("A" + "B" * 55)

PURPOSE: Final = Purpose("Z16@1")
STATE: Final = FieldName("course_participation.state")
STARTED: Final = FieldName("course_participation.started_on")
RESULT: Final = FieldName("course_results.exam_result")


def _random(number: int) -> str:
    """Give 128 bits that look random and are the same in every run."""
    return hashlib.sha256(b"%d" % number).hexdigest()[:32]


EXCHANGE: Final = ExchangeId(_random(1))
CONSENT: Final = ConsentId(_random(2))
GIVEN: Final = GivenId(_random(3))
APPROVAL: Final = ApprovalId(_random(4))
MASK: Final = hashlib.sha256(b"mask").digest()
REGISTRY: Final = sha256(b"registry")

PERSON: Final = PersonBlock(
    family_name="Musterić",
    given_names="Šárka Ana",
    birth_date="1991-04",
    birth_country=CodeName("xaa"),
    sex="w",
    other_names=("Musteric",),
)
PACKAGE: Final = ConsentPackage(id=CONSENT, person=PERSON, commitment_key=Hash(MASK.hex()))
SEALED_PERSON: Final = SealedPerson(package=PACKAGE, offer=sha256(b"offer"), case="M-17/2026")
RECORD: Final = Record(
    exchange=EXCHANGE,
    fields=(
        FieldValues(
            field=STARTED,
            values=(Value(value="2026-09-01", recorded_at="2026-09-02", precision="day", verified="document"),),
        ),
        FieldValues(
            field=STATE, values=(Value(value="running", recorded_at="2026-10", recorded_by=CodeName("office")),)
        ),
        FieldValues(field=RESULT, values=()),
    ),
    mask=Hash(MASK.hex()),
)
CONTEXT: Final = SealContext(
    origin=LOG,
    role="record",
    exchange=EXCHANGE,
    sender=HOLDER,
    recipient=ASKER,
    key=key_fingerprint(SEAL_KEY.published.public),
    suite="x25519",
    fields_hash=fields_hash([STARTED, STATE]),
)
SEALED: Final = b"\x02" + bytes.fromhex(CONTEXT.key) + bytes(48)
"""A sealed block by its form only; it opens with no key."""

DISCLOSED_BODY: Final = st.OutcomeBody(
    kind="disclosed", fields=(STARTED, STATE), ct=sha256(SEALED), commitment=commit_record(MASK, RECORD.fields)
)
UNAVAILABLE_BODY: Final = st.OutcomeBody(kind="unavailable")
BODY_KEY: Final = hashlib.sha256(b"k").digest()


SteeredT = TypeVar("SteeredT", bound=st.Steered)
NumberedT = TypeVar("NumberedT", bound=st.Numbered)


def _steered(shape: type[SteeredT], seq: int, /, **fields: object) -> SteeredT:
    prev = st.NO_PREVIOUS if seq == 1 else sha256(b"text %d" % (seq - 1))
    return shape.model_validate({"log": LOG, "at": AT, "seq": seq, "prev": prev, **fields})


def _numbered(shape: type[NumberedT], number: int, /, **fields: object) -> NumberedT:
    """Make a statement of the asking agency, unless the fields name another key."""
    return shape.model_validate({"log": LOG, "at": AT + number, "key": ASKER_KEY, "n": number, **fields})


_GIVEN: Final[dict[str, object]] = {
    "purpose": PURPOSE,
    "recipient": ASKER,
    "holders": (HOLDER,),
    "fields": (STARTED, STATE),
    "expires": AT + 30 * DAY,
    "uses": 1,
    "person": commit_person(MASK, PERSON),
    "view": sha256(b"view code"),
    "withdraw": sha256(b"withdrawal code"),
}

REQUEST: Final = _numbered(
    st.Request,
    8,
    exchange=EXCHANGE,
    staff=sha256(b"staff"),
    role=CodeName("adviser"),
    purpose=PURPOSE,
    holder=HOLDER,
    fields=(STARTED, STATE, RESULT),
    basis=st.Basis(kind="consent", consent=CONSENT),
    declared=(CodeName("reason_not_from_client"),),
    registry=REGISTRY,
    person_ct=sha256(SEALED),
    seal_key=CONTEXT.key,
    answer_by=AT + DAY,
    exp=AT + 60_000,
)
OUTCOME: Final = _numbered(
    st.Outcome, 2, key=HOLDER_KEY, exchange=EXCHANGE, grant=sha256(b"grant"), body=commit_body(BODY_KEY, DISCLOSED_BODY)
)

STATEMENTS: Final[Mapping[str, st.Statement]] = {
    "shard.opened": _steered(st.ShardOpened, 1, log_vkey=keys.log_signer().key.vkey),
    "shard.closed": _steered(st.ShardClosed, 8, next=NEXT_LOG, next_vkey=keys.signer(NEXT_LOG).key.vkey),
    "log.key": _steered(
        st.LogKey,
        10,
        log_vkey=keys.log_signer().key.vkey,
        state=sha256(b"state"),
        ended=NEXT_LOG,
        size=300,
        root=sha256(b"root"),
    ),
    "pruned": _steered(st.ShardPruned, 9, shard=LOG, size=300, root=sha256(b"root")),
    "registry.set": _steered(st.RegistrySet, 2, registry=REGISTRY),
    "text.reviewed": _steered(
        st.TextReviewed, 7, language="ar", text=sha256(b"words"), reader=sha256(b"sheet"), verdict="approved"
    ),
    "member.admitted": _steered(st.MemberAdmitted, 3, agency=ASKER, kind="mbe", account=ACCOUNT, commitment="sgb_x_78"),
    "member.left": _steered(st.MemberLeft, 4, agency=HOLDER),
    "key.added": _steered(
        st.KeyAdded,
        5,
        agency=ASKER,
        role="statement",
        name=ASKER_KEY,
        suite="ed25519",
        public=keys.signer(ASKER_KEY).key.vkey,
    ),
    "key.revoked": _steered(st.KeyRevoked, 6, name=HOLDER_KEY),
    "approval.given": _numbered(
        st.ApprovalGiven,
        1,
        key=DPO_KEY,
        approval=APPROVAL,
        role="adviser",
        purpose=PURPOSE,
        fields=(STARTED, STATE),
        valid_until=AT + 365 * DAY,
    ),
    "approval.ended": _numbered(st.ApprovalEnded, 2, key=DPO_KEY, approval=APPROVAL),
    "catalogue.set": _numbered(st.CatalogueSet, 1, key=HOLDER_KEY, fields=(STARTED, STATE, RESULT)),
    "consent.given": _numbered(
        st.ConsentGiven,
        2,
        consent=CONSENT,
        **_GIVEN,
        not_before=AT,
        text_sha256=sha256(b"text"),
        language="ar",
        medium="screen",
        capacity="own",
        secrecy_release=False,
        words=sha256(b"words"),
        staff=sha256(b"staff"),
        role="adviser",
        interpreter="sworn",
        understood="second",
    ),
    "consent.refused": _numbered(
        st.ConsentRefused, 3, purpose=PURPOSE, recipient=ASKER, text_sha256=sha256(b"text"), language="fa-Arab"
    ),
    "consent.withdrawn": _numbered(st.ConsentWithdrawn, 4, consent=CONSENT, cause="withdrawn"),
    "consent.codes": _numbered(st.ConsentCodes, 12, basis=CONSENT, view=sha256(b"view"), withdraw=sha256(b"stop")),
    "client.withdrawn": st.ClientWithdrawn(log=LOG, at=AT, basis=CONSENT, code="ABCDEFGHIJKLMNOP"),
    "basis.given": _numbered(
        st.BasisGiven, 5, given=GIVEN, **_GIVEN, kind="cooperation_duty", norm=Norm("SGB I § 60(1)"), notice_date=AT
    ),
    "basis.withdrawn": _numbered(st.BasisWithdrawn, 6, given=GIVEN),
    "request": REQUEST,
    "outcome": OUTCOME,
    "acknowledged": _numbered(st.Acknowledged, 9, holder=HOLDER, exchanges=(EXCHANGE,)),
    "void": _numbered(st.Void, 10, first=7, last=7),
    "agency.head": _numbered(st.AgencyHead, 11, last=11),
}
"""By the middle word of their domain line, as in `schemas.statements.STATEMENTS`."""


def signed(statement: st.Statement) -> bytes:
    """Give the note of a statement, signed by those whose signature its type demands."""
    if isinstance(statement, st.ClientWithdrawn):
        return st.statement_text(statement).encode()
    if isinstance(statement, st.Numbered):
        names = [str(statement.key)]
    else:
        names = ["musterstadt.example/steering/dpo-1", "musterstadt.example/steering/steward-1"]
    return sign_note(st.statement_text(statement).encode(), [keys.signer(name) for name in names])


_REQUEST_NOTE: Final = signed(REQUEST).decode()
_OUTCOME_NOTE: Final = signed(OUTCOME).decode()

ENTRIES: Final[Mapping[str, AnyEntry]] = {
    **{
        kind: Recorded(time=AT, statement=signed(statement).decode())
        for statement in STATEMENTS.values()
        if (kind := RECORDED_AS.get(type(statement))) is not None
    },
    "shard.closed": Closed(time=AT, statement=signed(STATEMENTS["shard.closed"]).decode(), state=sha256(b"state")),
    "exchange.granted": Granted(
        time=AT,
        statement=_REQUEST_NOTE,
        registry=REGISTRY,
        fields=(STARTED, STATE),
        cut=(Cut(field=RESULT, rule=CodeName("cut_basis")),),
        rules=(CodeName("purpose"), CodeName("pair")),
        approval=6,
        basis=9,
        chain=5,
    ),
    "exchange.refused": Refused(
        time=AT,
        statement=_REQUEST_NOTE,
        registry=REGISTRY,
        reason=Code.CONSENT_WITHDRAWN,
        rules=(CodeName("consent_withdrawn"),),
    ),
    "exchange.disclosed": Disclosed(
        time=AT, statement=_OUTCOME_NOTE, k=Hash(BODY_KEY.hex()), body=DISCLOSED_BODY, grant=11, chain=5
    ),
    "exchange.unavailable": Unavailable(
        time=AT, statement=_OUTCOME_NOTE, k=Hash(BODY_KEY.hex()), body=UNAVAILABLE_BODY, grant=11, chain=5
    ),
    "exchange.withheld": Withheld(time=AT, statement=_OUTCOME_NOTE, grant=11, reason=Code.CONSENT_WITHDRAWN),
    "statement.rejected": Rejected(time=AT, statement=_REQUEST_NOTE, reason=Code.STALE),
}
"""By the type in their domain line, as in `schemas.entries.ENTRIES`."""

_ENTRY: Final = encode_entry("exchange.granted", ENTRIES["exchange.granted"])
_DISCLOSED: Final = encode_entry("exchange.disclosed", ENTRIES["exchange.disclosed"])
_PROOF: Final = b"c2sp.org/tlog-proof@v1\nindex 0\n\n"
_STATEMENT: Final = _REQUEST_NOTE.encode()

FAULT: Final = ms.Fault(code=Code.BUSY, detail="caller: 512 calls are under way already", retry_after_ms=500)
QUERIES: Final[tuple[BaseModel, ...]] = (
    ms.ChainQuery(after=3),
    ms.EvidenceQuery(indices=(1, 5), registry=REGISTRY),
    ms.HeadQuery(key=ASKER_KEY),
    ms.HeadAnswer(highest=11, log=LOG),
    ms.HashesQuery(first=7),
    FAULT,
)
MESSAGES: Final[tuple[ms.Message, ...]] = (
    ms.AskRequest(_STATEMENT, SEALED),
    ms.AskOutcome(_OUTCOME_NOTE.encode(), BODY_KEY, encode_model(DISCLOSED_BODY)),
    ms.AskDeliver(_DISCLOSED, _PROOF, SEALED),
    ms.AskRecord(signed(STATEMENTS["agency.head"])),
    ms.AskChain(encode_model(QUERIES[0])),
    ms.AskEvidence(encode_model(QUERIES[1])),
    ms.AskHead(encode_model(QUERIES[2])),
    ms.AskHashes(encode_model(QUERIES[4])),
    ms.Permit(_ENTRY, _PROOF, SEALED, b"", b""),
    ms.Deliver(_DISCLOSED, _PROOF, SEALED),
    ms.Witness(b"old 0\n"),
    ms.Logged(_ENTRY, _PROOF),
    ms.Delivered(_ENTRY, _PROOF, _DISCLOSED, _PROOF, SEALED),
    ms.Later(_ENTRY, _PROOF),
    ms.Receipts(b"", (_ENTRY, _PROOF, _DISCLOSED, _PROOF)),
    ms.Head(encode_model(QUERIES[3])),
    ms.Hashes(b"checkpoint", bytes(64)),
    ms.Done(),
    ms.Cosigned(b"", b"checkpoint"),
    ms.Failed(encode_model(FAULT)),
)
"""In the order of `schemas.messages.MESSAGES`."""
