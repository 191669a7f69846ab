"""Cells and names: what is read out of them, for every kind of content a driver may hand over."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sources.cells import UNCALCULATED, Read, Unreadable, read_cell, read_date, read_flag, read_text
from adapters.sources.mapping import Cell
from adapters.sources.text import clean, normal_name

ODD_TEXT = st.text("aAß9 \t\x00\x85\u00a0\u0301\u0307éİ\ufb01ΐ.-/")
FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%Y%m%d", "%m/%Y", "00.00.%Y")


@settings(max_examples=50)
@given(st.dates(date(1900, 1, 2), date(2199, 12, 31)), st.sampled_from(FORMATS[:3]))
@pytest.mark.slow
def test_a_whole_date_is_read_back_from_every_format(day: date, written: str) -> None:
    """What was written with day, month and year is read as that day."""
    read = read_date("c", day.strftime(written), FORMATS)
    assert read is not None
    assert (read.value, read.precision) == (day.isoformat(), "day")


@given(st.dates(date(1900, 1, 2), date(2199, 12, 31)))
def test_a_date_is_never_more_precise_than_it_was_written(day: date) -> None:
    """A month gives a month, a year gives a year."""
    month, year = read_date("c", f"{day:%m/%Y}", FORMATS), read_date("c", f"00.00.{day:%Y}", FORMATS)
    assert month is not None
    assert year is not None
    assert (month.value, month.precision, year.value, year.precision) == (f"{day:%Y-%m}", "month", f"{day:%Y}", "year")


@given(ODD_TEXT)
def test_no_text_breaks_the_reading_of_dates(text: str) -> None:
    """Whatever stands there is a date, blank or unreadable; nothing else comes out."""
    try:
        read = read_date("c", text, FORMATS)
    except Unreadable:
        read = Read("unreadable")
    assert (read is None) == (clean(text) == "")


def test_the_first_of_january_may_stand_for_the_year() -> None:
    """Where the agency writes 1 January for an unknown day, the year is all that is known."""
    year = read_date("c", "1987-01-01", FORMATS, year_only=True)
    day = read_date("c", "1987-01-02", FORMATS, year_only=True)
    assert (year, day) == (("1987", "year"), ("1987-01-02", "day"))


def test_a_time_of_day_does_not_change_the_day() -> None:
    """Databases and spreadsheets hand over dates as moments; the day counts."""
    assert read_date("c", datetime(2026, 5, 3, 23, 59, tzinfo=UTC), FORMATS) == ("2026-05-03", "day")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, None),
        ("", None),
        (" \u00a0\t", None),
        ("a\x00b", "a b"),
        (7, "7"),
        (7.0, "7"),
        ("e\u0301", "é"),
        (Decimal("7.00"), "7"),
    ],
)
def test_text_is_plain_nfc_without_control_characters(cell: object, text: str | None) -> None:
    """What is delivered can be signed: NFC, no control characters, single blanks."""
    assert read_text("c", cell) == text


def test_a_key_of_random_bits_is_text() -> None:
    """Servers hand over UUIDs as such; they read as they are written."""
    text = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
    assert read_text("c", UUID(text)) == text


def test_a_cell_of_many_megabytes_is_refused_unread() -> None:
    """What is far too long is not even cleaned."""
    for content in ("x" * 10_000_000, " \u0301" * 5_000_000):
        with pytest.raises(Unreadable, match="column c: holds more than 400 characters"):
            read_text("c", content)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1E+20"])
def test_numbers_beyond_all_bounds_are_no_whole_numbers(number: str) -> None:
    """A database's numbers may be none at all."""
    with pytest.raises(Unreadable):
        read_cell(Cell(column="c", type="int"), Decimal(number))


@pytest.mark.parametrize("cell", [7.5, True, b"bytes", time(0, 0), date(2026, 1, 1), Decimal("7.5"), UNCALCULATED])
def test_text_is_not_made_of_other_things(cell: object) -> None:
    """Fractions, yes and no, bytes, dates and missing results are no text."""
    with pytest.raises(Unreadable, match="column c"):
        read_text("c", cell)


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [("text", "x", "x"), ("int", "12", 12), ("bool", True, True), ("bool", "falsch", False), ("code", "A", "b")],
)
def test_each_type_is_read(kind: str, cell: object, value: object) -> None:
    """Every type of the mapping has its own reading, and blank is blank in all of them."""
    rule = Cell.model_validate({"column": "c", "type": kind, "codes": {"a": "b"}})
    read = read_cell(rule, cell)
    assert read is not None
    assert read.value == value
    assert read_cell(rule, " ") is None


def test_a_blank_flag_is_no() -> None:
    """Nothing marked means not set."""
    assert (read_flag("c", None), read_flag("c", "x")) == (False, True)


@given(ODD_TEXT)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    """Clean text stays as it is, and the form for comparing is one of it."""
    assert clean(clean(text)) == clean(text)
    assert normal_name(normal_name(text)) == normal_name(text)
