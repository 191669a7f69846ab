"""The base of all shapes, and the framing of messages."""

import struct

import pytest
from pydantic import ValidationError

from schemas.errors import Code, Malformed
from schemas.wire import MAX_MESSAGE_BYTES, MAX_PARTS, Version, Wire, frame, unframe


class _Shape(Wire):
    """A shape with every kind of plain value."""

    v: Version = 1
    text: str = ""
    flag: bool = False
    names: tuple[str, ...] = ()


def test_a_shape_is_frozen() -> None:
    """Nothing changes a value once it was read."""
    shape = _Shape(text="a")
    with pytest.raises(ValidationError, match="frozen"):
        shape.text = "b"  # type: ignore[misc]  # the plugin knows that it is frozen
    assert shape.text == "a"


@pytest.mark.parametrize(
    "unverified",
    [
        {"text": 1},
        {"text": b"a"},
        {"flag": 1},
        {"flag": "true"},
        {"v": True},
        {"v": 1.0},
        {"v": 2},
        {"v": 0},
        {"names": ["a"]},
        {"other": "a"},
    ],
    ids=repr,
)
def test_nothing_is_coerced_or_passed_over(unverified: dict[str, object]) -> None:
    """A value of another type is refused, not made to fit; so is a key nobody asked for, and another version."""
    with pytest.raises(ValidationError) as refused:
        _Shape.model_validate(unverified)
    assert "input_value" not in str(refused.value)


@pytest.mark.parametrize(
    "parts",
    [(), (b"",), (b"", b"", b""), (b"a", b"", b"bc"), (b"\x00" * 70_000,)],
    ids=["none", "empty", "empties", "some", "large"],
)
def test_parts_come_back(parts: tuple[bytes, ...]) -> None:
    """What was framed comes apart into the same parts, empty ones included."""
    assert unframe(frame(*parts)) == parts


def test_a_part_is_preceded_by_its_length() -> None:
    """A part is four bytes of length, big-endian, and its bytes."""
    assert frame(b"abc", b"") == b"\x00\x00\x00\x03abc\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("unverified", "rule"),
    [
        (b"\x00", "part 0 has no complete length"),
        (b"\x00\x00\x00", "part 0 has no complete length"),
        (frame(b"a") + b"\x00", "part 1 has no complete length"),
        (struct.pack(">I", 4) + b"abc", "part 0 announces 4 bytes, 3 are left"),
        (b"\xff\xff\xff\xff", "part 0 announces 4294967295 bytes, 0 are left"),
        (frame(b"a", b"b")[:-1], "part 1 announces 1 bytes, 0 are left"),
        (frame(*[b""] * (MAX_PARTS + 1)), "more than 600 parts"),
    ],
    ids=["one", "three", "left-over", "short", "huge", "cut", "parts"],
)
def test_lengths_that_do_not_fit_are_refused(unverified: bytes, rule: str) -> None:
    """A length that is cut or larger than what follows, and more parts than allowed, are refused by name."""
    with pytest.raises(Malformed, match=rule) as refused:
        unframe(unverified)
    assert refused.value.code is Code.MALFORMED


def test_limits_of_a_message_are_inclusive() -> None:
    """A message of 768 KiB and one of 600 parts are taken; one byte more is too large."""
    largest = frame(bytes(MAX_MESSAGE_BYTES - 4))
    assert len(unframe(largest)[0]) == 768 * 1024 - 4
    assert len(unframe(frame(*[b""] * MAX_PARTS))) == 600
    with pytest.raises(Malformed, match="786433 bytes, at most 786432") as refused:
        unframe(largest + b"\x00")
    assert refused.value.code is Code.TOO_LARGE
