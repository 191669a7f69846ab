"""What is wrong with the texts of a language: a word the law needs and the file lacks, a letter of another script.

Pure; for the test of the shipped texts and for what translators send back.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final

from schemas.client_texts import ClientWords
from schemas.ids import purpose_id
from schemas.registry import Registry

_SCRIPTS: Final = {"Latn": "LATIN", "Cyrl": "CYRILLIC", "Arab": "ARABIC", "Ethi": "ETHIOPIC"}
_CLIENTS: Final = frozenset({"consent", "client_request", "cooperation_duty"})
"""The bases of which a client reads every single field; of an exchange by law the categories."""


def flat(words: ClientWords) -> dict[str, str]:
    """Give all texts of a language by dotted key, in the order of its file."""
    return dict(_flat(words.model_dump(mode="json", exclude_none=True), ""))


def _flat(table: dict[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, str(value)


def needed(law: Registry, *, fields: bool) -> set[str]:
    """Give the keys of all words that any exchange of this law needs; `fields`: the single fields, too."""
    found: set[str] = {f"power.{kind.power}" for kind in law.kinds.values()}
    for rule in law.purposes.values():
        row = rule.row
        if row.basis:
            found.add(f"purpose.{purpose_id(row.purpose)}")
            found |= {f"kind.{kind}" for kind in (*row.requester_kinds, *row.holder_kinds)}
            found |= {f"category.{name.partition('.')[0]}" for name in rule.fields}
        if fields and _CLIENTS & set(row.basis):
            found |= {f"field.{name}" for name in rule.fields}
    return found


def stray(script: str, text: str) -> str:
    """Give the letters of a text that are of another script; marks, digits and signs belong to all."""
    wanted = _SCRIPTS[script]
    letters = (sign for sign in text if unicodedata.category(sign).startswith("L"))
    return "".join(sign for sign in letters if not unicodedata.name(sign, "").startswith((wanted, "MODIFIER LETTER")))


def without_placeholders(text: str) -> str:
    """Give a text without what stands in braces."""
    return "".join(part.partition("}")[2] if number else part for number, part in enumerate(text.split("{")))


def problems(language: str, words: ClientWords, law: Registry) -> list[str]:
    """Give one line for each finding: `key: rule`; none for texts that are whole."""
    texts = flat(words)
    lacks = needed(law, fields=words.layer == "full" and language not in {"de", "en"}) - texts.keys()
    found = [f"{key}: is missing" for key in sorted(lacks)]
    if (words.layer == "full") != (words.detail is not None):
        found.append("detail: belongs to the layer full and only to it")
    for key, text in texts.items():
        strays = "" if key in {"script", "layer"} else stray(words.script, without_placeholders(text))
        if strays:
            found.append(f"{key}: {strays} is of another script than {words.script}")
    return found
