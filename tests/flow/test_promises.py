"""The promises of the design, kept by the nodes even against a broker, a requester or a holder that breaks its word.

Each test fails when the guard it names in its docstring is taken out of the code.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.node.core.compose import Seal, recipient, seal_context
from adapters.node.outbox import Head, Issued, Ours, Reply
from adapters.node.releases import Chosen
from adapters.node.store.rows import AskedState, Ending, ReceivedState
from adapters.sources.port import LocalRef
from consent_ledger.core.leaf import read_leaf
from schemas import canonical
from schemas import messages as ms
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import Code, Malformed, Misuse, NotAuthentic
from schemas.ids import AgencyId, ConsentId, FieldName
from schemas.record import FieldValues, SealedPerson, Value
from schemas.seal import seal
from tests.support.corrupt_broker import granting
from tests.support.small_town import FIELDS, HOLDER, PERSON, REQUESTER, STRANGER, VALUES, Town, question, taken
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

DEADLINE_S = 1800
EXTRA = FieldName("course_participation.hours_used")


def sealed_for_requester(town: Town) -> list[bytes]:
    """Give every sealed record that crossed the net."""
    found = []
    for sent in town.world.net.traffic:
        for shape in (ms.Delivered, ms.Deliver, ms.AskDeliver):
            if f'"{shape.TYPE}"'.encode() in sent.body[:64]:
                message = ms.unpack(sent.body, shape)
                sealed = message.sealed if isinstance(message, ms.Delivered) else message.payload  # type: ignore[attr-defined]  # one of the three
                entry = read_leaf(message.entry)  # type: ignore[attr-defined]  # all three have one
                found += [sealed] if sealed and isinstance(entry.statement, st.Outcome) else []
    return found


# -- 2: no basis, no transfer ---------------------------------------------------------------------------------------


@virtual
async def test_2_a_withdrawn_consent_carries_nothing(tmp_path: Path) -> None:
    """A broker that grants under a consent the holder knows to be over gets nothing (`accept._evidence`)."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    await town.ask(consent)  # an open grant: the holder is told of the withdrawal
    town.source.add("T-1", PERSON, VALUES)
    await town.collector.withdraw(consent)
    await town.world.corrupted(granting())
    asked = await town.ask(consent)
    assert asked.state is AskedState.GRANTED
    assert (town.source.read, sealed_for_requester(town)) == ([], [])
    await town.world.close()


@virtual
async def test_2_a_consent_for_somebody_else_carries_nothing(tmp_path: Path) -> None:
    """A broker that grants under a consent whose recipient is another gets nothing (`accept._evidence`)."""
    town = await Town.start(tmp_path)
    await town.world.admit("anderes-jobcenter", "jobcenter")
    await town.world.approve("anderes-jobcenter", "Z16@1")
    consent = await town.consent()
    other = town.world.nodes["anderes-jobcenter"]
    assert other.requester is not None
    held = await town.requester.consents.get(consent)
    await other.consents.write(consent, *other.store.bases.keep(held))
    await town.world.corrupted(granting())
    asked = await other.requester.ask(question(consent))
    assert asked.state is AskedState.GRANTED
    assert (town.source.read, sealed_for_requester(town)) == ([], [])
    await town.world.close()


@virtual
async def test_2_without_its_package_nobody_is_matched(tmp_path: Path) -> None:
    """A requester that names another person than the consent commits to gets nothing (`committed_person`)."""
    town = await Town.start(tmp_path)
    consent = await town.consent(STRANGER)
    held = await town.requester.consents.get(consent)
    forged = held.package.model_copy(update={"person": PERSON})
    await town.requester.store.write(town.requester.store.bases.ended(consent, Ending("withdrawn"))[1])
    asked = await send_block(town, consent, SealedPerson(package=forged))
    assert isinstance(asked, ms.Later)
    assert (town.source.read, sealed_for_requester(town)) == ([], [])
    await town.close()


async def send_block(town: Town, consent: ConsentId, block: SealedPerson | bytes) -> ms.Message:
    """Ask with a person block of one's own making; gives the broker's answer."""
    node = town.world.nodes[REQUESTER]
    view = node.federation.view
    to = recipient(AgencyId(HOLDER), view)
    exchange = node.identity.random_bytes(16).hex()
    fields = tuple(FieldName(name) for name in FIELDS)
    context = seal_context(view, Seal("person", exchange, AgencyId(REQUESTER), to), fields)
    sealed = block if isinstance(block, bytes) else seal(canonical.encode_model(block), to, context)
    registry = view.registry()
    assert registry is not None
    answers: list[ms.Message] = []

    def compose(head: Head) -> Ours:
        return st.Request.model_validate(
            {
                **head.fields(),
                "exchange": exchange,
                "staff": "0" * 64,
                "role": "adviser",
                "purpose": "Z16@1",
                "holder": HOLDER,
                "fields": fields,
                "basis": st.Basis(kind="consent", consent=consent),
                "registry": registry.hash,
                "person_ct": sha256(sealed),
                "seal_key": node.identity.seal_key,
                "answer_by": head.at + DEADLINE_S * 1000,
                "exp": head.at + 120_000,
            }
        )

    async def take(_: Issued, reply: Reply) -> None:
        answers.append(reply)

    await node.outbox.send(compose, lambda note: ms.AskRequest(note, sealed), take)
    return answers[0]


# -- 3: field-minimised twice ---------------------------------------------------------------------------------------


@virtual
async def test_3_the_holder_minimises_again(tmp_path: Path) -> None:
    """A broker that grants one field more than the consent names gets nothing (`accept`, minimising again)."""
    town = await Town.start(tmp_path)
    narrow = taken(town.world, fields=(FieldName(FIELDS[0]),))
    consent = ConsentId((await town.collector.collect(narrow)).id)
    await town.world.corrupted(granting(FieldName(FIELDS[1])))
    asked = await town.ask(consent)
    assert asked.state is AskedState.GRANTED
    assert (town.source.read, sealed_for_requester(town)) == ([], [])
    await town.world.close()


@virtual
async def test_3_only_granted_columns_are_read(tmp_path: Path) -> None:
    """Of a source that has more, the granted fields alone are selected (`Outcomes.close_record`)."""
    town = await Town.start(tmp_path)
    asked = await town.agreed(PERSON, FIELDS[0], str(EXTRA))
    assert asked.state is AskedState.ANSWERED
    assert town.source.read == [frozenset({FieldName(FIELDS[0])})]
    await town.close()


@virtual
async def test_3_the_requester_refuses_one_field_too_many(tmp_path: Path) -> None:
    """A holder that seals one field more than granted is not believed (`open_answer`, the record's fields)."""
    town = await Town.start(tmp_path)
    honest = town.source.fetch

    async def generous(ref: LocalRef, fields: frozenset[FieldName]) -> tuple[FieldValues, ...]:
        more = FieldValues(field=EXTRA, values=(Value(value="300"),))
        return tuple(sorted((*await honest(ref, fields), more), key=lambda one: one.field))

    town.source.fetch = generous  # type: ignore[method-assign]  # a holder that breaks its word
    asked = await town.agreed()
    assert (asked.state, asked.record) == (AskedState.GRANTED, None)
    assert ("answer", Code.NOT_AUTHENTIC) in town.world.codes
    await town.close()


# -- 4: no receipt, no release --------------------------------------------------------------------------------------


def instead(shape: type[ms.Message], other: Callable[[ms.Logged], ms.Message]) -> Callable[[str, bytes], bytes]:
    """Make a broker that answers an outcome with something else than its receipt."""

    def tamper(topic: str, reply: bytes) -> bytes:
        return ms.pack(other(ms.unpack(reply, ms.Logged))) if topic == "ask.outcome" else reply

    assert shape is ms.Logged
    return tamper


def broken_proof(logged: ms.Logged) -> ms.Message:
    """Give the entry with a proof that does not hold."""
    return ms.Logged(logged.entry, logged.proof.replace(b"index 2", b"index 1"))


@virtual
async def test_4_no_receipt_no_ciphertext(tmp_path: Path) -> None:
    """Without a proof that its disclosure is in the ledger the holder hands nothing over (`Outbox.own_entry`)."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    town.world.buses[HOLDER].tamper = instead(ms.Logged, broken_proof)
    asked = await town.ask(consent)
    assert asked.state is AskedState.GRANTED
    assert sealed_for_requester(town) == []
    town.world.buses[HOLDER].tamper = None
    await pass_time(120)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_4_the_receipt_of_another_statement_is_none(tmp_path: Path) -> None:
    """A true receipt of another entry does not let a record go either (`View.prove`, what was sent)."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    town.source.add("T-1", PERSON, VALUES)
    first = await town.ask(consent)
    row = await town.holder.responder.store.received.get(first.exchange)
    before = len(sealed_for_requester(town))
    town.world.buses[HOLDER].tamper = instead(ms.Logged, lambda _: ms.Logged(*row.outcome))
    asked = await town.ask(consent)
    assert asked.state is AskedState.GRANTED
    assert len(sealed_for_requester(town)) == before
    town.world.buses[HOLDER].tamper = None
    await pass_time(120)
    await town.close()


@virtual
async def test_4_no_proof_of_the_grant_no_work(tmp_path: Path) -> None:
    """A permit whose grant is not proven is not worked on: nobody is matched, nothing is read (`View.prove`)."""
    town = await Town.start(tmp_path)
    await town.agreed()
    (permit,) = [
        ms.unpack(sent.body, ms.Permit)
        for sent in town.world.net.traffic
        if sent.topic == "adapter.permit" and b'"permit"' in sent.body[:64]
    ]
    read = len(town.source.read)
    wider = permit.entry.replace(b'"course_results.exam_date"', b'"course_results.exam_kind"', 1)
    for entry, proof in ((permit.entry + b"!", permit.proof), (wider, permit.proof), (permit.entry, b"")):
        bad = ms.Permit(entry, proof, permit.person, permit.basis_entry, permit.basis_proof)
        with pytest.raises((Malformed, NotAuthentic)):
            await town.holder.responder.permit(bad)
    assert len(town.source.read) == read
    await town.close()


@virtual
async def test_4_the_requester_wants_both_receipts(tmp_path: Path) -> None:
    """A record without a proof of its disclosure is not accepted (`Requester._take_answer`)."""
    town = await Town.start(tmp_path)
    consent = await town.consent()

    def tamper(topic: str, reply: bytes) -> bytes:
        if topic != "ask.request":
            return reply
        answer = ms.unpack(reply, ms.Delivered)
        grant = (answer.grant_entry, answer.grant_proof)
        return ms.pack(ms.Delivered(*grant, answer.entry, answer.grant_proof, answer.sealed))

    town.world.buses[REQUESTER].tamper = tamper
    asked = await town.ask(consent)
    assert (asked.state, asked.record) == (AskedState.GRANTED, None)
    town.world.buses[REQUESTER].tamper = None
    await pass_time(60)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    await town.close()


# -- 5: a withdrawal cuts off ---------------------------------------------------------------------------------------


@virtual
async def test_5_after_the_withdrawal_nothing_leaves(tmp_path: Path) -> None:
    """A release decided after a withdrawal the holder did not hear of is withheld (`Outcomes._settle`)."""
    town = await Town.start(tmp_path)
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    consent = await town.consent()
    asked = await town.ask(consent)
    town.world.net.remove(town.world.buses[HOLDER])  # the notice of the withdrawal does not reach the holder
    await town.collector.withdraw(consent)
    await town.holder.releases.release(asked.exchange, Chosen(LocalRef("T-1"), "staff-4"))
    row = await town.holder.responder.store.received.get(asked.exchange)
    assert (row.state, row.sealed) == (ReceivedState.WITHHELD, b"")
    await pass_time(600)
    assert sealed_for_requester(town) == []
    assert (await town.requester.result(asked.exchange)).state is AskedState.GRANTED
    kinds = town.world.kinds()
    assert "exchange.disclosed" not in kinds[kinds.index("consent.withdrawn") :]
    await town.close()


@virtual
async def test_5_a_withdrawal_ends_what_waits_at_once(tmp_path: Path) -> None:
    """A holder that hears of a withdrawal lets nothing be released any more (`Withdrawals.ends`)."""
    town = await Town.start(tmp_path)
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    consent = await town.consent()
    asked = await town.ask(consent)
    await town.collector.withdraw(consent)
    await pass_time(1)
    assert await town.holder.releases.waiting("staff-4") == []
    with pytest.raises(Misuse):
        await town.holder.releases.release(asked.exchange, Chosen(LocalRef("T-1"), "staff-4"))
    row = await town.holder.responder.store.received.get(asked.exchange)
    assert (row.state, row.person) == (ReceivedState.WAITING, "")
    await town.close()


@virtual
async def test_5_a_handle_dies_with_its_consent(tmp_path: Path) -> None:
    """A handle bound under one consent opens nothing under another (`Outcomes.handle`, the basis)."""
    town = await Town.start(tmp_path)
    first, second = await town.consent(), await town.consent(STRANGER)
    assert (await town.ask(first)).state is AskedState.ANSWERED
    handle = (await town.requester.consents.get(first)).handle
    assert handle is not None
    read = len(town.source.read)
    assert isinstance(await send_block(town, second, SealedPerson(handle=handle)), ms.Later)
    assert len(town.source.read) == read
    await town.close()


@virtual
async def test_5_a_handle_is_given_once(tmp_path: Path) -> None:
    """A handle offered again for another person stands for the first alone (`Outcomes._write`, `Bases.keep_handle`)."""
    town = await Town.start(tmp_path)
    town.source.add("T-9", STRANGER, VALUES)
    first, second = await town.consent(), await town.consent(STRANGER)
    assert (await town.ask(first)).state is AskedState.ANSWERED
    handle = (await town.requester.consents.get(first)).handle
    package = (await town.requester.consents.get(second)).package
    assert isinstance(await send_block(town, second, SealedPerson(package=package, offer=handle)), ms.Delivered)
    for _ in range(2):
        assert isinstance(await send_block(town, second, SealedPerson(handle=handle)), ms.Later)
        await town.world.restart(HOLDER)
    await town.close()


# -- 9: nothing is lost, nothing is done twice (the whole matrix is in test_node_faults.py) -------------------------


@virtual
async def test_9_a_repeated_request_is_one_exchange(tmp_path: Path) -> None:
    """The same bytes sent again get the same answer: one grant, one disclosure, one reading (`Responder._repeat`)."""
    town = await Town.start(tmp_path)
    asked = await town.agreed()
    sent = next(sent.body for sent in town.world.net.traffic if b'"ask_request"' in sent.body[:64])
    bus = town.world.buses[REQUESTER]
    first, again = [await bus.call("ask.request", sent, timeout_s=20) for _ in range(2)]
    assert first == again
    assert ms.unpack(first, ms.Delivered).grant_entry == asked.grant.entry
    assert [town.world.kinds().count(f"exchange.{kind}") for kind in ("granted", "disclosed")] == [1, 1]
    assert len(town.source.read) == 1
    await town.close()


@virtual
async def test_9_what_was_signed_outlives_a_crash(tmp_path: Path) -> None:
    """A holder that dies after its outcome was handed in, and before it heard so, still delivers (`Outbox.send`)."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    await town.ask(consent)
    bus = town.world.buses[HOLDER]
    bus.after = len(bus.calls) + 1
    asked = await town.ask(consent)
    assert (asked.state, bus.calls[-1]) == (AskedState.GRANTED, "ask.outcome")
    await town.world.restart(HOLDER)
    await pass_time(60)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    assert town.world.kinds().count("exchange.disclosed") == 2
    await town.close()
