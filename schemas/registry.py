"""The law as data: what a registry bundle holds, how it is read, and its cross-checks.

A bundle is the canonical JSON of all registry files by their stem; its SHA-256 is what the ledger's `registry.set`
names and what every decision is bound to. Everything here is pure: the texts of files are arguments.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

from schemas import canonical
from schemas.calendar import berlin_ms, parse_day
from schemas.errors import Malformed
from schemas.ids import CodeName, FieldName, Hash, Norm, Purpose, purpose_id
from schemas.wire import Wire

BasisKind = Literal["statute", "cooperation_duty", "consent", "client_request"]
Label = Annotated[str, Field(min_length=1, max_length=300)]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
FILES: Final = ("agency_kinds", "code_lists", "fields", "prohibitions", "purposes")
"""The stems of the files of a bundle, in order."""


class Labels(Wire):
    """A name in the two languages of the staff."""

    de: Label
    en: Label


class AgencyKind(Wire):
    """What the law says of a kind of agency.

    `ceiling` is the highest sensitivity it may receive unless an approval says 3; `section35` a body of § 35 SGB I;
    `secrecy_203` bound by § 203 StGB; `secret_clientele`: even "is our client" is a secret; `sanction_power`: it can
    cut or end something the client needs.
    """

    name: CodeName
    label: Labels
    public: bool
    section35: bool
    secrecy_203: bool
    secret_clientele: bool
    sanction_power: bool
    ceiling: Annotated[int, Field(ge=0, le=3)]


class CodeValue(Wire):
    """One value of a code list."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+.:()§-]{1,60}$")]
    label: Labels


class CodeList(Wire):
    """A closed list of values with its legal source and the day it came into force."""

    name: CodeName
    source: Label
    valid_from: Day
    valid_to: Day | None = None
    values: Annotated[tuple[CodeValue, ...], Field(min_length=1, max_length=400)]


class FieldDef(Wire):
    """One leaf of the data model: type, sensitivity 0 to 3, DSAusländer number, DPV term and leading agency kind."""

    name: FieldName
    label: Labels
    type: Literal["text", "int", "bool", "date", "code"]
    many: bool = False
    code_list: CodeName | None = None
    sensitivity: Annotated[int, Field(ge=0, le=3)]
    dsa: Annotated[str, Field(pattern=r"^([0-9]{3}(\.[0-9]{2})?)?$")] = ""
    dpv: Annotated[str, Field(max_length=60)] = ""
    lead: CodeName


class PurposeRow(Wire):
    """One purpose of the law, one version.

    `answer_within_s` sets `answer_by`; `later_after_ms` when "later" is said; `release` whether a certain match may be
    answered by the machine; `secrecy_release` when a release from § 203 StGB is needed; `neutral_collector`: the
    consent must have been collected where no sanction power sits.
    """

    purpose: Purpose
    label: Labels
    requester_kinds: Annotated[tuple[CodeName, ...], Field(min_length=1)]
    holder_kinds: Annotated[tuple[CodeName, ...], Field(min_length=1)]
    basis: Annotated[tuple[BasisKind, ...], Field(min_length=1)]
    norm: Annotated[tuple[Norm, ...], Field(min_length=1)]
    fields: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.(\*|[a-z][a-z0-9_]*)$")], ...], Field(min_length=1)]
    mode: Literal["single", "package", "push", "subscription", "round", "broadcast", "parcel"]
    conditions: tuple[CodeName, ...] = ()
    secrecy_release: Literal["never", "if_holder_203", "always"] = "never"
    neutral_collector: tuple[CodeName, ...] = ()
    release: Literal["automatic", "human"]
    answer_within_s: Annotated[int, Field(ge=1, le=60 * 60 * 24 * 90)]
    later_after_ms: Annotated[int, Field(ge=0, le=14_000)] = 5000
    valid_from: Day
    valid_to: Day | None = None
    review: Literal["draft", "needs_legal_review", "reviewed"]


class Prohibition(Wire):
    """A pair of kinds that may never exchange but for the named purposes under the named basis; evaluated first."""

    rule: CodeName
    label: Labels
    requester_kinds: Annotated[tuple[CodeName, ...], Field(min_length=1)]
    holder_kinds: Annotated[tuple[CodeName, ...], Field(min_length=1)]
    except_purposes: tuple[Annotated[str, Field(pattern=r"^Z[0-9]{2}$")], ...] = ()
    except_basis: tuple[BasisKind, ...] = ()


class _KindsFile(Wire):
    agency_kind: tuple[AgencyKind, ...]


class _CodeListsFile(Wire):
    code_list: tuple[CodeList, ...]


class _FieldsFile(Wire):
    field: tuple[FieldDef, ...]


class _ProhibitionsFile(Wire):
    prohibition: tuple[Prohibition, ...]


class _PurposesFile(Wire):
    purpose: tuple[PurposeRow, ...]


class Bundle(Wire):
    """A registry bundle as it is stored, hashed and signed."""

    agency_kinds: _KindsFile
    code_lists: _CodeListsFile
    fields: _FieldsFile
    prohibitions: _ProhibitionsFile
    purposes: _PurposesFile


class PurposeRule(NamedTuple):
    """A purpose made ready for deciding: its row, its fields spelled out, and its validity in ms."""

    row: PurposeRow
    fields: frozenset[FieldName]
    from_ms: int
    to_ms: int | None

    def in_force(self, at_ms: int) -> bool:
        """Tell whether the purpose may be used at an instant; `valid_to` is its last day, to midnight in Berlin."""
        return self.from_ms <= at_ms and (self.to_ms is None or at_ms < self.to_ms)


class Registry(NamedTuple):
    """A bundle made ready for deciding: everything by its name."""

    hash: Hash
    kinds: Mapping[CodeName, AgencyKind]
    code_lists: Mapping[CodeName, CodeList]
    fields: Mapping[FieldName, FieldDef]
    purposes: Mapping[Purpose, PurposeRule]
    prohibitions: tuple[Prohibition, ...]


class Finding(NamedTuple):
    """A contradiction in registry files: where it stands and which rule it breaks."""

    file: str
    line: int
    place: str
    rule: str

    def __str__(self) -> str:
        """Write the finding as one line, the way compilers do."""
        return f"{self.file}:{self.line}: {self.place}: {self.rule}"


def bundle_of(files: Mapping[str, str]) -> bytes:
    """Make the canonical bundle from the texts of the five TOML files by stem.

    Raises Malformed naming file and line (or table) for what is no TOML, has unknown or missing keys, or contradicts
    itself; all contradictions are listed.
    """
    parsed = {stem: _toml(stem, files) for stem in FILES}
    raw = canonical.encode(parsed)
    registry = load(raw)
    findings = [finding for finding in contradictions(registry, files)]
    if findings:
        raise Malformed("\n".join(str(finding) for finding in findings))
    return raw


def _toml(stem: str, files: Mapping[str, str]) -> canonical.Json:
    if stem not in files:
        message = f"registry/{stem}.toml: the file is missing"
        raise Malformed(message)
    try:
        parsed: canonical.Json = tomllib.loads(files[stem])
    except tomllib.TOMLDecodeError as error:
        message = f"registry/{stem}.toml: {error}"
        raise Malformed(message) from error
    return parsed


def load(raw: bytes) -> Registry:
    """Read a canonical bundle and make it ready for deciding; Malformed names table and rule of what does not fit."""
    bundle = canonical.decode_model(Bundle, raw)
    known = {field.name: field for field in bundle.fields.field}
    return Registry(
        hash=Hash(hashlib.sha256(raw).hexdigest()),
        kinds={kind.name: kind for kind in bundle.agency_kinds.agency_kind},
        code_lists={one.name: one for one in bundle.code_lists.code_list},
        fields=known,
        purposes={row.purpose: _rule(row, known) for row in bundle.purposes.purpose},
        prohibitions=bundle.prohibitions.prohibition,
    )


def _rule(row: PurposeRow, known: Mapping[FieldName, FieldDef]) -> PurposeRule:
    spelled: set[FieldName] = set()
    for pattern in row.fields:
        category, _, leaf = pattern.partition(".")
        spelled |= {name for name in known if name == pattern or (leaf == "*" and name.startswith(f"{category}."))}
    last_day = None if row.valid_to is None else parse_day(row.valid_to, f"{row.purpose} valid_to")
    return PurposeRule(
        row=row,
        fields=frozenset(spelled),
        from_ms=berlin_ms(parse_day(row.valid_from, f"{row.purpose} valid_from")),
        to_ms=None if last_day is None else berlin_ms(last_day.fromordinal(last_day.toordinal() + 1)),
    )


def contradictions(registry: Registry, files: Mapping[str, str]) -> Iterator[Finding]:
    """Find what the files say that cannot all be true, each with file, line, place and rule."""
    for rule in registry.purposes.values():
        for place, text in _purpose_findings(rule, registry):
            yield _finding("purposes", files, f'"{rule.row.purpose}"', f"{rule.row.purpose}.{place}", text)
    for prohibition in registry.prohibitions:
        for kind in (*prohibition.requester_kinds, *prohibition.holder_kinds):
            if kind not in registry.kinds:
                yield _finding("prohibitions", files, f'"{prohibition.rule}"', prohibition.rule, f"unknown agency kind {kind}")
    for field in registry.fields.values():
        if (field.type == "code") != (field.code_list is not None) or (
            field.code_list is not None and field.code_list not in registry.code_lists
        ):
            yield _finding("fields", files, f'"{field.name}"', field.name, "a coded field names a known code list, others none")


def _purpose_findings(rule: PurposeRule, registry: Registry) -> Iterator[tuple[str, str]]:
    row = rule.row
    for kind in (*row.requester_kinds, *row.holder_kinds, *row.neutral_collector):
        if kind not in registry.kinds:
            yield "kinds", f"unknown agency kind {kind}"
    for pattern in row.fields:
        if not any(name == pattern or (pattern.endswith(".*") and name.startswith(pattern[:-1])) for name in registry.fields):
            yield "fields", f"unknown field {pattern}"
    if rule.to_ms is not None and rule.to_ms <= rule.from_ms:
        yield "valid_to", "lies before valid_from"
    if "consent" in row.basis and "statute" in row.basis:
        yield "basis", "a purpose with a statute must not ask for consent (asking would mislead)"


def _finding(stem: str, files: Mapping[str, str], needle: str, place: str, rule: str) -> Finding:
    text = files.get(stem, "")
    match = re.search(re.escape(needle), text)
    line = text.count("\n", 0, match.start()) + 1 if match else 1
    return Finding(f"registry/{stem}.toml", line, place, rule)


def prohibited_by(registry: Registry, requester: CodeName, holder: CodeName, purpose: Purpose, basis: BasisKind) -> CodeName | None:
    """Give the rule id of the first prohibition that stops this pair of agency kinds, or None."""
    for one in registry.prohibitions:
        if requester in one.requester_kinds and holder in one.holder_kinds:
            excepted = purpose_id(purpose) in one.except_purposes and basis in one.except_basis
            if not excepted:
                return one.rule
    return None
