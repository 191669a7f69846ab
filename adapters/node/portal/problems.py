"""What a colleague is told when something did not work: a sentence in their language that says what to do about it.

Messages of errors are for those who run a node, and begin with the field they are about; here field and code choose the
sentence. Nothing that was typed is repeated.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from adapters.node.explaining import sentences
from adapters.web.texts import StaffLanguage, Texts
from schemas.errors import Code, HandschlagError, Malformed, Misuse, Unavailable
from schemas.ids import CodeName, FieldName

_PLACE: Final = re.compile(r"([a-z][a-z0-9_.]*(?: [a-z]+)?)(?:, [a-z_]+)*: ")


class Told(NamedTuple):
    """The answer to something that did not work: the sentence, the code for those who help or none, the status."""

    sentence: str
    code: str
    status: int


def told(error: HandschlagError, texts: Texts, language: StaffLanguage, labels: Mapping[FieldName, str]) -> Told:
    """Say in a sentence what did not work."""
    place = place_of(str(error))
    label = labels.get(FieldName(place))
    if label is not None:
        return Told(texts("wrong.value", field=label), error.code.value, 422)
    key = next((key for key in _keys(error, place) if texts.has(key)), None)
    code = "" if isinstance(error, Misuse) and error.code is Code.UNAVAILABLE else error.code.value
    status = 503 if isinstance(error, Unavailable) else 422
    return Told(_explained(error.code, language) or texts("wrong.other") if key is None else texts(key), code, status)


def place_of(message: str) -> str:
    """Give what a message is about: the first word before its colon, empty where there is none."""
    found = _PLACE.match(message)
    return "" if found is None else found[1].replace(" ", "_")


def _keys(error: HandschlagError, place: str) -> Iterator[str]:
    """Give the keys of texts that may fit, the closest first."""
    if isinstance(error, Malformed | Misuse):
        yield f"wrong.{place}-{error.code}"
        yield f"wrong.{place}"
    if not isinstance(error, Misuse) or error.code is not Code.UNAVAILABLE:
        yield f"code.{error.code}"


def _explained(code: Code, language: StaffLanguage) -> str | None:
    """Give the sentence a decision is explained with, where it needs nothing put in."""
    known = sentences().rule.get(CodeName(code))
    sentence = None if known is None or code is Code.UNAVAILABLE else str(getattr(known, language))
    return None if sentence is None or "{" in sentence else sentence
