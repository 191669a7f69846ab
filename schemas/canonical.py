"""The one way from a value to bytes, and the strict way back.

What is signed, hashed or stored is canonical JSON: keys `[a-z0-9_]+` in order, no spaces, only strings, booleans,
lists, objects and integers below 2^53 in size; text in NFC without control characters. For these values the bytes are
those of RFC 8785. Admission re-encodes what it read and demands the very same bytes, so one value has one spelling.
"""

import json
import re
import unicodedata
from typing import Final, Protocol, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from schemas.errors import Malformed

Json = str | int | bool | list["Json"] | dict[str, "Json"]
"""What canonical JSON can hold; no null and no fraction exists."""

MAX_INTEGER: Final = 2**53 - 1
MAX_DEPTH: Final = 32

_MAX_FINDINGS: Final = 20
_MAX_NAME: Final = 64

_KEY = re.compile(r"[a-z0-9_]+")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FORBIDDEN_BUT_NEWLINE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_C1_IN_UTF8 = re.compile(rb"\xc2[\x80-\x9f]")
_ESCAPE = re.compile(rb'\\[^"\\n]')
_EM_DASH: Final = "\u2014".encode()
_EMBEDDED_KEY: Final = "statement"

ModelT = TypeVar("ModelT", bound=BaseModel)


def _check(value: object, key: str, depth: int) -> None:
    """Raise Malformed where a value has no canonical form; `key` names the place in the message."""
    if isinstance(value, str):
        _check_text(value, key)
    elif isinstance(value, int):  # booleans among them
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            message = f"{key}: integers lie between -(2^53-1) and 2^53-1"
            raise Malformed(message)
    elif not isinstance(value, list | dict):
        message = f"{key}: only strings, booleans, integers, lists and objects are allowed, not {type(value).__name__}"
        raise Malformed(message)
    elif depth >= MAX_DEPTH:
        message = f"{key}: nested more than {MAX_DEPTH} deep"
        raise Malformed(message)
    elif isinstance(value, list):
        for item in value:
            _check(item, key, depth + 1)
    else:
        _check_object(value, key, depth)


def _check_object(value: dict[object, object], key: str, depth: int) -> None:
    for name, item in value.items():
        if not isinstance(name, str) or _KEY.fullmatch(name) is None:
            message = f"{key}: an object's keys are lower-case letters, digits and underscores"
            raise Malformed(message)
        _check(item, name, depth + 1)


def _check_text(text: str, key: str) -> None:
    """Refuse lone surrogates, text not in NFC, and control characters (a newline only in an embedded `statement`)."""
    if text.isascii():
        if text.isprintable():
            return
    elif not unicodedata.is_normalized("NFC", text):
        message = f"{key}: text must be in Unicode normalisation form C"
        raise Malformed(message)
    forbidden = _FORBIDDEN_BUT_NEWLINE if key == _EMBEDDED_KEY else _FORBIDDEN
    if forbidden.search(text):
        message = f"{key}: text must not hold control characters or lone surrogates"
        raise Malformed(message)


def encode(value: Json) -> bytes:
    """Give the canonical bytes of a value, without a final newline.

    Raises Malformed naming the key where the value has no canonical form.
    """
    if isinstance(value, list):
        texts = [item for item in value if isinstance(item, str)]
        joined = "".join(texts)
        if len(texts) == len(value) and joined.isascii() and joined.isprintable():  # codes: nothing can be forbidden
            return orjson.dumps(value)
    _check(value, "value", 0)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def decode(unverified: bytes) -> Json:
    """Read canonical bytes; anything that would not be written the very same way is refused with Malformed."""
    try:
        value: Json = json.loads(unverified.decode())
    except (ValueError, RecursionError) as error:
        message = "JSON: the bytes are not UTF-8 JSON"
        raise Malformed(message) from error
    if encode(value) != unverified:
        message = "JSON: the bytes are not in canonical form (key order, spaces, escapes, numbers or duplicate keys)"
        raise Malformed(message)
    return value


def encode_model(model: BaseModel) -> bytes:
    """Give the canonical bytes of a message: defaults are written out, None is left out, as there is no null."""
    plain = model.model_dump(mode="json", exclude_none=True)
    # Keys, types, numbers and depth are bounded by the shapes themselves (a test of the house sees to it); what is left
    # is text, and most of it can be seen to be sound without looking at each value.
    try:
        raw = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a lone surrogate: the close look names its place
        raw = b""
    if not _is_plain(raw, str(plain.get(_EMBEDDED_KEY, "")).count("\n")):
        _check(plain, type(model).__name__, 0)
    return raw


def _is_plain(raw: bytes, newlines: int) -> bool:
    """Tell whether JSON text certainly holds no forbidden character; False says that a close look is needed.

    `newlines` counts those of an embedded statement, where they are allowed.
    """
    if not raw or b"\x7f" in raw or (b"\\" in raw and _ESCAPE.search(raw) is not None):
        return False
    if raw.count(b"\\n") != newlines:
        return False
    # The em dash before each signature of an embedded statement joins with nothing either; all else is mostly ASCII.
    if raw.replace(_EM_DASH, b"").isascii():
        return True
    # A quote stands around each text and joins with nothing, so the whole is in NFC when each text is, and only then.
    return _C1_IN_UTF8.search(raw) is None and unicodedata.is_normalized("NFC", raw.decode())


class Decode(Protocol):
    """Reads a message of a shape: `decode_model`, or `decode_spelled` in its place."""

    def __call__(self, shape: type[ModelT], unverified: bytes, /) -> ModelT:
        """Give the message; raises Malformed as `decode_model`."""
        ...


def decode_model(shape: type[ModelT], unverified: bytes) -> ModelT:
    """Read a message, which must be the very bytes that `encode_model` writes for it.

    Raises Malformed naming each field and the rule it breaks; values are never repeated in the message, because they
    might be personal data.
    """
    model = decode_spelled(shape, unverified)
    if encode_model(model) != unverified:
        message = f"{shape.__name__}: the bytes are not in canonical form, or leave out a default"
        raise Malformed(message)
    return model


def decode_spelled(shape: type[ModelT], spelled: bytes) -> ModelT:
    """Read a message whose bytes `decode_model` has taken before; only fields are checked, and not the spelling."""
    try:
        return shape.model_validate_json(spelled)
    except ValidationError as error:
        raise Malformed(describe(shape.__name__, error)) from error


def describe(what: str, error: ValidationError) -> str:
    """Put a validation error into one line: place and rule of each finding (of the first twenty), no value."""
    return f"{what}: " + "; ".join(_place(steps) + rule for steps, rule in findings(error)[:_MAX_FINDINGS])


def findings(error: ValidationError) -> list[tuple[tuple[int | str, ...], str]]:
    """Give the place (keys and numbers on the way to it) and the rule of each finding of a validation error."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [(detail["loc"], detail["msg"].removeprefix("Value error, ")) for detail in details]


def _place(steps: tuple[int | str, ...]) -> str:
    """Write the way to a field; a key the other side made up is named only where it has the form of ours."""
    if not steps:
        return ""
    names = [str(step)[:_MAX_NAME] for step in steps]
    return ".".join(name if _KEY.fullmatch(name) else "?" for name in names) + ": "


def pretty(value: object) -> str:
    """Write JSON for people to read, keys in order; never what is signed or hashed."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
