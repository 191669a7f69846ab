"""Two persons side by side: which words of their names belong together, how the rest of what is known agrees."""

from collections.abc import Iterator
from typing import NamedTuple

from adapters.node.core.matching.dates import DateKind
from adapters.node.core.matching.likeness import Alignment, Likeness, align, share_key
from adapters.node.core.matching.names import Names, Words


class NameMatch(NamedTuple):
    """One way to lay two persons' names side by side.

    `crossed`: words were matched across the two fields (names in each other's place, names of three parts shared out
    differently); all words left over then stand with `given`. `alias`: the family name agrees with another name only.
    `first_left`: the first given name of one person is nowhere among the other's.
    """

    given: Alignment
    family: Alignment
    first_left: bool
    crossed: bool = False
    alias: bool = False

    @property
    def is_whole(self) -> bool:
        """Tell whether given and family names both agree by sound and nothing is left over on either side."""
        return all(
            part.weakest >= Likeness.SAME_SOUND and not part.left_mine and not part.left_theirs
            for part in (self.given, self.family)
        )


class Comparison(NamedTuple):
    """All that is compared of two persons; `sex` and `country` are None where one side does not know."""

    names: NameMatch
    date: DateKind
    sex: bool | None
    country: bool | None


def name_matches(mine: Names, theirs: Names) -> Iterator[NameMatch]:
    """Give the ways in which two persons' names may belong together; which is best, the weights say."""
    given = align(mine.given, theirs.given)
    first_left = _first_left(given, mine, theirs)
    straight = NameMatch(given, align(mine.families[0], theirs.families[0]), first_left)
    yield straight
    if straight.is_whole:
        return
    for mine_family in mine.families:
        for their_family in theirs.families:
            if mine_family is not mine.families[0] or their_family is not theirs.families[0]:
                yield NameMatch(given, align(mine_family, their_family), first_left, alias=True)
    if share_key(mine.given, theirs.families[0]) or share_key(mine.families[0], theirs.given):
        yield _crossed(mine, theirs)


def _crossed(mine: Names, theirs: Names) -> NameMatch:
    """Match all words of one person with all of the other, whichever field they stand in."""
    whole = align(_distinct(mine.given + mine.families[0]), _distinct(theirs.given + theirs.families[0]))
    own = tuple(pair for pair in whole.pairs if pair.mine in mine.given)
    rest = tuple(pair for pair in whole.pairs if pair.mine not in mine.given)
    given = Alignment(own, whole.left_mine, whole.left_theirs)
    return NameMatch(given, Alignment(rest, (), ()), _first_left(whole, mine, theirs), crossed=True)


def _first_left(found: Alignment, mine: Names, theirs: Names) -> bool:
    return not {*mine.given[:1]}.isdisjoint(found.left_mine) or not {*theirs.given[:1]}.isdisjoint(found.left_theirs)


def _distinct(words: Words) -> Words:
    return tuple(dict.fromkeys(words))


def agreement(one: str | None, other: str | None) -> bool | None:
    """Compare two codes; None where one is not known."""
    return None if one is None or other is None else one == other
