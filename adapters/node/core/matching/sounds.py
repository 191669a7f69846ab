"""How alike two name words sound, whatever office wrote them down in Latin letters.

A word in search form (A to Z) is read as a row of sounds. A letter group that different romanisations use for different
sounds stands for all of them: CH is kh in German, sh in French, ch in English. Two words sound the same when their rows
can be laid side by side so that each pair has a sound in common; short vowels, h and glides may be missing on one side
for little. The consonants alone make the keys of the index, as in Arabic script, which writes no short vowels.
"""

import re
from functools import lru_cache
from itertools import islice, product
from typing import Final, NamedTuple

_SOUNDS: Final = "b p f v t d s z š ž č ǰ c k g ğ x h l m n r w y a e i o u ə".split()  # noqa: SIM905 -- one a sound
_BIT: Final = {sound: 1 << place for place, sound in enumerate(_SOUNDS)}

CONSONANT: Final = 20
VOWEL: Final = 10
"""Costs of a difference; one letter mistyped costs about a consonant, one vowel heard otherwise half of it."""

SAME: Final = 6
"""Up to this distance two words are one name written twice: Amin and Amina, Karim and Karam cost more."""

_GLIDE: Final = 3
_FINAL_VOWEL: Final = 12
"""A vowel more at the end tells women's names from men's, so it is never cheap; only the mute E of French is."""

_VOWELS: Final = "AEIOUY"

MAX_KEYS: Final = 4
"""Keys of one word; a word full of ambiguous letters is found by the first ones or by the birth date."""


class Sound(NamedTuple):
    """One place of a word: the sounds it may be, what it costs to be missing, whether it is a vowel."""

    mask: int
    missing: int
    vowel: bool


class _Group(NamedTuple):
    """A letter group: what it sounds like, and what it leaves of itself in the keys."""

    sounds: tuple[Sound, ...]
    keys: tuple[str, ...]


def _groups(text: str) -> dict[str, _Group]:
    """Read lines `letters sounds missing keys`; a `+` is before a glide, keys are parted by `|`, `-` is none."""
    groups: dict[str, _Group] = {}
    for line in text.strip().splitlines():
        letters, heard, missing, keys = line.split()
        first, _, glide = heard.partition("+")
        sounds = [Sound(_mask(first), int(missing), letters[0] in _VOWELS)]
        if glide:
            sounds.append(Sound(_mask(glide), _GLIDE, vowel=False))
        group = _Group(tuple(sounds), tuple("" if key == "-" else key for key in keys.split("|")))
        groups.update(dict.fromkeys(letters.split(","), group))
    return groups


def _mask(sounds: str) -> int:
    return sum(_BIT[sound] for sound in sounds)


_CONSONANT_GROUPS: Final = """
SCHTSCH,SHCH,SCHCH     šč    20  S
TSCH,TCH,CZ            čc    20  S
DSCH,DZH,DJ            ǰžd   20  S
SCH                    šžč   20  S
SH                     šž    20  S
ZH                     žšǰz  20  S
CH                     čšxk  20  S|K
KH                     xk    20  K|-
GH                     ğgk   20  K
PH                     f     20  F
TH                     tsš   20  T|S
DH                     dz    20  T|S
TS,TZ                  cszč  20  S
B                      b     20  P
P                      p     20  P
F                      f     20  F
V                      vw    20  F
W                      wv    6   F|-
T                      t     20  T
D                      d     20  T
S                      sšz   20  S
Z                      zcsž  20  S
C                      kcsčǰ 6   K|S|-
J                      yžǰ   6   -|S
K                      k     20  K
Q                      kğgx  20  K
G                      gğhǰ  20  K|-
X                      xhks  20  K|-
H                      hx    3   -
L                      l     20  L
M                      m     20  M
N                      n     20  N
R                      r     20  R
"""
_VOWEL_GROUPS: Final = """
A,AA                   a     10  -
E                      aeiə  6   -
I                      iy    6   -
O                      ou    10  -
U,UU                   uow   10  -
Y                      yi    3   -
EE,II,IY,YI,IJ,YY,IE   ie    10  -
OO,OU                  uo    10  -
AI,AY,AJ               ae+yi 6   -
EI,EY,EJ               ei+yi 6   -
YE                     ei    6   -
AU,AOU                 aou+w 10  -
AW,OW                  aou+wv 10 F|-
OE                     oe    10  -
UE                     u     10  -
AE                     ae    10  -
"""
_GROUPS: Final = _groups(_CONSONANT_GROUPS) | _groups(_VOWEL_GROUPS)
_FINAL: Final = {
    letter: tuple(Sound(_mask(heard), sound.missing, sound.vowel) for sound in _GROUPS[letter].sounds)
    for letters, heard in (("DT", "dt"), ("BP", "bp"), ("GK", "gk"), ("VW", "vwf"), ("F", "vf"))
    for letter in letters
}
"""At the end of a word voice is lost: Ahmed and Ahmet, Petrov and Petroff."""

_INITIAL: Final = {
    "H": (Sound(_mask("hx"), VOWEL, vowel=False),),
    "E": (Sound(_mask("ei"), VOWEL, vowel=True),),
}
"""At the beginning of a word little is lost: Avin and Evin, Hala and Ala are two names each."""

_BEFORE_VOWEL: Final = {"AU", "AW", "OW", "AI", "AY", "AJ", "EI", "EY", "EJ", "IY", "YI", "IJ", "IE", "UE", "OE", "AE"}
"""Groups that fall apart before a vowel: Nawal, Mariya, Zayed."""

_GROUP: Final = re.compile(
    "|".join(
        letters + ("(?![AEIOUY])" if letters in _BEFORE_VOWEL else "") for letters in sorted(_GROUPS, key=len)[::-1]
    )
    + "|."
)
_TWICE: Final = re.compile(r"([^AEIOU])\1+")


@lru_cache(maxsize=1 << 15)
def sounds(word: str) -> tuple[Sound, ...]:
    """Read a word in search form as sounds; a character outside A to Z is a sound of its own."""
    groups = _GROUP.findall(_TWICE.sub(r"\1", word))
    found: list[Sound] = []
    for letters in groups:
        group = _GROUPS.get(letters)
        found += (Sound(1 << (len(_BIT) + ord(letters)), CONSONANT, vowel=False),) if group is None else group.sounds
    if groups and groups[0] in _INITIAL:
        found[:1] = _INITIAL[groups[0]]
    if groups and groups[-1] in _FINAL:
        found[-1:] = _FINAL[groups[-1]]
    elif found and found[-1].vowel and groups[-1] != "E":
        found[-1] = found[-1]._replace(missing=_FINAL_VOWEL)
    return tuple(found)


@lru_cache(maxsize=1 << 15)
def keys(word: str) -> tuple[str, ...]:
    """Give the consonant skeletons of a word, at most `MAX_KEYS`; two words that sound the same mostly share one.

    A word that begins with a vowel or a weak sound gets an `A` in front; a word without any strong consonant is its own
    key.
    """
    groups = [_GROUPS[letters].keys for letters in _GROUP.findall(_TWICE.sub(r"\1", word)) if letters in _GROUPS]
    found = []
    for chosen in islice(product(*groups), MAX_KEYS):
        skeleton = "".join(chosen)
        lead = "A" if chosen and chosen[0] == "" else ""
        found.append(lead + skeleton if skeleton else "=" + word)
    return tuple(dict.fromkeys(found))


def distance(one: str, other: str) -> int:
    """Give what it costs to turn one word's sounds into the other's, in units of a `CONSONANT`'s twentieth."""
    row = [0]
    for sound in sounds(other):
        row.append(row[-1] + sound.missing)
    for mine in sounds(one):
        left = row[0] + mine.missing
        next_row = [left]
        for place, theirs in enumerate(sounds(other)):
            left = min(row[place] + _unlike(mine, theirs), row[place + 1] + mine.missing, left + theirs.missing)
            next_row.append(left)
        row = next_row
    return row[-1]


def _unlike(one: Sound, other: Sound) -> int:
    if one.mask & other.mask:
        return 0
    if one.vowel and other.vowel:
        return SAME if (one.mask | other.mask) & _BIT["ə"] else VOWEL
    return CONSONANT + VOWEL if one.vowel or other.vowel else CONSONANT
