"""The law as data: what a registry bundle holds, and how it is made ready for deciding.

A bundle is the canonical JSON of all registry files by their stem; its SHA-256 is what the ledger's `registry.set`
names and what every decision is bound to. How a bundle is made of its files is `schemas/registry_files.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, Field, ValidationError

from schemas import canonical
from schemas.calendar import berlin_ms, end_of_day_ms, parse_day
from schemas.commitment import sha256
from schemas.errors import Malformed
from schemas.ids import AgencyId, CodeName, FieldName, Hash, Norm, Purpose, purpose_id
from schemas.statements import SINGLE_CASE
from schemas.wire import Wire

BasisKind = Literal["statute", "cooperation_duty", "consent", "client_request"]
Power = Literal["money", "residence", "family", "citizenship", "housing", "secret", "course", "none"]
"""What an agency can do to a person, as clients are told: what it decides on, `secret` that it keeps what it hears."""
Inform = Literal["now", "next_contact", "exempt"]
"""When the person is told of an exchange on a statute, by whoever asked (Art. 14(3) and (5) GDPR)."""
Label = Annotated[str, Field(min_length=1, max_length=300)]
FieldPattern = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.(\*|[a-z][a-z0-9_]*)$")]
"""One field, or with `category.*` all fields of a category."""


def _real_day(text: str) -> str:
    try:
        parse_day(text, "date")
    except Malformed as error:
        message = "no day of the calendar"
        raise ValueError(message) from error
    return text


Day = Annotated[str, Field(pattern=r"^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_real_day)]
"""A day in the years 1900 to 2099, as `YYYY-MM-DD`."""
FILES: Final = ("agency_kinds", "code_lists", "fields", "prohibitions", "purposes")
"""The stems of the files of a bundle, in order."""


MODES: Final = ("single", "package")
"""The modes of exchange that are built; a purpose in another mode is refused with `mode_not_available`.

A package is several single requests with one occasion, and each of them is decided by itself.
"""


OCCASIONS: Final = CodeName("occasion")
"""The code list of what several requests are asked together for."""


NEVER: Final = frozenset({"011", "020", "022", "023", "057", "058", "059", "062", "069", "073", "074"}) | {
    f"{group:03}" for group in range(42, 55)
}
"""Groups of the DSAusländer no field may be of (V02, V05): health, religion, pictures, removal, search, offences."""
NUMBERS: Final = frozenset({"002", "065"})
"""Groups of official numbers: they name a person and are in no answer (V04, § 10(4) AZRG)."""
NEVER_CATEGORIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("biometrics", "offences", "religion", "removal"), "V02"),
    **dict.fromkeys(("disability", "health"), "V05"),
    "understanding": "V10",
}
"""Categories no field may be of, whatever group it names: such as how well somebody understood a text (V10)."""
NEVER_LEAVES: Final = frozenset({"azr_number", "customer_number", "social_insurance_number", "tax_number"})
"""Leaves no field may be: official numbers under any category (V04)."""
NEVER_TASKS: Final = frozenset({*map(str, range(3, 20)), "21", "30", "35"})
"""Tasks of § 8(3) AZRG-DV no purpose may serve (V03): police, security, prosecution, intelligence."""


CONDITIONS: Final = frozenset({"azr_insufficient", "reason_not_from_client"})
"""What a purpose may ask to have declared; each has its words in `explain.toml`."""
_OFFICE: Final = "auslaenderbehoerde"
_COUNSELLING: Final = frozenset({"case_management", "jmd", "mbe"})
_DOCUMENT: Final = "Z23"
"""V01: counselling hands nothing to the immigration office but a document, on the person's own request."""


class Labels(Wire):
    """A name in the two languages of the staff."""

    de: Label
    en: Label


class AgencyKind(Wire):
    """What the law says of a kind of agency.

    `ceiling` is the highest sensitivity it may receive unless an approval says 3; `section35` a body of § 35 SGB I;
    `secrecy_203` bound by § 203 StGB; `secret_clientele`: even "is our client" is a secret; `sanction_power`: it can
    cut or end something the client needs. `power` says which, in the words clients read.
    """

    name: CodeName
    label: Labels
    public: bool
    section35: bool
    secrecy_203: bool
    secret_clientele: bool
    sanction_power: bool
    ceiling: Annotated[int, Field(ge=0, le=3)]
    power: Power = "none"


class CodeValue(Wire):
    """One value of a code list."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+.:()§-]{1,60}$")]
    label: Labels


class CodeList(Wire):
    """A closed list of values with its legal source and the day it came into force."""

    name: CodeName
    source: Label
    valid_from: Day
    valid_to: Day | None = None
    values: Annotated[tuple[CodeValue, ...], Field(min_length=1, max_length=400)]


class FieldDef(Wire):
    """One leaf of the data model: type, sensitivity 0 to 3, DSAusländer number, DPV term and leading agency kind."""

    name: FieldName
    label: Labels
    type: Literal["text", "int", "bool", "date", "code"]
    many: bool = False
    code_list: CodeName | None = None
    sensitivity: Annotated[int, Field(ge=0, le=3)]
    dsa: Annotated[str, Field(pattern=r"^([0-9]{3}(\.[0-9]{2})?)?$")] = ""
    dpv: Annotated[str, Field(max_length=60)] = ""
    lead: CodeName


class PurposeRow(Wire):
    """One purpose of the law, one version.

    `answer_within_s` sets `answer_by`; `later_after_ms` when "later" is said; `release` whether a certain match may be
    answered by the machine, or how many persons at the holder must agree; `secrecy_release` when a release from
    § 203 StGB is needed; `neutral_collector`: the consent must have been collected where no sanction power sits;
    `same_kind` whether two agencies of one kind may use it; `azr_task` the task code of § 8(3) AZRG-DV; `occasion` what
    a purpose of mode `package` is asked together for, from the code list of that name; `inform` when the person is told
    of an exchange on a statute (Art. 14 GDPR): `now`, at the `next_contact`, or `exempt` by `exempt_norm`; `off`: it is
    refused whatever its dates say, because its law is yet to be checked. What is `no_exchange` is about nobody and
    rests on no basis.
    """

    purpose: Purpose
    label: Labels
    requester_kinds: Annotated[tuple[CodeName, ...], Field(min_length=1)]
    holder_kinds: Annotated[tuple[CodeName, ...], Field(min_length=1)]
    basis: tuple[BasisKind, ...]
    norm: Annotated[tuple[Norm, ...], Field(min_length=1)]
    fields: tuple[FieldPattern, ...]
    mode: Literal["single", "package", "push", "subscription", "round", "broadcast", "parcel", "no_exchange"]
    occasion: CodeName | None = None
    conditions: tuple[CodeName, ...] = ()
    secrecy_release: Literal["never", "if_holder_203", "always"] = "never"
    neutral_collector: tuple[CodeName, ...] = ()
    same_kind: bool = False
    azr_task: Annotated[str, Field(pattern=r"^([1-9][0-9]?a?)?$")] = ""
    inform: Inform | None = None
    exempt_norm: Norm | None = None
    release: Literal["automatic", "human", "two_humans"]
    answer_within_s: Annotated[int, Field(ge=1, le=60 * 60 * 24 * 90)]
    later_after_ms: Annotated[int, Field(ge=0, le=14_000)] = 5000
    valid_from: Day
    valid_to: Day | None = None
    review: Literal["draft", "needs_legal_review", "reviewed"]
    off: bool = False


class Prohibition(Wire):
    """A pair of kinds that may never exchange but for the named purposes under the named basis; evaluated first."""

    rule: CodeName
    label: Labels
    requester_kinds: Annotated[tuple[CodeName, ...], Field(min_length=1)]
    holder_kinds: Annotated[tuple[CodeName, ...], Field(min_length=1)]
    except_purposes: tuple[Annotated[str, Field(pattern=r"^Z[0-9]{2}$")], ...] = ()
    except_basis: tuple[BasisKind, ...] = ()


class _KindsFile(Wire):
    agency_kind: tuple[AgencyKind, ...]


class _CodeListsFile(Wire):
    code_list: tuple[CodeList, ...]


class _FieldsFile(Wire):
    field: tuple[FieldDef, ...]


class _ProhibitionsFile(Wire):
    prohibition: tuple[Prohibition, ...]


class _PurposesFile(Wire):
    purpose: tuple[PurposeRow, ...]


class Bundle(Wire):
    """A registry bundle as it is stored, hashed and signed."""

    agency_kinds: _KindsFile
    code_lists: _CodeListsFile
    fields: _FieldsFile
    prohibitions: _ProhibitionsFile
    purposes: _PurposesFile


class PurposeRule(NamedTuple):
    """A purpose made ready for deciding: its row, its fields spelled out, and its validity in ms."""

    row: PurposeRow
    fields: frozenset[FieldName]
    from_ms: int
    to_ms: int | None

    def pairs(self, requester: CodeName, holder: CodeName) -> bool:
        """Tell whether an agency of the one kind may ask one of the other."""
        row = self.row
        return (
            requester in row.requester_kinds and holder in row.holder_kinds and (requester != holder or row.same_kind)
        )

    def needs_release(self, holder: AgencyKind) -> bool:
        """Tell whether the client must have released this holder from secrecy (§ 203 StGB)."""
        needed = self.row.secrecy_release
        return needed == "always" or (needed == "if_holder_203" and holder.secrecy_203)

    def may_collect(self, collector: AgencyKind | None, recipient: CodeName) -> bool:
        """Tell whether a consent for this kind of recipient may come from a collector; None is one that has left."""
        return recipient not in self.row.neutral_collector or (collector is not None and not collector.sanction_power)

    def in_force(self, at_ms: int) -> bool:
        """Tell whether the purpose may be used at an instant; `valid_to` is its last day, to midnight in Berlin."""
        return not self.row.off and self.from_ms <= at_ms and (self.to_ms is None or at_ms < self.to_ms)


class Registry(NamedTuple):
    """A bundle made ready for deciding: everything by its name."""

    hash: Hash
    kinds: Mapping[CodeName, AgencyKind]
    code_lists: Mapping[CodeName, CodeList]
    fields: Mapping[FieldName, FieldDef]
    purposes: Mapping[Purpose, PurposeRule]
    prohibitions: tuple[Prohibition, ...]


def load(raw: bytes) -> Registry:
    """Read a canonical bundle and make it ready for deciding; Malformed names table and rule of what does not fit.

    What never may be exchanged is refused here too, whoever signed it: each broker and node loads by this function. A
    bundle may leave out defaults, as its files do: its hash is that of the bytes as they were put into force.
    """
    canonical.decode(raw)
    try:
        bundle = Bundle.model_validate_json(raw)
    except ValidationError as error:
        raise Malformed(canonical.describe("registry", error)) from error
    rows = (*map(never_a_field, bundle.fields.field), *map(never_a_purpose, bundle.purposes.purpose))
    lifted = (rule for _, rule in never_lifted(bundle))
    if (never := next(filter(None, (*rows, *lifted)), None)) is not None:
        message = f"registry: {never}"
        raise Malformed(message)
    known = {field.name: field for field in bundle.fields.field}
    return Registry(
        hash=sha256(raw),
        kinds={kind.name: kind for kind in bundle.agency_kinds.agency_kind},
        code_lists={one.name: one for one in bundle.code_lists.code_list},
        fields=known,
        purposes={row.purpose: _rule(row, known) for row in bundle.purposes.purpose},
        prohibitions=bundle.prohibitions.prohibition,
    )


def never_a_field(field: FieldDef) -> str | None:
    """Say by which rule that no registry can lift a field may not exist, or None."""
    group, (category, _, leaf) = field.dsa.partition(".")[0], field.name.partition(".")
    if category in NEVER_CATEGORIES:
        return f"category {category} is never exchanged ({NEVER_CATEGORIES[category]})"
    if leaf in NEVER_LEAVES:
        return f"{leaf} is an official number and in no answer (V04)"
    if group in NUMBERS:
        return f"group {group} is an official number and in no answer (V04)"
    return f"group {group} is never exchanged (V02, V05)" if group in NEVER else None


def never_a_purpose(row: PurposeRow) -> str | None:
    """Say by which rule that no registry can lift a purpose may not exist, or None."""
    if row.azr_task in NEVER_TASKS:
        return f"no purpose serves task {row.azr_task} (V03)"
    unknown = sorted(set(row.conditions) - CONDITIONS)
    return f"unknown condition {unknown[0]}" if unknown else None


def never_lifted(bundle: Bundle) -> Iterator[tuple[int | None, str]]:
    """Find what V01 forbids and this bundle lets through: the number of the prohibition that leaves it open, or None.

    Whatever purposes say, each office that decides on residence is barred from each counselling agency, but for Z23 on
    the person's own request. Kinds are known by their names, and by what they are, should a bundle rename them.
    """
    kinds, rows = bundle.agency_kinds.agency_kind, bundle.prohibitions.prohibition
    offices = [kind.name for kind in kinds if kind.name == _OFFICE or kind.power == "residence"]
    counselling = [kind.name for kind in kinds if kind.name in _COUNSELLING or kind.secret_clientele]
    for asks in offices:
        for holds in counselling:
            between = [n for n, one in enumerate(rows) if asks in one.requester_kinds and holds in one.holder_kinds]
            if not any(_bars(rows[number]) for number in between):
                rule = f"{asks} gets nothing from {holds} but {_DOCUMENT} on client_request (V01)"
                yield (between[0] if between else None), rule


def _bars(one: Prohibition) -> bool:
    """Tell whether a prohibition leaves no more open than V01 does."""
    return set(one.except_purposes) <= {_DOCUMENT} and set(one.except_basis) <= {"client_request"}


def _rule(row: PurposeRow, known: Mapping[FieldName, FieldDef]) -> PurposeRule:
    return PurposeRule(
        row=row,
        fields=frozenset(name for pattern in row.fields for name in known if fits(name, pattern)),
        from_ms=berlin_ms(parse_day(row.valid_from, "valid_from")),
        to_ms=None if row.valid_to is None else end_of_day_ms(parse_day(row.valid_to, "valid_to")),
    )


def conditions_of(registry: Registry) -> frozenset[CodeName]:
    """Give the conditions that purposes or approvals may demand."""
    return frozenset({SINGLE_CASE, *(code for rule in registry.purposes.values() for code in rule.row.conditions)})


def fits(name: FieldName, pattern: str) -> bool:
    """Tell whether a field is the one a purpose's pattern names, or of the category it names."""
    return name.startswith(pattern[:-1]) if pattern.endswith(".*") else name == pattern


def called(agency: AgencyId, kind: CodeName | None, law: Registry | None) -> Labels:
    """Give what people call an agency: what kind of one it is, and its name; the name alone where no kind is known."""
    known = None if law is None or kind is None else law.kinds.get(kind)
    if known is None:
        return Labels(de=agency, en=agency)
    return Labels(de=f"{known.label.de} ({agency})", en=f"{known.label.en} ({agency})")


def prohibited_by(
    registry: Registry, requester: CodeName, holder: CodeName, purpose: Purpose, basis: BasisKind
) -> CodeName | None:
    """Give the rule id of the first prohibition that stops this pair of agency kinds, or None."""
    for one in registry.prohibitions:
        if requester in one.requester_kinds and holder in one.holder_kinds:
            excepted = purpose_id(purpose) in one.except_purposes and basis in one.except_basis
            if not excepted:
                return one.rule
    return None
