"""What the pages say: one TOML file per language, the same keys in each; to staff in German and English."""

import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Final, Literal

from schemas.errors import Misuse

StaffLanguage = Literal["de", "en"]
LANGUAGES: Final[tuple[StaffLanguage, ...]] = ("de", "en")


class Texts:
    """The texts of one language by dotted key."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Take the texts."""
        self._texts = texts

    def __call__(self, key: str, /, **values: object) -> str:
        """Give a text with its values put in; Misuse for a key there is not."""
        text = self._texts.get(key)
        if text is None:
            message = f"texts: there is no {key}"
            raise Misuse(message)
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        """Tell whether there is a text of this key."""
        return key in self._texts

    @property
    def keys(self) -> frozenset[str]:
        """All keys."""
        return frozenset(self._texts)


def load(package: str, languages: Iterable[str] = LANGUAGES) -> dict[str, Texts]:
    """Read `texts/<language>.toml` of a package with pages of its own, over those of the shared pages."""
    found: dict[str, Texts] = {}
    for language in languages:
        texts: dict[str, str] = {}
        for place in dict.fromkeys(("adapters.web", package)):
            file = files(place) / "texts" / f"{language}.toml"
            if place == package or file.is_file():
                texts |= _flat(tomllib.loads(file.read_text("utf-8")), "")
        found[language] = Texts(texts)
    return found


def language_of(wish: str | None, accepted: str) -> StaffLanguage:
    """Choose by what was chosen before, else by the browser's wish, else German."""
    if wish in {"de", "en"}:
        return "en" if wish == "en" else "de"
    return "en" if accepted.strip().lower().startswith("en") else "de"


def _flat(table: Mapping[str, object], prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = str(value)
    return found
