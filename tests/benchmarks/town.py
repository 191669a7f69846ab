"""The agencies of the benchmarks: admitted by the commands, with keys on disk, on a real nats-server with TLS."""

import json
import secrets
import sqlite3
from pathlib import Path

from adapters.infra.clock import SystemClock
from adapters.infra.key_files import load_seal_key, load_signer
from adapters.node.identity import Identity
from adapters.node.node import Node, Own
from adapters.node.store import NodeStore
from adapters.sources.mapping import parse
from adapters.sources.opening import open_source
from adapters.sources.port import Source
from broker.settings import SETTINGS_FILE, parse_settings
from consent_ledger.core.signed import Pins
from handschlag.registry_folder import shipped_bundle
from schemas import registry as law
from schemas.errors import Code
from schemas.ids import AgencyId, FieldName
from schemas.record import PersonBlock
from tests.support.real_federation import Agency

HOLDER = AgencyId("sprachschule")
REQUESTER = AgencyId("jobcenter")
COLLECTOR = AgencyId("beratung")
KINDS = {HOLDER: "course_provider", REQUESTER: "jobcenter", COLLECTOR: "mbe"}
PERSON = PersonBlock(family_name="Tesfay Haile", given_names="Selam", birth_date="1994-05-09")
FIELDS = tuple(
    FieldName(name)
    for name in (
        "course_participation.ended_on",
        "course_participation.started_on",
        "course_participation.state",
        "course_results.exam_date",
    )
)
MAPPING = """\
kind = "sql"
location = "courses.db"
table = "participant"
key = "number"
date_formats = ["%Y-%m-%d"]

[person]
family_name = "family"
given_names = "given"
birth_date = "born"

[fields]
"course_participation.state" = { column = "state", type = "code", codes = ["running", "ended"] }
"course_participation.started_on" = { column = "started", type = "date" }
"course_participation.ended_on" = { column = "ended", type = "date" }
"course_results.exam_date" = { column = "examined", type = "date" }
"""


def write_courses(folder: Path) -> None:
    """Write the holder's database: a thousand participants and the one who is asked for."""
    others = [(f"P{n}", f"Family {n}", "Given", "1990-02-02", "running", "2026-02-02", None, None) for n in range(1000)]
    asked_for = ("S1", PERSON.family_name, PERSON.given_names, PERSON.birth_date, "ended", "2026-02-02", "2026-06-30")
    with sqlite3.connect(folder / "courses.db") as link:
        link.execute(
            "CREATE TABLE participant (number PRIMARY KEY, family, given, born, state, started, ended, examined)"
        )
        link.executemany("INSERT INTO participant VALUES (?,?,?,?,?,?,?,?)", [*others, (*asked_for, "2026-07-03")])


def courses(folder: Path) -> Source:
    """Open the holder's database by its mapping."""
    return open_source(parse(MAPPING, "mapping.toml", frozenset(law.load(shipped_bundle()).fields)), folder)


def pins_of(federation: Path) -> Pins:
    """Read the federation's pins from the broker's settings."""
    file = federation / "broker" / SETTINGS_FILE
    return parse_settings(file.read_text("utf-8"), str(file)).pins


def identity(agency: Agency) -> Identity:
    """Load an agency's keys."""
    seal = load_seal_key(agency.folder / "seal.key")
    return Identity(
        agency=agency.name,
        statement=load_signer(agency.folder / "statement.key"),
        openers={seal.published.id: seal},
        seal_key=seal.published.id,
        clock=SystemClock(),
        random_bytes=secrets.token_bytes,
        witnesses=(load_signer(agency.folder / "witness.key"),),
        dpo=load_signer(agency.folder / "dpo.key"),
        drafts=True,
    )


async def start_node(agency: Agency, pins: Pins, source: Source | None) -> Node:
    """Connect an agency's node and start it."""
    bus = await agency.connect()
    node = Node.build(
        identity(agency),
        bus,
        NodeStore(agency.folder / "node.db"),
        pins,
        None if source is None else Own(source),
        report,
    )
    await node.start()
    return node


def report(where: str, code: Code) -> None:
    """Show what a node reports: a benchmark in which something goes wrong measures nothing."""
    print(json.dumps({"reported": where, "code": code}))  # noqa: T201, TID251  the benchmark's own output
