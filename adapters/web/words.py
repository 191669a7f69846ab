"""Names of agencies, purposes and kinds of data as a client reads them, in their own language. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.web.client_words import shipped_words
from adapters.web.texts import Texts
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.client_texts import LANGUAGES, ClientWords
from schemas.ids import CodeName, FieldName, Hash, Purpose, purpose_id
from schemas.registry import Registry

_ALSO: Final[Mapping[str, str]] = {"prs": "fa-AF", "kmr": "ku"}
"""Codes that browsers have for a language that is known here by another."""
_FIRST_STRONG: Final = "\N{FIRST STRONG ISOLATE}"
_POP: Final = "\N{POP DIRECTIONAL ISOLATE}"


def language_for(chosen: str, consents: str, accepted: str) -> str:
    """Choose by what was chosen on the page, else the consent's language, else the browser's wish, else German."""
    wishes = [chosen, consents, *(part.partition(";")[0].strip() for part in accepted.split(","))]
    for wish in filter(None, wishes):
        for name in (wish, _ALSO.get(wish, ""), wish.partition("-")[0]):
            if name in LANGUAGES:
                return name
    return "en" if consents else "de"


@dataclass(frozen=True)
class Words:
    """Names things in one language; what it has no word for stands in German, as at the agencies."""

    texts: Texts
    language: str
    state: LedgerState
    registries: Mapping[Hash, Registry]

    @property
    def law(self) -> Registry | None:
        """The registry in force."""
        return None if self.state.registry is None else self.registries.get(self.state.registry)

    def agency(self, name: str) -> str:
        """Name an agency by what it is and its short name, apart from the text around it for right-to-left scripts."""
        member = self.state.members.get(name)  # type: ignore[call-overload]  # an agency's name as an entry has it
        kind = "" if member is None else self._own.kind.get(member.kind, "")
        return f"{_FIRST_STRONG}{kind} ({name}){_POP}" if kind else f"{_FIRST_STRONG}{name}{_POP}"

    def agencies(self, names: Iterable[str]) -> str:
        """Name several."""
        return self.texts("list").join(self.agency(name) for name in names)

    def taking(self, consent: st.ConsentGiven) -> str:
        """Say how a consent was taken: the way, who interpreted if anybody did, and whether somebody else consented."""
        interpreter = () if consent.interpreter in {None, "none"} else (consent.interpreter,)
        others = ("guardian",) if consent.capacity == "guardian" else ()
        return self.texts("list").join(self.texts(f"taken.{how}") for how in (consent.medium, *interpreter, *others))

    def purpose(self, name: Purpose) -> str:
        """Name a purpose as a client would say it, or as the law does where there is no such word yet."""
        rule = None if self.law is None else self.law.purposes.get(name)
        label = name if rule is None else str(getattr(rule.row.label, self.law_language))
        return self._own.purpose.get(purpose_id(name), label)

    @property
    def law_language(self) -> str:
        """The language of the law's own words: German, and English for its readers."""
        return "en" if self.language == "en" else "de"

    def is_plain(self, name: Purpose) -> bool:
        """Tell whether a purpose has a word in the client's own language."""
        return purpose_id(name) in self._own.purpose

    def fields(self, names: Iterable[FieldName]) -> str:
        """Name fields: to readers of German and English one by one, to others by their kind, each once."""
        law = self.law
        if self.language in {"de", "en"} and law is not None:
            return ", ".join(
                getattr(law.fields[name].label, self.language) if name in law.fields else name for name in names
            )
        kinds = dict.fromkeys(name.partition(".")[0] for name in names)
        return self.texts("list").join(self._own.category.get(CodeName(kind), kind) for kind in kinds)

    @property
    def _own(self) -> ClientWords:
        """The words in the client's own language for what the law speaks of, as they were read before the yes."""
        return shipped_words()[self.language].words
