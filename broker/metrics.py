"""What the broker counts, as Prometheus reads it: sums and sizes, never an id, an agency or a person."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from consent_ledger.sequencer import Receipt
from schemas.errors import Code

BATCH_BOUNDS: Final = (1, 4, 16, 64, 256)
"""Upper bounds of the buckets of batch sizes; the largest is the sequencer's own."""
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
Samples = Iterable[tuple[str, Labels, int]]
"""Suffix of the metric's name, labels and value of each sample."""
NO_LABELS: Final[Labels] = {}


@dataclass
class Metrics:
    """Counters that no other part keeps."""

    batches: Counter[int] = field(default_factory=Counter)
    reports: Counter[tuple[str, Code]] = field(default_factory=Counter)

    def committed(self, receipts: Sequence[Receipt]) -> None:
        """Hear of a batch from the sequencer."""
        self.batches[len(receipts)] += 1

    def report(self, where: str, code: Code) -> None:
        """Hear of something beside the calls that did not succeed."""
        self.reports[where, code] += 1

    def batch_samples(self) -> Samples:
        """Give the histogram of batch sizes."""
        for bound in BATCH_BOUNDS:
            yield "_bucket", {"le": str(bound)}, sum(count for size, count in self.batches.items() if size <= bound)
        yield "_bucket", {"le": "+Inf"}, self.batches.total()
        yield "_sum", NO_LABELS, sum(size * count for size, count in self.batches.items())
        yield "_count", NO_LABELS, self.batches.total()

    def report_samples(self) -> Samples:
        """Give what was reported, by place and code."""
        for (where, code), count in sorted(self.reports.items()):
            yield "", {"where": where, "code": code}, count


class Family(NamedTuple):
    """One metric with its samples; its full name begins with `handschlag_broker_`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    samples: Samples


def write(families: Iterable[Family]) -> str:
    """Write metrics in the text format of Prometheus."""
    return "".join(line for one in families for line in _lines(one))


def single(value: int) -> Samples:
    """Give the one sample of a metric without labels."""
    return (("", NO_LABELS, value),)


def by_label(label: str, values: Mapping[str, int]) -> Samples:
    """Give one sample for each value of a label."""
    return [("", {label: name}, value) for name, value in sorted(values.items())]


def _lines(one: Family) -> Iterator[str]:
    name = f"handschlag_broker_{one.name}"
    yield f"# HELP {name} {one.meaning}\n# TYPE {name} {one.kind}\n"
    for suffix, labels, value in one.samples:
        yield f"{name}{suffix}{_labels(labels)} {value}\n"


def _labels(labels: Labels) -> str:
    inner = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""
