"""How an agency's own table becomes fields: a short TOML file, read whole or refused. Pure.

    kind = "sql"                            # sql: a SQLite file or a server; sheet: an XLSX file; csv
    location = "kunden.db"                  # seen from the mapping file; of a server "postgresql://reader@host/name"
    secret_file = "kunden.password"         # of a server: one line, readable by its owner only
    table = "kunde"                         # table, view or sheet; a CSV file has none
    encoding = "cp1252"                     # of a CSV file: utf-8 unless given, utf-8-sig, cp1252
    delimiter = ";"                         # of a CSV file
    end = "# Ende"                          # of a CSV file: the line that closes a whole export, where it has one
    key = "id"                              # column that names a row, once each
    file_number = "az"                      # what staff call the file; the key unless given
    date_formats = ["%d.%m.%Y", "00.00.%Y"] # how dates stand in text, the first that fits; %d, %m, %Y

    [provenance]                            # holds for every field unless it says otherwise
    recorded_at = "geaendert"               # column
    recorded_by = "adviser"                 # role
    verified = "document"                   # none, document, register, client
    origin = "own"                          # own, azr, client
    disputed = "bestritten"                 # column
    discussed = "besprochen"                # column: the day on which it was talked over with the person

    [person]
    family_name = "name"
    given_names = "vorname"
    birth_date = { column = "geb", first_of_january = "year" }
    sex = { column = "geschlecht", codes = "sex" }
    birth_country = { column = "geburtsland", codes = "country" }
    other_names = ["geburtsname"]
    transfer_block = "sperre"
    guardian = "betreuung"
    team = "team"                           # whose client it is; limits whom staff with a team find

    [codes.sex]                             # what stands in a cell = code of the list; case does not count
    "männlich" = "m"                        # or a list, where the cells hold the codes themselves

    [details.kurs]                          # many rows for one person: lists of values (sql only)
    table = "kursbesuch"
    key = "kunde_id"
    order = "lfd_nr"
    recorded_at = "stand"

    [rest]                                  # of a web service (kind = "rest"), whose location is its https address
    find = "/clients"                       # answers with persons; finds at least all whose name begins so, in any case
    find_by = { family_name = "name" }      # its parameters: this one, and given_names, birth_date, file_number
    rows = "/items"                         # JSON pointer to the list in that answer; columns are members or pointers
    more = "/next"                          # pointer to what says that the list is cut, where the service cuts lists
    one = "/clients/{ref}"                  # answers with one person
    select = "fields"                       # parameter that takes the names of the wanted members, where there is one

    [fields]
    "contact.phone" = "telefon"
    "identity_core.sex" = { column = "geschlecht", type = "code", codes = "sex" }
    "measures.from" = { column = "beginn", type = "date", detail = "kurs" }

`first_of_january = "year"` takes 1 January for "only the year is known". A word that `codes` does not translate makes
the cell unreadable; a blank cell is no value.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from adapters.sources.text import clean
from schemas.errors import Malformed
from schemas.ids import CODE_PATTERN, CodeName, FieldName
from schemas.record import Origin, Verified

MAX_BYTES: Final = 64 * 1024
_ISO: Final = ("%Y-%m-%d",)
_SEXES: Final = frozenset("mwdx")
_PERSON_CELLS: Final = (("birth_date", "date"), ("sex", "code"), ("birth_country", "code"))
_PASSWORD: Final = re.compile(r"^[a-z0-9+]+://[^/@]*:[^/@]*@|[?&](password|sslpassword|token)=")
_SAFE_URL: Final = re.compile(r"https://[^/@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?(/|$)")
_KEY: Final = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_PATH: Final = re.compile(rf"{_KEY}(?:\s*\.\s*{_KEY})*")
_STEP: Final = re.compile(_KEY)

_Loc = tuple[int | str, ...]


def _date_format(written: str) -> str:
    if sorted(re.findall(r"%(.?)", written)) not in (["Y"], ["Y", "m"], ["Y", "d", "m"]):
        message = "a date format has %Y, or %m and %Y, or %d, %m and %Y, each once"
        raise ValueError(message)
    return written


def _as_table(codes: object) -> object:
    return {code: code for code in codes if isinstance(code, str)} if isinstance(codes, list) else codes


def _case_folded(codes: dict[str, str]) -> dict[str, str]:
    folded = {clean(word).casefold(): code for word, code in codes.items()}
    if len(folded) < len(codes) or "" in folded:
        message = "two words differ by case or blanks only, or one is blank"
        raise ValueError(message)
    return folded


_Column = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(clean)]
_Format = Annotated[str, AfterValidator(_date_format)]
_Formats = Annotated[tuple[_Format, ...], Field(strict=False, min_length=1, max_length=8)]
_Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+.:()§-]{1,60}$")]
_Codes = Annotated[dict[str, _Code], BeforeValidator(_as_table), AfterValidator(_case_folded)]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


class Cell(_Shape):
    """How one column is read."""

    column: _Column
    type: Literal["text", "int", "bool", "date", "code"] = "text"
    formats: _Formats = _ISO
    codes: _Codes = {}
    first_of_january: Literal["day", "year"] = "day"


class Provenance(_Shape):
    """What is known of every value; `recorded_at`, `disputed` and `discussed` name columns of the field's own table."""

    recorded_at: _Column | None = None
    recorded_by: CodeName | None = None
    verified: Verified = "none"
    origin: Origin = "own"
    disputed: _Column | None = None
    discussed: _Column | None = None


class FieldColumn(Cell, Provenance):
    """How one field is read, out of the main table or one of the details, and its provenance."""

    detail: str | None = None
    recorded_formats: _Formats = _ISO


class PersonColumns(_Shape):
    """The columns that tell persons apart, the two that protect them, and whose client they are."""

    family_name: _Column
    given_names: _Column
    birth_date: Cell
    sex: Cell | None = None
    birth_country: Cell | None = None
    other_names: Annotated[tuple[_Column, ...], Field(strict=False, max_length=8)] = ()
    transfer_block: _Column | None = None
    guardian: _Column | None = None
    team: _Column | None = None


class Detail(_Shape):
    """A table with many rows for one person; `key` holds the main table's key, `order` sorts them."""

    table: _Column
    key: _Column
    order: _Column | None = None
    recorded_at: _Column | None = None


def _ref_place(path: str) -> str:
    if path.count("{ref}") != 1:
        message = "the place of the key is {ref}, once"
        raise ValueError(message)
    return path


_Path = Annotated[str, StringConstraints(pattern=r"^/[^?#\s]*$", max_length=400)]
_Pointer = Annotated[str, StringConstraints(pattern=r"^(/([^~]|~[01])*)?$", max_length=200)]
_Parameter = Annotated[str, StringConstraints(pattern=r"^[^&=#\s]{1,60}$")]


class FindBy(_Shape):
    """The parameters by which a service finds persons."""

    family_name: _Parameter
    given_names: _Parameter | None = None
    birth_date: _Parameter | None = None
    file_number: _Parameter | None = None


class Parts(_Shape):
    """How a service that gives a list in parts is asked for the next part.

    `cursor`: what stands at the pointer `cursor` is sent back as `parameter`, until nothing stands there. `offset` and
    `page`: `parameter` counts rows, or pages from `first_page` on, until a part is empty. `link`: the parameters of the
    Link header's `next` are taken (RFC 8288).
    """

    by: Literal["cursor", "offset", "page", "link"]
    parameter: _Parameter | None = None
    cursor: _Pointer | None = None
    first_page: Annotated[int, Field(ge=0, le=1)] = 1

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.parameter is None) != (self.by == "link"):
            message = "parameter: is needed to ask for the next part, except by link"
            raise ValueError(message)
        if (self.cursor is None) != (self.by != "cursor"):
            message = "cursor: is needed where parts are asked for by cursor, and nowhere else"
            raise ValueError(message)
        return self


class Service(_Shape):
    """How a web service is asked, and where in its answers the rows stand (RFC 6901)."""

    find: _Path
    find_by: FindBy
    rows: _Pointer = ""
    more: _Pointer | None = None
    parts: Parts | None = None
    one: Annotated[_Path, AfterValidator(_ref_place)]
    select: _Parameter | None = None


class _Common(_Shape):
    """What holds for many columns at once."""

    codes: dict[str, _Codes] = {}
    date_formats: _Formats = _ISO
    details: dict[str, Detail] = {}
    provenance: Provenance = Provenance()


class SourceMapping(_Shape):
    """A whole mapping with everything spelled out; `file` is its name for messages."""

    file: str
    kind: Literal["sql", "sheet", "csv", "rest"]
    location: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    table: _Column = ""
    encoding: Literal["utf-8", "utf-8-sig", "cp1252"] = "utf-8"
    delimiter: Literal[";", ",", "\t", "|"] = ";"
    end: _Column | None = None
    key: _Column
    file_number: _Column | None = None
    secret_file: Annotated[str, StringConstraints(min_length=1, max_length=400)] | None = None
    header_row: Annotated[int, Field(ge=1, le=100)] = 1
    rest: Service | None = None
    person: PersonColumns
    details: dict[str, Detail]
    fields: Annotated[dict[FieldName, FieldColumn], Field(min_length=1, max_length=200)]


ShapeT = TypeVar("ShapeT", bound=_Shape)


class _Refused(ValueError):
    """Findings on the way, each with place and rule, before they have file and line."""

    def __init__(self, *findings: tuple[_Loc, str]) -> None:
        super().__init__("the mapping is refused")
        self.findings = findings


def person_columns(mapping: SourceMapping) -> tuple[str, ...]:
    """Name the columns that make a candidate, each once, the key first."""
    person = mapping.person
    cells = (person.birth_date, person.sex, person.birth_country)
    named = (
        mapping.key,
        mapping.file_number,
        person.family_name,
        person.given_names,
        *(cell.column for cell in cells if cell is not None),
        *person.other_names,
        person.transfer_block,
        person.guardian,
        person.team,
    )
    return tuple(dict.fromkeys(name for name in named if name is not None))


def rules_of(
    mapping: SourceMapping, detail: str | None, fields: frozenset[FieldName]
) -> tuple[tuple[FieldName, FieldColumn], ...]:
    """Give the rules of those of the fields that stand in the main table (None) or in one detail."""
    return tuple((name, rule) for name, rule in mapping.fields.items() if name in fields and rule.detail == detail)


def field_columns(mapping: SourceMapping, detail: str | None, fields: frozenset[FieldName]) -> tuple[str, ...]:
    """Name the columns that the given fields need of the main table (None) or one detail, each once."""
    rules = rules_of(mapping, detail, fields)
    named = (column for _, rule in rules for column in (rule.column, rule.recorded_at, rule.disputed, rule.discussed))
    return tuple(dict.fromkeys(name for name in named if name is not None))


def parse(text: str, file: str, known: frozenset[FieldName]) -> SourceMapping:
    """Read the text of a mapping file; `known` are the fields the registry defines.

    Raises Malformed listing every finding with file, line where there is one, place and rule; then nothing is loaded.
    """
    if len(text.encode()) > MAX_BYTES:
        message = f"{file}: more than {MAX_BYTES} bytes"
        raise Malformed(message)
    try:
        raw: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{file}: {error}"
        raise Malformed(message) from error
    try:
        mapping = _shaped(SourceMapping, {"file": file, **_spelled_out(raw)})
        findings = tuple(_contradictions(mapping, known))
    except _Refused as refused:
        findings = refused.findings
    else:
        if not findings:
            return mapping
    lines = _lines(text)
    told = (f"{file}{_line(lines, loc)}: {'.'.join(map(str, loc))}: {rule}" for loc, rule in findings)
    raise Malformed("\n".join(told))


def _shaped(shape: type[ShapeT], value: object) -> ShapeT:
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise _Refused(*((finding["loc"], finding["msg"]) for finding in found)) from error


def _contradictions(mapping: SourceMapping, known: frozenset[FieldName]) -> Iterator[tuple[_Loc, str]]:
    """Find what cannot be true together, each with its place and the rule."""
    yield from _of_kind(mapping)
    sex, country = mapping.person.sex, mapping.person.birth_country
    if sex is not None and not set(sex.codes.values()) <= _SEXES:
        yield ("person", "sex", "codes"), "the codes are m, w, d and x"
    if country is not None and not all(re.fullmatch(CODE_PATTERN, code) for code in country.codes.values()):
        yield ("person", "birth_country", "codes"), "the codes are those of the list of countries"
    for field, rule in mapping.fields.items():
        place = ("fields", field)
        if field not in known:
            yield place, "the registry has no such field"
        if rule.detail is not None and rule.detail not in mapping.details:
            yield (*place, "detail"), "no such table under details"
        if (rule.type == "code") != bool(rule.codes):
            yield (*place, "codes"), "a field of type code needs codes, no other has them"


def _of_kind(mapping: SourceMapping) -> Iterator[tuple[_Loc, str]]:
    """Find what a source of this kind cannot have, or lacks."""
    if _PASSWORD.search(mapping.location) is not None:
        yield ("location",), "a password stands in a file of its own, which secret_file names"
    if mapping.kind != "sql" and mapping.details:
        yield ("details",), "only a database has detail tables"
    if bool(mapping.table) != (mapping.kind in {"sql", "sheet"}):
        yield ("table",), "a database or a workbook needs one, nothing else has one"
    if (mapping.rest is not None) != (mapping.kind == "rest"):
        yield ("rest",), "a web service needs it, nothing else has it"
    if mapping.kind == "rest" and _SAFE_URL.match(mapping.location) is None:
        yield ("location",), "the address of a service begins with https://; with http:// on this machine only"


def _spelled_out(raw: Mapping[str, object]) -> dict[str, object]:
    """Write short forms in full: a bare column name, the name of a list of codes, what holds for every field."""
    common = _shaped(_Common, {name: raw[name] for name in _Common.model_fields if name in raw})
    dates = {"formats": common.date_formats}
    full = {name: value for name, value in raw.items() if name not in _Common.model_fields}
    person, fields = raw.get("person"), raw.get("fields")
    if isinstance(person, dict):
        kinds = [(name, kind) for name, kind in _PERSON_CELLS if name in person]
        full["person"] = person | {name: _cell(person[name], common, {**dates, "type": kind}) for name, kind in kinds}
    if isinstance(fields, dict):
        full["fields"] = {name: _cell(spec, common, _of_field(spec, common)) for name, spec in fields.items()}
    return full | {"details": common.details}


def _of_field(spec: object, common: _Common) -> dict[str, object]:
    """Give what holds for a field unless it says otherwise; the columns of the main table are not a detail's."""
    given = common.provenance.model_dump() | {"formats": common.date_formats, "recorded_formats": common.date_formats}
    detail = spec.get("detail") if isinstance(spec, dict) else None
    if isinstance(detail, str) and detail in common.details:
        given |= {"recorded_at": common.details[detail].recorded_at, "disputed": None, "discussed": None}
    return given


def _cell(spec: object, common: _Common, given: dict[str, object]) -> object:
    """Write one column's rule in full; what is neither name nor table is left for the shape to refuse."""
    if isinstance(spec, str):
        return {**given, "column": spec}
    if not isinstance(spec, dict):
        return spec
    codes = spec.get("codes", {})
    return {**given, **spec, "codes": common.codes.get(codes, codes) if isinstance(codes, str) else codes}


def _lines(text: str) -> dict[_Loc, int]:
    """Find the line of each key that begins a line, by its whole path."""
    found: dict[_Loc, int] = {}
    table: _Loc = ()
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        match = _PATH.match(bare.lstrip("[ "))
        if match is None:
            continue
        path = tuple(step.strip("\"'") for step in _STEP.findall(match.group()))
        if bare.startswith("["):
            table = path
            found.setdefault(table, number)
        elif bare[match.end() :].lstrip().startswith("="):
            found.setdefault((*table, *path), number)
    return found


def _line(lines: Mapping[_Loc, int], loc: _Loc) -> str:
    """Name the line of the deepest part of a place that begins a line; nothing where there is none."""
    for depth in range(len(loc), 0, -1):
        if loc[:depth] in lines:
            return f":{lines[loc[:depth]]}"
    return ""
