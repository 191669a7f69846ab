"""FLOW at the agency that takes a consent: sign it, have it logged, hand the sealed package to the recipient.

The collector knows the person; the log gets a commitment, the recipient gets id, person block and commitment key sealed
to its own key. Withdrawing is as easy: one statement, effective at its index.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from adapters.node.background import Background, Sweep, backoff_ms, each
from adapters.node.codes import code_hash, fresh_code
from adapters.node.consents import Consents
from adapters.node.core.compose import Seal, lawbook, recipient, seal_context
from adapters.node.core.consent_text import By, Terms, Words, check_text, is_draft, shown
from adapters.node.core.taking import (
    About,
    Given,
    Guardian,
    Refused,
    Taken,
    about,
    check_given,
    check_renewal,
    check_taken,
)
from adapters.node.core.view import Proven
from adapters.node.database import Op
from adapters.node.federation import Federation
from adapters.node.identity import Identity
from adapters.node.offering import Offering
from adapters.node.outbox import Handling, Head, Issued, Ours, Outbox, Reply, fault_of, nothing_to_drop
from adapters.node.staff import Staff
from adapters.node.store import NodeStore
from adapters.node.store.rows import NO_RECEIPT, BasisId, Consent, ConsentState, Ending, Receipt, Side
from adapters.node.withdrawals import Withdrawals
from consent_ledger.core.evidence import evidence_id
from schemas import canonical, commitment
from schemas import messages as ms
from schemas import statements as st
from schemas.client_texts import Told
from schemas.entries import Recorded, Rejected
from schemas.errors import Code, Misuse, NotAuthentic, Unavailable
from schemas.ids import ConsentId, GivenId, Hash
from schemas.record import ConsentPackage, PersonBlock
from schemas.seal import seal
from schemas.topics import ask

DELIVER_TIMEOUT_S: Final = 15.0
DELIVER_AGAIN_AFTER_MS: Final = 30_000


FoundT = TypeVar("FoundT")


class _New(NamedTuple):
    """What a new basis is made of beside its terms: the package for its recipient, the commitment, the two codes.

    Who consented in the client's place stays here, and so does whether the text was a draft.
    """

    package: ConsentPackage
    person: Hash
    codes: tuple[str, str]
    guardian: Guardian | None = None
    draft: bool = False
    about: About | None = None


@dataclass
class Collector:
    """The collecting side of a node; `words` gives the words of all languages clients are shown texts in."""

    identity: Identity
    federation: Federation
    outbox: Outbox
    store: NodeStore
    consents: Consents
    withdrawals: Withdrawals
    background: Background
    staff: Staff
    words: Callable[[], Words]
    offering: Offering

    def __post_init__(self) -> None:
        """Prepare to hand packages over again by the clock, and for the answers to what is resent."""
        self.outbox.handle(st.ConsentGiven, Handling(self._take, self._drop))
        self.outbox.handle(st.BasisGiven, Handling(self._take, self._drop))
        self.outbox.handle(st.ConsentWithdrawn, Handling(self._take_withdrawal, nothing_to_drop))
        self.outbox.handle(st.BasisWithdrawn, Handling(self._take_withdrawal, nothing_to_drop))
        self._packages = Sweep(self.background, self.identity.clock, "consent_delivery", self._hand_over_due)

    def start(self) -> None:
        """Take up the packages that an earlier run could not hand over."""
        self._packages.now()

    async def reconnected(self) -> None:
        """Hand over at once what waits for its time."""
        await self.store.write(self.store.bases.hasten(self.identity.clock.now_ms()))
        self._packages.now()

    def close(self) -> None:
        """Do nothing more by the clock."""
        self._packages.close()

    def text(self, terms: Terms, language: str) -> Told:
        """Give the text a client may be shown for these terms; Misuse for one that does not exist or is a draft."""
        return shown(terms, language, self.words(), self._by(), drafts=self.identity.drafts)

    def _by(self) -> By:
        return By(lawbook(self.federation.view), self.federation.view.state)

    async def collect(self, taken: Taken) -> Consent:
        """Sign a consent, have it logged and hand its package over; gives it with the two codes for the receipt.

        With `replaces` it renews one, which ends at the new one's index.
        Raises Misuse naming the rule it breaks, or the log's reason when it was rejected. A recipient out of reach gets
        its package later; a consent that could not be logged now is `sent`, and logged as soon as it can be.
        """
        agency, view, clock = self.identity.agency, self.federation.view, self.identity.clock
        texts, drafts = self.words(), self.identity.drafts
        await self._checked(lambda: check_taken(taken, agency, view, clock.now_ms()))
        await self._check_renewal(taken)
        await self.offering.check(about(taken), wished=taken.wished)
        words = await self._checked(lambda: check_text(taken, texts, self._by(), drafts=drafts))
        draft = words is not None and is_draft(taken.language, texts, view.state)
        new, staff = self._new(taken.person), await self.staff.pseudonym(taken.staff)

        def compose(head: Head) -> st.ConsentGiven:
            return st.ConsentGiven(
                **head.fields(),
                consent=ConsentId(new.package.id),
                purpose=taken.purpose,
                recipient=taken.recipient,
                holders=tuple(sorted(set(taken.holders))),
                fields=tuple(sorted(set(taken.fields))),
                not_before=head.at,
                expires=taken.expires,
                uses=taken.uses,
                text_sha256=taken.text_sha256,
                language=taken.language,
                medium=taken.medium,
                capacity=taken.capacity,
                secrecy_release=taken.secrecy_release,
                person=new.person,
                view=code_hash(new.codes[0]),
                withdraw=code_hash(new.codes[1]),
                words=words,
                staff=staff,
                role=taken.role,
                interpreter=taken.interpreter,
                understood=taken.understood,
                replaces=taken.replaces,
            )

        return await self._take_in(compose, new._replace(guardian=taken.guardian, draft=draft, about=about(taken)))

    async def _check_renewal(self, taken: Taken) -> None:
        """Let a consent be renewed that was collected here and is valid; Misuse for any other."""
        if taken.replaces is None:
            return
        old = await self.consents.get(taken.replaces)
        if old.withdraw_code is None or old.state is not ConsentState.GIVEN:
            renewed = old.state is ConsentState.RENEWED
            message = "replaces: was not collected here, or is over"
            raise Misuse(message, code=Code.CONSENT_RENEWED if renewed else Code.CONSENT_WITHDRAWN)
        check_renewal(taken, old.statement, old.package.person, self.identity.clock.now_ms())

    async def give(self, given: Given) -> Consent:
        """Sign a client's request or a duty to cooperate, as `collect` does a consent; raises as it does."""
        view, clock = self.federation.view, self.identity.clock
        await self._checked(lambda: check_given(given, view, clock.now_ms()))
        new = self._new(given.person)

        def compose(head: Head) -> st.BasisGiven:
            return st.BasisGiven(
                **head.fields(),
                given=GivenId(new.package.id),
                kind=given.kind,
                purpose=given.purpose,
                recipient=given.recipient,
                holders=tuple(sorted(set(given.holders))),
                fields=tuple(sorted(set(given.fields))),
                expires=given.expires,
                uses=given.uses,
                norm=given.norm,
                notice_date=given.notice_date,
                person=new.person,
                view=code_hash(new.codes[0]),
                withdraw=code_hash(new.codes[1]),
            )

        return await self._take_in(compose, new)

    async def _checked(self, check: Callable[[], FoundT]) -> FoundT:
        """Refuse what breaks a rule; what this node does not know it looks up once before it says so."""
        try:
            return check()
        except Misuse:
            await self.federation.catch_up()
            return check()

    def _new(self, person: PersonBlock) -> "_New":
        """Draw id, commitment key and codes of a basis."""
        name, key = ConsentId(self.identity.random_bytes(16).hex()), self.identity.random_bytes(32)
        package = ConsentPackage(id=name, person=person, commitment_key=Hash(key.hex()))
        return _New(package, commitment.commit_person(key, person), (self._code(), self._code()))

    async def _take_in(self, compose: Callable[[Head], st.ConsentGiven | st.BasisGiven], new: "_New") -> Consent:
        """Sign a basis, keep it with its package, have it logged; give it as it is then."""

        def keep(statement: Ours) -> Sequence[Op]:
            if not isinstance(statement, st.ConsentGiven | st.BasisGiven):
                return ()
            answered = () if new.about is None else (self.offering.given(new.about),)
            return (*self._kept(statement, new), *answered)

        name = new.package.id
        try:
            accepted(await self.outbox.send(compose, ms.AskRecord, self._take, keep), "consent")
        except Unavailable as error:
            if await self.consents.find(name) is None:
                raise
            self.background.report("collect", error.code)
        return await self.consents.get(name)

    async def refuse(self, no: Refused) -> Proven:
        """Record a client's no: as many clicks as a yes, and it names nobody. Misuse when the log rejects it.

        Whose no it is stays here, so that nobody asks again too soon.
        """
        person = no.person
        noted = () if person is None else (self.offering.refused(About(person, no.purpose, no.recipient)),)
        proven = await self.outbox.send(
            lambda head: st.ConsentRefused(
                **head.fields(),
                purpose=no.purpose,
                recipient=no.recipient,
                text_sha256=no.text_sha256,
                language=no.language,
            ),
            ms.AskRecord,
            self.outbox.settle,
            lambda _: noted,
        )
        return accepted(proven, "refusal")

    async def withdraw(self, name: BasisId, cause: st.Withdrawal = "withdrawn") -> Proven | None:
        """End a consent or given basis this agency is party to; effective at the index of the entry that is given.

        For this node it ends at once, and for good once it is durable: None is given while the log could not be told.
        Raises Misuse with the log's reason when this agency may not, Unavailable when nothing was signed.
        """
        held = await self.consents.find(name)

        def compose(head: Head) -> st.ConsentWithdrawn | st.BasisWithdrawn:
            if held is not None and isinstance(held.statement, st.BasisGiven):
                return st.BasisWithdrawn(**head.fields(), given=GivenId(name))
            return st.ConsentWithdrawn(**head.fields(), consent=ConsentId(name), cause=cause)

        def end(_: Ours) -> Sequence[Op]:
            return () if held is None else self.withdrawals.ends(name, Ending(cause))

        try:
            return accepted(await self.outbox.send(compose, ms.AskRecord, self._take_withdrawal, end), "withdrawal")
        except Unavailable as error:
            self.consents.forget(name)
            ended = await self.consents.find(name)
            if ended is None or not ended.over:
                raise
            self.background.report("withdraw", error.code)
            return None

    async def reissue(self, name: BasisId) -> Consent:
        """Give a consent's receipt new codes, because the client lost it; the old ones are dead once this is logged.

        Raises Misuse for a consent this agency did not collect or that is over, Unavailable when it was not logged.
        """
        held = await self.consents.get(name)
        if held.withdraw_code is None or held.state is not ConsentState.GIVEN:
            message = "consent: was not collected here, or is not in force"
            raise Misuse(message, code=Code.CONSENT_UNKNOWN)
        codes = (self._code(), self._code())

        def compose(head: Head) -> st.ConsentCodes:
            view, withdraw = map(code_hash, codes)
            return st.ConsentCodes(**head.fields(), basis=ConsentId(name), view=view, withdraw=withdraw)

        # Kept before they are sent: once the log has the new ones, the old codes are worth nothing.
        proven = await self.outbox.send(
            compose, ms.AskRecord, self.outbox.settle, lambda _: (self.store.bases.recoded(name, *codes),)
        )
        self.consents.forget(name)
        accepted(proven, "codes")
        return await self.consents.get(name)

    # -- into the log ----------------------------------------------------------------------------------------------

    def _kept(self, statement: st.ConsentGiven | st.BasisGiven, new: "_New") -> Sequence[Op]:
        side: Side = "both" if statement.recipient == self.identity.agency else "collector"
        name, package, state = evidence_id(statement), new.package, ConsentState.SENT
        kept = Consent(name, side, statement, package, *new.codes, state, None, None, NO_RECEIPT, None, 0)
        return self.store.bases.keep(kept._replace(guardian=new.guardian, draft=new.draft))

    async def _take(self, issued: Issued, reply: Reply) -> Proven:
        """Take the answer to a consent's statement: note its entry, and hand the package over."""
        proven, statement = self.outbox.own_entry(issued, reply), issued.statement
        if not isinstance(statement, st.ConsentGiven | st.BasisGiven) or not isinstance(reply, ms.Logged):
            message = "outbox: a consent was expected"
            raise NotAuthentic(message)
        name, receipt = evidence_id(statement), Receipt(reply.entry, reply.proof)
        due = None if statement.recipient == self.identity.agency else self.identity.clock.now_ms()
        if isinstance(proven.leaf.entry, Recorded):
            noted = [self.store.bases.given(name, proven.index, receipt, due)]
            if isinstance(statement, st.ConsentGiven) and statement.replaces is not None:
                renewed = Ending("renewed", proven.index, proven.leaf.entry.time)
                noted += self.withdrawals.ends(statement.replaces, renewed)
        else:
            noted = [self.store.bases.rejected(name, receipt)]
        await self.consents.write(name, self.store.outgoing.logged(statement, proven), *noted)
        consent = await self.consents.get(name)
        if consent.due is not None:
            await self._hand_over(consent)
            self._packages.now()
        return proven

    def _drop(self, statement: Ours, _: Code) -> Sequence[Op]:
        """Note that a consent that is never logged is not in force."""
        if not isinstance(statement, st.ConsentGiven | st.BasisGiven):
            return ()
        return (self.store.bases.rejected(evidence_id(statement), NO_RECEIPT),)

    async def _take_withdrawal(self, issued: Issued, reply: Reply) -> Proven:
        """Take the answer to a withdrawal of ours: from its index on nothing of this node rests on the basis."""
        proven = self.outbox.own_entry(issued, reply)
        if isinstance(proven.leaf.entry, Recorded) and isinstance(reply, ms.Logged):
            await self.withdrawals.take(reply.entry, reply.proof, self.store.outgoing.logged(issued.statement, proven))
        else:
            await self.store.write(self.store.outgoing.logged(issued.statement, proven))
        return proven

    # -- packages --------------------------------------------------------------------------------------------------

    async def _hand_over_due(self, now_ms: int) -> int | None:
        """Hand over, again, every package its recipient has not taken yet."""
        await each(self._hand_over, await self.store.bases.due(now_ms))
        return await self.store.bases.next_due()

    async def _hand_over(self, consent: Consent) -> None:
        """Try once; the next try comes later and later, until the recipient has it or the consent is over."""
        now = self.identity.clock.now_ms()
        taken = consent.statement.expires <= now or await self.background.tried(
            "consent_delivery", self._deliver(consent)
        )
        due = None if taken else now + backoff_ms(consent.tries, DELIVER_AGAIN_AFTER_MS)
        await self.consents.write(consent.id, self.store.bases.again(consent.id, due))

    async def _deliver(self, consent: Consent) -> bool:
        """Seal the package to the recipient's present key and send it with the consent's receipt."""
        statement, view = consent.statement, self.federation.view
        to = recipient(statement.recipient, view)
        about = Seal("consent", consent.id, self.identity.agency, to)
        sealed = seal(canonical.encode_model(consent.package), to, seal_context(view, about, statement.fields))
        message = ms.pack(ms.AskDeliver(*consent.receipt, sealed))
        reply = await self.outbox.bus.call(ask("deliver"), message, timeout_s=DELIVER_TIMEOUT_S)
        answer = ms.unpack(reply, ms.Done, ms.Failed)
        if isinstance(answer, ms.Done):
            return True
        raise fault_of(answer)

    def _code(self) -> str:
        return fresh_code(self.identity.random_bytes)


def accepted(proven: Proven, what: str) -> Proven:
    """Give back an entry that took effect; Misuse with the log's reason for one that was rejected."""
    if isinstance(proven.leaf.entry, Rejected):
        reason = proven.leaf.entry.reason
        message = f"{what}: rejected ({reason.value})"
        raise Misuse(message, code=reason)
    return proven
