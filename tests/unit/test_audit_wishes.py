"""The auditor's filter in an address: what it says is what is looked for, and nonsense is named."""

import pytest

from broker.audit_pages.wishes import BASES, KINDS, Wish, index_in
from broker.core.log_lines import Wanted
from schemas.errors import Malformed


def test_a_filter_goes_through_an_address_and_back() -> None:
    """What was typed stands in the address of the next page, with the place to go on from; blanks do not."""
    wish = Wish.of({"agency": " kurse ", "kind": "exchange.granted", "to_day": "2026-11-20", "other": "x"})
    assert wish == Wish(agency="kurse", kind="exchange.granted", to_day="2026-11-20")
    assert wish.query(before=7) == "agency=kurse&kind=exchange.granted&to_day=2026-11-20&before=7"


def test_a_day_is_meant_whole_and_in_berlin() -> None:
    """From midnight to midnight, in winter an hour before that of UTC; no day is no bound."""
    wanted = Wish(from_day="2026-11-20", to_day="2026-11-20").wanted
    assert (wanted.from_ms, wanted.until_ms) == (1_795_129_200_000, 1_795_215_600_000)
    assert Wish().wanted == Wanted()
    assert Wish(to_day="9999-12-31").wanted.until_ms == Wish(to_day="9998-12-31").wanted.until_ms


@pytest.mark.parametrize(
    ("wish", "place"),
    [
        (Wish(basis="mercy"), "basis"),
        (Wish(kind="exchange.lost"), "kind"),
        (Wish(exchange="ABC"), "exchange"),
        (Wish(from_day="yesterday"), "from_day"),
        (Wish(to_day="2026-02-30"), "to_day"),
    ],
)
def test_what_there_is_not_is_named(wish: Wish, place: str) -> None:
    """A value that no entry can have is an error that names the field, not an empty page."""
    with pytest.raises(Malformed, match=place):
        _ = wish.wanted


def test_all_kinds_and_bases_are_offered() -> None:
    """They are those of the entries' own shapes."""
    assert BASES == ("statute", "cooperation_duty", "consent", "client_request")
    for kind in KINDS:
        assert Wish(kind=kind).wanted.kind == kind


@pytest.mark.parametrize(
    ("text", "index"), [("7", 7), ("", None), ("-1", None), ("x", None), ("9" * 16, None), ("\u0667", None)]
)
def test_an_index_is_plain_digits(text: str, index: int | None) -> None:
    """Anything else is as if it were not there."""
    assert index_in({"before": text}, "before") == index
