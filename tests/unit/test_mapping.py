"""Mapping files: what is read, and that every mistake is named with its line and refused as a whole."""

import pytest

from adapters.sources.mapping import MAX_BYTES, SourceMapping, field_columns, parse, person_columns
from schemas.errors import Malformed
from schemas.ids import FieldName

PHONE = FieldName("contact.phone")
SEX = FieldName("identity_core.sex")
FROM = FieldName("measures.from")
KNOWN = frozenset({PHONE, SEX, FROM})
TEXT = """kind = "sql"
location = "kunden.db"
table = "kunde"
key = "id"
date_formats = ["%d.%m.%Y"]

[provenance]
recorded_at = "stand"
recorded_by = "adviser"
verified = "document"
disputed = "strittig"

[person]
family_name = " name "
given_names = "vorname"
birth_date = "geb"
sex = { column = "geschl", codes = "sex" }
birth_country = { column = "land", codes = ["ua", "sy"] }
other_names = ["geburtsname"]
transfer_block = "sperre"

[codes]
sex = { "M " = "m", W = "w" }

[details.kurs]
table = "besuch"
key = "kunde"
recorded_at = "am"

[fields]
"contact.phone" = "tel"
"identity_core.sex" = { column = "geschl", type = "code", codes = "sex", verified = "client" }
"measures.from" = { detail = "kurs", column = "von", type = "date", formats = ["%Y"] }
"""


def mapping(text: str = TEXT) -> SourceMapping:
    """Read a mapping under the name that messages then carry."""
    return parse(text, "m.toml", KNOWN)


def refusal(old: str, new: str) -> str:
    """Change one thing of a good mapping and give what the refusal says."""
    assert old in TEXT
    with pytest.raises(Malformed) as refused:
        mapping(TEXT.replace(old, new, 1))
    return str(refused.value)


def test_short_forms_are_spelled_out() -> None:
    """A bare column name, a named list of codes and what holds for all fields end up in each field."""
    fields = mapping().fields
    assert (fields[PHONE].column, fields[PHONE].type, fields[PHONE].recorded_at) == ("tel", "text", "stand")
    assert (fields[PHONE].recorded_by, fields[PHONE].verified, fields[PHONE].disputed) == (
        "adviser",
        "document",
        "strittig",
    )
    assert fields[SEX].codes == {"m": "m", "w": "w"}
    assert fields[SEX].verified == "client"
    assert mapping().person.birth_date.formats == ("%d.%m.%Y",)


def test_a_list_of_codes_stands_for_itself() -> None:
    """Where cells hold the codes themselves, a list is enough."""
    country = mapping().person.birth_country
    assert country is not None
    assert country.codes == {"ua": "ua", "sy": "sy"}


def test_a_detail_has_provenance_columns_of_its_own() -> None:
    """The main table's columns of provenance are not looked for in a detail table."""
    field = mapping().fields[FROM]
    assert (field.recorded_at, field.disputed, field.recorded_by) == ("am", None, "adviser")
    assert (field.formats, field.recorded_formats) == (("%Y",), ("%d.%m.%Y",))


def test_the_columns_needed_are_known() -> None:
    """Each column is named once: for persons, and for a set of fields in one table."""
    read = mapping()
    assert person_columns(read) == ("id", "name", "vorname", "geb", "geschl", "land", "geburtsname", "sperre")
    assert field_columns(read, None, KNOWN) == ("tel", "stand", "strittig", "geschl")
    assert field_columns(read, "kurs", KNOWN) == ("von", "am")
    assert field_columns(read, "kurs", frozenset({PHONE})) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "sql"', "kind = ", "m.toml: Invalid value (at line 1, column 8)"),
        ('kind = "sql"', 'kind = "ldap"', "m.toml:1: kind: Input should be 'sql', 'sheet', 'csv' or 'rest'"),
        ('key = "id"\n', "", "m.toml: key: Field required"),
        ('key = "id"', 'key = "id"\npassword = "x"', "m.toml:5: password: Extra inputs are not permitted"),
        ('key = "id"', "key = 7", "m.toml:4: key: Input should be a valid string"),
        (
            'key = "id"',
            'key = "id"\nheader_row = 0',
            "m.toml:5: header_row: Input should be greater than or equal to 1",
        ),
        ('verified = "document"', 'verified = "sure"', "m.toml:10: provenance.verified: Input should be"),
        (
            'recorded_by = "adviser"',
            'recorded_by = "The boss"',
            "m.toml:9: provenance.recorded_by: String should match",
        ),
        ("[provenance]", "[provenances]", "m.toml:7: provenances: Extra inputs are not permitted"),
        ('"%d.%m.%Y"', '"%d.%m.%y"', "m.toml:5: date_formats.0: Value error, a date format has %Y"),
        ('"%d.%m.%Y"', '"%d %Y"', "m.toml:5: date_formats.0: Value error, a date format has %Y"),
        ('birth_date = "geb"\n', "", "m.toml:13: person.birth_date: Field required"),
        ('birth_date = "geb"', "birth_date = 5", "m.toml:16: person.birth_date: Input should be"),
        (
            'codes = "sex" }\nbirth',
            'codes = "gender" }\nbirth',
            "m.toml:17: person.sex.codes: Input should be a valid dict",
        ),
        ("W = ", "m = ", "m.toml:23: codes.sex: Value error, two words differ by case or blanks only"),
        ('W = "w"', 'W = "f"', "m.toml:17: person.sex.codes: the codes are m, w, d and x"),
        ('W = "w"', 'W = "bad code!"', "m.toml:23: codes.sex.W: String should match pattern"),
        (
            '["ua", "sy"]',
            '["UA"]',
            "m.toml:18: person.birth_country.codes: the codes are those of the list of countries",
        ),
        ('key = "kunde"\n', "", "m.toml:25: details.kurs.key: Field required"),
        ('"contact.phone" =', '"contact.telex" =', "m.toml:31: fields.contact.telex: the registry has no such field"),
        ('"contact.phone" =', '"Phone" =', "m.toml:31: fields.Phone.[key]: String should match pattern"),
        ('"contact.phone" = "tel"', '"contact.phone" = 3', "m.toml:31: fields.contact.phone: Input should be"),
        (
            '"contact.phone" = "tel"',
            '"contact.phone" = ""',
            "m.toml:31: fields.contact.phone.column: String should have",
        ),
        ('type = "code", ', "", "m.toml:32: fields.identity_core.sex.codes: a field of type code needs codes"),
        (', codes = "sex", v', ", v", "m.toml:32: fields.identity_core.sex.codes: a field of type code needs codes"),
        ('detail = "kurs"', 'detail = "course"', "m.toml:33: fields.measures.from.detail: no such table under details"),
        ('kind = "sql"', 'kind = "sheet"', "m.toml: details: only a database has detail tables"),
        ('table = "kunde"\n', "", "m.toml: table: a database or a workbook needs one"),
        ('kind = "sql"', 'kind = "csv"', "m.toml:3: table: a database or a workbook needs one, nothing else has one"),
        (
            '"kunden.db"',
            '"postgresql://reader:word@db.example/kunden"',
            "m.toml:2: location: a password stands in a file of its own, which secret_file names",
        ),
        (
            '"kunden.db"',
            '"postgresql://reader@db.example/kunden?password=word"',
            "m.toml:2: location: a password stands in a file of its own, which secret_file names",
        ),
        ("[person]", "[[person]]", "m.toml:13: person: Input should be"),
        ("[fields]", "[[fields]]", "m.toml:30: fields: Input should be a valid dict"),
    ],
)
def test_a_mistake_is_named_with_file_line_place_and_rule(old: str, new: str, said: str) -> None:
    """Each mistake is refused, and the message leads to it."""
    assert said in refusal(old, new)


def test_every_mistake_is_named_at_once() -> None:
    """A file with three mistakes is mended in one go."""
    said = refusal('"contact.phone" = "tel"', '"contact.fax" = "fax"\n"contact.telex" = { detail = "x", column = "t" }')
    assert [line.split(": ")[0] for line in said.splitlines()] == ["m.toml:31", "m.toml:32", "m.toml:32"]


def test_a_mapping_too_large_to_be_one_is_refused() -> None:
    """Whatever is put in the place of the mapping, no more than 64 KiB are parsed."""
    with pytest.raises(Malformed, match="more than 65536 bytes"):
        mapping(TEXT + "#" * MAX_BYTES)


def test_lines_are_found_behind_comments_and_odd_lines() -> None:
    """Comments, blank lines and lines that are no keys do not shift the line that is named."""
    odd = '[fields]\n# contact.telex = 1\n\n"contact.fax" = { column = "von", type = "code", codes = [\n  "a",\n] }\n'
    said = refusal("[fields]\n", odd + '"contact.telex" = "t"\n')
    assert [line.split(": ")[0] for line in said.splitlines()] == ["m.toml:33", "m.toml:36"]
