"""The main job as a story, told while it happens. Nothing is staged: every line is what the API or a command said."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import httpx

from adapters.infra.clock import SystemClock
from handschlag.demo.client import ClientsPhone
from handschlag.demo.desk import Desk, Found
from handschlag.demo.patience import until
from handschlag.demo.stage import Stage, command
from handschlag.demo.telling import Teller
from handschlag.town import pick
from handschlag.town.people import ABH, COUNSELLING, JOBCENTER, SCHOOL, SOCIAL
from handschlag.town.pick import Picked
from schemas.calendar import DAY_MS

PURPOSE: Final = "Z16@1"
RESIDENCE: Final = "Z04@1"
MONTH_MS: Final = 30 * DAY_MS
FIELDS: Final = [
    "course_participation.ended_on",
    "course_participation.started_on",
    "course_participation.state",
    "course_results.exam_date",
    "course_results.exam_kind",
    "course_results.exam_result",
]
CHANGE: Final = "Z06@1"
CHANGE_BACK: Final = "Z08@1"
CHANGE_FIELDS: Final = ["benefits.from", "benefits.state", "benefits.system", "benefits.until", "contact.place"]
TOO_MUCH: Final = [*FIELDS, "course_participation.hours_used", "course_participation.module", "language.literacy"]
TOLD: Final = ("checkpoint", "entries", "Sound")


class Story:
    """Who acts: an adviser at counselling and at the Jobcenter, the course provider's office, the officers."""

    def __init__(self, stage: Stage, tell: Teller) -> None:
        """Put everybody at their desk; `receipt` is a consent that stands when the story is told, with its codes."""
        self.receipt: Found | None = None
        self._stage = stage
        self._tell = tell
        self._counselling = Desk(stage.offices[COUNSELLING], "adviser")
        self._jobcenter = Desk(stage.offices[JOBCENTER], "adviser")
        self._school = Desk(stage.offices[SCHOOL], "clerk_answer")

    def play(self) -> None:
        """Tell it from the beginning to the end."""
        self.agree()
        person = next(pick.shared_between(self._stage.people, COUNSELLING, SCHOOL))
        consent = self._consent(person)
        self._record(consent)
        self._too_much(consent)
        self._withdrawal(consent)
        self._no_is_no()
        self._audit()
        self._where()

    def agree(self) -> None:
        """Let every agency publish its catalogue, and the Jobcenter's officer approve."""
        tell = self._tell
        tell.chapter("What has to stand before anybody asks")
        for office in self._stage.offices.values():
            fields = Desk(office, "access_steward").put("/v1/catalogue")["fields"]
            tell(f"{office.name} publishes which fields it could deliver: {len(fields)}, and no data")
        self._fields_there = len(Desk(self._school.office, "access_steward").put("/v1/catalogue")["fields"])
        officer = Desk(self._jobcenter.office, "dpo")
        body = {
            "role": "adviser",
            "purpose": PURPOSE,
            "fields": FIELDS,
            "valid_until_ms": SystemClock().now_ms() + 6 * MONTH_MS,
        }
        officer.post("/v1/approvals", body)
        tell(f"The Jobcenter's data protection officer approves {PURPOSE} for advisers, for half a year")
        officer.post("/v1/approvals", {**body, "purpose": CHANGE, "fields": CHANGE_FIELDS})
        tell(f"and {CHANGE}: who has changed into SGB II need not bring all papers again")
        back = {**body, "purpose": CHANGE_BACK, "fields": CHANGE_FIELDS}
        Desk(self._stage.offices[SOCIAL], "dpo").post("/v1/approvals", back)
        tell(f"The social office's officer approves {CHANGE_BACK}, the way back")

    def leave_work(self) -> None:
        """Ask, on a statute, what two persons at the Jobcenter have to decide: their release list is not empty then."""
        immigration = self._stage.offices[ABH]
        person = next(pick.shared_between(self._stage.people, ABH, JOBCENTER))
        terms = {"role": "adviser", "purpose": RESIDENCE, "valid_until_ms": SystemClock().now_ms() + 6 * MONTH_MS}
        Desk(immigration, "dpo").post("/v1/approvals", terms)
        question = {
            "purpose": RESIDENCE,
            "holder": JOBCENTER,
            "norm": "SGB X § 71(2) Nr. 1",
            "declared": ["azr_insufficient"],
            "person": _named(person),
            "case_ref": person.files[ABH],
        }
        asked = Desk(immigration, "adviser").post("/v1/requests", question)
        Desk(self._jobcenter.office, "clerk_answer").until_listed("/v1/releases", "exchange", asked["exchange"])
        self._tell(f"{immigration.name} asks the Jobcenter ({RESIDENCE}): two persons there have to agree")

    def _consent(self, person: Picked) -> dict[str, Any]:
        tell = self._tell
        tell.chapter("A client agrees, at counselling, where nobody can cut benefits")
        consent = self.take(person)
        tell(f"{person.given_names} {person.family_name} (invented) lets the Jobcenter ask the course provider")
        tell(f"The consent stands in the ledger at index {consent['log_index']}; the entry names nobody")
        tell(f"On the client's receipt: view code {consent['view_code']}, withdrawal code {consent['withdraw_code']}")
        return consent

    def take(self, person: Picked, uses: int = 5) -> dict[str, Any]:
        """Take a consent and wait until the Jobcenter's node has its sealed package."""
        terms = {
            "purpose": PURPOSE,
            "recipient": JOBCENTER,
            "holders": [SCHOOL],
            "fields": FIELDS,
            "expires_ms": SystemClock().now_ms() + MONTH_MS,
            "uses": uses,
            "language": "ar",
        }
        text = self._counselling.post("/v1/consents/text", terms)
        body = {
            **terms,
            "person": _named(person),
            "text_sha256": text["text_sha256"],
            "medium": "screen",
            "capacity": "own",
            "secrecy_release": text["secrecy_release"],
            "interpreter": "none",
            "understood": "first",
        }
        consent = self._counselling.post("/v1/consents", body)
        self._jobcenter.until_listed("/v1/consents", "consent", consent["consent"])
        return consent

    def _record(self, consent: dict[str, Any]) -> None:
        tell = self._tell
        tell.chapter("The Jobcenter asks the course provider")
        began = time.perf_counter()
        answer = self._jobcenter.ask(PURPOSE, SCHOOL, consent["consent"])
        took_ms = (time.perf_counter() - began) * 1000
        tell(
            f"{answer['state']} after {took_ms:.0f} ms: {len(answer['record'])} fields of the {self._fields_there}"
            " the provider has"
        )
        rows = [
            (
                one["field"],
                str(value["value"]),
                value["recorded_at"] or "",
                value["recorded_by"] or "",
                value["verified"],
            )
            for one in answer["record"]
            for value in one["values"]
        ]
        tell.table(("field", "value", "recorded", "by", "known from"), rows)

    def _too_much(self, consent: dict[str, Any]) -> None:
        tell = self._tell
        tell.chapter("The Jobcenter asks for too much")
        answer = self._jobcenter.ask(PURPOSE, SCHOOL, consent["consent"], TOO_MUCH)
        tell(f"{len(TOO_MUCH)} fields asked, {len(answer['granted_fields'])} granted; {answer['state']}")
        tell.table(("cut", "by rule"), [(cut["field"], cut["rule"]) for cut in answer["cut"]])

    def _withdrawal(self, consent: dict[str, Any]) -> None:
        tell = self._tell
        tell.chapter("The client withdraws, on a phone, with the code on the receipt")
        said = ClientsPhone(self._stage.broker_address).stop(consent["view_code"], consent["withdraw_code"])
        tell(f"The page says: {said}")
        answer = self._jobcenter.ask(PURPOSE, SCHOOL, consent["consent"])
        tell(f"The same request again: [bold]{answer['state']}[/], rule [bold]{answer['reason']}[/]")

    def _no_is_no(self) -> None:
        """Ask for somebody nobody knows and for somebody a human refuses, and show that the answers are alike."""
        tell = self._tell
        tell.chapter("A no that tells nothing")
        people = self._stage.people
        cases = {
            "a person the provider does not know": next(pick.unknown_to(people, COUNSELLING, SCHOOL)),
            "a person whose release a human refuses": next(pick.ambiguous_at(people, COUNSELLING, SCHOOL)),
        }
        receipts = {title: self.take(person) for title, person in cases.items()}
        consents = {title: receipt["consent"] for title, receipt in receipts.items()}
        self.receipt = next(iter(receipts.values()))
        rows = list(self._two_noes(consents))
        tell.table(("asked for", "first word", "after", "last word", "after"), rows)
        tell("Only the provider's own list knows which was which; the Jobcenter and the ledger do not")

    def _two_noes(self, consents: dict[str, str]) -> Iterator[tuple[str, ...]]:
        asked: dict[str, tuple[str, str, float, float]] = {}
        for title, consent in consents.items():
            began = time.monotonic()
            first = self._jobcenter.ask(PURPOSE, SCHOOL, consent)
            asked[title] = (first["exchange"], first["state"], time.monotonic() - began, began)
        for waiting in islice(self._school.list("/v1/releases"), 1):
            self._school.post(f"/v1/releases/{waiting['exchange']}/refuse", {"reason": "too_uncertain"})
            self._tell("At the provider a human looks at two rows of one name, is not sure, and refuses")
        for title, (exchange, state, first_s, began) in asked.items():
            last = self._jobcenter.until(f"/v1/requests/{exchange}", "state", "not_available")
            yield title, state, f"{first_s:.1f} s", last["state"], f"{time.monotonic() - began:.1f} s"

    def _audit(self) -> None:
        tell = self._tell
        tell.chapter("An auditor with a laptop and no trust in us")
        stage, pins = self._stage, ("--pins", self._stage.federation / "federation.toml")
        broker = stage.federation / "broker"
        until(self._cosigned, "cosignatures of the nodes")
        source = ("--source", broker / "ledger", "--registry", broker / "registry")
        for words in (("export", stage.export, *source), ("verify", stage.export), ("replay", stage.export)):
            tell(f"[bold]handschlag ledger {' '.join(map(str, words))}[/]")
            for line in command("ledger", *words, *pins).splitlines():
                if line.startswith(TOLD):
                    tell(f"    {line.strip()}")

    def _cosigned(self) -> bool | None:
        """Tell whether the log's checkpoint carries signatures beside the log's own."""
        note = httpx.get(f"{self._stage.broker_address}/log/checkpoint", timeout=5.0).text
        return note.count("\n\u2014 ") > 1 or None

    def _where(self) -> None:
        stage = self._stage
        self._tell.chapter("Where things lie")
        rows = [
            ("the ledger's export", str(stage.export)),
            ("broker, ledger, law", str(stage.federation / "broker")),
            ("the nodes' own memories", str(stage.folder / "nodes")),
            ("the agencies' own systems", str(stage.folder / "town")),
            ("logs, without personal data", str(stage.folder / "logs")),
        ]
        self._tell.table(("what", "where"), rows)


def _named(person: Picked) -> dict[str, str]:
    """Give a person as a question or a consent names them."""
    return {"family_name": person.family_name, "given_names": person.given_names, "birth_date": person.birth_date}
