"""How one clerk writes down what another wrote otherwise: names that came from another script, and their calendars.

A name in Arabic, Cyrillic or Ethiopic letters has no one spelling in Latin letters. Passports, interpreters and clerks
each follow a rule of their own, English, French or German; the pairs below are such rules, put together for this town.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal

from handschlag.town.dice import Dice

Script = Literal["arabic", "persian", "cyrillic", "ethiopic", "latin"]
"""The writing a name comes from; Persian has other habits than Arabic with much the same letters."""

_Rules = tuple[tuple[str, str], ...]

_RULES: Final[Mapping[Script, _Rules]] = {
    "arabic": (
        ("Al-", "El-"), ("Al-", "Al "), ("Al-", ""), ("Abdel", "Abdul"), ("Abdul", "Abd al-"), ("al-Din", "eddin"),
        ("ohamm", "uhamm"), ("amm", "am"), ("ss", "s"), ("ou", "u"), ("oo", "u"), ("ee", "i"), ("kh", "ch"),
        ("Kh", "Ch"), ("sh", "sch"), ("Sh", "Sch"), ("gh", "g"), ("Gh", "G"), ("q", "k"), ("Q", "K"), ("dh", "d"),
        ("aa", "a"), ("ai", "ei"), ("ei", "ai"), ("y", "i"), ("w", "u"), ("j", "dsch"), ("u", "o"), ("i", "e"),
    ),
    "persian": (
        ("zada", "zadeh"), ("zadeh", "zada"), ("ullah", "ollah"), ("Abdul", "Abdol"), ("ossein", "ussain"),
        ("khil", "khel"), ("pour", "pur"), ("ou", "u"), ("ei", "ai"), ("kh", "ch"), ("Kh", "Ch"), ("gh", "q"),
        ("q", "gh"), ("Q", "Gh"), ("sh", "sch"), ("Sh", "Sch"), ("z", "s"), ("j", "dsch"), ("w", "v"), ("v", "w"),
        ("aee", "ai"), ("ee", "i"), ("y", "j"), ("eh", "a"), ("u", "o"), ("o", "u"), ("i", "e"),
    ),
    "cyrillic": (
        ("Serhii", "Sergej"), ("Olena", "Elena"), ("Dmytro", "Dmitrij"), ("Mykola", "Nikolaj"), ("Halyna", "Galina"),
        ("Oleksandr", "Alexander"), ("skyi", "skij"), ("skiy", "ski"), ("ii", "ij"), ("iy", "ij"), ("iia", "ija"),
        ("iu", "ju"), ("Yu", "Ju"), ("kh", "ch"), ("Kh", "Ch"), ("zh", "sch"), ("Zh", "Sch"), ("shch", "schtsch"),
        ("ch", "tsch"), ("ts", "z"), ("ya", "ja"), ("v", "w"), ("ov", "off"), ("h", "g"), ("y", "i"),
    ),
    "ethiopic": (
        ("Gebre", "Ghebre"), ("Tesfa", "Tesfai"), ("Tewelde", "Teweldi"), ("michael", "mikael"), ("hannes", "hanes"),
        ("selassie", "silasie"), ("kristos", "krestos"), ("ss", "s"), ("ts", "tz"), ("aias", "ayas"), ("K", "Q"),
        ("h", "kh"), ("w", "u"), ("Yo", "Jo"), ("ay", "ai"), ("ue", "uwe"), ("ie", "iye"), ("e", "i"), ("a", "e"),
    ),
    "latin": (
        ("ou", "u"), ("oo", "u"), ("ei", "ai"), ("y", "j"), ("w", "v"), ("q", "k"), ("mm", "m"), ("ss", "s"),
        ("ş", "s"), ("ç", "c"), ("ğ", "g"), ("î", "i"), ("ö", "oe"), ("ü", "ue"), ("ä", "ae"), ("é", "e"), ("ï", "i"),
        ("x", "h"), ("a", "e"), ("e", "i"), ("o", "u"), ("i", "ee"), ("u", "ou"),
    ),
}  # fmt: skip

_LAGS: Final[Mapping[Script, tuple[int, ...]]] = {"ethiopic": (-8, -7), "persian": (-1, 1), "arabic": (-1, 1)}
"""By how many years a date comes out wrong when it is turned from the other calendar by the year alone."""

_PATRONYMICS: Final = {"w": "ivna", "m": "ovych", "d": "ovych"}


def respelled(dice: Dice, script: Script, name: str) -> str:
    """Spell a name as another clerk would: one sound another way; what no rule fits gets its last letter twice."""
    fitting = [rule for rule in _RULES[script] if rule[0] in name]
    sound, other = dice.pick(fitting or [(name[-1], name[-1] * 2)])
    spelt = name.replace(sound, other, 1)
    return spelt[:1].upper() + spelt[1:]


def other_calendar(dice: Dice, script: Script, born: date) -> date:
    """Give a birth date whose year was turned from another calendar; where people have none, the date itself."""
    if script not in _LAGS:
        return born
    year = born.year + dice.pick(_LAGS[script])
    return date(year, born.month, min(born.day, 28))


def patronymic(dice: Dice, script: Script, sex: str, fathers: tuple[str, ...]) -> str:
    """Give the name after the father that one office writes and the other leaves out; none where nobody has one."""
    if script != "cyrillic":
        return ""
    return dice.pick(fathers).rstrip("aeiouy") + _PATRONYMICS[sex]
