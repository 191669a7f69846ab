"""Counts of exchanges: each request once, each answer once, in the order of the log; and how they are drawn."""

from broker.audit_pages.charts import ROW, WIDTH, chart
from broker.core.tally import Tally, counted
from tests.support.ledger_world import Ledger, founded
from tests.support.pens import NORM, changed


def tallied(ledger: Ledger) -> Tally:
    """Count a whole log."""
    tally = Tally()
    for index, raw in enumerate(ledger.leaves):
        tally.see(index, counted(raw))
    return tally


def test_each_request_counts_by_purpose_language_and_outcome() -> None:
    """Disclosed, not available, withheld, refused, and one without an answer; a statute has no language."""
    ledger = founded()
    ledger.write(consent := changed(ledger.consent("beratung", "jobcenter"), uses=9, language="ti"))
    ledger.answer(ledger.asked(consent))
    ledger.answer(ledger.asked(consent), "unavailable")
    pending, _ = ledger.asked(consent), ledger.asked(consent)
    ledger.write(ledger.request("jobcenter", "kurse", NORM))
    ledger.write(ledger.withdrawal("kurse", consent))
    ledger.answer(pending)
    ledger.asked(consent)
    tally = tallied(ledger)
    assert tally.size == len(ledger.leaves)
    assert (tally.exchanges, tally.unanswered) == (6, 1)
    assert tally.outcomes == {"disclosed": 1, "unavailable": 1, "withheld": 1, "refused": 2}
    assert tally.languages == {"ti": 5, "": 1}
    assert tally.purposes.total() == 6


def test_an_entry_counts_once() -> None:
    """What was counted from the disk is not counted again when its commit is heard of, and nothing is left out."""
    ledger = founded()
    asked = ledger.asked()
    tally = tallied(ledger)
    tally.see(asked.index, asked.leaf)
    tally.see(tally.size + 1, asked.leaf)
    assert (tally.exchanges, tally.size) == (1, len(ledger.leaves))


def test_bars_are_ordered_and_fit_the_picture() -> None:
    """The longest first and as wide as the picture, none without length, none for nothing."""
    drawn = chart("outcomes", [("b", "bee", 1), ("a", "ay", 1000), ("c", "sea", 0), ("d", "dee", 500)])
    assert [(bar.short, bar.y, bar.length) for bar in drawn.bars] == [
        ("a", 0, WIDTH),
        ("d", ROW, WIDTH // 2),
        ("b", 2 * ROW, 1),
    ]
    assert (drawn.width, drawn.height) == (WIDTH, 3 * ROW)
    assert chart("outcomes", []).bars == []
