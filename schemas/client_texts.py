"""What a client is told before a yes, with a request of their own, or of an exchange by law: in their own language.

The words of a language are data (`schemas/texts/<language>.toml`), the law says which of them are needed. `tell` puts
both together, the same way wherever it runs: the text that was shown has one hash, and that hash stands in the consent.
Names, days and numbers are isolated, so that they stand right in a text that runs from right to left (UAX 9).
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas import commitment, toml_files
from schemas.errors import Misuse
from schemas.ids import CodeName, FieldName, Hash, Norm, Purpose, purpose_id
from schemas.registry import BasisKind, Labels, Power, Registry

LANGUAGES: Final = ("de", "de-leicht", "en", "ar", "uk", "ru", "fa-AF", "fa", "ps", "ti", "tr", "fr", "so", "ku")
"""The languages of the texts; of ps, ti, so and ku the first layer only."""
MAX_WORD: Final = 120
MAX_SENTENCE: Final = 400

FIRST_STRONG_ISOLATE: Final = "\N{FIRST STRONG ISOLATE}"
POP_ISOLATE: Final = "\N{POP DIRECTIONAL ISOLATE}"


def _clean(text: str) -> str:
    if not unicodedata.is_normalized("NFC", text) or text != " ".join(text.split(" ")).strip():
        message = "must be in NFC, without blanks around it"
        raise ValueError(message)
    if any(unicodedata.category(sign) == "Cc" for sign in text):
        message = "holds a control character"
        raise ValueError(message)
    return text


def _with(*names: str) -> AfterValidator:
    """Give the check that a text has exactly these placeholders, each once, in whatever order its language wants."""

    def check(text: str) -> str:
        """Refuse a text that lost one, or has one nothing is put into."""
        rest = text
        for name in names:
            rest = rest.replace(f"{{{name}}}", "", 1)
        if len(rest) != len(text) - sum(len(name) + 2 for name in names) or {"{", "}"} & set(rest):
            message = f"has other placeholders than {' '.join(f'{{{name}}}' for name in names) or 'none'}"
            raise ValueError(message)
        return text

    return AfterValidator(check)


Word = Annotated[str, Field(min_length=1, max_length=MAX_WORD), AfterValidator(_clean), _with()]
_Sentence = Annotated[str, Field(min_length=1, max_length=MAX_SENTENCE), AfterValidator(_clean)]
Sentence = Annotated[_Sentence, _with()]
_Asking = Annotated[_Sentence, _with("recipient", "holders", "what", "purpose")]
Words = dict[CodeName, Word]


class _Table(BaseModel):
    """A table of a file; it does not travel, so that its keys may be as open as the law's own."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


class Say(_Table):
    """The first layer: who asks whom for what, by kind of basis, and what everybody must know."""

    consent: _Asking
    request: _Asking
    duty: _Asking
    notice: _Asking
    no: Sentence
    stop: Sentence
    limits: Annotated[_Sentence, _with("until", "uses")]
    secrecy: Annotated[_Sentence, _with("holders", "recipient")]


class Card(_Table):
    """What stands on the cards and buttons beside the text."""

    yes: Sentence
    no: Sentence
    next: Sentence
    listen: Sentence
    question: Sentence
    right: Sentence
    wrong: Sentence
    paper: Sentence
    interpreter: Sentence
    draft: Sentence
    receipt: Sentence
    notice: Sentence
    keep: Sentence
    view_code: Sentence
    withdraw_code: Sentence
    refused: Sentence


class Detail(_Table):
    """The second layer: headings, the law and the rights."""

    who: Sentence
    origin: Sentence
    what: Sentence
    why: Sentence
    power: Sentence
    if_no: Sentence
    stop: Sentence
    law: Annotated[_Sentence, _with("norm")]
    rights: Sentence


class ClientWords(_Table):
    """The words of one language.

    `power` says what an agency can do to a person, by the registry's `power`; `field` has words by category and leaf.
    German and English readers get the law's own words for fields.
    """

    name: Word
    script: Literal["Latn", "Cyrl", "Arab", "Ethi"]
    layer: Literal["full", "sentence"]
    list: Annotated[str, Field(min_length=1, max_length=3)]
    say: Say
    power: dict[Power, Sentence]
    card: Card
    kind: Words
    purpose: dict[Annotated[str, Field(pattern=r"^Z[0-9]{2}$")], Word]
    category: Words
    detail: Detail | None = None
    field: dict[CodeName, Words] = Field(default_factory=dict)

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        """The way the script runs, as HTML's `dir` says it."""
        return "rtl" if self.script == "Arab" else "ltr"


class Shipped(NamedTuple):
    """The words of one language and the hash of its file, by which they are approved."""

    words: ClientWords
    hash: Hash


class Party(NamedTuple):
    """An agency as a client reads of it: its kind and its short name."""

    kind: CodeName
    name: str


class Offer(NamedTuple):
    """What a text is about; `until` (`YYYY-MM-DD`, the last day) and `uses` belong to a consent or a request."""

    basis: BasisKind
    purpose: Purpose
    recipient: Party
    holders: tuple[Party, ...]
    fields: tuple[FieldName, ...]
    until: str = ""
    uses: int = 0
    secrecy_release: bool = False


class Section(NamedTuple):
    """A part of the text: what it is (`ask`, `power`, `no` ...), a heading or none, and its lines."""

    key: str
    heading: str
    lines: tuple[str, ...]


class Told(NamedTuple):
    """The text for one client: its sections in the order they are shown."""

    language: str
    direction: Literal["ltr", "rtl"]
    sections: tuple[Section, ...]

    @property
    def raw(self) -> bytes:
        """The exact bytes: every heading and line in order, each with its newline, in UTF-8."""
        lines = (line for section in self.sections for line in (section.heading, *section.lines) if line)
        return "".join(f"{line}\n" for line in lines).encode()

    @property
    def hash(self) -> Hash:
        """SHA-256 of the exact bytes, as `text_sha256` of a consent has it."""
        return commitment.sha256(self.raw)


_SENTENCE: Final[Mapping[BasisKind, str]] = {
    "consent": "consent",
    "client_request": "request",
    "cooperation_duty": "duty",
    "statute": "notice",
}


def parse_words(text: str, file: str) -> ClientWords:
    """Read the file of one language; Malformed names file, line, key and rule of each finding."""
    return toml_files.parse(ClientWords, text, file)


def write_words(words: ClientWords, language: str) -> str:
    """Write the file of one language, as `parse_words` reads it back."""
    about = f"What a client reads: {language}. A draft until a native reader and an officer have approved these bytes."
    return toml_files.write(words, comment=about)


def tell(offer: Offer, language: str, words: ClientWords, law: Registry) -> Told:
    """Put the text for one client together.

    Raises Misuse for a purpose, kind or field the law does not know, and for a word the language does not have.
    """
    rule = law.purposes.get(offer.purpose)
    if rule is None or not set(offer.fields) <= rule.fields:
        message = f"purpose: {offer.purpose} is none of the law, or has other fields"
        raise Misuse(message)
    sections = (*_first_layer(offer, words, law), *_second_layer(offer, language, words, law, rule.row.norm))
    return Told(language, words.direction, sections)


def _first_layer(offer: Offer, words: ClientWords, law: Registry) -> Iterator[Section]:
    say, heading = words.say, words.detail
    recipient = party(words, offer.recipient)
    holders = words.list.join(party(words, holder) for holder in offer.holders)
    asked = getattr(say, _SENTENCE[offer.basis]).format(
        recipient=recipient,
        holders=holders,
        what=words.list.join(_word(words, "category", one) for one in _categories(offer.fields)),
        purpose=_word(words, "purpose", purpose_id(offer.purpose)),
    )
    yield Section("ask", "", (asked,))
    yield Section("power", "" if heading is None else heading.power, (power(words, law, offer.recipient.kind),))
    if offer.basis == "consent":
        yield Section("no", "" if heading is None else heading.if_no, (say.no,))
    if offer.basis in {"consent", "client_request"}:
        yield Section("stop", "" if heading is None else heading.stop, (say.stop,))
        day = ".".join(reversed(offer.until.split("-")))
        yield Section("limits", "", (say.limits.format(until=isolated(day), uses=isolated(str(offer.uses))),))
    if offer.secrecy_release:
        yield Section("secrecy", "", (say.secrecy.format(holders=holders, recipient=recipient),))


def _second_layer(
    offer: Offer, language: str, words: ClientWords, law: Registry, norms: tuple[Norm, ...]
) -> Iterator[Section]:
    detail = words.detail
    if detail is None:
        return
    lines = tuple(
        line_of(words, one, field_words(language, words, law, one, offer.fields)) for one in _categories(offer.fields)
    )
    yield Section("what", detail.what, lines)
    if offer.basis in {"statute", "cooperation_duty"}:
        yield Section("law", "", (detail.law.format(norm=isolated(", ".join(norms))),))
    yield Section("rights", "", (detail.rights,))


def party(words: ClientWords, one: Party) -> str:
    """Name an agency by what it is and its short name."""
    return isolated(f"{_word(words, 'kind', one.kind)} ({one.name})")


def power(words: ClientWords, law: Registry, kind: CodeName) -> str:
    """Say what an agency of a kind can do to a person; Misuse for a kind the law does not know."""
    known = law.kinds.get(kind)
    if known is None:
        message = f"kind: {kind} is none of the law"
        raise Misuse(message)
    return _word(words, "power", known.power)


def field_words(
    language: str, words: ClientWords, law: Registry, category: str, fields: Iterable[FieldName]
) -> list[str]:
    """Name those fields that are of a category: in German and English by the law's labels, else by the language's."""
    found: list[str] = []
    for name in fields:
        of, _, leaf = name.partition(".")
        if of != category:
            continue
        own = words.field.get(CodeName(category), {}).get(CodeName(leaf), "")
        found.append(own or _label(law.fields[name].label, language))
    return [word for word in found if word]


def _label(label: Labels, language: str) -> str:
    """Give the law's own word to those who read German or English, nothing to others."""
    return {"de": label.de, "en": label.en}.get(language, "")


def line_of(words: ClientWords, category: str, fields: Iterable[str]) -> str:
    """Write a category with its fields, or alone where the language has no words for them."""
    named = words.list.join(dict.fromkeys(fields))
    head = _word(words, "category", category)
    return f"{head}: {named}" if named else head


def isolated(text: str) -> str:
    """Keep a name, day or number apart from the direction of the text around it."""
    return f"{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}"


def _categories(fields: Iterable[FieldName]) -> list[str]:
    return list(dict.fromkeys(name.partition(".")[0] for name in fields))


def _word(words: ClientWords, table: str, name: str) -> str:
    word: str | None = getattr(words, table).get(name)
    if word is None:
        message = f"texts: {words.name} has no {table}.{name}"
        raise Misuse(message)
    return word
