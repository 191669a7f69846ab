"""Messages of the bus: every type there and back, and nothing taken for another."""

import struct
from dataclasses import fields

import pytest

from schemas import canonical
from schemas import messages as ms
from schemas.errors import Code, Malformed, Misuse
from schemas.messages import MESSAGES, Message, fault, pack, unpack
from schemas.wire import frame, unframe
from tests.support import examples


def _parts(shape: type[Message]) -> list[str]:
    return [field.name for field in fields(shape)]


def _empty(message: Message) -> Message:
    """Give the same message with every part empty."""
    shape = type(message)
    return shape(*(() if name == "receipts" else b"" for name in _parts(shape)))


def test_there_is_an_example_of_every_type() -> None:
    """The examples are all the messages there are, each with a type word of its own."""
    assert tuple(type(example) for example in examples.MESSAGES) == MESSAGES
    assert len({shape.TYPE for shape in MESSAGES}) == len(MESSAGES)


@pytest.mark.parametrize("message", examples.MESSAGES, ids=lambda message: message.TYPE)
def test_what_is_packed_is_unpacked(message: Message) -> None:
    """A message comes back the same, full or with every part empty, whichever other types are expected beside it."""
    for sent in (message, _empty(message)):
        unverified = pack(sent)
        assert unframe(unverified)[0] == canonical.encode({"type": message.TYPE, "v": 1})
        assert unpack(unverified, type(message)) == sent
        assert unpack(unverified, *MESSAGES) == sent


@pytest.mark.parametrize("message", examples.MESSAGES, ids=lambda message: message.TYPE)
def test_no_type_is_taken_for_another(message: Message) -> None:
    """A message nobody expects here is refused, naming what came and what was expected."""
    others = [shape for shape in MESSAGES if shape is not type(message)]
    with pytest.raises(Malformed, match=rf"type {message.TYPE} .* came, {others[0].TYPE} or "):
        unpack(pack(message), *others)


@pytest.mark.parametrize("message", examples.MESSAGES, ids=lambda message: message.TYPE)
def test_each_type_has_its_number_of_parts(message: Message) -> None:
    """One part too many or too few is refused; only receipts go on as long as they like."""
    parts = unframe(pack(_empty(message)))
    assert len(parts) == 1 + len(_parts(type(message))) - isinstance(message, ms.Receipts)
    if isinstance(message, ms.Receipts):
        assert unpack(frame(*parts, b"x"), ms.Receipts) == ms.Receipts(b"", (b"x",))
    else:
        with pytest.raises(Malformed, match="in its own form was expected"):
            unpack(frame(*parts, b""), type(message))
    if len(parts) > 1:
        with pytest.raises(Malformed, match="in its own form was expected"):
            unpack(frame(*parts[:-1]), type(message))


HEADERS = {
    "no part": (b"", "Header: Invalid JSON"),
    "empty header": (frame(b""), "Header: Invalid JSON"),
    "unknown type": (frame(b'{"type":"other","v":1}'), "names no known type"),
    "another version": (frame(b'{"type":"done","v":2}'), "v: Input should be less than or equal to 1"),
    "no version": (frame(b'{"type":"done"}'), "not in canonical form, or leave out a default"),
    "another key": (frame(b'{"more":1,"type":"done","v":1}'), "more: Extra inputs"),
    "another order": (frame(b'{"v":1,"type":"done"}'), "not in canonical form"),
    "a number": (frame(b'{"type":1,"v":1}'), "type: Input should be a valid string"),
    "no JSON": (frame(b"done"), "Invalid JSON"),
    "no frame": (b"done", "part 0 announces"),
    "cut length": (struct.pack(">I", 2)[:3], "no complete length"),
}


@pytest.mark.parametrize("what", HEADERS)
def test_only_the_very_header_is_read(what: str) -> None:
    """A header in another spelling, of another version or of no known type is refused, saying why."""
    unverified, rule = HEADERS[what]
    with pytest.raises(Malformed) as refused:
        unpack(unverified, ms.Done)
    assert rule in str(refused.value)


def test_only_known_messages_are_made() -> None:
    """The base of all messages is none itself."""
    with pytest.raises(Misuse, match="1 parts of no known type"):
        Message(b"")


def test_a_fault_says_code_rule_and_wait() -> None:
    """What failed is told as canonical JSON with a code; the wait is named only where there is one."""
    busy = fault(Code.BUSY, "caller: too many", retry_after_ms=500)
    assert canonical.decode_model(ms.Fault, busy.fault) == ms.Fault(
        code=Code.BUSY, detail="caller: too many", retry_after_ms=500
    )
    assert fault(Code.MALFORMED, "n: wrong").fault == b'{"code":"malformed","detail":"n: wrong"}'


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("a\nb\x00c\x85", "a?b?c?"),
        ("e\u0301", "é"),
        ("\ud800", "?"),
        ("ä" * 3000, "ä" * 2000),
        ("§ 67b „so“", "§ 67b „so“"),
    ],
    ids=["control", "not NFC", "surrogate", "long", "fine"],
)
def test_every_detail_can_be_told(detail: str, told: str) -> None:
    """An error message with characters that have no canonical form, or too many of them, is still told."""
    assert canonical.decode_model(ms.Fault, fault(Code.MALFORMED, detail).fault).detail == told


@pytest.mark.parametrize(
    ("query", "unverified"),
    [
        (ms.ChainQuery, {"after": -1}),
        (ms.ChainQuery, {}),
        (ms.EvidenceQuery, {"indices": list(range(65))}),
        (ms.EvidenceQuery, {"indices": [-1]}),
        (ms.EvidenceQuery, {"indices": [], "registry": "x"}),
        (ms.HeadQuery, {"key": "statement-1"}),
        (ms.HeadAnswer, {"highest": -1, "log": "musterstadt.example/log/1"}),
        (ms.Fault, {"code": "no_mood", "detail": ""}),
        (ms.Fault, {"code": "busy", "detail": "", "retry_after_ms": 3_600_001}),
        (ms.Fault, {"code": "busy", "detail": "x" * 2001}),
    ],
    ids=str,
)
def test_queries_and_faults_out_of_bounds_are_refused(
    query: type[ms.Fault], unverified: dict[str, canonical.Json]
) -> None:
    """Queries and faults have their bounds, too."""
    with pytest.raises(Malformed, match=rf"^{query.__name__}: "):
        canonical.decode_model(query, canonical.encode(unverified))
