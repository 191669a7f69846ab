"""One table for translators: a row for each text, German and English beside the language; and the way back.

What comes back is taken whole or not at all: every finding names its row. Pure; CSV because every office opens it.
"""

import csv
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from pydantic import ValidationError

from schemas.canonical import findings
from schemas.client_text_checks import flat, stray, without_placeholders
from schemas.client_texts import ClientWords
from schemas.errors import Malformed
from schemas.registry import Registry

_FIXED: Final = ("script", "layer", "list")
"""What a translator does not decide."""
_COLUMNS: Final = 4
BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Begins the file, so that spreadsheets read it as UTF-8."""


class Beside(NamedTuple):
    """What stands beside the language in the table: the German and English words, and the law for names of fields."""

    german: ClientWords
    english: ClientWords
    law: Registry


class _Lines(list[str]):
    """What the table's writer writes to."""

    def write(self, line: str) -> None:
        """Take a line."""
        self.append(line)


def table_of(language: str, words: ClientWords, beside: Beside) -> list[tuple[str, ...]]:
    """Give the table of a language, row by row: key, German, English, the language; the first row names the columns."""
    german, english = (_known(one, beside.law, name) for one, name in ((beside.german, "de"), (beside.english, "en")))
    rows: list[tuple[str, ...]] = [("key", "de", "en", f"text {language}")]
    texts = flat(words).items()
    return rows + [(key, german.get(key, ""), english.get(key, ""), text) for key, text in texts if key not in _FIXED]


def export_table(language: str, words: ClientWords, beside: Beside) -> str:
    """Write the table of a language as CSV (RFC 4180) with a byte order mark."""
    out = _Lines()
    csv.writer(out).writerows(table_of(language, words, beside))
    return BOM + "".join(out)


def import_table(text: str, language: str, words: ClientWords, file: str) -> ClientWords:
    """Take a table back that is CSV; Malformed for what is no table, and as `import_rows` says."""
    try:
        rows = list(csv.reader(text.removeprefix(BOM).splitlines(keepends=True), strict=True))
    except csv.Error as error:
        message = f"{file}: is no table: {error}"
        raise Malformed(message) from error
    return import_rows(rows, language, words, file)


def import_rows(rows: list[list[str]], language: str, words: ClientWords, file: str) -> ClientWords:
    """Take a table back, in place of the words there are.

    Raises Malformed with one line for each finding, `file:row: key: rule`: a row that is unknown, missing or there
    twice, a placeholder that was lost, a letter of another script.
    """
    if not rows or len(rows[0]) != _COLUMNS or rows[0][-1] != f"text {language}":
        message = f"{file}:1: columns must be key, de, en, text {language}"
        raise Malformed(message)
    known = flat(words)
    found = list(_row_findings(rows, known, words.script))
    new = {row[0]: row[-1].strip() for row in rows[1:] if len(row) == _COLUMNS}
    numbers = {row[0]: number for number, row in enumerate(rows, start=1) if row}
    try:
        made = ClientWords.model_validate(_nested(known | {key: new[key] for key in new if key in known}))
    except ValidationError as error:
        for place, rule in findings(error):
            key = ".".join(map(str, place))
            found.append(f"{numbers.get(key, 1)}: {key}: {rule}")
        made = words
    if found:
        raise Malformed("\n".join(f"{file}:{line}" for line in found))
    return made


def _row_findings(rows: list[list[str]], known: Mapping[str, str], script: str) -> Iterator[str]:
    seen: set[str] = set()
    for number, row in enumerate(rows[1:], start=2):
        key = row[0] if row else ""
        if len(row) != _COLUMNS:
            yield f"{number}: {key}: must have {_COLUMNS} columns"
        elif key not in known or key in _FIXED:
            yield f"{number}: {key}: is no text of this language"
        elif key in seen:
            yield f"{number}: {key}: is there already"
        elif strays := stray(script, without_placeholders(row[-1])):
            yield f"{number}: {key}: {strays} is of another script than {script}"
        seen.add(key)
    for key in known:
        if key not in seen and key not in _FIXED:
            yield f"{len(rows)}: {key}: is missing"


def _known(words: ClientWords, law: Registry, language: str) -> dict[str, str]:
    labels = {
        f"field.{name}": field.label.de if language == "de" else field.label.en for name, field in law.fields.items()
    }
    return labels | flat(words)


def _nested(texts: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, text in texts.items():
        table = found
        *way, leaf = key.split(".")
        for step in way:
            below = table.setdefault(step, {})
            table = below if isinstance(below, dict) else {}
        table[leaf] = text
    return found
