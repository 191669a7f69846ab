"""What an auditor types: each command's output, its exit code, and one clear sentence for whatever is no sound log."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from consent_ledger.archive import TOP
from consent_ledger.core.pins_file import write_pins
from consent_ledger.core.signed import Pins
from consent_ledger.store import ShardStore
from handschlag.commands.ledger import VerdictGroup
from schemas.ids import FederationName
from tests.support import keys
from tests.support.audited_log import files_of, flip, index_of, note_of, sound
from tests.support.auditor import log, run, unpack, write, write_federation, write_shard
from tests.support.pens import LOG, PINS, signer
from tests.support.small_law import BUNDLE as LAW_BUNDLE
from tests.support.small_law import LAW
from tests.support.tampering import BUNDLE, LEAVES, tall

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    """Give a file of pins that came another way than the log."""
    return write_federation(tmp_path)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """Give the folder of a broker's SQLite files, in a federation's folder."""
    return write_shard(tmp_path)


# -- verify and replay ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["verify", "replay"])
def test_a_sound_export(tmp_path: Path, pins: Path, command: str) -> None:
    """The facts, the verdict and exit code 0; with pins from elsewhere nothing is said against them."""
    result = run(command, write(tmp_path / "export", sound()), "--pins", pins)
    assert result.exit_code == 0, result.output
    assert "Sound: " in result.output
    assert f"63 hashed, 63 proven, {63 if command == 'replay' else 0} decided again" in result.output
    assert "musterstadt.example/amt/witness-1 2026-11-20 10:02:00Z" in result.output
    assert "The pins are" not in result.output


def test_a_program_that_watches_reads_lines(shard: Path, pins: Path, tmp_path: Path) -> None:
    """With --lines, numbers that only grow up to all, and nothing else; the report is the file's."""
    result = run("replay", shard, "--pins", pins, "--lines", "--json", tmp_path / "report.json")
    lines = [tuple(map(int, line.split())) for line in result.stdout.splitlines()]
    assert (result.exit_code, lines) == (0, sorted(set(lines)))
    assert lines[-1] == (len(LEAVES), len(LEAVES))
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["verdict"] == "sound"


def test_an_export_is_one_file_on_standard_output(shard: Path, pins: Path, tmp_path: Path) -> None:
    """What is unpacked from it replays; what is said besides goes elsewhere."""
    result = run("export", "-", "--source", shard, "--pins", pins)
    assert result.exit_code == 0, result.stderr
    unpack(result.stdout_bytes, tmp_path)
    assert run("replay", tmp_path / TOP, "--pins", pins).exit_code == 0


def test_pins_of_the_export_itself_are_warned_of(tmp_path: Path) -> None:
    """Without pins from elsewhere the export's own are used, and it is said what that is worth."""
    result = run("verify", write(tmp_path, sound()))
    assert result.exit_code == 0
    assert "The pins are the log's own word" in result.output
    assert "The witness policy is the log's own word" in result.output


def test_a_report_for_programs(tmp_path: Path, pins: Path) -> None:
    """The JSON file names verdict, counts, and for each finding class, index, path, rule, expected and found."""
    index = index_of(LEAVES, "exchange.granted")
    leaves = list(LEAVES)
    leaves[index] = leaves[index].replace(b'"rules":["purpose",', b'"rules":[')
    report = tmp_path / "report.json"
    result = run("replay", write(tmp_path / "export", files_of(leaves)), "--pins", pins, "--json", report)
    assert result.exit_code == 1
    written = json.loads(report.read_text("utf-8"))
    assert (written["verdict"], written["exit_code"], written["size"]) == ("tampered", 1, 63)
    assert written["pins_brought"] is True
    assert written["findings"][0] == {
        "class": 1,
        "what": "tampered",
        "index": index,
        "path": None,
        "rule": "decision",
        "expected": "the decision that follows from the recorded inputs",
        "found": "exchange.granted; comes out with other values of: rules",
    }
    assert f"entry {index}" in result.output
    assert "Tampered: " in result.output


def test_more_findings_than_a_table_has(tmp_path: Path, pins: Path) -> None:
    """The table ends after fifty findings and says how many more there are."""
    leaves = [LEAVES[0], *(raw.replace(b'"v":1}', b'"v":1} ') for raw in LEAVES[1:])]
    result = run("verify", write(tmp_path / "export", files_of(leaves)), "--pins", pins)
    assert result.exit_code == 1
    assert "... and 13 more" in result.output


def test_a_saved_checkpoint(tmp_path: Path, pins: Path) -> None:
    """With --since only what came after is checked; an older copy than the saved checkpoint is tampered with."""
    export = write(tmp_path / "export", sound())
    (tmp_path / "saved").write_bytes(note_of(LEAVES[:50]))
    result = run("replay", export, "--pins", pins, "--since", tmp_path / "saved")
    assert (result.exit_code, "63 hashed, 13 proven" in result.output) == (0, True)
    (tmp_path / "saved").write_bytes(note_of(tall()))
    result = run("replay", export, "--pins", pins, "--since", tmp_path / "saved")
    assert result.exit_code == 1
    assert "this is an older copy" in " ".join(result.output.replace("│", " ").split())


def test_a_policy_from_elsewhere(tmp_path: Path, pins: Path) -> None:
    """Its quorum is asked for in place of the log's own; when it is not met the log is incomplete."""
    stranger = keys.witness(1).key
    (tmp_path / "policy").write_text(f"witness w {stranger.vkey}\nquorum w\n", "utf-8")
    result = run("verify", write(tmp_path / "export", sound()), "--pins", pins, "--policy", tmp_path / "policy")
    assert result.exit_code == 2
    assert "quorum" in result.output
    assert "policy is" not in result.output


def test_the_folder_of_a_broker(shard: Path) -> None:
    """SQLite files are audited as they are, with the federation's pins and the registry beside them."""
    for source in (shard, shard / "shard-2026-11.db"):
        result = run("replay", source)
        assert result.exit_code == 0, result.output
        assert "63 decided again" in result.output
        assert "No witness policy" in result.output


def test_a_folder_with_several_shards(shard: Path) -> None:
    """Where there are several logs one must be chosen; the sentence names them."""
    other = "musterstadt.example/log/2026-12"
    with ShardStore(shard, other) as store:
        log(store, (b"x",))
    result = run("verify", shard)
    assert result.exit_code == 3
    assert f"choose one of its logs with --origin: {LOG}, {other}" in result.output
    assert run("verify", shard, "--origin", LOG).exit_code == 0
    assert run("verify", shard / "shard-2026-11.db").exit_code == 0
    assert "none that fits" in run("verify", shard, "--origin", "elsewhere").output


def test_a_registry_bundle_that_was_changed(tmp_path: Path, pins: Path) -> None:
    """A bundle with another hash, or that is none, is wrong; one from elsewhere can be used in its place."""
    files = sound()
    files[f"registry/{LAW.hash}.json"] += b" "
    export = write(tmp_path / "export", files)
    result = run("replay", export, "--pins", pins)
    assert result.exit_code == 1
    assert "a bundle with the hash" in " ".join(result.output.split())
    law = write(tmp_path / "law", {f"{LAW.hash}.json": LAW_BUNDLE})
    assert run("replay", export, "--pins", pins, "--registry", law).exit_code == 0
    del files[f"registry/{LAW.hash}.json"]
    missing = write(tmp_path / "missing", files)
    assert run("replay", missing, "--pins", pins).exit_code == 2
    assert run("verify", missing, "--pins", pins).exit_code == 0


# -- bad input --------------------------------------------------------------------------------------------------------


def _damaged(folder: Path) -> Path:
    files = sound()
    flip(files, BUNDLE, 5000)
    return write(folder, files)


def _truncated(folder: Path) -> Path:
    files = sound()
    files[BUNDLE] = files[BUNDLE][:-9]
    return write(folder, files)


def _truncated_checkpoint(folder: Path) -> Path:
    files = sound()
    files["checkpoint"] = files["checkpoint"][:70]
    return write(folder, files)


def _unfinished(folder: Path) -> Path:
    files = sound()
    del files["checkpoint"]
    return write(folder, files)


def _wrong_origin(folder: Path) -> Path:
    files = sound()
    files["checkpoint"] = files["checkpoint"].replace(b"2026-11\n", b"2026-12\n", 1)
    return write(folder, files)


def _truncated_database(folder: Path) -> Path:
    with ShardStore(folder, LOG) as store:
        log(store, tall())
    with (folder / "shard-2026-11.db").open("r+b") as file:
        file.truncate(70_000)
    return folder


def _no_database(folder: Path) -> Path:
    return write(folder, {"lock.db": b"no database, only text that is long enough to be looked at by SQLite" * 20})


@pytest.mark.parametrize(
    ("make", "code", "sentence"),
    [
        (_damaged, 1, "Tampered: "),
        (_truncated, 2, "Incomplete: "),
        (_truncated_checkpoint, 3, "the checkpoint is none"),
        (_unfinished, 2, "the checkpoint is missing; an export that was begun and not finished has none"),
        (_wrong_origin, 1, "Tampered: "),
        (_truncated_database, 3, ""),
        (_no_database, 3, "lock.db"),
        (lambda folder: write(folder, {"letter.txt": b"x"}), 3, "is no log: there is no checkpoint"),
        (
            lambda folder: write(folder, {"letter.txt": b"x"}) / "letter.txt",
            3,
            "is no log, but a file of another kind",
        ),
        (lambda folder: folder / "nowhere", 3, "there is no such file or folder"),
    ],
    ids=[
        "damaged",
        "truncated",
        "truncated checkpoint",
        "unfinished",
        "origin",
        "truncated database",
        "no database",
        "no log",
        "file",
        "nothing",
    ],
)
def test_what_is_no_sound_log(
    tmp_path: Path, pins: Path, make: Callable[[Path], Path], code: int, sentence: str
) -> None:
    """One clear sentence and the right exit code, by either command; never a stack trace, never that it is sound."""
    source = make(tmp_path / "source")
    for command in ("verify", "replay"):
        result = run(command, source, "--pins", pins)
        assert result.exit_code == code, result.output
        assert sentence in result.output
        assert "Sound: " not in result.output


def test_a_foreign_log(tmp_path: Path) -> None:
    """A sound log of another federation than the pins', or by other steering keys, is not what it is said to be."""
    export = write(tmp_path / "export", sound())
    for pins in (
        Pins(FederationName("kleinstadt.example"), PINS.steering),
        Pins(PINS.federation, (signer("amt", "dpo").key, signer("kurse", "dpo").key)),
    ):
        (tmp_path / "pins.toml").write_text(write_pins(pins, ()), "utf-8")
        result = run("verify", export, "--pins", tmp_path / "pins.toml")
        assert result.exit_code == 1
        assert "Tampered: " in result.output


@pytest.mark.parametrize(
    "words",
    [
        ("verify",),
        ("verify", "x", "--unknown"),
        ("replay", "x", "--processes", "0"),
        ("show", "x", "--outcome", "y"),
        ("prove", "x"),
        ("export",),
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_not_taken_for_a_verdict(words: tuple[str, ...]) -> None:
    """Wrong usage ends with 3 and says what is wrong; 2, which click would give, means incomplete here."""
    result = run(*words)
    assert (result.exit_code, "Usage: " in result.output) == (3, True)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "there is no such file"), (b"name = 1", "steering: Field required"), (b"\xff", "pins.toml")],
    ids=["missing", "shape", "bytes"],
)
def test_pins_that_are_none(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    """A file of pins that is missing or out of form is named, and nothing is audited."""
    if content is not None:
        (tmp_path / "pins.toml").write_bytes(content)
    result = run("verify", write(tmp_path / "export", sound()), "--pins", tmp_path / "pins.toml")
    assert (result.exit_code, sentence in result.output) == (3, True)


def test_without_any_pins(tmp_path: Path) -> None:
    """A log beside which no pins lie cannot be audited without some from elsewhere."""
    files = sound()
    del files["pins.toml"]
    result = run("verify", write(tmp_path, files))
    assert (result.exit_code, "no pins lie beside it" in result.output) == (3, True)


@pytest.mark.parametrize(
    ("fault", "output"),
    [
        (ZeroDivisionError("details"), "handschlag: this cannot be read as a log (ZeroDivisionError)\n"),
        (KeyboardInterrupt(), "handschlag: interrupted; nothing was found out\n"),
    ],
    ids=["fault", "interrupted"],
)
def test_a_fault_of_our_own_is_a_sentence_too(fault: BaseException, output: str) -> None:
    """Whatever a hostile log might break in the reading of it, it ends in a sentence and 3."""
    group = VerdictGroup("group")

    @group.command()
    def command() -> None:
        """Break."""
        raise fault

    result = CliRunner().invoke(group, ["command"])
    assert (result.exit_code, result.output) == (3, output)


# -- show -------------------------------------------------------------------------------------------------------------


def _shown(source: Path, *words: str) -> list[dict[str, str]]:
    result = run("show", source, "--format", "csv", *words)
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(result.output.splitlines()))


def test_entries_are_shown(tmp_path: Path) -> None:
    """Every entry is a row; an outcome has parties and purpose of its request, a refusal its reason."""
    shown = _shown(write(tmp_path, sound()))
    assert [row["index"] for row in shown] == [str(index) for index in range(63)]
    disclosed = next(row for row in shown if row["type"] == "exchange.disclosed")
    assert (disclosed["signer"], disclosed["with"], disclosed["purpose"]) == ("kurse", "jobcenter", "Z16@1")
    assert disclosed["fields"] == "course.started, course.state"
    assert disclosed["time"] == "2026-11-20 10:00:00Z"
    granted = next(row for row in shown if row["type"] == "exchange.granted")
    assert "course.advice cut: cut_ceiling" in granted["reason"]
    assert next(row for row in shown if row["type"] == "exchange.refused")["reason"] == "consent_withdrawn"


@pytest.mark.parametrize(
    ("words", "indexes"),
    [
        (("--outcome", "disclosed"), ["43"]),
        (("--outcome", "rejected"), ["51"]),
        (("--outcome", "refused"), ["50"]),
        (("--agency", "kurse", "--outcome", "unavailable"), ["45"]),
        (("--agency", "amt", "--outcome", "unavailable"), []),
        (("--purpose", "Z16", "--outcome", "withheld"), ["49"]),
        (("--purpose", "Z16@1", "--outcome", "withheld"), ["49"]),
        (("--purpose", "Z16@2"), []),
        (("--index", "7"), ["7"]),
        (("--from", "2026-11-21"), []),
        (("--to", "2026-11-19"), []),
        (("--from", "2026-11-20", "--to", "2026-11-20", "--outcome", "granted"), ["42", "44", "47"]),
    ],
    ids=" ".join,
)
def test_entries_are_filtered(tmp_path: Path, words: tuple[str, ...], indexes: list[str]) -> None:
    """Agency (as signer or concerned), purpose with or without version, days in Berlin, outcome and index narrow it."""
    assert [row["index"] for row in _shown(write(tmp_path, sound()), *words)] == indexes


def test_other_forms_of_showing(tmp_path: Path) -> None:
    """JSON has the same rows with times in ms, a table what fits; what is no entry is shown as unreadable."""
    export = write(tmp_path / "a", files_of([*LEAVES, b"no entry [/of] ours"]))
    rows = json.loads(run("show", export, "--format", "json").output)
    assert (rows[0]["type"], rows[0]["time_ms"]) == ("shard.opened", 1_795_168_800_000)
    assert rows[63]["type"] == "unreadable"
    table = run("show", export).output
    assert "catalogue.set" in table
    assert "more than these" not in table


@pytest.mark.slow
def test_a_table_ends(tmp_path: Path) -> None:
    """The table ends after 500 rows and says so."""
    long = write(tmp_path, files_of([*LEAVES, *[b"x"] * 500]))
    assert "more than these 500" in run("show", long).output


def test_a_day_that_is_none(tmp_path: Path) -> None:
    """A date that is not one is named by its option."""
    result = run("show", write(tmp_path, sound()), "--from", "20.11.2026")
    assert (result.exit_code, "--from: a date is written YYYY-MM-DD" in result.output) == (3, True)
