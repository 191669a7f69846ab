"""What papers are made with: the words of all languages, the federation as this node knows it, and who it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from adapters.node.core.compose import lawbook
from adapters.node.core.consent_text import By, Side, Terms, languages, side
from adapters.node.core.view import View
from adapters.node.settings import PapersSettings
from adapters.web.client_words import shipped_words
from adapters.web.texts import Texts, load
from adapters.web.words import Words
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId
from schemas.registry import BasisKind, Registry

LEGAL: Final = "de"
"""The language whose text counts; every paper for a client has it, too."""


@dataclass(frozen=True)
class Making:
    """What every paper of an agency is made with; `drafts` lets papers be made of texts that nobody approved."""

    agency: AgencyId
    view: View
    office: PapersSettings
    drafts: bool = False

    @property
    def languages(self) -> dict[str, str]:
        """The languages papers for clients come in, by their own names: approved ones, and drafts where they may be."""
        return {one.language: one.name for one in languages(shipped_words(), self.view.state, drafts=self.drafts)}

    @property
    def german(self) -> Words:
        """The German words, with the agencies and the law as this node knows them."""
        return Words(_texts(), LEGAL, self.view.state, self.view.registries)

    def sides(self, terms: Terms, basis: BasisKind, wish: str) -> list[Side]:
        """Give the text of a paper in the client's language and in German; Misuse for a language papers do not come in.

        The text is of the law in force, or of an earlier one where the purpose is no more what it was.
        """
        if wish not in self.languages:
            message = "language: papers come in languages whose text, and the German one, are approved"
            raise Misuse(message, code=Code.TEXT_NOT_APPROVED)
        words, by = shipped_words(), By(self._law(terms), self.view.state)
        both = dict.fromkeys((wish, LEGAL))
        return [side(terms, one, words, by, basis) for one in both]

    def _law(self, terms: Terms) -> Registry:
        laws: Iterable[Registry] = (lawbook(self.view), *reversed(self.view.registries.values()))
        fits = (law for law in laws if _allows(law, terms))
        return next(fits, lawbook(self.view))


def _allows(law: Registry, terms: Terms) -> bool:
    rule = law.purposes.get(terms.purpose)
    return rule is not None and set(terms.fields) <= rule.fields


@cache
def _texts() -> Texts:
    """Read the German texts of papers once."""
    return load("adapters.node.papers", [LEGAL])[LEGAL]
