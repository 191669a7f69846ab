"""The steering group's commands that need nobody else: founding, keys, registry."""

import json
import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.infra.key_files import load_seal_key, load_signer, read_published
from adapters.node.main import load_settings
from broker.main import load
from handschlag.admission import Application, FederationPins, read_paper
from handschlag.cli import handschlag
from schemas.commitment import sha256
from schemas.errors import Malformed, Misuse
from schemas.note import SignatureType

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

LAW = Path(__file__).parents[2] / "schemas" / "registry"
NAME = "musterstadt.example"


def command(*words: str | Path) -> Result:
    """Run a command as a user would."""
    return CliRunner().invoke(handschlag, [str(word) for word in words])


def test_a_federation_is_founded_whole(tmp_path: Path) -> None:
    """Its broker's folder loads, the pins are its steering keys, every secret is its owner's alone."""
    folder = tmp_path / "town"
    result = command("federation", "init", folder, "--name", NAME, "--nats-port", "4333")
    assert result.exit_code == 0, result.exception
    pins = read_paper(FederationPins, folder / "federation.toml")
    loaded = load(folder / "broker")
    assert pins.steering == tuple(key.vkey for key in loaded.setup.gate.pins.steering)
    assert (pins.name, pins.nats, pins.log) == (NAME, "tls://127.0.0.1:4333", loaded.settings.log)
    assert loaded.setup.gate.steering_account == pins.steering_account
    assert [getattr(signed.statement, "seq", None) for signed in loaded.setup.genesis] == [1, 2]
    secrets = [path for path in folder.rglob("*") if path.suffix in {".key", ".seed"}]
    assert len(secrets) == 13
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets)
    assert [path.name for path in tmp_path.iterdir()] == ["town"]


def test_nothing_is_founded_over_something(tmp_path: Path) -> None:
    """A folder with anything in it stays as it is; an empty one is taken."""
    folder = tmp_path / "town"
    folder.mkdir()
    (folder / "letter.txt").write_text("keep me")
    result = command("federation", "init", folder, "--name", NAME)
    assert isinstance(result.exception, Misuse)
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]
    (folder / "letter.txt").unlink()
    assert command("federation", "init", folder, "--name", NAME).exit_code == 0


@pytest.mark.parametrize("name", ["Musterstadt", "a b", "", "x" * 65, "musterstadt.example/log"])
def test_a_federations_name_is_checked(tmp_path: Path, name: str) -> None:
    """What cannot be in a key's name is refused, and nothing is made."""
    result = command("federation", "init", tmp_path / "town", "--name", name)
    assert isinstance(result.exception, Malformed)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_registry_founds_nothing(tmp_path: Path) -> None:
    """The law is checked before anything is made."""
    shutil.copytree(LAW, tmp_path / "law")
    (tmp_path / "law" / "purposes.toml").write_text("[[purpose]]\nmystery = 1\n")
    result = command("federation", "init", tmp_path / "town", "--name", NAME, "--registry", tmp_path / "law")
    assert isinstance(result.exception, Malformed)
    assert "registry/purposes.toml:2" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["law"]


def test_a_reading_token_comes_with_its_hash() -> None:
    """The hash is the one that the broker's settings need; each token is another."""
    first, second = (dict(map(str.split, command("token", "reader").output.splitlines())) for _ in range(2))
    assert first["sha256"] == sha256(first["token"].encode())
    assert len(first["token"]) == 43
    assert first != second


def test_mldsa44_is_for_witnesses_who_want_it(tmp_path: Path) -> None:
    """A node made with it offers a second witness key and finds it by its settings; one made without has none."""
    town, name = tmp_path / "town", f"{NAME}/amt/witness-2"
    assert command("federation", "init", town, "--name", NAME).exit_code == 0
    for node, options in (("plain", ()), ("second", ("--mldsa44",))):
        words = ("--agency", "amt", "--kind", "jobcenter", "--federation", town / "federation.toml")
        result = command("node", "init", tmp_path / node, *words, *options)
        assert result.exit_code == 0, result.exception
    plain, second = (read_paper(Application, tmp_path / node / "application.toml") for node in ("plain", "second"))
    assert [key.suite for key in plain.keys if key.role == "witness"] == ["ed25519"]
    assert [key.suite for key in second.keys if key.role == "witness"] == ["ed25519", "mldsa44"]
    assert load_settings(tmp_path / "plain").keys.witness_mldsa44 is None
    place = load_settings(tmp_path / "second").keys.witness_mldsa44
    assert load_signer(tmp_path / "second" / str(place)).key.vkey == second.keys[3].public
    made = ("keys", "new", "--mldsa44", "--name", name, "--out", tmp_path / "new.key")
    assert isinstance(command(*made, "--role", "statement").exception, Misuse)
    assert command(*made, "--role", "witness").exit_code == 0
    assert load_signer(tmp_path / "new.key").key.type is SignatureType.MLDSA44_COSIGNATURE


@pytest.mark.parametrize(
    ("role", "name", "signature"),
    [
        ("statement", f"{NAME}/amt/statement-2", SignatureType.ED25519),
        ("witness", f"{NAME}/amt/witness-1", SignatureType.COSIGNATURE),
        ("steering", f"{NAME}/steering/dpo-2", SignatureType.ED25519),
        ("log", f"{NAME}/log/2027-01", SignatureType.ED25519),
    ],
)
def test_keys_are_made_for_their_role(tmp_path: Path, role: str, name: str, signature: SignatureType) -> None:
    """A signing key has the type its role needs, and `show` tells the public half from either file."""
    path = tmp_path / "new.key"
    result = command("keys", "new", "--role", role, "--name", name, "--out", path)
    assert result.exit_code == 0, result.exception
    key = load_signer(path).key
    assert (key.name, key.type) == (name, signature)
    shown = [command("keys", "show", file).output for file in (path, tmp_path / "new.key.pub")]
    assert shown == [result.output] * 2
    assert key.vkey in result.output


def test_a_seal_key_is_hybrid(tmp_path: Path) -> None:
    """The default suite is the one that stays sealed against tomorrow's machines."""
    path = tmp_path / "seal.key"
    assert command("keys", "new", "--role", "seal", "--name", f"{NAME}/amt/seal-1", "--out", path).exit_code == 0
    assert load_seal_key(path).suite == "mlkem768-x25519"
    assert read_published(tmp_path / "seal.key.pub").suite == "mlkem768-x25519"


@pytest.mark.parametrize(
    ("role", "name"), [("statement", "amt"), ("log", f"{NAME}/amt/log-1"), ("seal", f"{NAME}/log/1")]
)
def test_a_keys_name_is_checked(tmp_path: Path, role: str, name: str) -> None:
    """A name that no statement could carry is refused, and no file is made."""
    result = command("keys", "new", "--role", role, "--name", name, "--out", tmp_path / "new.key")
    assert isinstance(result.exception, Malformed)
    assert list(tmp_path.iterdir()) == []


def test_the_registry_is_checked_and_bundled(tmp_path: Path) -> None:
    """`check` says what there is, `bundle` writes the bytes under the hash that `check` gave."""
    checked = command("registry", "check", LAW)
    assert checked.exit_code == 0, checked.exception
    bundled = command("registry", "bundle", LAW, "--out", tmp_path)
    assert bundled.exit_code == 0, bundled.exception
    (path,) = tmp_path.iterdir()
    assert bundled.output.strip() == str(path)
    assert path.stem == sha256(path.read_bytes())
    assert path.stem in checked.output
    assert "Z16@1" in checked.output


def test_two_versions_of_the_registry_are_compared(tmp_path: Path) -> None:
    """A folder beside a bundle, in words and for programs; what cannot be read is the caller's slip."""
    shutil.copytree(LAW, tmp_path / "law")
    purposes = tmp_path / "law" / "purposes.toml"
    purposes.write_text(purposes.read_text().replace('"course_results.exam_kind", ', "", 1))
    command("registry", "bundle", LAW, "--out", tmp_path)
    (bundle,) = tmp_path.glob("*.json")
    words = command("registry", "diff", bundle, tmp_path / "law")
    assert words.exit_code == 0, words.exception
    assert "course_results.exam_kind (" in words.output
    told = json.loads(command("registry", "diff", tmp_path / "law", bundle, "--json").output)
    assert [(one["key"], one["before"], one["after"]) for one in told] == [("fields", [], ["course_results.exam_kind"])]
    assert isinstance(command("registry", "diff", bundle, tmp_path / "none.json").exception, Misuse)


CONTRADICTIONS = {
    "unknown field": ("purposes", '  "benefits.from",', '  "benefits.form",', "fields: unknown field benefits.form"),
    "purpose without norm": (
        "purposes",
        'norm = ["AsylbLG § 11(3)"]',
        "norm = []",
        "norm: Tuple should have",
    ),
    "all fields above a ceiling": (
        "agency_kinds",
        "ceiling = 2",
        "ceiling = 0",
        "fields: all are above the ceiling",
    ),
    "label missing": ("purposes", ', en = "Reconcile base data"', "", "label.en: Field required"),
    "no text for clients": ("purposes", '"Z29@1"', '"Z31@1"', "purpose: no text purpose.Z31 in de, de-leicht, en, ar"),
    "no text for a field": (
        "fields",
        '"competence.skill_level"',
        '"competence.skill_grade"',
        "name: no text field.competence.skill_grade",
    ),
    "forbidden group": ("fields", 'dsa = "004.01"', 'dsa = "011.01"', "dsa: group 011 is never exchanged (V02, V05)"),
    "forbidden task": ("purposes", 'azr_task = "22"', 'azr_task = "21"', "azr_task: no purpose serves task 21 (V03)"),
    "barred pair": (
        "prohibitions",
        '["Z23"]',
        '["Z04", "Z23"]',
        "except_purposes: auslaenderbehoerde gets nothing",
    ),
    "unknown condition": ("purposes", '["azr_insufficient"]', '["because"]', "conditions: unknown condition because"),
    "package without occasion": (
        "purposes",
        'occasion = "relocation"\n',
        "",
        "occasion: a purpose of mode package",
    ),
    "nobody is told": ("purposes", 'inform = "now"\n', "", "inform: a purpose with a statute says when"),
}


@pytest.mark.parametrize(("stem", "old", "new", "rule"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_check_finds_each_contradiction(tmp_path: Path, stem: str, old: str, new: str, rule: str) -> None:
    """One slip in the shipped law is found by `registry check`, with rule, file and a line of the very table."""
    shutil.copytree(LAW, tmp_path / "law")
    file = tmp_path / "law" / f"{stem}.toml"
    before = file.read_text()
    assert old in before
    file.write_text(before.replace(old, new, 1))
    result = command("registry", "check", tmp_path / "law")
    assert isinstance(result.exception, Malformed)
    told = [found for found in str(result.exception).splitlines() if rule in found]
    assert told
    places = [(Path(place).stem, int(line)) for place, line in (found.split(":")[:2] for found in told)]
    tables = [table_at(tmp_path / "law" / f"{where}.toml", line) for where, line in places]
    # A ceiling that is too low shows at the purposes that can never be asked for under it.
    assert any(table not in before for table in tables) or {where for where, _ in places} == {"purposes"} != {stem}


def table_at(file: Path, line: int) -> str:
    """Give the table of a file in which a line, counted from 1, stands."""
    lines = file.read_text().splitlines()
    starts = [number for number, text in enumerate(lines, start=1) if text.startswith("[[")]
    begin = max((number for number in starts if number <= line), default=1)
    return "\n".join(lines[begin - 1 : next((number for number in starts if number > line), len(lines) + 1) - 1])


def test_findings_of_the_registry_come_one_a_line(tmp_path: Path) -> None:
    """Each contradiction has its own line with file and line."""
    shutil.copytree(LAW, tmp_path / "law")
    purposes = tmp_path / "law" / "purposes.toml"
    text = purposes.read_text().replace('requester_kinds = ["', 'requester_kinds = ["dragons", "')
    purposes.write_text(text)
    result = command("registry", "check", tmp_path / "law")
    assert isinstance(result.exception, Malformed)
    assert all("purposes.toml:" in line and "dragons" in line for line in str(result.exception).splitlines())
