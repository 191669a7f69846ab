"""A log of several shards is audited from the first to the last: what one leaves in force the next must start from."""

import json
from pathlib import Path

import pytest

from consent_ledger.core.findings import Verdict
from schemas.commitment import sha256
from schemas.entries import Recorded, encode_entry
from schemas.ids import Hash
from tests.support.audited_log import Files, told
from tests.support.auditor import run, write, write_federation
from tests.support.explained import typed
from tests.support.pens import changed
from tests.support.two_shards import closed, opened, together, told_on, write_shards

pytestmark = pytest.mark.slow  # whole logs and folders

SOUND, TAMPERED, INCOMPLETE, UNREADABLE = Verdict
WRONG = Hash("0" * 64)


def _audited(tmp_path: Path, files: Files, command: str = "replay", *words: object) -> tuple[int, str]:
    tmp_path.mkdir(exist_ok=True)
    pins = write_federation(tmp_path)
    report = tmp_path / "report.json"
    result = run(command, write(tmp_path / "export", files), "--pins", pins, "--json", report, *words)
    return result.exit_code, result.output + (report.read_text("utf-8") if report.exists() else "")


@pytest.mark.parametrize("command", ["verify", "replay"])
def test_two_shards_are_sound(tmp_path: Path, command: str) -> None:
    """Each shard is reported, the second with the state that the first left, and there is nothing to remark."""
    code, output = _audited(tmp_path, told_on().files(), command)
    assert code == SOUND, output
    assert output.count("Sound: ") == 2
    assert "not at hand" not in output
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (report["log"], report["exit_code"]) == ("musterstadt.example/log/2026-12", 0)
    assert [one["log"] for one in report["earlier"]] == ["musterstadt.example/log/2026-11"]


def _shown(source: Path, *words: object) -> list[dict[str, object]]:
    """Give what `ledger show` shows."""
    result = run("show", source, "--format", "json", *words)
    assert result.exit_code == 0, result.output
    found: list[dict[str, object]] = json.loads(result.output)
    return found


def test_entries_are_shown_by_their_index_over_all_shards(tmp_path: Path) -> None:
    """From an export, a broker's files or a shard alone: the index is the one that receipts and pages name."""
    shards = told_on()
    size, files = len(shards.first.leaves), shards.files()
    both, federation = write(tmp_path / "both", files), tmp_path / "federation"
    federation.mkdir()
    alone = write(tmp_path / "alone", {path: raw for path, raw in files.items() if not path.startswith("shards")})
    total = size + len(shards.second.leaves)
    for source in (both, write_shards(federation)):
        assert [row["index"] for row in _shown(source)] == list(range(total))
    assert [row["index"] for row in _shown(alone)] == list(range(size, total))
    answered = _shown(both, "--outcome", "disclosed")[-2]
    assert (answered["index"], answered["purpose"]) == (size + 1, "Z16@1")  # what was asked in the shard before
    for index, leaf in ((3, shards.first.leaves[3]), (size + 1, shards.second.leaves[1])):
        assert run("show", both, "--index", index, "--receipt", tmp_path / "one.tlog-proof").exit_code == 0
        assert (tmp_path / "one.entry").read_bytes() == leaf
    explained = typed(f"handschlag explain entry {both} --index {size + 1}")
    assert (explained.exit_code, explained.output.split()[0]) == (0, str(size + 1))
    assert run("show", both, "--index", total, "--receipt", tmp_path / "none.tlog-proof").exit_code == UNREADABLE


def test_what_a_lost_key_signed_beyond_the_end_is_not_shown(tmp_path: Path) -> None:
    """The next shard begins where the last one was ended, whatever stands behind that in its files."""
    first = told()
    second, more = first.rekeyed(), first.branch()
    more.asked()
    shown = _shown(write(tmp_path, together(more, second, second.bundle)))
    assert [row["index"] for row in shown] == list(range(len(first.leaves) + len(second.leaves)))
    assert shown[len(first.leaves)]["type"] == "log.key"


def test_a_shard_alone_starts_from_its_bundle(tmp_path: Path) -> None:
    """Without the shards before, every decision of a shard is made again on the bundle, and that is said."""
    files = {path: content for path, content in told_on().files().items() if not path.startswith("shards")}
    code, output = _audited(tmp_path, files)
    assert code == SOUND, output
    assert "the word of two steering keys" in output


def test_a_shard_that_opens_with_another_state_is_found(tmp_path: Path) -> None:
    """Two steering keys may sign for what they like: the state that follows from the shard before is another."""
    first, _ = closed()
    forged = opened(first, lambda opening: changed(opening, state=WRONG))
    forged.handed_over = WRONG
    for command in ("verify", "replay"):
        code, output = _audited(tmp_path / command, together(first, forged, b""), command)
        assert code == TAMPERED
        assert WRONG in output


def test_a_consent_that_was_put_into_the_bundle_is_found(tmp_path: Path) -> None:
    """A bundle with something more in force is sound by itself, and is found as soon as the shard before is there."""
    first, _ = closed()
    richer = first.branch()
    richer.state.evidence[next(iter(richer.state.evidence))].uses = 1000
    second = opened(richer)
    files = together(first, second, second.bundle)
    assert _audited(tmp_path / "both", files)[0] == TAMPERED
    alone = {path: content for path, content in files.items() if not path.startswith("shards")}
    assert _audited(tmp_path / "alone", alone)[0] == SOUND


@pytest.mark.parametrize(
    ("bundle", "code", "sentence"),
    [(None, INCOMPLETE, "is missing"), (b"handschlag/state/v1\n", TAMPERED, "is not"), (b"", TAMPERED, "is not")],
)
def test_a_bundle_that_is_not_the_signed_one(tmp_path: Path, bundle: bytes | None, code: int, sentence: str) -> None:
    """A shard whose bundle is missing or another cannot be folded; what its key signed is verified still."""
    shards = told_on()
    files = shards.files(bundle)
    for path in [path for path in files if path.startswith("shards" if bundle else ("shards", "state"))]:
        del files[path]
    if bundle is not None:
        files |= {path: bundle for path in shards.files() if path.startswith("state")}
    found, output = _audited(tmp_path, files)
    assert (found, sentence in output) == (code, True), output
    assert "checkpoint of this federation's log" not in output


def test_a_bundle_of_another_shard(tmp_path: Path) -> None:
    """A signed hash of a bundle that begins another log, or an open one, begins nothing here."""
    first, _ = closed()
    other = opened(first).bundle.replace(b'log/2026-12","registry', b'log/2027-12","registry', 1)
    assert other != opened(first).bundle
    forged = opened(first, lambda opening: changed(opening, state=Hash(sha256(other))))
    forged.handed_over = Hash(sha256(other))
    files = together(first, forged, other)
    alone = {path: content for path, content in files.items() if not path.startswith("shards")}
    code, output = _audited(tmp_path, alone)
    assert (code, "is what musterstadt.example/log/2027-12 starts from" in output) == (TAMPERED, True), output


def test_a_shard_that_was_never_closed(tmp_path: Path) -> None:
    """The first shard without its last entry cannot be what the second follows on: something is missing."""
    shards = told_on()
    shards.first.leaves.pop()
    code, output = _audited(tmp_path, shards.files())
    assert (code, "the entry that closed this one cannot be had" in output) == (INCOMPLETE, True)


def test_an_entry_behind_the_end(tmp_path: Path) -> None:
    """Nothing stands behind the entry that closes a shard, whoever signed it."""
    shards = told_on()
    twin = shards.first.branch()
    note = twin.sign(changed(twin.leaving("amt"))).decode()
    shards.first.leaves.append(encode_entry("member.left", Recorded(time=twin.clock.ms, statement=note)))
    for command in ("verify", "replay"):
        code, output = _audited(tmp_path / command, shards.files(), command)
        assert (code, "stands behind the entry that closed" in output) == (TAMPERED, True)


def test_a_shard_that_follows_on_another(tmp_path: Path) -> None:
    """The second shard is not the one that the first was closed for."""
    stray = told()
    stray.asked()
    stray.write(stray.closing("2027-01"))
    shards = told_on()
    code, output = _audited(tmp_path, together(stray, shards.second, shards.bundle))
    assert (code, "the shard before goes on as musterstadt.example/log/2027-01" in output) == (TAMPERED, True)


def test_a_broker_with_two_shards_is_exported_and_replayed(tmp_path: Path) -> None:
    """The SQLite files of both shards, and what is exported of them, replay as one log; one shard can be chosen."""
    folder = write_shards(tmp_path)
    pins = tmp_path / "federation.toml"
    result = run("replay", folder, "--pins", pins)
    assert (result.exit_code, result.output.count("Sound: ")) == (SOUND, 2), result.output
    done = run("export", tmp_path / "export", "--source", folder, "--pins", pins)
    assert done.exit_code == SOUND, done.output
    for source in (tmp_path / "export", tmp_path / "export" / "shards" / "2026-11"):
        result = run("replay", source, "--pins", pins)
        assert (result.exit_code, "not at hand" in result.output) == (SOUND, False), result.output
    result = run("replay", folder, "--pins", pins, "--origin", "musterstadt.example/log/2026-11")
    assert (result.exit_code, result.output.count("Sound: ")) == (SOUND, 1)


def test_a_saved_checkpoint_is_of_its_shard(tmp_path: Path) -> None:
    """A checkpoint kept from the first shard still holds against it; one from another history of it does not."""
    shards = told_on()
    files = shards.files()
    saved = tmp_path / "saved"
    saved.write_bytes(files["shards/2026-11/checkpoint"])
    assert _audited(tmp_path / "same", files, "replay", "--since", saved)[0] == SOUND
    other = told_on()
    other.first.leaves[20], other.first.leaves[21] = other.first.leaves[21], other.first.leaves[20]
    saved.write_bytes(other.files()["shards/2026-11/checkpoint"])
    code, output = _audited(tmp_path / "other", files, "replay", "--since", saved)
    assert (code, "another tree at" in output) == (TAMPERED, True)
    saved.write_bytes(b"nonsense")
    assert _audited(tmp_path / "none", files, "replay", "--since", saved)[0] != SOUND


def test_a_receipt_of_an_old_shard_still_proves(tmp_path: Path) -> None:
    """What was receipted in the first shard is proven by its own checkpoint and the steering group's opening of it."""
    folder = write_shards(tmp_path)
    pins = tmp_path / "federation.toml"
    run("export", tmp_path / "export", "--source", folder, "--pins", pins)
    old = tmp_path / "export" / "shards" / "2026-11"
    receipt = tmp_path / "old.tlog-proof"
    assert run("show", old, "--index", 5, "--receipt", receipt, "--format", "csv").exit_code == 0
    result = run("prove", receipt, "--pins", old / "pins.toml")
    assert (result.exit_code, "Proven: " in result.output) == (0, True), result.output


@pytest.mark.parametrize("name", ["..", "../../elsewhere", "a b", ""])
def test_a_list_of_shards_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    """What a list names must be a folder's plain name: a hostile export leads out of nothing."""
    files = told_on().files() | {"shards.txt": f"{name}\n".encode()}
    code, output = _audited(tmp_path, files)
    assert (code, "is no name of a shard" in output) == (UNREADABLE, True)


def test_the_law_that_a_later_shard_begins_with_must_be_there(tmp_path: Path) -> None:
    """A shard alone without the bundle of the law in force cannot be decided again; nobody is accused of that."""
    files = {path: raw for path, raw in told_on().files().items() if not path.startswith(("shards", "registry"))}
    code, output = _audited(tmp_path, files)
    assert (code, "no decision from here on was made again" in output) == (INCOMPLETE, True)
    assert _audited(tmp_path / "verified", files, "verify")[0] == SOUND


@pytest.mark.parametrize(("cut", "code"), [(-40, INCOMPLETE), (None, TAMPERED)], ids=["short", "other lengths"])
def test_a_bundle_of_an_old_shard_that_is_damaged_is_not_pruned(tmp_path: Path, cut: int | None, code: int) -> None:
    """What is cut short is missing, what has other lengths was tampered with; neither is taken for a pruned shard."""
    files = told_on().files()
    (path,) = [path for path in files if path.startswith("shards/2026-11/tile/entries")]
    files[path] = b"\0\1" + files[path] if cut is None else files[path][:cut]
    found, output = _audited(tmp_path, files)
    assert (found, '"rule": "pruned"' in output) == (code, False), output


def test_a_shard_that_opens_without_any_state(tmp_path: Path) -> None:
    """Only the first shard of a federation starts from nothing."""
    first, _ = closed()
    forged = opened(first, lambda opening: changed(opening, state=None))
    code, output = _audited(tmp_path, together(first, forged, forged.bundle))
    assert (code, "opened with the state None" in output) == (TAMPERED, True)


def test_entries_that_are_gone_with_the_opening(tmp_path: Path) -> None:
    """Of a shard without entries and without a note that opens it nothing says which key signed its checkpoint."""
    files = {path: raw for path, raw in told_on().files().items() if not path.startswith("shards/2026-11/tile/entries")}
    code, output = _audited(tmp_path, files)
    assert (code, "no note that opens musterstadt.example/log/2026-11 lies beside" in output) == (TAMPERED, True)
