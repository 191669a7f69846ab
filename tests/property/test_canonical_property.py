"""For every value: canonical bytes are those of RFC 8785, come back as the value, and are the only spelling."""

import json
from typing import Annotated

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import Field

from schemas.canonical import MAX_INTEGER, Json, decode, decode_model, encode, encode_model
from schemas.errors import Malformed
from schemas.wire import MAX_MESSAGE_BYTES, Wire, frame, unframe

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

# What is written in more than one way by somebody, and the letters around it; far quicker than all of Unicode.
_LETTERS = list(
    'aZ09 "\\/:,[]{}<\n\r\t\b\f\x00\x1f\x7f\x85\xa0äÅ\u0301\u0323\u00ad\u200f\u2028\ufeff\ufffd王😀\ud800\udc00'
)
_TEXTS = some.lists(some.sampled_from(_LETTERS), max_size=10).map("".join)
_LEAVES = some.booleans() | some.integers(-MAX_INTEGER, MAX_INTEGER) | _TEXTS
_KEYS = some.sampled_from(["a", "b", "a_", "ab", "0", "_", "z9", "statement"])


def _values(leaves: some.SearchStrategy[Json]) -> some.SearchStrategy[Json]:
    return some.recursive(
        leaves,
        lambda inner: some.lists(inner, max_size=4) | some.dictionaries(_KEYS, inner, max_size=4),
        max_leaves=8,
    )


@settings(max_examples=50)
@given(_values(_LEAVES))
def test_one_value_one_spelling(value: Json) -> None:
    """A value is written as RFC 8785 writes it and reads back the same, or it is refused; there is no third way."""
    try:
        written = encode(value)
    except Malformed:
        return
    assert written == rfc8785.dumps(value)
    again = decode(written)
    assert encode(again) == written
    assert again == value


@settings(max_examples=50)
@given(_values(_LEAVES), some.integers(1, 4), some.booleans())
def test_every_other_spelling_is_refused(value: Json, indent: int, sort_keys: bool) -> None:  # noqa: FBT001  # Hypothesis draws it
    """Whatever another JSON writer makes of a value is refused, unless it is the same bytes."""
    try:
        written = encode(value)
    except Malformed:
        return
    others = {
        json.JSONEncoder(indent=indent).encode(value),
        json.JSONEncoder(sort_keys=sort_keys, ensure_ascii=False).encode(value),
        json.JSONEncoder(sort_keys=sort_keys, separators=(",", ":")).encode(value),
        f" {written.decode()}",
        f"{written.decode()}\n",
    }
    for other in others - {written.decode()}:
        with pytest.raises(Malformed):
            decode(other.encode())


class _Shape(Wire):
    """A shape with text at several places."""

    statement: str
    names: tuple[str, ...]
    number: Annotated[int, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
    flag: bool | None = None


@settings(max_examples=50)
@given(_TEXTS, some.lists(_TEXTS, max_size=3), some.integers(-MAX_INTEGER, MAX_INTEGER))
def test_messages_are_written_like_values(text: str, names: list[str], number: int) -> None:
    """A message has the bytes of its plain value, or is refused as that is; it reads back as the same message."""
    flag = True if number % 2 else None
    shape = _Shape.model_construct(statement=text, names=tuple(names), number=number, flag=flag)
    try:
        written = encode_model(shape)
    except Malformed:
        with pytest.raises(Malformed):
            encode(shape.model_dump(mode="json", exclude_none=True))
        return
    assert written == encode(shape.model_dump(mode="json", exclude_none=True))
    assert decode_model(_Shape, written) == shape


@given(some.binary(max_size=200))
def test_no_bytes_break_the_reader(unverified: bytes) -> None:
    """Any bytes are refused as malformed, or are the canonical form of what they say."""
    try:
        value = decode(unverified)
    except Malformed:
        return
    assert encode(value) == unverified


@given(some.lists(some.binary(max_size=50), max_size=20), some.binary(max_size=8))
def test_frames_come_apart_as_they_were_put_together(parts: list[bytes], tail: bytes) -> None:
    """Framed parts come back; with bytes behind them they are refused, or those bytes are parts of their own."""
    framed = frame(*parts)
    assert unframe(framed) == tuple(parts)
    try:
        more = unframe(framed + tail)
    except Malformed:
        return
    assert frame(*more) == framed + tail
    assert len(framed) <= MAX_MESSAGE_BYTES
