"""Finding the one row of the holder that is the person asked for, under whatever spelling. Pure.

`PersonIndex` is the way in. From the inside out: `calendars` and `dates` compare birth dates; `names` and `sounds` turn
name fields into words and words into sounds; `likeness` compares words; `compare` compares persons; `frequencies` and
`weights` turn agreement into bits; `blocks` finds what is worth comparing; `decide` says what a machine may take.
"""

from adapters.node.core.matching.decide import Doubt, Found, Match, Outcome
from adapters.node.core.matching.index import PersonIndex

__all__ = ["Doubt", "Found", "Match", "Outcome", "PersonIndex"]
