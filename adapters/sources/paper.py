"""A paper file of an agency as a source: a human looks, decides and types; the machine keeps to the rules.

    kind = "paper"
    fields = ["course_participation.state", "contact.phone"]    # what may be asked of these files

`candidates` finds nobody, because no machine reads a paper file. What is asked of such an agency waits in its release
list (`Source.by_hand`), with the person asked for and the granted fields. A human who finds the person's file types its
number and the values; `prepare` checks them by the law's types and lists and holds them, in memory only, under the
file's number, until the flow that releases fetches them, once, and seals them. Nothing of it is written down: after a
crash it is typed again.

How a portal plugs in: on "release" it calls `prepare`, and then the release of the flow with the reference that came
back; on "refuse" it calls the flow's refusal. The flow parks every request for a source with `by_hand` for a human,
needs no candidates for it, and takes the reference just prepared. The file's number is what a pair handle leads to
later; it is shown to the human with the next request.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.sources.port import Candidate, LocalRef, Search
from adapters.sources.text import clean
from adapters.sources.typed import Typed, typed_record
from schemas import toml_files
from schemas.errors import Malformed, Misuse, Unavailable
from schemas.ids import CodeName, FieldName
from schemas.record import FieldValues, PersonBlock
from schemas.registry import Registry

MAX_NUMBER: Final = 200
MAX_PREPARED: Final = 100


class PaperMapping(BaseModel):
    """What a paper agency can be asked for."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    kind: Literal["paper"]
    fields: Annotated[tuple[FieldName, ...], Field(min_length=1, max_length=200)]


def is_paper(text: str) -> bool:
    """Tell whether the text of a mapping file is that of a paper agency; what is no TOML is not."""
    try:
        return tomllib.loads(text).get("kind") == "paper"
    except tomllib.TOMLDecodeError:
        return False


def parse_paper(text: str, file: str, known: frozenset[FieldName]) -> PaperMapping:
    """Read the mapping of a paper agency; Malformed names file, place and rule; `known` are the registry's fields."""
    mapping = toml_files.parse(PaperMapping, text, file)
    unknown = sorted(set(mapping.fields) - known)
    if unknown:
        raise Malformed("\n".join(f"{file}: fields: the registry has no field {field}" for field in unknown))
    return mapping


class PaperSource:
    """Files that only people read. Keeps what the contract of `adapters.sources.port.Source` asks of such a source."""

    by_hand: Final = True

    def __init__(self, mapping: PaperMapping) -> None:
        """Begin with nothing prepared."""
        self._catalogue = frozenset(mapping.fields)
        self._prepared: dict[tuple[LocalRef, frozenset[FieldName]], tuple[FieldValues, ...]] = {}
        self._closed = False

    @property
    def catalogue(self) -> frozenset[FieldName]:
        """The fields of the mapping."""
        return self._catalogue

    def prepare(
        self,
        registry: Registry,
        file_number: str,
        granted: frozenset[FieldName],
        typed: Mapping[FieldName, Sequence[Typed]],
        role: CodeName,
    ) -> LocalRef:
        """Check and hold what a human typed for one released request, and give the reference to release.

        `role` is the human's staff role. Raises Malformed with every finding, Misuse for a grant outside the catalogue,
        Unavailable when too many are prepared and none is fetched.
        """
        number, record = self.read(registry, file_number, granted, typed, role)
        if len(self._prepared) >= MAX_PREPARED:
            message = f"paper: {MAX_PREPARED} answers are prepared and not released"
            raise Unavailable(message)
        self._prepared[number, granted] = record
        return number

    def read(
        self,
        registry: Registry,
        file_number: str,
        granted: frozenset[FieldName],
        typed: Mapping[FieldName, Sequence[Typed]],
        role: CodeName,
    ) -> tuple[LocalRef, tuple[FieldValues, ...]]:
        """Check what a human typed, and give the file's number with the record; hold nothing. Raises as `prepare`."""
        self._demand_open()
        number = clean(file_number)
        if not 0 < len(number) <= MAX_NUMBER:
            message = f"file number: has 1 to {MAX_NUMBER} characters"
            raise Malformed(message)
        if not granted <= self._catalogue:
            message = f"paper: it offers no {', '.join(sorted(granted - self._catalogue))}"
            raise Misuse(message)
        return LocalRef(number), typed_record(registry, granted, typed, role)

    async def candidates(self, person: PersonBlock) -> tuple[Candidate, ...]:
        """Give nobody: a human looks."""
        del person
        self._demand_open()
        return ()

    async def search(self, query: Search) -> tuple[Candidate, ...]:
        """Give nobody: the agency's own staff look into their own cabinet."""
        del query
        self._demand_open()
        return ()

    async def persons(self, after: object | None) -> None:
        """Give nothing: a human looks."""
        del after

    async def state(self) -> None:
        """Give nothing."""

    async def lookup(self, ref: LocalRef) -> Candidate:
        """Raise Unavailable: no machine reads the file."""
        del ref
        self._demand_open()
        message = "paper: a human looks into the file"
        raise Unavailable(message)

    async def fetch(self, ref: LocalRef, fields: frozenset[FieldName]) -> tuple[FieldValues, ...]:
        """Give what was prepared for exactly these fields, once; Unavailable when nothing is."""
        self._demand_open()
        if not fields <= self._catalogue:
            message = f"paper: it offers no {', '.join(sorted(fields - self._catalogue))}"
            raise Misuse(message)
        record = self._prepared.pop((ref, fields), None)
        if record is None:
            message = "paper: nobody has prepared an answer from this file"
            raise Unavailable(message)
        return record

    async def check(self) -> None:
        """Find nothing: there is nothing a machine could look at."""
        self._demand_open()

    async def close(self) -> None:
        """Forget what was prepared."""
        self._closed = True
        self._prepared.clear()

    def _demand_open(self) -> None:
        if self._closed:
            message = "paper: the source is closed"
            raise Unavailable(message)
