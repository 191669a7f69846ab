"""What papers are made with: the words of all languages, the federation as this node knows it, and who it is."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from adapters.node.core.view import View
from adapters.node.settings import PapersSettings
from adapters.web.texts import Texts, load
from adapters.web.words import LANGUAGES, Words, language_for
from schemas.ids import AgencyId

PAPER_LANGUAGES: Final = (*LANGUAGES, "ti")
LEGAL: Final = "de"
"""The language whose text counts; every paper for a client has it, too."""


def paper_language(wish: str) -> str:
    """Give the language a client's paper is written in: the client's own, or the kindred one there are texts in."""
    return wish if wish in PAPER_LANGUAGES else language_for("", wish, "")


@dataclass(frozen=True)
class Making:
    """What every paper of an agency is made with."""

    agency: AgencyId
    view: View
    office: PapersSettings

    @property
    def languages(self) -> dict[str, str]:
        """The languages of papers by their own names."""
        return {language: _texts()[language]("receipt.language") for language in PAPER_LANGUAGES}

    def words(self, language: str) -> Words:
        """Give the words of a language, with the agencies and the law as this node knows them."""
        return Words(_texts()[language], language, self.view.state, self.view.registries)


@cache
def _texts() -> dict[str, Texts]:
    """Read the texts once."""
    return load("adapters.node.papers", PAPER_LANGUAGES)
