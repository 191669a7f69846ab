"""How names travel into Latin letters: the habits of offices, passports and countries. Frozen, see ERROR_MODEL.md.

A name is noted by its sounds, one symbol a sound, or in its own alphabet; a scheme says in which ways each is written.
Symbols of Arabic: `H` ح, `K` خ, `D` ذ, `T` ث, `S` ش, `G` غ, `c` ص, `v` ط, `P` ض, `Z` ظ, `3` ع, `'` hamza, capital
vowels long, `E` ay, `O` aw, `@` the feminine ending. The other languages use what they need of these, and `C` for ch,
`J` for zh or dj, `U` for long u, `x` for ts or the Somali h. `+` is a seam that may be open.
"""
# ruff: noqa: RUF001 -- letters of other alphabets and the dotless i are what this file is about

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from handschlag.town.dice import Dice

_KEPT_DOUBLE: Final = 0.75
_OPEN_SEAM: Final = (("", 7), ("-", 2), (" ", 1))
_EXPANDED_UMLAUT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Scheme:
    """One habit of writing: sounds to letters, and the ways of the article and of `abd al-`."""

    sounds: Mapping[str, tuple[str, ...]]
    article: tuple[str, ...] = ("Al-",)
    servant: tuple[str, ...] = ("Abdul ",)
    side: int = 0


def _sounds(text: str) -> dict[str, tuple[str, ...]]:
    """Read `a=a/e` items; a lone `_` is nothing."""
    items = (item.split("=", 1) for item in text.split())
    return {symbol: tuple("" if way == "_" else way for way in ways.split("/")) for symbol, ways in items}


_ARTICLE: Final = ("Al-", "Al-", "Al-", "Al ", "Al ", "Al", "El-", "El ")
_ARABIC_ENGLISH: Final = Scheme(
    _sounds(
        "a=a/a/a/a/e i=i/i/i/e u=u/u/u/o A=a/a/a/a/aa I=i/i/i/ee U=u/u/oo/ou E=ay/ai/ei/ey O=aw/au/ou @=a/a/a/ah/eh"
        " 3=_/_/_/_/a/' '=_ H=h K=kh D=dh/d/z T=th/th/t S=sh G=gh/gh/g j=j/j/j/g q=q/q/k/g c=s v=t P=d/d/dh Z=z/z/dh"
        " w=w y=y/y/y/i"
    ),
    _ARTICLE,
    ("Abdul ", "Abdul ", "Abdul", "Abd Al-", "Abd Al ", "Abdel ", "Abdel", "Abdal "),
)
_ARABIC_FRENCH: Final = Scheme(
    _sounds(
        "a=a/a/a/e i=i/i/i/e u=ou/ou/o A=a I=i/i/i/y U=ou E=ei/ay/aï/ai O=aou/ou/o @=a 3=_/_/_/a '=_ H=h K=kh D=d/dh"
        " T=th/t S=ch/ch/sh G=gh/gh/g j=dj/j q=k/q/c c=s/s/ss v=t P=d Z=z/d w=w/ou y=y/y/i"
    ),
    ("El ", "El ", "Al ", "Al-", "El"),
    ("Abdel", "Abdel ", "Abd El ", "Abdoul "),
)
_ARABIC_GERMAN: Final = Scheme(
    _sounds(
        "a=a i=i/i/i/e u=u/u/o A=a/a/a/ah I=i/i/ie U=u E=ai/ei/ay O=au/au/o @=a/a/e/ah 3=_ '=_ H=h K=ch/kh D=d/dh"
        " T=th/t S=sch/sch/sh G=gh/g j=dsch/j/dj q=k/q c=s/s/ss v=t P=d Z=s/z w=w/w/u y=j/y"
    ),
    ("Al-", "Al-", "Al ", "El "),
    ("Abdul ", "Abd al-", "Abdul"),
)
_IRANIAN: Final = Scheme(
    _sounds(
        "a=a e=e/e/e/i o=o/o/o/u A=a/a/a/aa i=i/i/i/ee u=u/u/ou/oo E=ey/ei/ay O=ow/o/ou K=kh S=sh G=gh C=ch J=zh/j"
        " q=gh/gh/q v=v '=_/_/a 3=_ @=eh/eh/e"
    )
)
_DARI: Final = Scheme(
    _sounds(
        "a=a e=i/i/e o=u/u/o A=a i=i/i/ee u=u/u/oo/o E=ai/ai/ay/e O=aw/au/o K=kh S=sh G=gh C=ch J=zh q=q/q/q/k v=w/w/v"
        " '=_ 3=_ @=a/a/a/ah"
    )
)
_PERSIAN_GERMAN: Final = Scheme(
    _sounds(
        "a=a e=e/e/i o=o/u A=a i=i/i/ie u=u E=ai/ei O=au/o K=ch/kh S=sch G=gh/g C=tsch J=sch/j q=k/q/gh j=dsch/j v=w"
        " y=j '=_ 3=_ @=e/a/eh"
    )
)
_KURDISH_IRAQ: Final = Scheme(_sounds("ş=sh ç=ch x=kh j=zh/j ê=e/e/ai/i î=i/i/ee û=u/oo/ou c=j q=q/k e=a/a/e"))
_KURDISH_GERMAN: Final = Scheme(_sounds("ş=sch ç=tsch x=ch/kh j=sch/j ê=e î=i û=u c=dsch q=k w=w/u y=j/y"))
_TURKISH_GERMAN: Final = Scheme(_sounds("ş=sch ç=tsch c=dsch ğ=g/_ ı=i y=j/y Ç=Tsch Ş=Sch"))
_TURKISH_ENGLISH: Final = Scheme(_sounds("ş=sh ç=ch c=j/c ğ=g/gh ı=i ö=o ü=u Ç=Ch Ş=Sh Ö=O Ü=U İ=I"))
_TIGRINYA_ENGLISH: Final = Scheme(_sounds("e=e/e/e/a I=i/i/e/_ q=k/q H=h K=kh/k/h C=ch S=sh x=ts/ts/tz y=y/i w=w/w/u"))
_TIGRINYA_ITALIAN: Final = Scheme(_sounds("e=e/e/a I=i/e q=k/ch H=h K=kh/ch C=c S=sc/sh x=z/ts y=i/j w=u/w k=k/c"))
_TIGRINYA_GERMAN: Final = Scheme(_sounds("e=e/e/a I=i/e q=k H=h K=ch/k C=tsch S=sch x=z/ts y=j/i w=w"))
_SOMALI_OWN: Final = Scheme(_sounds("D=dh K=kh S=sh A=aa E=ee I=ii O=oo U=uu"))
_SOMALI_ENGLISH: Final = Scheme(
    _sounds("x=h c=_/_/_/a q=q/k/g D=d/dh K=kh/k S=sh A=a/a/a/aa E=e/e/ee I=i/i/ee O=o/o/oo U=u/u/oo/ou")
)
_SOMALI_ITALIAN: Final = Scheme(_sounds("x=h c=_ q=k/gh D=d/dd K=k/ch S=sc/sci A=a E=e I=i O=o U=u j=gi/j k=k/c"))
_AFRICA_FRENCH: Final = Scheme(_sounds("U=ou J=dj/di C=tch/thi E=é/é/e S=ch y=y/i w=w/ou s=s/s/ss @=a/a/ah k=k/k/c"))
_AFRICA_ENGLISH: Final = Scheme(_sounds("U=u/u/oo J=j/j/dj C=ch E=e/e/eh/ay S=sh y=y/y/i @=a/ah"))
_AFRICA_GERMAN: Final = Scheme(_sounds("U=u J=dsch/j C=tsch E=e S=sch y=j/i @=a"))
_BALKAN_GERMAN: Final = Scheme(
    _sounds("š=sch č=tsch ć=tsch/c ž=sch/z đ=dj/d ë=e ç=tsch Š=Sch Č=Tsch Ž=Z/Sch Đ=Dj/D v=w V=W z=s j=j")
)
_BALKAN_ENGLISH: Final = Scheme(_sounds("š=sh č=ch ć=c/ch ž=z/zh đ=dj/d ë=e ç=ch/c Š=Sh Č=Ch/C Ž=Z/Zh Đ=Dj/D j=j/j/y"))
_OWN: Final = Scheme({})

_CYRILLIC: Final = tuple("абвгґдеєжзиіїйклмнопрстуфхцчшщъыьэюяё'")


def _cyrillic(text: str, side: int) -> Scheme:
    """Read the letters for the Cyrillic alphabet in the order of `_CYRILLIC`."""
    ways = (tuple("" if way == "_" else way for way in item.split("/")) for item in text.split())
    return Scheme(dict(zip(_CYRILLIC, ways, strict=True)), side=side)


_UKRAINE_2010: Final = _cyrillic(
    "a b v h g d e ie zh z y i i i k l m n o p r s t u f kh ts ch sh shch _ y _ e iu ia io _", 0
)
_UKRAINE_OLD: Final = _cyrillic(
    "a b v h/g g d e ye zh z y i yi y/i k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya yo _", 0
)
_UKRAINE_GERMAN: Final = _cyrillic(
    "a b w h g d e je sch s y i ji j/i k l m n o p r s t u f ch z tsch sch schtsch _ y _ e ju ja jo _", 0
)
_RUSSIA_ICAO: Final = _cyrillic(
    "a b v g g d e ie zh z i i i i k l m n o p r s t u f kh ts ch sh shch ie y _ e iu ia e _", 1
)
_RUSSIA_ENGLISH: Final = _cyrillic(
    "a b v g g d e/e/e/ye ye zh z i i yi y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya e/yo _", 1
)
_RUSSIA_GERMAN: Final = _cyrillic(
    "a b w g g d e je sch s i i ji j/i k l m n o p r s t u f ch z tsch sch schtsch _ y _ e ju ja jo/e _", 1
)

_UKRAINIAN_OWN: Final = ((_UKRAINE_2010, 75), (_UKRAINE_OLD, 15), (_UKRAINE_GERMAN, 10))
RUSSIAN: Final = ((_RUSSIA_ICAO, 50), (_RUSSIA_ENGLISH, 35), (_RUSSIA_GERMAN, 15))
_AFRICAN: Final = ((_AFRICA_FRENCH, 65), (_AFRICA_ENGLISH, 28), (_AFRICA_GERMAN, 7))

SCHEMES: Final[Mapping[str, tuple[tuple[Scheme, int], ...]]] = {
    "arabic": ((_ARABIC_ENGLISH, 70), (_ARABIC_FRENCH, 15), (_ARABIC_GERMAN, 15)),
    "kurdish": ((_OWN, 35), (_KURDISH_IRAQ, 50), (_KURDISH_GERMAN, 15)),
    "dari": ((_DARI, 75), (_IRANIAN, 15), (_PERSIAN_GERMAN, 10)),
    "pashto": ((_DARI, 90), (_PERSIAN_GERMAN, 10)),
    "persian": ((_IRANIAN, 80), (_PERSIAN_GERMAN, 20)),
    "ukrainian": _UKRAINIAN_OWN,
    "russian": RUSSIAN,
    "turkish": ((_OWN, 80), (_TURKISH_GERMAN, 5), (_TURKISH_ENGLISH, 15)),
    "tigrinya": ((_TIGRINYA_ENGLISH, 75), (_TIGRINYA_ITALIAN, 15), (_TIGRINYA_GERMAN, 10)),
    "somali": ((_SOMALI_OWN, 35), (_SOMALI_ENGLISH, 55), (_SOMALI_ITALIAN, 10)),
    "west_african": _AFRICAN,
    "balkan": ((_OWN, 70), (_BALKAN_GERMAN, 12), (_BALKAN_ENGLISH, 18)),
    "german": ((_OWN, 100),),
}


def romanise(name: str, scheme: Scheme, dice: Dice) -> str:
    """Write a noted name in Latin letters; each part begins with a capital letter."""
    lead = ""
    if name.startswith("3abd+"):
        lead, name = dice.pick(scheme.servant), name.removeprefix("3abd+")
    elif name.startswith("al-"):
        lead, name = dice.pick(scheme.article), name.removeprefix("al-")
    written: list[str] = []
    last = ""
    for symbol in name.replace("a@", "@"):
        if symbol == "+":
            written.append(dice.weighted(_OPEN_SEAM))
        elif symbol != last or not symbol.isalpha() or dice.chance(_KEPT_DOUBLE):
            written.append(dice.pick(scheme.sounds.get(symbol, (symbol,))))
        last = symbol
    body = "".join(written).removeprefix("'")
    joined = body if lead and lead[-1].isalpha() else _capital(body)
    return " ".join(_capital(part) for part in (lead + joined).split(" "))


def _capital(word: str) -> str:
    return "-".join(part[:1].upper() + part[1:] for part in word.split("-"))


_STROKES: Final = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "ı": "i", "đ": "d", "Đ": "D", "ø": "o", "Ø": "O", "ł": "l", "æ": "ae", "'": ""}
)
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def plain(name: str, dice: Dice, *, german: bool) -> str:
    """Write a name with the 26 plain letters; a German umlaut half the time as two."""
    if german and dice.chance(_EXPANDED_UMLAUT):
        name = name.translate(_UMLAUTS)
    letters = unicodedata.normalize("NFD", name.translate(_STROKES))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_PREFIX: Final = re.compile(r"^(?:[AE]l[- ]|Abdul |Abdel |Abd [AE]l[- ]|Abu |Bin |Ibn )")
_SUFFIX: Final = re.compile(r"[- ]?[zZ]ade?h?$")


def with_other_prefix(name: str, dice: Dice) -> str:
    """Write the article, prefix or ending of a name in another way, or leave it out; other names stay as they are."""
    found = _PREFIX.match(name)
    if found is not None:
        rest = name[found.end() :]
        if found.group().startswith("Abd"):
            return dice.pick(("Abdul ", "Abdul", "Abd ", "Abdel ", "Abd Al-")) + rest
        return dice.pick(("Al-", "Al ", "El ", "Al", "")) + rest
    return _SUFFIX.sub(lambda _: dice.pick(("zada", "zadeh", " Zada", "-Zadeh", "zade")), name)


def has_prefix(name: str) -> bool:
    """Tell whether `with_other_prefix` would find something to change."""
    return _PREFIX.match(name) is not None or _SUFFIX.search(name) is not None
