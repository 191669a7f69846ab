"""What a comparison of two laws does not mark lets nothing more through, whoever asks whomever."""

from random import Random

import pytest

from schemas.calendar import berlin_ms, end_of_day_ms, parse_day
from schemas.ids import AgencyId, FieldName
from schemas.registry import PurposeRule, Registry
from schemas.registry_diff import changes
from tests.support.pens import changed
from tests.support.scenes import REVIEWED, Scene, drawn, granted, kind_of

pytestmark = pytest.mark.slow  # thousands of decisions

KEYS = (
    *("fields", "requester_kinds", "holder_kinds", "basis", "norm", "mode", "conditions", "secrecy_release"),
    *("neutral_collector", "same_kind", "release", "valid_from", "valid_to", "off"),
)
DAYS = ("2026-11-19", "2026-11-20", "2026-11-21")
"""The day of all scenes, with the days before and after."""


def _other(law: Registry, scene: Scene, chance: Random) -> Registry:
    """Let one key of the scene's purpose, the kind of a party, or a field say something else."""
    match chance.randrange(4):
        case 0:
            kind = law.kinds[kind_of(chance.choice(_parties(scene)))]
            flags = {key: not getattr(kind, key) for key in ("secrecy_203", "sanction_power", "section35")}
            key = chance.choice(("ceiling", *flags))
            other = changed(kind, **{key: flags.get(key, chance.randint(0, 3))})
            return law._replace(kinds={**law.kinds, kind.name: other})
        case 1:
            field = law.fields[chance.choice(sorted(law.purposes[scene.purpose].fields or law.fields))]
            other_field = changed(field, sensitivity=chance.randint(0, 3))
            return law._replace(fields={**law.fields, field.name: other_field})
        case _:
            return _with_row(law, scene, chance)


def _parties(scene: Scene) -> list[AgencyId]:
    return [scene.asks, scene.holds, *([] if scene.evidence is None else [scene.evidence.collector])]


def _with_row(law: Registry, scene: Scene, chance: Random) -> Registry:
    rule, key = law.purposes[scene.purpose], chance.choice(KEYS)
    values: dict[str, object] = {
        "valid_from": chance.choice(DAYS),
        "valid_to": chance.choice((None, *DAYS)),
        "off": chance.random() < 0.5,
        "fields": tuple(sorted(chance.sample(sorted(rule.fields), chance.randint(0, len(rule.fields))))),
    }
    row = changed(rule.row, **{key: values.get(key, getattr(chance.choice(list(law.purposes.values())).row, key))})
    end = None if row.valid_to is None else end_of_day_ms(parse_day(row.valid_to, "valid_to"))
    fields = frozenset(map(FieldName, row.fields)) if key == "fields" else rule.fields
    other = PurposeRule(row, fields, berlin_ms(parse_day(row.valid_from, "valid_from")), end)
    return law._replace(purposes={**law.purposes, scene.purpose: other})


@pytest.mark.parametrize("block", range(4))
def test_what_is_not_marked_lets_nothing_more_through(block: int) -> None:
    """In both directions of a change: where a scene gets a field it did not get before, a difference is marked."""
    grown = 0
    for number in range(1000 * block, 1000 * (block + 1)):
        scene = drawn(number)
        law = _other(REVIEWED, scene, Random(number))  # noqa: S311  repeatable draws of a test, no secret
        for before, after in ((REVIEWED, law), (law, REVIEWED)):
            if not granted(scene._replace(law=after)) <= granted(scene._replace(law=before)):
                grown += 1
                assert any(change.wider for change in changes(before, after)), number
    assert grown > 20
