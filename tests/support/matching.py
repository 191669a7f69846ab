"""Persons and rows in one line each, for the tests of matching. All of them are invented."""

from typing import Literal

from adapters.node.core.matching import Match, PersonIndex
from adapters.sources.port import Candidate, LocalRef
from schemas.ids import CodeName
from schemas.record import PersonBlock


def person(
    given_names: str,
    family_name: str,
    birth_date: str | None = "1990-05-17",
    sex: Literal["m", "w", "d", "x"] | None = None,
    *others: str,
    country: str | None = None,
) -> PersonBlock:
    """Give a person; `others` are further names."""
    return PersonBlock(
        family_name=family_name,
        given_names=given_names,
        birth_date=birth_date,
        birth_country=None if country is None else CodeName(country),
        sex=sex,
        other_names=others,
    )


def row(ref: str, known: PersonBlock, *, blocked: bool = False, guardian: bool = False) -> Candidate:
    """Give a holder's row."""
    return Candidate(LocalRef(ref), f"no. {ref}", known, transfer_block=blocked, guardian=guardian)


def holder(*rows: PersonBlock) -> PersonIndex:
    """Give the index of a holder who has these persons, in rows `0`, `1` and so on."""
    index = PersonIndex()
    for number, known in enumerate(rows):
        index.add(row(str(number), known))
    return index


def town(size: int = 400) -> list[PersonBlock]:
    """Give persons of the most different names and birth dates, so that a holder has something to learn from."""
    starts, middles = (
        ("Bar", "Del", "Fin", "Gor", "Hal", "Kem", "Lud", "Mir", "Nov", "Ras"),
        ("ano", "eti", "iru", "ola"),
    )
    ends = ("bek", "dur", "fel", "gin", "hus", "kam", "lin", "mor", "nes", "pal", "rit", "sol", "tun", "vas", "wim")
    return [
        person(
            starts[number % 10] + middles[number % 4] + ends[(number * 3) % 15][0],
            starts[(number * 7) % 10] + middles[(number // 4) % 4] + ends[number % 15],
            f"{1950 + number % 57}-{number % 11 + 2:02}-{number % 27 + 1:02}",
            "m" if number % 2 else "w",
        )
        for number in range(size)
    ]


def refs(found: Match) -> list[str]:
    """Give the keys of the rows found."""
    return [one.candidate.ref for one in found.candidates]
