"""The characters of names: DIN 91379:2022-08, data type A (letters, and the non-letters N1 that stand in names).

A name of type A is kept as it is, in NFC; everything else is refused with its first foreign character named. For
comparison there is the search form of the same list, an extension of ICAO 9303: A to Z only.

The tables were made from `latin_list_1.3.txt` and `latin_list_search_form_1.3.txt` of
https://github.com/String-Latin/DIN-91379-Characters-and-Sequences (CC BY 4.0, changed: written as ranges and rules).
A test compares them with the files, entry by entry, where those are at hand.
"""

import re
import unicodedata
from typing import Final

from schemas.errors import Malformed

_CHARACTERS: Final = (
    "0020 0027 002C-002E 0041-005A 0060-007A 007E 00A8 00B4 00B7 00C0-00D6 00D8-00F6 00F8-017E 0187-0188 018F 0197"
    " 01A0-01A1 01AF-01B0 01B7 01CD-01DC 01DE-01DF 01E2-01F0 01F4-01F5 01F8-01FF 0212-0213 0218-021B 021E-021F"
    " 0227-0233"
    " 0259 0268 0292 02B9-02BA 02BE-02BF 02C8 02CC 1E02-1E03 1E06-1E07 1E0A-1E11 1E17 1E1C-1E2B 1E2F-1E37 1E3A-1E3B"
    " 1E40-1E49 1E52-1E5B 1E5E-1E63 1E6A-1E6F 1E80-1E87 1E8C-1E97 1E9E 1EA0-1EF9 2019 2021"
)
"""Single code points, as ranges in hexadecimal."""

_SEQUENCES: Final = {
    "\u0300": "CFGKMPSTZcfgkmpstz",
    "\u0301": "JjÿĪī",
    "\u0302": "DKLMNdklmn",
    "\u0304": "CFHKNPSTZcfhknpstzÛûḲḳṢṣṬṭỤụ",
    "\u0306": "CMNRZcmnrzÇç",
    "\u0307": "KUku",
    "\u0308": "CTZczẠạỌọỤụ",
    "\u030b": "Aa",
    "\u030c": "J",
    "\u030d": "ēō",
    "\u0310": "Mm",
    "\u0315": "CKPTckptČč",
    "\u031b": "KTkt",
    "\u031b\u0304": "Ss",
    "\u0323": "CPcpČč",
    "\u0325": "LRlr",
    "\u0325\u0304": "LRlr",
    "\u0326": "CHKLNchklnŽž",
    "\u0327": "ZzŽž",
    "\u0328\u0306": "Cc",
    "\u0331": "HSs",
    "\u035fH": "K",
    "\u035fh": "Kk",
}
"""What may follow which letters, beyond the letters that have a code point of their own."""

_LETTERS: Final = str.maketrans(
    {
        "Æ": "AE", "Œ": "OE", "Ø": "OE", "Ð": "D", "Đ": "D", "Þ": "TH", "Ħ": "H", "Ĳ": "IJ", "ĸ": "K", "Ŀ": "L",
        "Ł": "L", "ŉ": "N", "Ŋ": "N", "Ŧ": "T", "Ƈ": "C", "Ə": "E", "Ɨ": "I", "Ʒ": "Z", "Ǥ": "G", "ẞ": "SS",
        "æ": "AE", "œ": "OE", "ø": "OE", "ð": "D", "đ": "D", "þ": "TH", "ħ": "H", "ĳ": "IJ", "ŀ": "L", "ł": "L",
        "ŋ": "N", "ŧ": "T", "ƈ": "C", "ə": "E", "ɨ": "I", "ʒ": "Z", "ǥ": "G", "ß": "SS",
    }
)  # fmt: skip
"""The search form of letters that are no base letter with marks."""

_SECOND_LETTER: Final = {"A\u0308": "E", "O\u0308": "E", "U\u0308": "E", "A\u030a": "A"}
"""Ä, Ö, Ü and Å (whatever other marks they bear) have two letters in the search form; other marks are dropped."""

_MARKS_OF_SPEECH: Final = re.compile("['`~¨´·ʹʺʾʿˈˌ’‡]")
_BETWEEN: Final = re.compile(r"[\s,.\-]+")


def _span(item: str) -> str:
    """Give a range of hexadecimal code points as the inside of a regular expression's class."""
    return "-".join(f"\\u{end}" for end in item.split("-"))


_TYPE_A: Final = re.compile(
    "|".join(f"[{letters}]{after}" for after, letters in sorted(_SEQUENCES.items(), key=lambda one: -len(one[0])))
    + f"|[{''.join(map(_span, _CHARACTERS.split()))}]"
)


def foreign_character(text: str) -> str | None:
    """Name the first character that is not of data type A, as `U+0416 CYRILLIC CAPITAL LETTER ZHE`; None if all are.

    The text is taken in NFC. A mark that the list does not know on its letter is itself the foreign character.
    """
    text = unicodedata.normalize("NFC", text)
    at = 0
    while at < len(text):
        found = _TYPE_A.match(text, at)
        if found is None:
            return f"U+{ord(text[at]):04X} {unicodedata.name(text[at], 'without a name')}"
        at = found.end()
    return None


def type_a(text: str, place: str) -> str:
    """Give a name in NFC; Malformed naming `place` and the first character that is not of data type A."""
    foreign = foreign_character(text)
    if foreign is not None:
        message = f"{place}: {foreign} is not a character of DIN 91379 data type A"
        raise Malformed(message)
    return unicodedata.normalize("NFC", text)


def search_form(text: str) -> str:
    """Give the form for comparison: A to Z and single blanks.

    Hyphens, commas and full stops become blanks; apostrophes and other marks of speech are dropped. Characters of other
    alphabets, which no name of data type A has, are only raised to capitals.
    """
    if not text.isascii():
        text = _without_marks(unicodedata.normalize("NFD", text).translate(_LETTERS))
    return _BETWEEN.sub(" ", _MARKS_OF_SPEECH.sub("", text)).strip().upper()


def _without_marks(text: str) -> str:
    """Drop the marks of decomposed text, but for those that stand for a second letter."""
    kept: list[str] = []
    base = ""
    for letter in text:
        if unicodedata.combining(letter):
            kept.append(_SECOND_LETTER.get(base + letter, ""))
        else:
            base = letter.upper()
            kept.append(letter)
    return "".join(kept)
