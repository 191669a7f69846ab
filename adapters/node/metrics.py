"""The node's counters in the text format of Prometheus: how much of what, never of whom."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.errors import Code

_Labels = tuple[tuple[str, str], ...]

ACCESS_ENDS: Final = "When login or certificate for the bus run out, in Unix seconds."
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Reports:
    """Counts what went wrong where, and passes it on to the log; this is a node's `report`."""

    log: Callable[[str, Code], None]
    counted: Counter[tuple[str, Code]] = field(default_factory=Counter)

    def __call__(self, where: str, code: Code) -> None:
        """Count one report."""
        self.counted[where, code] += 1
        self.log(where, code)


def render(
    reports: Reports,
    answered: Mapping[str, int],
    asked: Mapping[str, int],
    received: Mapping[str, int],
    *,
    ready: bool,
    access_ends_s: int,
) -> str:
    """Write all counters; `access_ends_s` is when the access to the bus runs out, in Unix seconds."""
    faults: dict[_Labels, int] = {
        (("where", where), ("code", code.value)): n for (where, code), n in reports.counted.items()
    }
    lines = [
        *_metric("handschlag_node_ready", "gauge", "1 when the node does its work.", {(): int(ready)}),
        *_metric("handschlag_node_answers_total", "counter", "Answers on the bus by type.", _by("type", answered)),
        *_metric("handschlag_node_reports_total", "counter", "What went wrong, by place and code.", faults),
        *_metric("handschlag_node_asked", "gauge", "Requests of this agency by state.", _by("state", asked)),
        *_metric("handschlag_node_bus_access_ends_seconds", "gauge", ACCESS_ENDS, {(): access_ends_s}),
        *_metric("handschlag_node_received", "gauge", "Requests to this agency by state.", _by("state", received)),
    ]
    return "\n".join(lines) + "\n"


def _by(label: str, counts: Mapping[str, int]) -> dict[_Labels, int]:
    return {((label, name),): count for name, count in counts.items()}


def _metric(name: str, kind: str, meaning: str, values: Mapping[_Labels, int]) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"
    for labels, value in sorted(values.items()):
        yield f"{name}{_braced(labels)} {value}"


def _braced(labels: Iterable[tuple[str, str]]) -> str:
    pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
