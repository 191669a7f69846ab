"""The steering group's commands while everything runs: a real nats-server, a real broker process, members connected."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.infra.clock import SystemClock
from adapters.infra.nats_operator_files import OperatorStore
from adapters.web.client_words import shipped_words
from handschlag.admission import ADMISSION_FILE, Application, read_paper
from handschlag.federation_folder import FederationFolder
from handschlag.steering_session import steering_session
from schemas import messages as ms
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import Code, HandschlagError, Malformed, Misuse, Unavailable
from schemas.ids import AgencyId
from schemas.topics import served
from tests.support.real_federation import LIMIT_S, NAME, Agency, Events, RealFederation, command, record

ROOT = Path(__file__).parents[2]
NOW_MS = SystemClock().now_ms()


@pytest.fixture
async def federation(tmp_path: Path) -> AsyncIterator[RealFederation]:
    """Give a federation with everything running and no member yet."""
    async with RealFederation.made(tmp_path / "federation") as federation:
        await federation.start_broker()
        yield federation


@dataclass(frozen=True)
class Ahead:
    """A clock that runs so many milliseconds ahead."""

    ms: int

    def now_ms(self) -> int:
        """Give the time, and a little more."""
        return SystemClock().now_ms() + self.ms


def operator(federation: RealFederation) -> OperatorStore:
    """Give what the operator of the bus remembers."""
    return OperatorStore.load(federation.folder / "nats")


async def chain(federation: RealFederation) -> int:
    """Ask the broker how long the steering chain is."""
    async with steering_session(FederationFolder(federation.folder, SystemClock())) as session:
        return session.view.chain


async def test_an_agency_is_admitted_while_others_work(federation: RealFederation) -> None:
    """It can ask at once, the broker reaches it as a witness, and nobody's connection was cut for it."""
    events = Events()
    first = await (await federation.admit("jobcenter", "jobcenter")).connect(events)
    agency = await _admit_private(federation)
    second = await agency.connect()
    asked = asyncio.Event()

    async def witness(_topic: str, _body: bytes) -> bytes:
        asked.set()
        return ms.pack(ms.Cosigned(b"", b""))

    await second.serve(served("witness"), witness)
    logged = await record(second, agency.head(NOW_MS))
    assert b"agency.head" in logged.entry
    await asyncio.wait_for(asked.wait(), LIMIT_S)
    assert events.cuts == 0
    assert first.connected
    listed = await command("member", "list", federation.folder)
    assert [line.split()[:2] for line in listed.output.splitlines()] == [
        ["jobcenter", "jobcenter"],
        ["kurse", "course_provider"],
    ]
    assert listed.output.count("4 keys  on the bus") == 2
    await first.close()
    await second.close()


async def _admit_private(federation: RealFederation) -> Agency:
    """Admit a body that must have committed itself first, after trying without."""
    agency = federation.agency("kurse", "course_provider")
    length, members = await chain(federation), operator(federation).members
    refused = await federation.add(agency)
    assert isinstance(refused.exception, Misuse)
    assert "commitment" in str(refused.exception)
    assert (await chain(federation), operator(federation).members) == (length, members)
    assert not agency.admission.exists()
    admitted = await federation.add(agency, "--commitment", "signed_2026")
    assert admitted.exit_code == 0, admitted.exception
    return agency


async def test_an_admission_that_was_cut_off_is_finished_by_repeating_it(federation: RealFederation) -> None:
    """With half of its statements logged, the same command logs only the other half, and writes the admission."""
    agency = federation.agency("jobcenter", "jobcenter")
    place = FederationFolder(federation.folder, SystemClock())
    application = read_paper(Application, agency.application)
    store = operator(federation)
    store.add_agency(agency.name, place.now_s())

    async with steering_session(place) as session:
        admitted = session.prepare(
            [
                lambda head: st.MemberAdmitted(
                    **head, agency=agency.name, kind=application.kind, account=store.accounts.agencies[agency.name]
                ),
                lambda head: st.KeyAdded(**head, agency=agency.name, **application.keys[0].model_dump()),
            ]
        )
        await session.record(admitted)
    before = await chain(federation)
    result = await federation.add(agency)
    assert result.exit_code == 0, result.exception
    assert await chain(federation) == before + 3
    bus = await agency.connect()
    await record(bus, agency.head(NOW_MS))
    await bus.close()


async def test_nothing_is_begun_without_the_broker(federation: RealFederation) -> None:
    """Without a broker the command says so, and neither the operator's files nor the agency's folder change."""
    agency = federation.agency("jobcenter", "jobcenter")
    assert federation.broker is not None
    await federation.broker.end()
    result = await federation.add(agency)
    assert isinstance(result.exception, Unavailable)
    assert not operator(federation).members
    assert not agency.admission.exists()
    await federation.start_broker()
    assert (await federation.add(agency)).exit_code == 0


async def test_a_members_login_is_renewed_with_the_same_application(federation: RealFederation) -> None:
    """The ledger stays as it is; an admission is never overwritten; the new one opens the door as the old one did."""
    agency = await federation.admit("jobcenter", "jobcenter")
    before = await chain(federation)
    again = await federation.add(agency)
    assert isinstance(again.exception, Misuse)
    assert "not overwritten" in str(again.exception)
    (agency.admission / ADMISSION_FILE).unlink()
    assert (await federation.add(agency)).exit_code == 0
    assert await chain(federation) == before
    bus = await agency.connect()
    await record(bus, agency.head(NOW_MS))
    await bus.close()


async def test_an_application_that_contradicts_the_ledger_is_refused(federation: RealFederation) -> None:
    """A member's key name with another key, and a certificate request of no use, change nothing."""
    agency = await federation.admit("jobcenter", "jobcenter")
    before = await chain(federation)
    text = agency.application.read_text()
    stranger = Agency(agency.name, agency.folder / "stranger", agency.log)
    stranger.apply("jobcenter")
    for changed, says in (
        (stranger.application.read_text(), "another key of this name"),
        (text.replace("/seal-1", "/seal-2"), "in use already"),
        (text.replace('kind = "jobcenter"', 'kind = "ba"'), "of another kind"),
        (text.replace("REQUEST-----\n", "REQUEST-----\nAAAA", 1), "certificate request"),
        (text.replace('role = "witness"', 'role = "dpo"'), "role witness is missing"),
    ):
        stranger.application.write_text(changed)
        result = await federation.add(stranger)
        assert isinstance(result.exception, HandschlagError), result.output
        assert says in str(result.exception)
        assert not stranger.admission.exists()
    assert await chain(federation) == before


async def test_a_revoked_agency_is_cut_and_nobody_else_is(federation: RealFederation) -> None:
    """Its connection ends for good, its keys and membership end in the ledger, and the command can be repeated."""
    staying, leaving = Events(), Events()
    jobcenter = await federation.admit("jobcenter", "jobcenter")
    stays = await jobcenter.connect(staying)
    agency = await federation.admit("stadt", "asylblg_office")
    leaves = await agency.connect(leaving)
    result = await command("member", "revoke", federation.folder, "stadt")
    assert result.exit_code == 0, result.exception
    await asyncio.wait_for(leaving.lost.wait(), LIMIT_S)
    await record(stays, jobcenter.head(NOW_MS))
    assert staying.cuts == 0
    with pytest.raises(Unavailable):
        await agency.connect()
    length = await chain(federation)
    assert (await command("member", "revoke", federation.folder, "stadt")).exit_code == 0
    assert await chain(federation) == length
    async with steering_session(FederationFolder(federation.folder, SystemClock())) as session:
        assert AgencyId("stadt") in session.state.former
        assert all(key.revoked for key in session.state.keys.values() if key.agency == "stadt")
    (agency.admission / ADMISSION_FILE).unlink()
    back = await federation.add(agency)
    assert isinstance(back.exception, Misuse)
    await stays.close()
    await leaves.close()


async def test_two_hands_at_once_cannot_both_continue_the_chain(federation: RealFederation) -> None:
    """Who comes second is told to repeat the command, and nothing of it is logged."""
    one, other = (FederationFolder(federation.folder, Ahead(ms)) for ms in (0, 1000))
    async with steering_session(one) as first, steering_session(other) as second:
        law = first.state.registry
        assert law is not None
        notes = [hand.prepare([lambda head: st.RegistrySet(**head, registry=law)]) for hand in (first, second)]
        await first.record(notes[0])
        with pytest.raises(Misuse, match="repeat the command") as refused:
            await second.record(notes[1])
        assert refused.value.code in (Code.CHAIN_BROKEN, Code.EQUIVOCATION)
    assert await chain(federation) == 3


async def test_a_server_that_lost_its_memory_knows_every_member(federation: RealFederation) -> None:
    """A NATS server that starts with an empty folder has all accounts from its configuration, late ones too."""
    agency = await federation.admit("jobcenter", "jobcenter")
    assert federation.nats is not None
    assert federation.broker is not None
    await federation.nats.end(signal.SIGKILL)
    shutil.rmtree(federation.folder / "nats" / "jwt")
    await federation.start_nats()
    await federation.broker.says("NATS reconnected")
    bus = await agency.connect()
    await record(bus, agency.head(NOW_MS))
    await bus.close()


async def test_a_stranger_cannot_be_revoked(federation: RealFederation) -> None:
    """An agency that never was a member is named as such."""
    result = await command("member", "revoke", federation.folder, "niemand")
    assert isinstance(result.exception, Misuse)
    assert "niemand: never was a member" in str(result.exception)


async def test_a_members_key_is_changed_while_it_works(federation: RealFederation) -> None:
    """The next key is in force beside the old one, then the old one ends; neither command does anything twice."""
    agency = await federation.admit("jobcenter", "jobcenter")
    bus, old = await agency.connect(), f"{NAME}/jobcenter/statement-1"
    await record(bus, agency.head(NOW_MS))
    refused = await command("keys", "revoke", federation.folder, old)
    assert "last key of role statement" in str(refused.exception)
    new, name = agency.folder / "next.key", f"{NAME}/jobcenter/statement-2"
    assert (await command("keys", "new", "--role", "statement", "--name", name, "--out", new)).exit_code == 0
    for _ in range(2):
        added = await command("keys", "rotate", federation.folder, new)
        assert added.exit_code == 0, added.exception
    length = await chain(federation)
    for _ in range(2):
        assert (await command("keys", "revoke", federation.folder, old)).exit_code == 0
    assert await chain(federation) == length + 1
    with pytest.raises(AssertionError, match="key_not_in_force"):
        await record(bus, agency.head(NOW_MS))
    (agency.folder / "statement.key").write_bytes(new.read_bytes())
    assert b"agency.head" in (await record(bus, agency.head(NOW_MS))).entry
    for words, says in (
        (("keys", "revoke", federation.folder, f"{NAME}/jobcenter/statement-9"), "knows no such key"),
        (
            ("keys", "rotate", federation.folder, federation.folder / "broker" / "keys" / "log.key"),
            "role: Input should be",
        ),
        (("keys", "revoke", federation.folder, name), "last key of role statement"),
    ):
        assert says in str((await command(*words)).exception)
    assert (await command("keys", "revoke", federation.folder, name, "--even-the-last")).exit_code == 0
    await bus.close()


async def test_a_registry_is_put_into_force_while_the_broker_runs(federation: RealFederation, tmp_path: Path) -> None:
    """The broker reads the new bundle when it is named; the same one again changes nothing; a bad one is refused."""
    law, purposes = _changed_law(tmp_path)
    result = await command("registry", "set", federation.folder, law)
    assert result.exit_code == 0, result.exception
    before = await chain(federation)
    assert before == 3
    assert (await command("registry", "set", federation.folder, law)).exit_code == 0
    assert await chain(federation) == before
    purposes.write_text("[[purpose]]\nmystery = 1\n", "utf-8")
    refused = await command("registry", "set", federation.folder, law)
    assert isinstance(refused.exception, Malformed)


async def test_a_text_is_approved_while_the_broker_runs(federation: RealFederation, tmp_path: Path) -> None:
    """Two roles sign for the exact file; the same approval again changes nothing; withdrawn, it is a draft again."""
    sheet = tmp_path / "sheet.txt"
    sheet.write_text("read and found good")
    words = ("texts", "review", federation.folder, "ar", "--sheet", sheet)
    approved = await command(*words)
    assert approved.output == f"approved: ar {shipped_words()['ar'].hash}\n"
    async with steering_session(FederationFolder(federation.folder, Ahead(0))) as session:
        assert session.state.texts == {("ar", shipped_words()["ar"].hash)}
    assert (await command(*words)).output == "ar: is so already\n"
    assert (await command(*words, "--withdraw")).exit_code == 0
    assert await chain(federation) == 4
    form = tmp_path / "form.pdf"
    form.write_bytes(b"an agency's own form")
    assert isinstance((await command(*words, "--form", form)).exception, Misuse)
    assert (await command(*words, "--form", form, "--purpose", "Z16@1")).exit_code == 0
    async with steering_session(FederationFolder(federation.folder, Ahead(0))) as session:
        assert session.state.forms == {("ar", sha256(form.read_bytes()), "Z16@1")}


def _changed_law(folder: Path) -> tuple[Path, Path]:
    """Copy the shipped registry with another deadline; give the folder and the file of purposes."""
    law = folder / "law"
    shutil.copytree(ROOT / "schemas" / "registry", law)
    purposes = law / "purposes.toml"
    text = purposes.read_text("utf-8")
    purposes.write_text(text.replace("answer_within_s = 259200", "answer_within_s = 3600"), "utf-8")
    return law, purposes
