"""The registry files as they are shipped, and a small registry of a few tables for tests that change the law."""

from pathlib import Path
from typing import Final

from schemas.registry import FILES

SHIPPED: Final = Path(__file__).resolve().parents[2] / "schemas" / "registry"

SMALL: Final = {
    "agency_kinds": """\
[[agency_kind]]
name = "jobcenter"
label = { de = "Jobcenter", en = "Jobcentre" }
public = true
section35 = true
secrecy_203 = false
secret_clientele = false
sanction_power = true
ceiling = 2

[[agency_kind]]
name = "mbe"
label = { de = "Migrationsberatung", en = "Migration counselling" }
public = false
section35 = false
secrecy_203 = true
secret_clientele = true
sanction_power = false
ceiling = 3
""",
    "code_lists": """\
[[code_list]]
name = "state"
source = "b.2"
valid_from = "2025-01-01"
values = [
  { code = "running", label = { de = "läuft", en = "running" } },
  { code = "ended", label = { de = "beendet", en = "ended" } },
]

[[code_list]]
name = "occasion"
source = "b.3"
valid_from = "2025-01-01"
values = [{ code = "move", label = { de = "Umzug", en = "move" } }]
""",
    "fields": """\
[[field]]
name = "course.state"
label = { de = "Stand", en = "state" }
type = "code"
code_list = "state"
sensitivity = 2
lead = "mbe"

[[field]]
name = "course.started_on"
label = { de = "Beginn", en = "start" }
type = "date"
sensitivity = 1
lead = "any"

[[field]]
name = "courses.count"
label = { de = "Anzahl", en = "count" }
type = "int"
sensitivity = 1
lead = "client"
""",
    "prohibitions": """\
[[prohibition]]
rule = "v01"
label = { de = "Nein", en = "No" }
requester_kinds = ["jobcenter"]
holder_kinds = ["mbe"]
except_purposes = ["Z16"]
except_basis = ["client_request"]
""",
    "purposes": """\
[[purpose]]
purpose = "Z16@1"
label = { de = "Kursstand", en = "Course" }
requester_kinds = ["jobcenter"]
holder_kinds = ["jobcenter"]
basis = ["consent"]
norm = ["DSGVO Art. 6(1)(a)"]
fields = ["course.*"]
mode = "single"
neutral_collector = ["jobcenter"]
release = "automatic"
answer_within_s = 60
valid_from = "2025-01-01"
valid_to = "2026-03-29"
review = "draft"
same_kind = true

[[purpose]]
purpose = "Z16@2"
label = { de = "Kursstand", en = "Course" }
requester_kinds = ["mbe"]
holder_kinds = ["jobcenter"]
basis = ["statute"]
norm = ["SGB X § 69(1)"]
fields = ["course.state", "courses.count"]
mode = "package"
occasion = "move"
inform = "now"
release = "human"
answer_within_s = 60
valid_from = "2026-03-30"
review = "reviewed"
""",
}
"""Five files that contradict nothing."""


def shipped() -> dict[str, str]:
    """Read the texts of the files that are shipped, by stem."""
    return {stem: (SHIPPED / f"{stem}.toml").read_text(encoding="utf-8") for stem in FILES}


def changed(stem: str, old: str, new: str) -> dict[str, str]:
    """Give the small registry with one text in one file replaced where it first stands."""
    if old not in SMALL[stem]:
        message = f"{old!r} does not stand in {stem}"
        raise ValueError(message)
    return SMALL | {stem: SMALL[stem].replace(old, new, 1)}
