"""What the ledger records: every type there and back, and what may stand in which."""

import pytest

from schemas import canonical
from schemas.entries import ENTRIES, RECORDED_AS, AnyEntry, Cut, Recorded, decode_entry, embeds, encode_entry
from schemas.errors import Code, Malformed
from schemas.ids import CodeName, FieldName
from schemas.statements import STATEMENTS, parse_statement_text
from schemas.wire import MAX_ENTRY_BYTES, MAX_STATEMENT_BYTES
from tests.support import examples

LEAF = encode_entry("agency.head", examples.ENTRIES["agency.head"])


def _leaf(kind: str, **changes: canonical.Json) -> bytes:
    body = canonical.decode(encode_entry(kind, examples.ENTRIES[kind]).splitlines()[1])
    assert isinstance(body, dict)
    return f"handschlag/entry/{kind}/v1\n".encode() + canonical.encode(body | changes) + b"\n"


def test_there_is_an_example_of_every_type() -> None:
    """The examples are all the entries there are, each of its own shape, and each shape is an entry."""
    assert {kind: type(entry) for kind, entry in examples.ENTRIES.items()} == ENTRIES
    assert set(ENTRIES.values()) == set(AnyEntry.__args__)


def test_every_statement_is_recorded_as_it_stands_or_decided() -> None:
    """Each statement has one entry type of its own, but for those of which an entry says more."""
    assert {STATEMENTS[name] for name in ("request", "outcome", "shard.closed")} == set(STATEMENTS.values()) - set(
        RECORDED_AS
    )
    assert len(set(RECORDED_AS.values())) == len(RECORDED_AS)
    assert all(ENTRIES[kind] is Recorded for kind in RECORDED_AS.values())


@pytest.mark.parametrize("kind", examples.ENTRIES)
def test_a_leaf_is_read_back(kind: str) -> None:
    """A leaf has its domain line and one line of canonical JSON, and reads as the same entry."""
    leaf = encode_entry(kind, examples.ENTRIES[kind])
    assert leaf.startswith(f"handschlag/entry/{kind}/v1\n{{".encode())
    assert leaf.count(b"\n") == 2
    assert decode_entry(leaf) == (kind, examples.ENTRIES[kind])


@pytest.mark.parametrize("kind", examples.ENTRIES)
def test_the_statement_stands_in_it_as_it_was_signed(kind: str) -> None:
    """The embedded note has the very bytes that were signed, and is of a type its entry may embed."""
    note = decode_entry(encode_entry(kind, examples.ENTRIES[kind]))[1].statement
    statement = parse_statement_text(note.partition("\n\n")[0].removesuffix("\n") + "\n")
    assert note.encode() == examples.signed(statement)
    assert embeds(kind, statement)


def test_no_entry_embeds_a_statement_of_another_type() -> None:
    """An entry embeds the one type of statement it is about; a rejection embeds any that an agency numbered."""
    fitting = {
        kind: {name for name, statement in examples.STATEMENTS.items() if embeds(kind, statement)} for kind in ENTRIES
    }
    assert fitting.pop("exchange.acknowledged") == {"acknowledged"}
    assert fitting.pop("exchange.granted") == fitting.pop("exchange.refused") == {"request"}
    for kind in ("exchange.disclosed", "exchange.unavailable", "exchange.withheld"):
        assert fitting.pop(kind) == {"outcome"}
    steered = {
        "shard.opened",
        "shard.closed",
        "log.key",
        "pruned",
        "registry.set",
        "text.reviewed",
        "member.admitted",
        "member.left",
        "key.added",
        "key.revoked",
    }
    assert fitting.pop("statement.rejected") == set(STATEMENTS) - steered - {"client.withdrawn"}
    assert fitting == {kind: {kind} for kind in fitting}


BROKEN = {
    "empty": b"",
    "no final newline": LEAF[:-1],
    "a line more": LEAF + b"\n",
    "a tail": LEAF + b"x",
    "unknown type": LEAF.replace(b"agency.head", b"agency.tail", 1),
    "unknown version": LEAF.replace(b"head/v1", b"head/v2", 1),
    "a statement's domain": LEAF.replace(b"entry/", b"", 1),
    "only the type": LEAF.replace(b"handschlag/entry/", b"", 1),
    "doubled prefix": b"handschlag/entry/" + LEAF,
    "not UTF-8": b"\xff" + LEAF,
    "carriage returns": LEAF.replace(b"\n", b"\r\n"),
    "an empty line": LEAF.replace(b"\n", b"\n\n", 1),
    "a space in JSON": LEAF.replace(b'"v":', b'"v": '),
    "another shape's type": LEAF.replace(b"agency.head", b"exchange.granted", 1),
    "a default left out": LEAF.replace(b',"v":1', b""),
    "an unknown key": _leaf("agency.head", extra=1),
    "no statement": _leaf("agency.head", statement=""),
    "a statement too long": _leaf("agency.head", statement="x" * (MAX_STATEMENT_BYTES + 1)),
    "time before 1970": _leaf("agency.head", time=-1),
    "index below zero": _leaf("exchange.withheld", grant=-1),
    "unknown reason": _leaf("exchange.withheld", reason="no_mood"),
    "reason in capitals": _leaf("exchange.withheld", reason="CONSENT_WITHDRAWN"),
    "nothing granted": _leaf("exchange.granted", fields=[]),
    "granted twice": _leaf("exchange.granted", fields=["a.b", "a.b"]),
    "a disclosure of nothing": _leaf("exchange.disclosed", body={"kind": "unavailable", "fields": []}),
    "a body that does not fit": _leaf(
        "exchange.unavailable", body=canonical.decode(canonical.encode_model(examples.DISCLOSED_BODY))
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_only_the_very_form_is_read(what: str) -> None:
    """A leaf with another domain, other lines, other bytes for the same JSON, or of another shape is refused."""
    with pytest.raises(Malformed):
        decode_entry(BROKEN[what])


def test_an_entry_has_at_most_60_kib() -> None:
    """A leaf of 61,440 bytes is written and read, one byte more is too large both ways."""
    room = MAX_ENTRY_BYTES - len(encode_entry("exchange.granted", _granted(0)))
    leaf = encode_entry("exchange.granted", _granted(room))
    assert len(leaf) == MAX_ENTRY_BYTES == 61_440
    assert decode_entry(leaf)[1] == _granted(room)
    for too_large in (lambda: encode_entry("exchange.granted", _granted(room + 1)), lambda: decode_entry(leaf + b" ")):
        with pytest.raises(Malformed, match="entry: ") as refused:
            too_large()
        assert refused.value.code is Code.TOO_LARGE


def _granted(room: int) -> AnyEntry:
    """Give a grant with all its lists at their longest and a statement of so many bytes."""
    fields = tuple(FieldName(f"{'f' * 40}.{'n' * 37}{number:03}") for number in range(200))
    cut = tuple(Cut(field=field, rule=CodeName("r" * 64)) for field in fields)
    return examples.ENTRIES["exchange.granted"].model_copy(
        update={"fields": fields, "cut": cut, "statement": "x" * room}
    )
