"""A data protection officer's approval as it is in force: what it lets flow, and what each request must declare."""

from dataclasses import dataclass
from typing import Final

from schemas import statements as st
from schemas.ids import AgencyId, CodeName, FieldName, Purpose

MAX_SENSITIVITY: Final = 3
"""The highest sensitivity a field can have; only an approval that names it lets such fields flow."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A DPO's approval of one kind of access by one agency."""

    index: int
    agency: AgencyId
    role: CodeName
    purpose: Purpose
    fields: frozenset[FieldName]
    valid_until: int
    ceiling: int
    automatic: bool
    conditions: frozenset[CodeName] = frozenset()

    def ceiling_for(self, kind: int) -> int:
        """Give the highest sensitivity that may flow, from the ceiling of the agency's kind.

        Above it only an approval that says 3 leads, and an approval that says less than the kind's ceiling binds.
        """
        return self.ceiling if self.ceiling == MAX_SENSITIVITY else min(self.ceiling, kind)

    @property
    def to_declare(self) -> frozenset[CodeName]:
        """The conditions each request must declare; a release in the single case is the holder's work."""
        return self.conditions - {st.SINGLE_CASE}
