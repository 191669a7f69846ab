"""What no registry can lift, whoever signed it (V01 to V12); V07 and V08 are tried beside their own checks."""

import pytest

from adapters.node.core.answer import without_register
from schemas.errors import Malformed
from schemas.ids import CodeName, FieldName
from schemas.record import FieldValues, Value
from schemas.registry import MODES, load, prohibited_by
from schemas.registry_files import bundle_of
from tests.support.registry import shipped

pytestmark = pytest.mark.slow  # together they take seconds

OFFICE, COUNSELLING = CodeName("auslaenderbehoerde"), ("case_management", "jmd", "mbe")
EXCEPTION = 'except_purposes = ["Z23"]\nexcept_basis = ["client_request"]\n'


def law(stem: str, old: str, new: str) -> dict[str, str]:
    """Give the shipped files with one text in one of them replaced wherever it stands."""
    files = shipped()
    assert old in files[stem]
    return files | {stem: files[stem].replace(old, new)}


LIFTED = [
    ("none at all", shipped() | {"prohibitions": "prohibition = []\n"}, 1),
    ("Z04 as well", law("prohibitions", '["Z23"]', '["Z04", "Z23"]'), 8),
    ("the duty as well", law("prohibitions", '["client_request"]', '["client_request", "cooperation_duty"]'), 8),
    ("without case management", law("prohibitions", '"case_management", "jmd", "mbe"', '"jmd", "mbe"'), 1),
    ("another requester", law("prohibitions", '["auslaenderbehoerde"]', '["jobcenter"]'), 1),
]


@pytest.mark.parametrize(("files", "line"), [one[1:] for one in LIFTED], ids=[one[0] for one in LIFTED])
def test_counselling_stays_barred_from_the_immigration_office(files: dict[str, str], line: int) -> None:
    """V01: without its prohibition, or with a wider exception, nothing becomes a bundle; file and line are named."""
    with pytest.raises(Malformed) as refused:
        bundle_of(files)
    told = [found for found in str(refused.value).splitlines() if found.endswith("(V01)")]
    assert told
    assert all(found.startswith(f"registry/prohibitions.toml:{line}: ") for found in told)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"except_purposes":["Z23"]', '"except_purposes":["Z04","Z23"]'),
        ('"except_basis":["client_request"]', '"except_basis":["client_request","statute"]'),
        ('"requester_kinds":["auslaenderbehoerde"],"rule"', '"requester_kinds":["jobcenter"],"rule"'),
    ],
    ids=["purpose", "basis", "another requester"],
)
def test_a_bundle_that_lifts_it_loads_nowhere(old: str, new: str) -> None:
    """V01: a bundle made by other means than from files is refused at every broker and node."""
    raw = bundle_of(shipped()).decode()
    assert old in raw
    with pytest.raises(Malformed, match=r"registry: .*\(V01\)"):
        load(raw.replace(old, new).encode())


def test_a_renamed_office_is_the_same_office() -> None:
    """V01 knows kinds by what they are, too: who decides on residence, and whose clientele is secret."""
    files = {stem: text.replace("auslaenderbehoerde", "migrationsamt") for stem, text in shipped().items()}
    files["prohibitions"] = files["prohibitions"].replace("migrationsamt", "jobcenter")
    with pytest.raises(Malformed, match=r"migrationsamt gets nothing from mbe .*\(V01\)"):
        bundle_of(files)


def test_a_narrower_prohibition_is_as_good() -> None:
    """V01 forbids lifting, not adding: with no exception at all the law loads, and bars every way between the two."""
    found = load(bundle_of(law("prohibitions", EXCEPTION, "")))
    ways = [(rule.row.purpose, basis) for rule in found.purposes.values() for basis in rule.row.basis]
    stopped = {prohibited_by(found, OFFICE, CodeName(one), *way) for one in COUNSELLING for way in ways}
    assert stopped == {"v01"}


def test_values_of_the_register_stay_whatever_the_law_says() -> None:
    """V06, V12: no row of a registry is asked; a value of the AZR goes to the immigration office and to nobody else."""
    values = (FieldValues(field=FieldName("course.state"), values=(Value(value="running", origin="azr"),)),)
    for name in load(bundle_of(shipped())).kinds.keys() - {OFFICE}:
        assert without_register(values, name)[0].values == ()
    assert without_register(values, OFFICE) == values


def test_no_purpose_asks_about_many_at_once() -> None:
    """V09: what a purpose may call its mode is a closed list, and of it only single requests are ever decided."""
    assert MODES == ("single", "package")
    with pytest.raises(Malformed, match="mode: Input should be"):
        bundle_of(law("purposes", 'mode = "single"', 'mode = "batch"'))


def test_no_purpose_is_made_outside_the_registry() -> None:
    """V11: a purpose is a row of a whole bundle, under an id with a version; one of another form becomes none."""
    with pytest.raises(Malformed, match=r"purpose\.0\.purpose"):
        bundle_of(law("purposes", '"Z01@1"', '"Z01"'))
