"""How well a mapping and its rows fit the law: what fits, what is lost, what is missing, what is wrong. Pure.

Nothing said here is a value of a person: fields, columns, counts, and codes of the law's lists.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from adapters.sources.mapping import FieldColumn, SourceMapping
from adapters.sources.survey import Survey, Tally
from schemas.ids import CodeName, FieldName
from schemas.registry import MODES, Registry


class Report(NamedTuple):
    """The findings, each one line; `wrong` is what somebody has to mend before the source is used."""

    rows: tuple[str, ...]
    fits: tuple[str, ...]
    lost: tuple[str, ...]
    missing: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing has to be mended."""
        return not self.wrong


def examine(mapping: SourceMapping, registry: Registry, survey: Survey | None, kind: CodeName | None = None) -> Report:
    """Compare a mapping with the law, and with its rows where they can be looked through.

    `kind` of the agency tells which purposes will ask it for what.
    """
    fields = sorted(mapping.fields.items())
    return Report(
        rows=() if survey is None else tuple(_rows(survey)),
        fits=tuple(_fit(name, rule, survey) for name, rule in fields),
        lost=tuple(line for name, rule in fields for line in _lost(name, rule, registry, survey)),
        missing=(*_missing_provenance(mapping), *_missing_fields(mapping, registry, kind)),
        wrong=(
            *(line for name, rule in fields for line in _against_the_law(name, rule, registry)),
            *_wrong_person(mapping, registry),
            *(() if survey is None else _wrong_rows(survey)),
        ),
    )


def _rows(survey: Survey) -> Iterator[str]:
    yield f"{survey.rows} rows, {survey.found} of them with a key and a name"
    born = survey.born
    yield f"birth date: {born['day']} to the day, {born['part']} in part, {born['nothing']} not known"
    yield f"{survey.blocked} rows with a transfer block, which are never answered"
    for detail, count in survey.details.items():
        yield f"{count} rows of details.{detail}"


def _fit(name: FieldName, rule: FieldColumn, survey: Survey | None) -> str:
    tally = None if survey is None else survey.fields[name]
    counted = "" if tally is None else f": {tally.values} values, {tally.blank} blank"
    return f"{name} from {_column(rule)}{counted}"


def _column(rule: FieldColumn) -> str:
    return f"column {rule.column}" if rule.detail is None else f"column {rule.column} of details.{rule.detail}"


def _lost(name: FieldName, rule: FieldColumn, registry: Registry, survey: Survey | None) -> Iterator[str]:
    """Say what a reader elsewhere will not learn, although the agency knows it."""
    words = Counter(rule.codes.values())
    for code, count in sorted(words.items()):
        if count > 1:
            yield f"{name}: {count} words become the one code {code}"
    law = registry.fields.get(name)
    codes = None if law is None or law.code_list is None else registry.code_lists.get(law.code_list)
    if codes is not None and rule.type == "code":
        left = len({one.code for one in codes.values} - words.keys())
        if left:
            yield f"{name}: no word leads to {left} of the {len(codes.values)} codes of the list {codes.name}"
    tally = Tally() if survey is None else survey.fields[name]
    if tally.partial:
        yield f"{name}: {tally.partial} dates are known in part only"
    if law is not None and rule.detail is not None and not law.many:
        yield f"{name}: takes one value, a detail table may hold several"


def _missing_provenance(mapping: SourceMapping) -> Iterator[str]:
    undated = [name for name, rule in sorted(mapping.fields.items()) if rule.recorded_at is None]
    nobody = [name for name, rule in sorted(mapping.fields.items()) if rule.recorded_by is None]
    if undated:
        yield f"recorded_at: {len(undated)} fields do not say when they were recorded"
    if nobody:
        yield f"recorded_by: {len(nobody)} fields do not say in which role they were recorded"
    if mapping.person.transfer_block is None:
        yield "person.transfer_block: no column protects a person (§ 4 AZRG, § 51 BMG)"
    if mapping.person.guardian is None:
        yield "person.guardian: no column says that somebody else acts for a person"


def _missing_fields(mapping: SourceMapping, registry: Registry, kind: CodeName | None) -> Iterator[str]:
    for purpose, rule in sorted(registry.purposes.items()):
        if kind is not None and kind in rule.row.holder_kinds and rule.row.mode in MODES:
            lacking = sorted(rule.fields - mapping.fields.keys())
            has = len(rule.fields) - len(lacking)
            yield f"{purpose}: {has} of {len(rule.fields)} fields" + (
                f", without {', '.join(lacking)}" if lacking else ""
            )


def _against_the_law(name: FieldName, rule: FieldColumn, registry: Registry) -> Iterator[str]:
    law = registry.fields.get(name)
    if law is None:
        yield f"{name}: the registry has no such field"
        return
    if law.type != rule.type:
        yield f"{name}: is a {law.type} in the registry, a {rule.type} in the mapping"
    codes = None if law.code_list is None else registry.code_lists.get(law.code_list)
    if codes is not None:
        for code in sorted(set(rule.codes.values()) - {one.code for one in codes.values}):
            yield f"{name}: {code} is no code of the list {codes.name}"


def _wrong_person(mapping: SourceMapping, registry: Registry) -> Iterator[str]:
    country = mapping.person.birth_country
    known = registry.code_lists.get(CodeName("country"))
    if country is not None and known is not None:
        for code in sorted(set(country.codes.values()) - {one.code for one in known.values}):
            yield f"person.birth_country: {code} is no code of the list country"


def _wrong_rows(survey: Survey) -> Iterator[str]:
    if survey.found < survey.rows:
        yield f"{survey.rows - survey.found} rows have no key or no usable name, so nobody finds them"
    for name, tally in sorted(survey.fields.items()):
        for rule, count in sorted(tally.broken.items()):
            yield f"{name}: {count} cells cannot be read: {rule}"
