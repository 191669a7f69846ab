"""What a CSV file as a source promises beyond the common contract: encodings, delimiters, half-written files."""

import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.sources import csv_file
from adapters.sources.csv_file import MAX_CELL
from adapters.sources.mapping import parse
from adapters.sources.port import LocalRef, Source
from schemas.errors import Malformed, Unavailable
from schemas.record import PersonBlock
from tests.support.agency_tables import KNOWN, MAPPING, PHONE, ROW, FileAgency, value_of

OLENA = PersonBlock(family_name="Havchenko", given_names="Olena", birth_date="1987-05-03")
HEAD = "Nr;Name;Vorname;Geburt;Telefon"
SMALL = (
    MAPPING.partition("file_number")[0]
    + """
[person]
family_name = "Name"
given_names = "Vorname"
birth_date = "Geburt"
[fields]
"contact.phone" = "Telefon"
"""
)


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[FileAgency]:
    """Give an agency with a CSV file."""
    made = FileAgency("csv", tmp_path)
    yield made
    await made.close()


def opened(agency: FileAgency, raw: bytes | str, more: str = "") -> Source:
    """Put bytes in the place of the file, and open it with further lines in the mapping."""
    agency.path.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    return agency.open(parse(agency.text(more + SMALL), "mapping.toml", KNOWN))


def table(*phones: str) -> str:
    """Give a small file with one row for each telephone number."""
    rows = (f"{number};Havchenko;Olena;1987-05-03;{phone}" for number, phone in enumerate(phones, start=1))
    return "\n".join((HEAD, *rows, ""))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_lines_end_in_any_way(agency: FileAgency, end: str) -> None:
    """Line ends of every system are read; line breaks within quotation marks belong to the cell."""
    text = table("0171", '"0172\n0173"').replace("\n", end)
    source = opened(agency, text)
    await source.check()
    assert [await value_of(source, PHONE, ref) for ref in "12"] == ["0171", "0172 0173"]


@pytest.mark.parametrize("delimiter", [";", ",", "|", "\t"])
async def test_the_delimiter_is_declared(agency: FileAgency, delimiter: str) -> None:
    """What the mapping says divides the cells; quotation marks protect it within one."""
    shown = {"\t": "\\t"}.get(delimiter, delimiter)
    text = table(f'"0171{delimiter}2"').replace(";", delimiter)
    source = opened(agency, text, f'delimiter = "{shown}"\n')
    assert await value_of(source, PHONE) == f"0171{delimiter}2".replace("\t", " ")


async def test_a_wrong_delimiter_is_named(agency: FileAgency) -> None:
    """The message names the heading that cannot be found."""
    with pytest.raises(Malformed, match=r"kunden.csv, line 1: no column is named Nr"):
        await opened(agency, table("0171").replace(";", ",")).check()


@pytest.mark.parametrize(
    ("encoding", "declared"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("cp1252", "cp1252")]
)
async def test_each_encoding_is_read(agency: FileAgency, encoding: str, declared: str) -> None:
    """Umlauts arrive in every declared encoding."""
    raw = table("Büro € 0171").encode(encoding)
    assert await value_of(opened(agency, raw, f'encoding = "{declared}"\n'), PHONE) == "Büro € 0171"


@pytest.mark.parametrize(
    ("raw", "declared", "said"),
    [
        (table("0171", "Büro").encode("cp1252"), "utf-8", "line 3: is not utf-8 as mapping.toml says"),
        (table("Büro", "").encode() + "3;Löw;x;1990;\n".encode("cp1252"), "utf-8", "line 4: is not utf-8"),
        (table("Büro", "").encode("cp1252") + "3;Löw;x;1990;\n".encode(), "cp1252", "line 4: is UTF-8, not cp1252"),
        (table("0171").encode() + b"2;\x81;x;1990;\n", "cp1252", "line 3: is not cp1252"),
        (table("0171").encode("utf-8-sig"), "utf-8", "begins with the mark of UTF-8"),
        (table("0171").encode("utf-16"), "utf-8", "line 1: is not utf-8|the last line has no end"),
    ],
)
async def test_mixed_and_wrong_encodings_are_refused(agency: FileAgency, raw: bytes, declared: str, said: str) -> None:
    """The first line that is not in the declared encoding is named, its content is not."""
    with pytest.raises((Malformed, Unavailable), match=f"kunden.csv.*({said})") as refused:
        await opened(agency, raw, f'encoding = "{declared}"\n').check()
    assert "Havchenko" not in str(refused.value)
    assert "L" not in str(refused.value)


@pytest.mark.parametrize("cut", ["2;Havch", '2;Havchenko;Olena;1987-05-03;"0171\n'])
async def test_a_half_written_file_is_not_read(agency: FileAgency, cut: str) -> None:
    """Half a line or an open quotation mark: the last whole reading serves, the check says why."""
    source = opened(agency, table("0171"))
    assert await value_of(source, PHONE) == "0171"
    agency.path.write_text(table("0172") + cut)
    assert await value_of(source, PHONE) == "0171"
    with pytest.raises(Unavailable, match="the file is being written"):
        await source.check()
    agency.path.write_text(table("0172"))
    assert await value_of(source, PHONE) == "0172"


async def test_a_file_without_its_closing_line_is_not_read(agency: FileAgency) -> None:
    """Where exports end with a line of their own, a file cut at the end of any other line is not whole either."""
    source = opened(agency, table("0171") + "# Ende \n\n", 'end = "# Ende"\n')
    await source.check()
    for cut in (table("0172"), "", "\n\n"):
        agency.path.write_text(cut)
        assert await value_of(source, PHONE) == "0171"
        with pytest.raises(Unavailable, match="the closing line is missing"):
            await source.check()


async def test_an_empty_file_is_not_whole(agency: FileAgency) -> None:
    """A file of nothing has just been begun."""
    with pytest.raises(Unavailable, match="headings is not there"):
        await opened(agency, "").candidates(OLENA)


async def test_a_locked_file_is_unavailable(agency: FileAgency) -> None:
    """While another program holds the file the message says to close it there, and afterwards it is read."""
    source = opened(agency, table("0171"))
    with agency.path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another program has locked the file"):
            await source.candidates(OLENA)
    assert await value_of(source, PHONE) == "0171"


async def test_a_heading_that_stands_twice_is_refused(agency: FileAgency) -> None:
    """Two columns of one name cannot be told apart."""
    with pytest.raises(Malformed, match="line 1: 2 columns are named Telefon"):
        await opened(agency, table("0171").replace(HEAD, f"{HEAD};Telefon ")).check()


async def test_blanks_do_no_harm(agency: FileAgency) -> None:
    """Blank lines, rows of blanks, trailing blanks and empty cells beyond the last heading are passed over."""
    text = f"\n{HEAD}  \n\n ; ;;;\n1 ; Havchenko\t;Olena  ;1987-05-03;0171  ;;\n"
    source = opened(agency, text)
    await source.check()
    (found,) = await source.candidates(OLENA)
    assert await value_of(source, PHONE, found.ref) == "0171"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2;Havchenko;Olena", "line 3: 3 cells where the headings are 5"),
        ("2;Havchenko;Olena;1987;0171;x", "line 3: 6 cells where the headings are 5"),
        ('2;"Havchenko"a;Olena;1987;0171', "line 3: a quotation mark stands in a wrong place"),
        (f"2;Havchenko;Olena;1987;{'x' * (MAX_CELL + 1)}", f"line 3: a cell has more than {MAX_CELL} characters"),
        (f"2;Havchenko;Olena;1987;{'x' * 10_000_000}", f"line 3: a cell has more than {MAX_CELL} characters"),
    ],
    ids=["short", "long", "quotes", "large cell", "10 MB cell"],
)
async def test_a_row_out_of_form_is_named(agency: FileAgency, line: str, said: str) -> None:
    """Cells that cannot be told to their headings are never guessed."""
    with pytest.raises(Malformed, match=said):
        await opened(agency, f"{table('0171')}{line}\n").candidates(OLENA)


async def test_a_file_too_long_is_refused(agency: FileAgency, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than any agency of a town has are not taken into memory."""
    monkeypatch.setattr(csv_file, "MAX_ROWS", 3)
    await opened(agency, table("1", "2", "3")).check()
    with pytest.raises(Malformed, match="more than 3 rows"):
        await opened(agency, table("1", "2", "3", "4")).check()


async def test_the_newest_file_of_a_folder_serves(agency: FileAgency) -> None:
    """A location with `*` follows the nightly exports; what programs hide beside them is passed over."""
    folder = agency.path.parent
    text = agency.text(SMALL).replace("kunden.csv", "kunden-*.csv")
    source = agency.open(parse(text, "mapping.toml", KNOWN))
    with pytest.raises(Unavailable, match="no file of this name"):
        await source.check()
    for at_s, (name, phone) in enumerate((("kunden-2.csv", "02"), ("kunden-1.csv", "01"), (".kunden-9.csv", "09"))):
        (folder / name).write_text(table(phone))
        os.utime(folder / name, (at_s, at_s))
    assert await value_of(source, PHONE) == "01"
    (folder / "kunden-3.csv").write_text(table("03"))
    assert await value_of(source, PHONE) == "03"
    (folder / "kunden-4.csv").write_text(f"{HEAD}\n1;Havch")
    assert await value_of(source, PHONE) == "03"


async def test_the_check_names_the_lines_of_bad_cells(agency: FileAgency) -> None:
    """Line and column of each cell that breaks the mapping, and no content."""
    with pytest.raises(Malformed) as refused:
        await opened(agency, f"{table('0171')}2;Havchenko;Olena;bald;0171\n").check()
    assert str(refused.value) == "kunden.csv, row 3, column Geburt: is no date of the form %Y-%m-%d"


async def test_a_row_is_gone_after_the_export_without_it(agency: FileAgency) -> None:
    """A client who left the export has no record any more."""
    source = opened(agency, table("0171", "0172"))
    assert await value_of(source, PHONE, "2") == "0172"
    agency.path.write_text(table("0171"))
    with pytest.raises(Unavailable, match="no longer there"):
        await source.fetch(LocalRef("2"), frozenset({PHONE}))


async def test_a_file_that_is_being_saved_is_in_no_new_state(agency: FileAgency) -> None:
    """State and rows are those of one reading: a locked file is the one before, and another when the lock is gone."""
    agency.write(ROW)
    source = agency.open()
    before = await source.state()
    with agency.path.open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write(agency.path.read_bytes().replace(b"Olena", b"Oksan"))
        held.flush()
        os.utime(agency.path, ns=(1, 1))
        assert await source.state() == before
        listing = await source.persons(None)
        assert listing is not None
        assert [row.person.given_names for row in listing.candidates] == ["Olena"]
    assert await source.state() != before
