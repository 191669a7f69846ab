"""What agencies sign: every type there and back, and every rule of form."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas import canonical
from schemas import statements as st
from schemas.calendar import LAST_MS
from schemas.errors import Code, Malformed
from schemas.statements import Statement, parse_statement_text, statement_text
from schemas.wire import MAX_STATEMENT_BYTES
from tests.support.examples import AT, DISCLOSED_BODY, EXCHANGE, REGISTRY, RESULT, STARTED, STATE, STATEMENTS

OTHER = "ffffffffffffffffffffffffffffffff"


def _body(name: str) -> dict[str, Any]:
    text = statement_text(STATEMENTS[name]).splitlines()[1]
    value = canonical.decode(text.encode())
    assert isinstance(value, dict)
    return value


def _read(name: str, body: dict[str, Any]) -> Statement:
    return parse_statement_text(f"handschlag/{name}/v1\n{canonical.encode(body).decode()}\n")


def test_there_is_an_example_of_every_type() -> None:
    """The examples below are all the statements there are, each of its own shape, and each shape is a Statement."""
    assert {name: type(example) for name, example in STATEMENTS.items()} == st.STATEMENTS
    assert set(st.STATEMENTS.values()) == set(Statement.__args__)


@pytest.mark.parametrize("name", STATEMENTS)
def test_what_is_signed_is_read_back(name: str) -> None:
    """A statement's text has its domain line and one line of canonical JSON, and reads as the same statement."""
    text = statement_text(STATEMENTS[name])
    assert text.startswith(f"handschlag/{name}/v1\n{{")
    assert text.count("\n") == 2
    assert parse_statement_text(text) == STATEMENTS[name]


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_field_is_there_and_no_other(name: str) -> None:
    """Without one of its fields (the optional ones aside), or with an unknown one, a statement is refused."""
    body = _body(name)
    for key, field in st.STATEMENTS[name].model_fields.items():
        if field.default is not None:
            with pytest.raises(Malformed):
                _read(name, {other: value for other, value in body.items() if other != key})
    with pytest.raises(Malformed, match="extra: Extra inputs are not permitted"):
        _read(name, body | {"extra": 1})
    with pytest.raises(Malformed, match="v: Input should be a valid integer"):
        _read(name, body | {"v": True})


TEXT = statement_text(STATEMENTS["agency.head"])


BROKEN = {
    "empty": "",
    "one line": "\n",
    "no final newline": TEXT[:-1],
    "a line more": TEXT + "\n",
    "a tail": TEXT + "x",
    "unknown type": TEXT.replace("agency.head", "agency.tail"),
    "unknown version": TEXT.replace("/v1", "/v2"),
    "an entry's domain": TEXT.replace("handschlag/", "handschlag/entry/"),
    "a space before": " " + TEXT,
    "carriage returns": TEXT.replace("\n", "\r\n"),
    "an empty line": TEXT.replace("\n", "\n\n", 1),
    "no domain": TEXT.partition("\n")[2],
    "a space in JSON": TEXT.replace('"n":', '"n": '),
    "another type's domain": TEXT.replace("agency.head", "void"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_only_the_very_form_is_read(what: str) -> None:
    """A text with another domain, another number of lines or other bytes for the same JSON is refused."""
    with pytest.raises(Malformed):
        parse_statement_text(BROKEN[what])


EARLY = (
    'handschlag/consent.given/v1\n{"at":1795000000000,"capacity":"own","consent":"'
    + "c0" * 16
    + '","expires":1795086400000,'
    '"fields":["course_participation.state"],"holders":["sprachschule"],'
    '"key":"musterstadt.example/beratung/statement-1","language":"ar","log":"musterstadt.example/log/2026-11",'
    '"medium":"screen","n":2,"not_before":1795000000000,"person":"' + "a1" * 32 + '","purpose":"Z16@1",'
    '"recipient":"jobcenter","secrecy_release":false,"text_sha256":"' + "b2" * 32 + '","uses":1,"v":1,'
    '"view":"' + "c3" * 32 + '","withdraw":"' + "d4" * 32 + '"}\n'
)
"""A consent as it was signed before its entry said how it was taken."""


def test_a_consent_of_an_early_log_is_read() -> None:
    """It lacks words, staff, role, interpreter and teach-back, and its bytes are still the one spelling of it."""
    consent = st.parse_statement_text(EARLY)
    assert isinstance(consent, st.ConsentGiven)
    assert (consent.words, consent.staff, consent.role, consent.interpreter, consent.understood) == (None,) * 5
    assert st.statement_text(consent) == EARLY


def test_a_statement_is_measured_in_bytes() -> None:
    """A text of more than 16 KiB is refused as too large before it is parsed, whatever characters it is made of."""
    for text in ("x" * (MAX_STATEMENT_BYTES + 1), "§" * (MAX_STATEMENT_BYTES // 2) + "x"):
        with pytest.raises(Malformed, match="statement: longer than 16384 bytes") as refused:
            parse_statement_text(text)
        assert refused.value.code is Code.TOO_LARGE
    with pytest.raises(Malformed, match="domain line"):
        parse_statement_text("§" * (MAX_STATEMENT_BYTES // 2))


LISTS = [
    ("approval.given", "fields"),
    ("catalogue.set", "fields"),
    ("consent.given", "fields"),
    ("consent.given", "holders"),
    ("basis.given", "fields"),
    ("basis.given", "holders"),
    ("request", "fields"),
    ("request", "declared"),
    ("acknowledged", "exchanges"),
]
MEMBERS = {
    "fields": lambda number: f"family.f{number:03}",
    "holders": lambda number: f"agency-{number:03}",
    "declared": lambda number: f"code_{number:03}",
    "exchanges": lambda number: f"{number:032x}",
}
LONGEST = {"fields": 200, "holders": 20, "declared": 20, "exchanges": 256}


@pytest.mark.parametrize(("name", "key"), LISTS, ids=lambda value: value)
def test_lists_are_sorted_without_repeats_and_bounded(name: str, key: str) -> None:
    """Each list of names has one order, no name twice, at least one (`declared` may be empty) and at most so many."""
    member: Callable[[int], str] = MEMBERS[key]
    longest = LONGEST[key]
    _read(name, _body(name) | {key: [member(number) for number in range(longest)]})
    for names in ([member(1), member(0)], [member(0), member(0)], [member(0), member(1), member(0)]):
        with pytest.raises(Malformed, match=f"{key}: must be sorted and without repeats"):
            _read(name, _body(name) | {key: names})
    with pytest.raises(Malformed, match=f"{key}: .*at most {longest} items"):
        _read(name, _body(name) | {key: [member(number) for number in range(longest + 1)]})
    if key == "declared":
        _read(name, _body(name) | {key: []})
    else:
        with pytest.raises(Malformed, match=f"{key}: .*at least 1 item"):
            _read(name, _body(name) | {key: []})


EVIDENCE = {"norm": "SGB X § 69(1)", "consent": OTHER, "given": OTHER}
KINDS = {"statute": "norm", "cooperation_duty": "given", "consent": "consent", "client_request": "given"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_basis_names_exactly_its_evidence(kind: str) -> None:
    """A basis with no evidence, that of another kind, or more than one, is refused."""
    right = KINDS[kind]
    _read("request", _body("request") | {"basis": {"kind": kind, right: EVIDENCE[right]}})
    wrong = [
        set(),
        {"norm", "consent"},
        {"norm", "given"},
        {"consent", "given"},
        set(EVIDENCE),
        *({one} for one in EVIDENCE),
    ]
    for names in wrong:
        if names == {right}:
            continue
        with pytest.raises(Malformed, match=f"kind {kind} names exactly one evidence, {right}"):
            _read("request", _body("request") | {"basis": {"kind": kind, **{name: EVIDENCE[name] for name in names}}})


@pytest.mark.parametrize(
    ("name", "changes", "rule"),
    [
        ("consent.given", {"not_before": AT, "expires": AT}, "expires: must lie after not_before"),
        ("basis.given", {"kind": "client_request", "uses": 2}, "one holder and one use"),
        ("basis.given", {"kind": "client_request", "holders": ["a", "b"]}, "one holder and one use"),
        ("void", {"first": 8, "last": 7}, "below this statement's own number"),
        ("void", {"first": 7, "last": 10}, "below this statement's own number"),
        ("agency.head", {"n": 0}, "n: "),
        ("agency.head", {"n": 2**53}, "2^53-1"),
        ("agency.head", {"at": LAST_MS + 1}, "at: "),
        ("agency.head", {"at": -1}, "at: "),
        ("shard.opened", {"seq": 0}, "seq: "),
        ("approval.given", {"ceiling": 4}, "ceiling: "),
        ("consent.given", {"uses": 0}, "uses: "),
        ("consent.given", {"language": "arabic"}, "language: "),
        ("consent.given", {"medium": "telephone"}, "medium: "),
        ("consent.given", {"secrecy_release": 1}, "secrecy_release: "),
        ("request", {"basis": {"kind": "wish", "given": OTHER}}, "basis.kind: "),
        ("key.added", {"role": "owner"}, "role: "),
        ("key.added", {"public": "x" * 2001}, "public: "),
        ("shard.opened", {"log_vkey": "x" * 401}, "log_vkey: "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_rules_of_form(name: str, changes: dict[str, Any], rule: str) -> None:
    """What cannot be true or is out of bounds is refused, naming field and rule."""
    with pytest.raises(Malformed) as refused:
        _read(name, _body(name) | changes)
    assert rule in str(refused.value)


def test_a_duty_to_cooperate_has_the_date_of_its_notice() -> None:
    """Without the date of the written notice there is no duty; a client's request needs none."""
    body = _body("basis.given")
    del body["notice_date"]
    with pytest.raises(Malformed, match="notice_date: a duty to cooperate needs"):
        _read("basis.given", body)
    _read("basis.given", body | {"kind": "client_request"})


HASH = str(REGISTRY)
WHOLE: dict[str, canonical.Json] = {"kind": "disclosed", "fields": [STARTED, STATE], "ct": HASH, "commitment": HASH}


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({}, ["ct"]),
        ({}, ["commitment"]),
        ({}, ["ct", "commitment"]),
        ({"kind": "unavailable"}, []),
        ({"kind": "unavailable"}, ["ct"]),
        ({"kind": "unavailable"}, ["commitment"]),
        ({"kind": "unavailable"}, ["ct", "commitment"]),
        ({"kind": "unavailable", "fields": []}, ["ct"]),
        ({"kind": "unavailable", "fields": []}, ["commitment"]),
    ],
    ids=str,
)
def test_a_body_is_a_whole_disclosure_or_nothing(changes: dict[str, Any], gone: list[str]) -> None:
    """Fields, ciphertext hash and commitment come with a disclosure, together, and with nothing else."""
    body = {key: value for key, value in (WHOLE | changes).items() if key not in gone}
    with pytest.raises(Malformed, match="belong to a disclosure and only to it"):
        canonical.decode_model(st.OutcomeBody, canonical.encode(body))


def test_bodies_that_are_whole() -> None:
    """A disclosure may name no field (the source has none for the person); a body of nothing is only its kind."""
    assert canonical.decode_model(st.OutcomeBody, canonical.encode_model(DISCLOSED_BODY)) == DISCLOSED_BODY
    canonical.decode_model(st.OutcomeBody, canonical.encode(WHOLE | {"fields": []}))
    canonical.decode_model(st.OutcomeBody, canonical.encode({"kind": "unavailable", "fields": []}))
    with pytest.raises(Malformed, match="fields: must be sorted"):
        canonical.decode_model(st.OutcomeBody, canonical.encode(WHOLE | {"fields": [RESULT, STATE]}))


def test_what_never_expires() -> None:
    """Withdrawals, voids and heads are taken however late they come; nothing else is among them."""
    names = {name for name, shape in st.STATEMENTS.items() if issubclass(shape, st.NEVER_EXPIRE)}
    assert names == {"consent.withdrawn", "client.withdrawn", "basis.withdrawn", "void", "agency.head"}
    assert isinstance(STATEMENTS["acknowledged"], st.Acknowledged)
    assert STATEMENTS["acknowledged"].exchanges == (EXCHANGE,)
