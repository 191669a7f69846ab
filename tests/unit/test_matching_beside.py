"""What differs between the person asked for and a row, as a human sees it."""

import pytest

from adapters.node.core.matching.beside import PARTS, Part, differing
from schemas.record import PersonBlock
from tests.support.matching import person

ASKED = person("Rima", "Al-Hamadi", "1991-03-17", "w", country="sy")


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        (ASKED, ()),
        (person("RIMA", "al-hamadi", "1991-03-17"), ()),
        (person("Rima", "Al-Hamadi", None), ()),
        (person("Rima", "Al-Hamadi", "1991-01-01"), ("birth_date",)),
        (person("Rana", "Hamadi", "1991-03-18", "m", country="iq"), PARTS),
    ],
)
def test_what_is_known_on_both_sides_and_not_the_same_differs(row: PersonBlock, parts: tuple[Part, ...]) -> None:
    """Spelling in other letters of case does not differ; what one side does not know cannot."""
    assert differing(ASKED, row) == parts
