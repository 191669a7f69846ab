"""A proposal for a mapping, from the names and kinds of a table's columns. Pure; a human finishes it.

No cell is repeated, with one exception that cannot be personal: words that are themselves codes or labels of the law's
code lists, as "männlich". What else stands in a column is counted only.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from adapters.sources.columns import Column, Sight
from adapters.sources.text import normal_name
from schemas.errors import Malformed
from schemas.ids import CodeName, FieldName
from schemas.registry import FieldDef, Registry

_PERSON: Final[Mapping[str, tuple[str, ...]]] = {
    "family_name": ("familienname", "nachname", "name", "zuname", "familyname", "lastname", "surname"),
    "given_names": ("vornamen", "vorname", "vname", "rufname", "givennames", "givenname", "firstname"),
    "birth_date": ("geburtsdatum", "gebdatum", "gebdat", "geburt", "geb", "geborenam", "birthdate", "dateofbirth"),
    "sex": ("geschlecht", "geschl", "sex", "gender"),
    "birth_country": ("geburtsland", "geburtsstaat", "countryofbirth", "birthcountry"),
    "other_names": ("geburtsname", "gebname", "frühername", "birthname", "formername"),
    "transfer_block": ("auskunftssperre", "übermittlungssperre", "uebermittlungssperre", "sperre"),
    "guardian": ("betreuung", "gesetzlbetreuung", "vormund", "guardian"),
    "team": ("team", "sachgebiet", "arbeitsgruppe"),
}
_FILE_NUMBER: Final = ("aktenzeichen", "az", "akte", "aktennr", "filenumber", "casenumber")
_KEY: Final = ("id", "nr", "nummer", "key", "kundennr", "kdnr", "tnnr", "personid", "clientid")
_RECORDED: Final = ("stand", "geändertam", "geaendertam", "geändert", "geaendert", "aenddat", "updatedat", "recordedat")
_DISPUTED: Final = ("bestritten", "strittig", "disputed")
_ALSO: Final[Mapping[str, str]] = {
    "tel": "contact.phone",
    "telefonnummer": "contact.phone",
    "mobil": "contact.phone",
    "mail": "contact.email",
    "emailadresse": "contact.email",
    "strasse": "contact.street",
    "plz": "contact.postcode",
    "wohnort": "contact.place",
    "stadt": "contact.place",
    "status": "course_participation.state",
    "kursstatus": "course_participation.state",
    "angemeldet": "course_participation.registered_on",
    "kurs": "course_participation.course_kind",
    "stunden": "course_participation.hours_used",
    "ue": "course_participation.hours_used",
    "deutschniveau": "language.german_level",
    "sprachniveau": "language.german_level",
    "niveau": "language.german_level",
    "ergebnis": "course_results.exam_result",
    "prüfungsdatum": "course_results.exam_date",
    "muttersprache": "language.mother_tongues",
    "einreise": "entry.entry_date",
    "einreisedatum": "entry.entry_date",
    "aufenthaltstitel": "residence_status.status_class",
    "schule": "education.school_kind",
    "schuljahre": "education.school_years",
}


class _Code(NamedTuple):
    """How the words of a column translate, and how many do not."""

    words: Mapping[str, str]
    unknown: int


def propose(sight: Sight, registry: Registry) -> str:
    """Write the TOML of a mapping for what was seen.

    Raises Malformed when no column can be the key, the family name, the given names or the birth date.
    """
    left = {_plain(column.name): column for column in sight.columns}
    key = _key(sight, left)
    person = {part: column for part, names in _PERSON.items() if (column := _take(left, names)) is not None}
    lacking = [part for part in ("family_name", "given_names", "birth_date") if part not in person]
    if lacking:
        message = f"no column looks like {', '.join(lacking)}; choose another table, or write the mapping by hand"
        raise Malformed(message)
    file_number, recorded, disputed = (_take(left, names) for names in (_FILE_NUMBER, _RECORDED, _DISPUTED))
    fields = dict(_fields(left, person, registry))
    dates = [person["birth_date"], *(column for name, column in fields.items() if registry.fields[name].type == "date")]
    dates += [] if recorded is None else [recorded]
    used = dict.fromkeys(one for column in dates for one in column.formats)
    lines = [
        *(f"{name} = {_text(value)}" for name, value in sight.head),
        f"key = {_text(key.name)}",
        *([] if file_number is None else [f"file_number = {_text(file_number.name)}"]),
        *([f"date_formats = [{', '.join(map(_text, used))}]"] if used else []),
        "",
        "[provenance]",
        *([] if recorded is None else [f"recorded_at = {_text(recorded.name)}"]),
        *([] if disputed is None else [f"disputed = {_text(disputed.name)}"]),
        'verified = "none"',
        "",
        "[person]",
        *(_person_line(part, column, registry) for part, column in person.items()),
        "",
        "[fields]",
        *(
            line
            for name, column in sorted(fields.items())
            for line in _field_lines(registry.fields[name], column, registry)
        ),
        *_rest(left, fields, sight),
    ]
    return "\n".join(lines) + "\n"


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", normal_name(name))


def _take(left: dict[str, Column], names: Sequence[str]) -> Column | None:
    """Give the column of the first of these names that is there, and let nothing else have it."""
    return next((left.pop(name) for name in names if name in left), None)


def _key(sight: Sight, left: dict[str, Column]) -> Column:
    """Find what names a row: the table's own key, a usual name, or the first column without blanks and repeats."""
    unique = [column for column in left.values() if column.unique and not column.formats]
    named = [column for column in unique if column.name in sight.keys or _plain(column.name) in _KEY]
    if not unique:
        message = "no column names each row once; a source needs a key"
        raise Malformed(message)
    chosen = (named or unique)[0]
    return left.pop(_plain(chosen.name))


def _fields(
    left: Mapping[str, Column], person: Mapping[str, Column], registry: Registry
) -> Iterator[tuple[FieldName, Column]]:
    """Find the fields whose name or label a column bears and whose type its cells have."""
    labels: dict[str, list[FieldName]] = {}
    for name, law in registry.fields.items():
        for label in {_plain(law.label.de), _plain(law.label.en)}:
            labels.setdefault(label, []).append(name)
    taken: set[FieldName] = set()
    for plain, column in [*((_plain(one.name), one) for one in person.values()), *left.items()]:
        named = [FieldName(_ALSO[plain])] if plain in _ALSO else labels.get(plain, [])
        for name in named if len(named) == 1 else ():
            if name in registry.fields and name not in taken and _readable(registry.fields[name], column, registry):
                taken.add(name)
                yield name, column


def _readable(law: FieldDef, column: Column, registry: Registry) -> bool:
    match law.type:
        case "text":
            return True
        case "int":
            return column.whole
        case "bool":
            return column.truth
        case "date":
            return bool(column.formats)
        case "code":
            return bool(_translated(column, law.code_list, registry).words)


def _translated(column: Column, code_list: CodeName | None, registry: Registry) -> _Code:
    """Find the words of a column that are codes or labels of a list, written as they stand in the law."""
    known = None if code_list is None else registry.code_lists.get(code_list)
    if known is None or column.words is None:
        return _Code({}, 0)
    vocabulary = {
        normal_name(word): (word, one.code) for one in known.values for word in (one.code, one.label.en, one.label.de)
    }
    found = Counter(normal_name(word) for word in column.words)
    return _Code(
        dict(vocabulary[word] for word in found if word in vocabulary), sum(word not in vocabulary for word in found)
    )


def _person_line(part: str, column: Column, registry: Registry) -> str:
    if part == "birth_date":
        return f'birth_date = {{ column = {_text(column.name)}, first_of_january = "year" }}'
    if part in {"sex", "birth_country"}:
        code = _translated(column, CodeName("sex" if part == "sex" else "country"), registry)
        line = f"{part} = {{ column = {_text(column.name)}, codes = {_table(code.words)} }}{_unknown(code)}"
        return line if code.words else f"# {line}"
    return f"other_names = [{_text(column.name)}]" if part == "other_names" else f"{part} = {_text(column.name)}"


def _field_lines(law: FieldDef, column: Column, registry: Registry) -> Iterator[str]:
    if law.type == "text":
        yield f"{_text(law.name)} = {_text(column.name)}"
        return
    code = _translated(column, law.code_list, registry) if law.type == "code" else None
    codes = "" if code is None else f", codes = {_table(code.words)}"
    late = ', first_of_january = "year"' if law.name == "identity_core.birth_date" else ""
    mark = "" if code is None else _unknown(code)
    yield f"{_text(law.name)} = {{ column = {_text(column.name)}, type = {_text(law.type)}{codes}{late} }}{mark}"


def _unknown(code: _Code) -> str:
    return f" # {code.unknown} more words of this column have no code yet" if code.unknown else ""


def _rest(left: Mapping[str, Column], fields: Mapping[FieldName, Column], sight: Sight) -> Iterator[str]:
    """Name what was left aside, so that a human can decide about it."""
    used = {column.name for column in fields.values()}
    unused = [column for column in left.values() if column.name not in used]
    if unused or sight.others:
        yield ""
    for column in unused:
        counted = f"{column.filled} filled, {column.blank} blank"
        yield f"# not mapped: column {_text(column.name)}, {counted}, {_seems(column)}"
    if sight.others:
        yield f"# other tables: {', '.join(sight.others)}"


def _seems(column: Column) -> str:
    if not column.filled:
        return "empty"
    if column.truth:
        return "yes or no"
    if column.formats:
        return "dates"
    if column.whole:
        return "whole numbers"
    return "text" if column.words is None else f"{len(column.words)} different texts"


def _table(words: Mapping[str, str]) -> str:
    if not words:
        return "{}"
    return "{ " + ", ".join(f"{_text(word)} = {_text(code)}" for word, code in sorted(words.items())) + " }"


def _text(text: str) -> str:
    """Write a basic string of TOML."""
    escaped = "".join(
        letter if letter.isprintable() and letter not in '"\\' else f"\\U{ord(letter):08x}" for letter in text
    )
    return f'"{escaped}"'
