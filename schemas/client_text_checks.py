"""What is wrong with the texts of a language: a word the law needs and the file lacks, a letter of another script.

Pure; for the test of the shipped texts and for what translators send back.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from schemas.client_texts import ClientWords
from schemas.ids import purpose_id
from schemas.registry import Bundle, Registry, load
from schemas.registry_files import Finding, bundle_of, located

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


def lacking(files: Mapping[str, str], words: Mapping[str, ClientWords]) -> list[Finding]:
    """Find what the law of these files needs and the texts of a language lack, at the line of the law that needs it."""
    raw = bundle_of(files)
    law, places = load(raw), _places(Bundle.model_validate_json(raw))
    missing: dict[str, list[str]] = {}
    for language, one in words.items():
        for key in _lacks(language, one, law):
            missing.setdefault(key, []).append(language)
    return located(files, ((places[key], f"no text {key} in {', '.join(missing[key])}") for key in sorted(missing)))


def _places(bundle: Bundle) -> dict[str, tuple[int | str, ...]]:
    """Give where the law first needs each word."""
    found: dict[str, tuple[int | str, ...]] = {}
    for number, row in enumerate(bundle.purposes.purpose):
        found.setdefault(f"purpose.{purpose_id(row.purpose)}", ("purposes", "purpose", number, "purpose"))
    for number, kind in enumerate(bundle.agency_kinds.agency_kind):
        found.setdefault(f"kind.{kind.name}", ("agency_kinds", "agency_kind", number, "name"))
        found.setdefault(f"power.{kind.power}", ("agency_kinds", "agency_kind", number, "power"))
    for number, field in enumerate(bundle.fields.field):
        found.setdefault(f"field.{field.name}", ("fields", "field", number, "name"))
        found.setdefault(f"category.{field.name.partition('.')[0]}", ("fields", "field", number, "name"))
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
    found = [f"{key}: is missing" for key in sorted(_lacks(language, words, law))]
    if (words.layer == "full") != (words.detail is not None):
        found.append("detail: belongs to the layer full and only to it")
    for key, text in texts.items():
        strays = "" if key in {"script", "layer"} else stray(words.script, without_placeholders(text))
        if strays:
            found.append(f"{key}: {strays} is of another script than {words.script}")
    return found


def _lacks(language: str, words: ClientWords, law: Registry) -> set[str]:
    return needed(law, fields=words.layer == "full" and language not in {"de", "en"}) - flat(words).keys()
