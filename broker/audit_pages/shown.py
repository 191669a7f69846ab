"""What an auditor reads for what the log holds: purposes, fields and kinds of entries by their names. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from adapters.web.texts import StaffLanguage, Texts
from consent_ledger.core.state import LedgerState
from schemas.ids import Hash, Purpose
from schemas.registry import Registry


@dataclass(frozen=True)
class Words:
    """Says what the log means in one language, beside the names that stand in it."""

    texts: Texts
    language: StaffLanguage
    state: LedgerState
    registries: Mapping[Hash, Registry]

    @cached_property
    def purposes(self) -> dict[Purpose, str]:
        """All purposes that any registry held here knows, by the words of the newest that is in force."""
        laws = [*self.registries.values(), *filter(None, [self._law])]
        found = {name: getattr(rule.row.label, self.language) for law in laws for name, rule in law.purposes.items()}
        return dict(sorted(found.items()))

    @property
    def offered_agencies(self) -> list[tuple[str, str]]:
        """All agencies that are or were members, to choose from."""
        return [(name, name) for name in sorted({*self.state.members, *self.state.former})]

    @property
    def offered_purposes(self) -> list[tuple[str, str]]:
        """All purposes that are known, to choose from."""
        return [(name, self.purpose(name)) for name in self.purposes]

    def offered(self, group: str, names: Iterable[str]) -> list[tuple[str, str]]:
        """Name the members of a group of texts (`basis`, `kind`), to choose from."""
        return [(name, self._word(f"{group}.{name}", name)) for name in names]

    def purpose(self, name: Purpose | None) -> str:
        """Name a purpose; empty for none."""
        if name is None:
            return ""
        label = self.purposes.get(name)
        return name if label is None else f"{name} {label}"

    def fields(self, names: Iterable[str]) -> str:
        """Name fields."""
        return ", ".join(self._fields.get(name, name) for name in names)

    def kind(self, name: str) -> str:
        """Say what an entry is."""
        return self._word(f"kind.{name}", name)

    def outcome(self, name: str) -> str:
        """Say what came of requests: an entry's kind, or that there is no answer yet."""
        return self.texts("charts.unanswered") if name == "unanswered" else self.kind(f"exchange.{name}")

    def tongue(self, code: str) -> str:
        """Name a consent's language, by its code where there is no word for it; empty stands for no consent."""
        return self._word(f"tongue.{code or 'none'}", code)

    def basis(self, name: str) -> str:
        """Say what a legal basis is; empty for none."""
        return self.texts(f"basis.{name}") if name else ""

    def _word(self, key: str, name: str) -> str:
        """Give a text, or the name itself where there is none yet."""
        return self.texts(key) if self.texts.has(key) else name

    @cached_property
    def _fields(self) -> dict[str, str]:
        """All fields of the law in force by their words."""
        known = {} if self._law is None else self._law.fields
        return {name: getattr(field.label, self.language) for name, field in known.items()}

    @cached_property
    def _law(self) -> Registry | None:
        return None if self.state.registry is None else self.registries.get(self.state.registry)
