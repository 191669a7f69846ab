"""The contract of `adapters.sources.port.Source`, kept by each kind of source alike."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from pathlib import Path

import pytest

from adapters.sources.mapping import SourceMapping, parse
from adapters.sources.persons import RowReader
from adapters.sources.port import MAX_CANDIDATES, LocalRef, Search, Source
from schemas.errors import Malformed, Misuse, Unavailable
from schemas.ids import CodeName, FieldName
from schemas.record import PersonBlock, Value
from tests.contract.listing import ListingContract, StateContract
from tests.support.agency_tables import (
    BEGAN,
    COLUMNS,
    HOURS,
    KIND,
    KNOWN,
    MAPPING,
    ONLINE,
    PHONE,
    ROW,
    TABLE,
    Agency,
    Cell,
    FileAgency,
    Row,
    value_of,
    values_of,
)
from tests.support.memory_source import MemorySource

pytestmark = pytest.mark.slow  # together they take seconds

OLENA = PersonBlock(family_name="Havchenko", given_names="Olena", birth_date="1987-05-03")


class FindingContract(ListingContract):
    """Looking for persons, kept by every source whose rows a machine can search."""

    async def test_the_catalogue_is_known_without_the_file(self, agency: Agency) -> None:
        """A source says what it can deliver from its mapping alone."""
        assert agency.open().catalogue == KNOWN

    async def test_a_row_is_a_candidate_with_all_that_tells_persons_apart(self, agency: Agency) -> None:
        """A candidate carries key, file number, the person block and the two protecting flags."""
        agency.write(ROW)
        (found,) = await agency.open().candidates(OLENA)
        assert (found.ref, found.file_number, found.transfer_block, found.guardian) == ("1", "K-1/26", False, False)
        assert found.person == PersonBlock(
            family_name="Havchenko",
            given_names="Olena",
            birth_date="1987-05-03",
            birth_country=CodeName("ua"),
            sex="w",
            other_names=("Rudska",),
        )

    @pytest.mark.parametrize(
        ("asked", "known"),
        [
            ("Havchenko", "  HAVCHENKO "),
            ("Öztepe", "O\u0308ztepe"),
            ("De  la\u00a0Roa", "de la roa"),
            ("Groß", "GROSS"),
        ],
    )
    async def test_names_agree_after_normalisation(self, agency: Agency, asked: str, known: str) -> None:
        """Case, composition of letters and blanks do not keep a row from being a candidate."""
        agency.write({**ROW, "Name": known})
        found = await agency.open().candidates(OLENA.model_copy(update={"family_name": asked}))
        assert len(found) == 1

    async def test_other_names_count_on_both_sides(self, agency: Agency) -> None:
        """A former name of the person or of the row is enough, a given name is not."""
        agency.write(ROW)
        source = agency.open()
        before = OLENA.model_copy(update={"family_name": "Rudska"})
        after = OLENA.model_copy(update={"family_name": "Nova", "other_names": ("Havchenko",)})
        other = OLENA.model_copy(update={"family_name": "Olena"})
        assert [len(await source.candidates(person)) for person in (before, after, other)] == [1, 1, 0]

    @pytest.mark.parametrize(
        ("asked", "cell", "agree"),
        [
            ("1987-05-03", "1987-05-03", True),
            ("1987-05-03", "03.05.1987", True),
            ("1987-05-03", "3.5.1987", True),
            ("1987-05-03", date(1987, 5, 3), True),
            ("1987-05-03", "05/1987", True),
            ("1987-05-03", "00.00.1987", True),
            ("1987-05-03", "01.01.1987", True),
            ("1987-01-01", "1987-08-30", False),
            ("1987-05", "1987-05-03", True),
            ("1987-05", "5/1987", True),
            ("1987-05", "1987-06-03", False),
            ("1987", "3.5.1987", True),
            ("1987", "00.00.1987", True),
            ("1987", "1988-05-03", False),
            ("1987-05-03", "1987-03-05", False),
            ("1987-05-03", None, False),
            ("1987-05-03", "about 1987", False),
            (None, "1987-05-03", False),
        ],
    )
    async def test_birth_dates_agree_as_far_as_both_are_known(
        self, agency: Agency, asked: str | None, cell: Cell, *, agree: bool
    ) -> None:
        """Day, month and year are compared as far as both sides know them; 1 January is read as the year alone."""
        agency.write({**ROW, "Geburt": cell})
        found = await agency.open().candidates(OLENA.model_copy(update={"birth_date": asked}))
        assert bool(found) is agree

    async def test_candidates_are_bounded_and_always_in_the_same_order(self, agency: Agency) -> None:
        """Sixty rows of one name and day give fifty candidates, the same ones each time."""
        agency.write(*({**ROW, "Nr": number} for number in range(100, 160)))
        source = agency.open()
        found = await source.candidates(OLENA)
        assert [candidate.ref for candidate in found] == [str(number) for number in range(100, 100 + MAX_CANDIDATES)]
        assert await source.candidates(OLENA) == found

    @pytest.mark.parametrize(
        ("cell", "flag"), [("ja", True), ("nein", False), (None, False), (1, True), ("maybe", True)]
    )
    async def test_a_protecting_flag_that_cannot_be_read_counts_as_set(
        self, agency: Agency, cell: Cell, *, flag: bool
    ) -> None:
        """Yes, no and blank are read; everything else protects the person."""
        agency.write({**ROW, "Sperre": cell, "Betreuung": cell})
        (found,) = await agency.open().candidates(OLENA)
        assert (found.transfer_block, found.guardian) == (flag, flag)

    async def test_an_unreadable_cell_of_the_person_counts_as_not_known(self, agency: Agency) -> None:
        """A word that nobody translated says nothing about the person, and the row is still found."""
        agency.write({**ROW, "Geschlecht": "Frau", "Land": "UA", "Akte": None, "Geburtsname": None})
        (found,) = await agency.open().candidates(OLENA)
        assert (found.person.sex, found.person.birth_country, found.person.other_names) == (None, None, ())
        assert found.file_number == "1"

    @pytest.mark.parametrize("blank", ["Name", "Vorname", "Nr"])
    async def test_a_row_without_key_or_name_is_nobody(self, agency: Agency, blank: str) -> None:
        """Rows that cannot be named or referred to are no candidates."""
        agency.write({**ROW, blank: " "}, {**ROW, "Nr": 2, blank: None})
        assert await agency.open().candidates(OLENA) == ()

    @pytest.mark.parametrize(
        ("query", "refs"),
        [
            (Search(family_name="hav"), ["1"]),
            (Search(family_name="RUD"), ["1"]),
            (Search(family_name="öz"), ["2"]),
            (Search(family_name="gross"), ["3"]),
            (Search(given_names="Ol"), ["1"]),
            (Search(given_names="lena"), []),
            (Search(file_number=" k-2/26"), ["2"]),
            (Search(file_number="K-2"), []),
            (Search(birth_date="1987"), ["1", "2", "3"]),
            (Search(birth_date="1987-05-03"), ["1"]),
            (Search(family_name="Öztepe", birth_date="1987-05-03"), []),
            (Search(family_name="100%"), []),
        ],
    )
    async def test_a_caseworker_finds_their_own_clients(self, agency: Agency, query: Search, refs: list[str]) -> None:
        """Beginnings of names, birth dates and file numbers find rows; all that was typed must fit."""
        agency.write(
            ROW,
            {
                **ROW,
                "Nr": 2,
                "Akte": "K-2/26",
                "Name": "ÖZTEPE",
                "Vorname": "Ayşe",
                "Geburt": "1987-06-01",
                "Geburtsname": "",
            },
            {
                **ROW,
                "Nr": 3,
                "Akte": "K-3/26",
                "Name": "Groß",
                "Vorname": "Uwe",
                "Geburt": "1987-07-01",
                "Geburtsname": "",
            },
        )
        assert [found.ref for found in await agency.open().search(query)] == refs

    async def test_a_search_for_nothing_is_refused(self, agency: Agency) -> None:
        """An empty search would list the agency's clients."""
        agency.write(ROW)
        with pytest.raises(Misuse, match="at least a name"):
            await agency.open().search(Search())

    async def test_a_field_outside_the_catalogue_is_misuse(self, agency: Agency) -> None:
        """Asking for what the mapping does not name is our own mistake and reads nothing."""
        agency.write(ROW)
        with pytest.raises(Misuse, match=r"benefits\.state"):
            await agency.open().fetch(LocalRef("1"), frozenset({PHONE, FieldName("benefits.state")}))

    async def test_a_row_that_is_gone_is_not_an_empty_record(self, agency: Agency) -> None:
        """A key without a row raises, even when no field is asked for."""
        agency.write(ROW)
        source = agency.open()
        for call in (source.fetch(LocalRef("7"), frozenset({PHONE})), source.lookup(LocalRef("7"))):
            with pytest.raises(Unavailable, match="no longer there"):
                await call

    async def test_a_closed_source_is_unavailable(self, agency: Agency) -> None:
        """After close nothing is answered."""
        agency.write(ROW)
        source = agency.open()
        await source.check()
        await source.close()
        with pytest.raises(Unavailable, match="closed"):
            await source.candidates(OLENA)


class SourceContract(FindingContract, StateContract):
    """Reading the cells of a row, kept by every source that has rows."""

    async def test_a_mapping_may_name_no_more_than_it_must(self, agency: Agency) -> None:
        """Key, two names, a birth date and one field are enough; what is not mapped is not known and not set."""
        agency.write(ROW)
        head, _, _ = MAPPING.partition("file_number")
        person = '[person]\nfamily_name = "Name"\ngiven_names = "Vorname"\nbirth_date = "Geburt"\n'
        text = agency.text(head + person + '[fields]\n"contact.phone" = "Telefon"\n')
        source = agency.open(parse(text, "mapping.toml", KNOWN))
        await source.check()
        (found,) = await source.candidates(OLENA)
        assert (found.person, found.file_number, found.transfer_block, found.guardian) == (OLENA, "1", False, False)
        (phone,) = await source.fetch(found.ref, frozenset({PHONE}))
        assert phone.values == (Value(value="0171 1234567"),)

    @pytest.mark.parametrize("cell", ["x" * 201, "#N/A"])
    async def test_a_name_that_is_none_is_nobody(self, agency: Agency, cell: Cell) -> None:
        """Errors of the spreadsheet program and endless names name no person."""
        agency.write({**ROW, "Vorname": cell})
        assert await agency.open().candidates(OLENA) == ()

    async def test_a_row_is_looked_up_by_its_key(self, agency: Agency) -> None:
        """A known key gives the row as it is now, flags included."""
        agency.write(ROW, {**ROW, "Nr": 2, "Sperre": "ja"}, {**ROW, "Nr": 3, "Name": None})
        source = agency.open()
        found = await source.lookup(LocalRef("2"))
        assert (found.ref, found.person.given_names, found.transfer_block) == ("2", "Olena", True)
        with pytest.raises(Malformed, match="no usable name"):
            await source.lookup(LocalRef("3"))

    async def test_a_record_holds_the_granted_fields_with_their_provenance(self, agency: Agency) -> None:
        """Fields come sorted by name, each value with when, by whom, how surely and whether it is disputed."""
        agency.write(ROW)
        record = await agency.open().fetch(LocalRef("1"), frozenset({KIND, PHONE, BEGAN, HOURS}))
        assert [found.field for found in record] == sorted([KIND, PHONE, BEGAN, HOURS])
        first = {found.field: found.values[0] for found in record}
        assert first[KIND] == Value(
            value="general",
            recorded_at="2026-02-01",
            recorded_by=CodeName("course_office"),
            verified="document",
            disputed=True,
        )
        assert (first[HOURS].recorded_at, first[HOURS].discussed) == ("2026-02-01", "2026-01-30")
        assert (first[PHONE].verified, first[PHONE].origin) == ("client", "client")
        assert (first[BEGAN].value, first[BEGAN].precision) == ("2026-01-12", "day")

    async def test_a_blank_cell_is_no_value(self, agency: Agency) -> None:
        """A field with nothing in it comes without values; it is not left out and not invented."""
        agency.write({**ROW, "Telefon": "  ", "Kursart": None, "Stunden": None, "Beginn": "", "Online": None})
        record = await agency.open().fetch(LocalRef("1"), KNOWN)
        assert values_of(record) == {field: [] for field in KNOWN}

    async def test_provenance_may_be_blank(self, agency: Agency) -> None:
        """Without a date of entry, a mark and a talk the value has no dates and is not disputed."""
        agency.write({**ROW, "Stand": None, "Bestritten": None, "Besprochen": " "})
        (found,) = await agency.open().fetch(LocalRef("1"), frozenset({HOURS}))
        (value,) = found.values
        assert (value.recorded_at, value.disputed, value.discussed) == (None, False, None)

    @pytest.mark.parametrize(
        ("field", "column", "cell", "value"),
        [
            (PHONE, "Telefon", " 0171\t1234567\n ", "0171 1234567"),
            (PHONE, "Telefon", 171, "171"),
            (PHONE, "Telefon", "Zoe\u0308", "Zoë"),
            (HOURS, "Stunden", "300 ", 300),
            (HOURS, "Stunden", 300.0, 300),
            (HOURS, "Stunden", -5, -5),
            (ONLINE, "Online", "JA", True),
            (ONLINE, "Online", 0, False),
            (KIND, "Kursart", " allgemein", "general"),
            (BEGAN, "Beginn", "12.01.2026", "2026-01-12"),
            (BEGAN, "Beginn", "01/2026", "2026-01"),
            (BEGAN, "Beginn", "00.00.2026", "2026"),
            (BEGAN, "Beginn", date(2026, 1, 1), "2026-01-01"),
        ],
    )
    async def test_cells_are_read_as_the_mapping_says(
        self, agency: Agency, field: FieldName, column: str, cell: Cell, value: str | int
    ) -> None:
        """Blanks at the ends, capitals, and the ways in which dates and numbers are written do not matter."""
        agency.write({**ROW, column: cell})
        assert await value_of(agency.open(), field) == value

    @pytest.mark.parametrize(
        ("field", "column", "cell", "rule"),
        [
            (BEGAN, "Beginn", "12. Januar", "no date"),
            (BEGAN, "Beginn", "30.02.2026", "no date"),
            (BEGAN, "Beginn", 46034, "no date"),
            (BEGAN, "Beginn", date(1900, 1, 1), "1 January 1900"),
            (BEGAN, "Beginn", "1815-06-18", "before 1900"),
            (HOURS, "Stunden", "viele", "no whole number"),
            (HOURS, "Stunden", 12.5, "float|no whole number"),
            (ONLINE, "Online", "vielleicht", "neither yes nor no"),
            (KIND, "Kursart", "Sonderkurs", "do not translate"),
            (PHONE, "Telefon", "x" * 401, "400 characters"),
            (PHONE, "Telefon", "#REF!", "error of the spreadsheet"),
            (PHONE, "Stand", "gestern", "no date"),
            (PHONE, "Bestritten", "hm", "neither yes nor no"),
        ],
    )
    async def test_a_cell_that_breaks_the_mapping_is_never_guessed(
        self, agency: Agency, field: FieldName, column: str, cell: Cell, rule: str
    ) -> None:
        """The field is refused with file, table, column and rule; what stands in the cell is not repeated."""
        agency.write({**ROW, column: cell})
        with pytest.raises(Malformed, match=rule) as refused:
            await value_of(agency.open(), field)
        said = str(refused.value)
        assert agency.name in said
        assert f"column {column}" in said
        assert str(cell) not in said.replace("1900-01-02", "")

    async def test_a_cell_that_was_not_granted_does_no_harm(self, agency: Agency) -> None:
        """Only granted columns are read: a broken cell beside them does not matter until its field is granted."""
        agency.write({**ROW, "Beginn": "gestern", "Kursart": "Sonderkurs"})
        source = agency.open()
        assert await value_of(source, PHONE) == "0171 1234567"
        with pytest.raises(Malformed):
            await source.fetch(LocalRef("1"), frozenset({PHONE, BEGAN}))

    async def test_a_replaced_file_is_seen_by_the_next_call(self, agency: Agency) -> None:
        """Nothing of the old file is remembered."""
        agency.write(ROW)
        source = agency.open()
        assert await value_of(source, PHONE) == "0171 1234567"
        agency.write({**ROW, "Telefon": "0171 7654321"})
        assert await value_of(source, PHONE) == "0171 7654321"


class TableContract(SourceContract):
    """What can be checked where all rows can be looked through."""

    async def test_a_key_that_stands_twice_is_refused(self, agency: Agency) -> None:
        """Two rows of one key could be two persons: nothing is read, and the check names the column."""
        agency.write(ROW, {**ROW, "Name": "Ostapko"})
        source = agency.open()
        for call in (source.fetch(LocalRef("1"), frozenset({PHONE})), source.lookup(LocalRef("1")), source.check()):
            with pytest.raises(Malformed, match="column Nr: the key is not unique"):
                await call

    async def test_a_good_table_passes_the_check(self, agency: Agency) -> None:
        """A table that is as the mapping says, with columns nobody mapped, passes."""
        agency.write(ROW, {**ROW, "Nr": 2}, columns=(*COLUMNS, "Notizen"))
        await agency.open().check()

    @pytest.mark.parametrize("gone", ["Nr", "Name", "Sperre", "Telefon", "Stand"])
    async def test_a_missing_column_is_named(self, agency: Agency, gone: str) -> None:
        """The check and the reading refuse a table that lacks a mapped column."""
        agency.write(ROW, columns=[column for column in COLUMNS if column != gone])
        source = agency.open()
        with pytest.raises(Malformed, match=gone):
            await source.check()
        with pytest.raises(Malformed, match=agency.name):
            await source.candidates(OLENA) if gone in {"Nr", "Name", "Sperre"} else await value_of(source, PHONE)


class NamedTableContract:
    """What holds where a table has a name."""

    async def test_a_missing_table_is_named(self, agency: Agency) -> None:
        """The check names the table or sheet that is not there."""
        agency.write(ROW, table="Klienten")
        with pytest.raises(Malformed, match=f"{agency.name}.*Kunden"):
            await agency.open().check()


class FileContract(TableContract):
    """What holds of a source that is one file."""

    async def test_a_missing_file_is_unavailable_and_not_made(self, agency: FileAgency) -> None:
        """Without its file a source gives no answer, least of all an empty one, and writes nothing."""
        source = agency.open()
        for call in (source.check(), source.candidates(OLENA), source.search(Search(family_name="x"))):
            with pytest.raises(Unavailable, match=agency.name):
                await call
        assert list(agency.path.parent.iterdir()) == []

    async def test_a_file_that_disappears_takes_the_source_down(self, agency: FileAgency) -> None:
        """What was read before does not answer for a file that is gone."""
        agency.write(ROW)
        source = agency.open()
        assert await value_of(source, PHONE) == "0171 1234567"
        agency.path.unlink()
        for call in (source.fetch(LocalRef("1"), frozenset({PHONE})), source.candidates(OLENA)):
            with pytest.raises(Unavailable):
                await call

    async def test_bytes_that_are_no_table_are_refused(self, agency: FileAgency) -> None:
        """A file of rubbish is named, and nothing of it is repeated."""
        agency.path.write_bytes(b"Havchenko;Olena;1987-05-03\n" * 50)
        source = agency.open()
        for call in (source.check(), source.candidates(OLENA)):
            with pytest.raises((Unavailable, Malformed), match=agency.name) as refused:
                await call
            assert "Havchenko" not in str(refused.value)


class TestSqliteFile(FileContract, NamedTableContract):
    """A SQLite file keeps the contract."""

    @pytest.fixture
    async def agency(self, tmp_path: Path) -> AsyncIterator[Agency]:
        """Give an agency with a database in a file."""
        made = FileAgency("sql", tmp_path)
        yield made
        await made.close()


class TestSheet(FileContract, NamedTableContract):
    """A spreadsheet keeps the contract."""

    @pytest.fixture
    async def agency(self, tmp_path: Path) -> AsyncIterator[Agency]:
        """Give an agency with a workbook."""
        made = FileAgency("sheet", tmp_path)
        yield made
        await made.close()


class TestCsv(FileContract):
    """A CSV file keeps the contract."""

    @pytest.fixture
    async def agency(self, tmp_path: Path) -> AsyncIterator[Agency]:
        """Give an agency with a CSV file."""
        made = FileAgency("csv", tmp_path)
        yield made
        await made.close()


class MemoryAgency(Agency):
    """An agency whose rows the flow tests' fake holds, as the mapping reads them."""

    name = "memory"

    def __init__(self) -> None:
        """Begin without rows."""
        super().__init__()
        self._rows: list[list[Cell]] = []

    def text(self, template: str = MAPPING) -> str:
        """Give a mapping that is never opened."""
        return template.format(kind="csv", location="kunden.csv", more="")

    def write(self, *rows: Row, columns: Sequence[str] = COLUMNS, table: str = TABLE) -> None:
        """Keep the rows."""
        del table
        self._rows = [[row.get(column) for column in columns] for row in rows]

    def make(self, mapping: SourceMapping) -> Source:
        """Put what is found in the rows into a fake."""
        source = MemorySource(frozenset(mapping.fields))
        reader = RowReader(mapping, COLUMNS)
        for candidate in (reader.candidate(row) for row in self._rows):
            if candidate is not None:
                source.put(candidate, {})
        return source


class TestMemory(FindingContract):
    """The fake of the flow tests finds persons as the real sources do."""

    @pytest.fixture
    async def agency(self) -> AsyncIterator[Agency]:
        """Give an agency with a fake."""
        made = MemoryAgency()
        yield made
        await made.close()
