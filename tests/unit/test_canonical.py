"""Canonical JSON: one value, one spelling, and nothing that another reader could take for something else."""

from typing import Annotated

import pytest
import rfc8785
from pydantic import Field, model_validator

from schemas import canonical
from schemas.canonical import MAX_DEPTH, MAX_INTEGER, Json
from schemas.errors import Malformed
from schemas.wire import Wire

LONE = "\ud800"


class _Inner(Wire):
    """Something nested."""

    name: str


class _Shape(Wire):
    """A shape with a default, an optional field and a nested one."""

    count: Annotated[int, Field(ge=0)] = 0
    flag: bool | None = None
    inner: tuple[_Inner, ...] = ()

    @model_validator(mode="after")
    def _not_seven(self) -> "_Shape":
        if self.count == 7:
            message = "count must not be seven"
            raise ValueError(message)
        return self


def _nested(depth: int) -> Json:
    value: Json = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        "",
        0,
        -1,
        True,
        False,
        MAX_INTEGER,
        -MAX_INTEGER,
        {"b": 1, "a": [2, {"_": "x", "0": False}], "a_": "y"},
        'quotes " and \\ and / and \u2028 and 😀',
        {"statement": "line\nline\n\n\u2014 name AbC=\n"},
        "Zoë Šárka Łukasz Đặng 王",
        {"z": 1, "a": 2, "0": 3, "_": 4, "zz": 5},
        _nested(MAX_DEPTH),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_bytes_are_those_of_rfc_8785(value: Json) -> None:
    """What has a canonical form is written as RFC 8785 writes it, and read back as the same value."""
    written = canonical.encode(value)
    assert written == rfc8785.dumps(value)
    assert canonical.decode(written) == value


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (None, "not NoneType"),
        (1.0, "not float"),
        ({"at": (1,)}, "at: only"),
        ({"at": b"x"}, "not bytes"),
        (MAX_INTEGER + 1, "2^53-1"),
        ({"low": -MAX_INTEGER - 1}, "low: integers"),
        ({"Key": 1}, "keys"),
        ({"ä": 1}, "keys"),
        ({"": 1}, "keys"),
        ({"a b": 1}, "keys"),
        ({"a\n": 1}, "keys"),
        ({1: 1}, "keys"),
        ({"text": "e\u0301"}, "text: text must be in Unicode normalisation form C"),
        ({"text": "a\nb"}, "text: text must not hold control"),
        ({"text": "\x00"}, "control"),
        ({"text": "\x7f"}, "control"),
        ({"text": "ä\x85"}, "control"),
        ({"statement": "a\tb"}, "statement: text must not hold control"),
        ({"statement": "a\rb"}, "control"),
        ({"statement": {"text": "a\nb"}}, "text: text"),
        ({"text": LONE}, "text: text must not hold control characters or lone surrogates"),
        ({"statement": LONE}, "surrogates"),
        (_nested(MAX_DEPTH + 1), "nested more than 32"),
        ({"deep": _nested(MAX_DEPTH)}, "deep: nested"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_has_no_canonical_form_is_refused(value: Json, rule: str) -> None:
    """Other types, big integers, other keys, text out of form and deep nesting are refused, naming place and rule."""
    with pytest.raises(Malformed) as refused:
        canonical.encode(value)
    assert rule in str(refused.value)


@pytest.mark.parametrize(
    "unverified",
    [
        b"",
        b" {}",
        b"{}\n",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a":null}',
        b"null",
        b"1.0",
        b"1e3",
        b"-0",
        b"01",
        b"NaN",
        b"-Infinity",
        b"9007199254740992",
        b"1" * 5000,
        b'"\\u0061"',
        b'"\\/"',
        b'"\\ud800"',
        b'"\\n"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        '"e\u0301"'.encode(),
        b"\xef\xbb\xbf{}",
        '"a"'.encode("utf-16"),
        b"[" * 100_000,
        b"[" * 40 + b"]" * 40,
        b"{'a':1}",
        b'{"A":1}',
        b"[1,]",
        b"1 2",
    ],
    ids=lambda value: f"{value[:20]!r}-{len(value)}",
)
def test_every_other_spelling_is_refused(unverified: bytes) -> None:
    """Bytes that are no JSON, or JSON that would be written otherwise, are refused, both as value and as message."""
    with pytest.raises(Malformed):
        canonical.decode(unverified)
    with pytest.raises(Malformed):
        canonical.decode_model(_Shape, unverified)


def test_a_message_has_one_spelling() -> None:
    """Defaults are written out, None is left out; bytes without the default are refused, though they mean the same."""
    written = b'{"count":0,"inner":[{"name":"x"}]}'
    shape = _Shape(inner=(_Inner(name="x"),))
    assert canonical.encode_model(shape) == written
    assert canonical.decode_model(_Shape, written) == shape
    for other in (b'{"inner":[{"name":"x"}]}', b'{"count":0,"flag":null,"inner":[{"name":"x"}]}', b'{"count":0}'):
        with pytest.raises(Malformed, match="_Shape: the bytes are not in canonical form, or leave out a default"):
            canonical.decode_model(_Shape, other)


@pytest.mark.parametrize(
    "value",
    [{"count": True}, {"count": "1"}, {"count": -1}, {"flag": 1}, {"unknown": 1}, {"inner": [{}]}, [], "x"],
    ids=repr,
)
def test_what_does_not_fit_the_shape_is_refused(value: Json) -> None:
    """Nothing is coerced, unknown keys are refused, missing ones are named."""
    with pytest.raises(Malformed, match=r"^_Shape: "):
        canonical.decode_model(_Shape, canonical.encode(value))


def test_findings_name_place_and_rule_and_no_value() -> None:
    """An error message holds the way to each field and the rule it breaks, never what stood there."""
    with pytest.raises(Malformed) as refused:
        canonical.decode_model(_Shape, b'{"count":"Erika Musterfrau","inner":[{"name":4711}]}')
    assert str(refused.value) == (
        "_Shape: count: Input should be a valid integer; inner.0.name: Input should be a valid string"
    )
    with pytest.raises(Malformed, match=r"^_Shape: count must not be seven$"):
        canonical.decode_model(_Shape, b'{"count":7,"inner":[]}')


def test_names_the_other_side_made_up_are_not_repeated() -> None:
    """An unknown key is named only where it has the form of ours, cut to 64 characters; twenty findings are enough."""
    unknown = {"Erika\nMusterfrau": 1, "k" * 100: 1}
    with pytest.raises(Malformed) as refused:
        canonical.decode_model(_Shape, canonical.pretty(unknown).encode())
    assert str(refused.value) == (
        f"_Shape: ?: Extra inputs are not permitted; {'k' * 64}: Extra inputs are not permitted"
    )
    with pytest.raises(Malformed) as refused:
        canonical.decode_model(_Shape, canonical.encode({f"k{number}": 1 for number in range(100)}))
    assert str(refused.value).count("Extra") == 20


@pytest.mark.parametrize("text", ["a\nb", "\x00", "\x7f", "ä\x85", "e\u0301", LONE, "ä" + LONE], ids=ascii)
def test_a_message_with_text_out_of_form_is_not_written(text: str) -> None:
    """Text that has no canonical form is refused when a message is written, naming its place as for any value."""
    with pytest.raises(Malformed, match=r"^name: text must"):
        canonical.encode_model(_Shape(inner=(_Inner.model_construct(name=text),)))
    with pytest.raises(Malformed, match=r"^name: text must"):
        canonical.encode({"inner": [{"name": text}]})


def test_pretty_is_for_people() -> None:
    """Pretty JSON has sorted keys, two spaces and a final newline."""
    assert canonical.pretty({"b": None, "a": "ä"}) == '{\n  "a": "ä",\n  "b": null\n}\n'
