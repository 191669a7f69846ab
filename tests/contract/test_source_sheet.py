"""What a spreadsheet as a source promises beyond the common contract: half-written files, headings, formulas."""

import fcntl
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openpyxl import load_workbook

from adapters.sources.mapping import parse
from adapters.sources.port import LocalRef, Search
from adapters.sources.table_file import MAX_FILE_BYTES
from adapters.sources.workbook import MAX_ROWS, MAX_UNPACKED
from schemas.errors import Malformed, Unavailable
from schemas.record import PersonBlock
from tests.support.agency_tables import COLUMNS, HOURS, KNOWN, PHONE, ROW, FileAgency, value_of

OLENA = PersonBlock(family_name="Havchenko", given_names="Olena", birth_date="1987-05-03")
SHEET = "xl/worksheets/sheet2.xml"


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[FileAgency]:
    """Give an agency with a workbook."""
    made = FileAgency("sheet", tmp_path)
    yield made
    await made.close()


def rewrite(path: Path, old: str, new: str) -> None:
    """Change the sheet's XML as a spreadsheet program other than openpyxl would have written it."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert old.encode() in members[SHEET]
    members[SHEET] = members[SHEET].replace(old.encode(), new.encode(), 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


async def test_a_half_written_file_is_not_read(agency: FileAgency) -> None:
    """While somebody saves, the last complete reading serves; the check tells, and the whole file is seen at once."""
    agency.write(ROW)
    source = agency.open()
    assert await value_of(source, PHONE) == "0171 1234567"
    agency.write({**ROW, "Telefon": "0171 7654321"})
    whole = agency.path.read_bytes()
    agency.path.write_bytes(whole[: len(whole) // 2])
    assert await value_of(source, PHONE) == "0171 1234567"
    for _ in range(2):
        with pytest.raises(Unavailable, match="no complete XLSX workbook"):
            await source.check()
    agency.path.write_bytes(whole)
    assert await value_of(source, PHONE) == "0171 7654321"


@pytest.mark.slow
async def test_a_broken_sheet_is_not_hidden_by_an_older_reading(agency: FileAgency) -> None:
    """A complete file that breaks the mapping is refused; the last reading would be out of date for ever."""
    agency.write(ROW)
    source = agency.open()
    await source.check()
    agency.write(ROW, columns=[column for column in COLUMNS if column != "Telefon"])
    for _ in range(2):
        with pytest.raises(Malformed, match="row 1: no column is named Telefon"):
            await source.candidates(OLENA)


async def test_headings_may_stand_below_a_title(agency: FileAgency) -> None:
    """`header_row` says where the headings are; blanks at their ends do not matter, the order neither."""
    agency.write(dict(zip(COLUMNS, reversed(COLUMNS), strict=True)), ROW, columns=COLUMNS)
    book = load_workbook(agency.path)
    page = book["Kunden"]
    for column, name in enumerate(COLUMNS, start=1):
        page.cell(1, column).value = None
        page.cell(2, column).value = f" {name} "
    page.cell(1, 1).value = "Kunden des Hauses"
    page.merge_cells("A1:H1")
    book.save(agency.path)
    text = agency.text().replace('key = "Nr"', 'key = "Nr"\nheader_row = 2')
    source = agency.open(parse(text, "mapping.toml", KNOWN))
    await source.check()
    assert await value_of(source, PHONE) == "0171 1234567"


async def test_a_heading_that_stands_twice_is_refused(agency: FileAgency) -> None:
    """Two columns of one name cannot be told apart; unmapped ones may repeat."""
    agency.write(ROW, columns=(*COLUMNS, "Notiz", "Notiz"))
    await agency.open().check()
    agency.write(ROW, columns=(*COLUMNS, " Telefon "))
    with pytest.raises(Malformed, match="2 columns are named Telefon"):
        await agency.open().check()


async def test_merged_cells_among_the_data_are_refused(agency: FileAgency) -> None:
    """The second of two merged cells looks empty; the sheet is refused with row and column."""
    agency.write(ROW, {**ROW, "Nr": 2}, {**ROW, "Nr": 3})
    book = load_workbook(agency.path)
    book["Kunden"].merge_cells("K3:K4")
    book.save(agency.path)
    with pytest.raises(Malformed, match="row 3, column Telefon: merged cells"):
        await agency.open().candidates(OLENA)


async def test_merged_cells_elsewhere_do_no_harm(agency: FileAgency) -> None:
    """Merged cells of columns that nobody maps stay the school's own affair."""
    agency.write(ROW, {**ROW, "Nr": 2}, columns=(*COLUMNS, "Notiz"))
    book = load_workbook(agency.path)
    book["Kunden"].merge_cells("T2:T3")
    book.save(agency.path)
    await agency.open().check()


async def test_a_formula_gives_its_stored_result(agency: FileAgency) -> None:
    """A computed cell is read as what the spreadsheet program stored."""
    agency.write(ROW)
    rewrite(agency.path, "<v>300</v>", "<f>100+200</f><v>300</v>")
    assert await value_of(agency.open(), HOURS) == 300


async def test_a_formula_without_a_result_is_not_blank(agency: FileAgency) -> None:
    """A program that never calculated leaves no result; the field is refused, the others are read."""
    agency.write({**ROW, "Stunden": "=100+200"})
    source = agency.open()
    assert await value_of(source, PHONE) == "0171 1234567"
    with pytest.raises(Malformed, match="row 2, column Stunden: holds a formula without a stored result"):
        await value_of(source, HOURS)


async def test_the_check_names_every_bad_cell(agency: FileAgency) -> None:
    """Row and column of each cell that breaks the mapping, and no content."""
    agency.write(
        ROW,
        {**ROW, "Nr": 2, "Beginn": "bald", "Stunden": "viele", "Bestritten": "hm"},
        {},
        {**ROW, "Nr": 3, "Geburt": "unklar", "Stand": "gestern"},
        {**ROW, "Nr": None},
        {**ROW, "Nr": 4, "Name": " "},
    )
    with pytest.raises(Malformed) as refused:
        await agency.open().check()
    said = str(refused.value)
    places = [line.split(": ")[0].removeprefix("kunden.xlsx, sheet Kunden, ") for line in said.splitlines()]
    assert sorted(places) == [
        "row 3, column Beginn",
        "row 3, column Bestritten",
        "row 3, column Stunden",
        "row 5, column Geburt",
        "row 5, column Stand",
        "row 6, the key, the family name or the given names are blank or too long, so nobody finds this row",
        "row 7, the key, the family name or the given names are blank or too long, so nobody finds this row",
    ]
    assert not any(word in said for word in ("bald", "viele", "unklar", "gestern", "Havchenko"))


async def test_the_check_stops_after_twenty_findings(agency: FileAgency) -> None:
    """A sheet that is wrong everywhere does not give a message without end."""
    agency.write(*({**ROW, "Nr": number, "Beginn": "bald"} for number in range(60)))
    with pytest.raises(Malformed) as refused:
        await agency.open().check()
    assert len(str(refused.value).splitlines()) == 20


async def test_blank_rows_and_short_rows_are_no_harm(agency: FileAgency) -> None:
    """Rows without anything are passed over, missing cells at a row's end are blank."""
    agency.write(ROW, {}, {"Nr": 3, "Akte": "K-3", "Name": "Savko", "Vorname": "Ivan", "Notiz": "x"})
    source = agency.open()
    assert [found.ref for found in await source.search(Search(file_number="k-3"))] == ["3"]
    assert await source.fetch(LocalRef("3"), frozenset({PHONE})) != ()
    assert await value_of(source, PHONE, "3") is None


async def test_an_empty_sheet_has_no_headings(agency: FileAgency) -> None:
    """A sheet without a single cell lacks its first column."""
    agency.write()
    book = load_workbook(agency.path)
    book["Kunden"].delete_rows(1)
    book.save(agency.path)
    with pytest.raises(Malformed, match="row 1: no column is named Nr"):
        await agency.open().check()


async def test_the_file_is_parsed_once(agency: FileAgency) -> None:
    """The very same candidates are given again until the file changes; a new file gives new ones."""
    agency.write(ROW)
    source = agency.open()
    (first,) = await source.candidates(OLENA)
    (second,) = await source.search(Search(given_names="Olena"))
    assert first is second
    agency.write(ROW)
    (third,) = await source.candidates(OLENA)
    assert third == first
    assert third is not first


@pytest.mark.slow
async def test_a_file_too_large_is_refused(agency: FileAgency) -> None:
    """More than 64 MiB are not taken into memory."""
    with agency.path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(Malformed, match=f"more than {MAX_FILE_BYTES} bytes"):
        await agency.open().candidates(OLENA)


async def test_a_file_that_unpacks_too_large_is_refused(agency: FileAgency) -> None:
    """A small file that would fill the memory is refused before it is unpacked."""
    agency.write(ROW)
    raw = bytearray(agency.path.read_bytes())
    listed = raw.index(b"PK\x01\x02")
    raw[listed + 24 : listed + 28] = (MAX_UNPACKED + 1).to_bytes(4, "little")
    agency.path.write_bytes(raw)
    with pytest.raises(Malformed, match="when unpacked"):
        await agency.open().candidates(OLENA)


async def test_a_sheet_too_long_is_refused(agency: FileAgency) -> None:
    """A cell far below everything else counts as so many rows."""
    agency.write(ROW, {**ROW, "Nr": 2})
    rewrite(agency.path, '<row r="3">', f'<row r="{MAX_ROWS + 1}">')
    with pytest.raises(Malformed, match=f"more than {MAX_ROWS} rows"):
        await agency.open().candidates(OLENA)


async def test_what_cannot_be_opened_is_unavailable(agency: FileAgency) -> None:
    """A folder of that name, or a file nobody may read, is no workbook now."""
    agency.path.mkdir()
    with pytest.raises(Unavailable, match="cannot be read"):
        await agency.open().candidates(OLENA)


async def test_a_locked_file_is_unavailable(agency: FileAgency) -> None:
    """While another program holds the file the message says to close it there, and afterwards it is read."""
    agency.write(ROW)
    source = agency.open()
    with agency.path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match=r"kunden\.xlsx: another program has locked the file; close it there"):
            await source.candidates(OLENA)
    assert await value_of(source, PHONE) == "0171 1234567"


@pytest.mark.slow
async def test_a_cell_of_ten_megabytes_is_refused(agency: FileAgency) -> None:
    """No spreadsheet program writes one; the field is refused, the others are read."""
    agency.write({**ROW, "Telefon": "GROSS"})
    with zipfile.ZipFile(agency.path) as archive:
        members = {name: archive.read(name).replace(b"GROSS", b"x" * 10_000_000) for name in archive.namelist()}
    with zipfile.ZipFile(agency.path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    source = agency.open()
    assert await value_of(source, HOURS) == 300
    with pytest.raises(Malformed, match="row 2, column Telefon: holds more than 400 characters"):
        await value_of(source, PHONE)
