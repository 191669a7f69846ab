"""Every sign that a client can be shown has a glyph in the fonts that come with the pages."""

import re
import unicodedata
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]  # ships no types

from schemas.client_texts import LANGUAGES

_FACE: Final = re.compile(
    r'url\("([a-z-]+?)-(?:latin|latin-ext|cyrillic|arabic|ethiopic)-(\d+)-normal.*?unicode-range: ([^;]+);'
)
_RANGE: Final = re.compile(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?")
PLACES: Final = ("schemas", "broker.client_pages", "adapters.web")


@pytest.fixture(scope="module")
def drawn() -> dict[str, set[int]]:
    """Give by weight the signs that a browser takes from a font of ours, and that the font has."""
    sheet = (files("adapters.web") / "static" / "handschlag.css").read_text("utf-8")
    folder = Path(str(files("adapters.node.papers"))) / "fonts"
    found: dict[str, set[int]] = {}
    for face, weight, ranges in _FACE.findall(sheet):
        signs = set(TTFont(folder / f"{face}-{weight}.ttf").getBestCmap())
        for first, last in _RANGE.findall(ranges):
            declared = set(range(int(first, 16), int(last or first, 16) + 1))
            found.setdefault(weight, set()).update(declared & signs)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sign_is_without_a_glyph(drawn: dict[str, set[int]], language: str) -> None:
    """In both weights; what has no picture of its own, such as a joiner, needs none."""
    texts = "".join((files(place) / "texts" / f"{language}.toml").read_text("utf-8") for place in PLACES)
    signs = {sign for sign in texts if unicodedata.category(sign) not in {"Cf", "Cc"}}
    assert drawn.keys() == {"400", "600"}
    for weight, known in drawn.items():
        assert {sign for sign in signs if ord(sign) not in known} == set(), weight
