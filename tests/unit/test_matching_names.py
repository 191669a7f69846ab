"""From name fields to words, from words to sounds, and how alike words are."""

import pytest

from adapters.node.core.matching.likeness import Alignment, Likeness, Pair, align, is_slip, likeness, share_key
from adapters.node.core.matching.names import MAX_WORDS, Names, given_words, words
from adapters.node.core.matching.sounds import MAX_KEYS, distance, keys, sounds


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Abdul Rahman", ("ABDRAHMAN",)),
        ("Abd al-Rahman", ("ABDRAHMAN",)),
        ("Abdulrahman", ("ABDRAHMAN",)),
        ("Abdel", ("ABD",)),
        ("Abdi Farah", ("ABDI", "FARAH")),
        ("Al-Khatib", ("KHATIB",)),
        ("el Khatib", ("KHATIB",)),
        ("AlKhatib", ("ALKHATIB",)),
        ("Abu Bakr", ("ABUBAKR",)),
        ("Abd Abu Bakr", ("ABDABU", "BAKR")),
        ("Alim-Zada", ("ALIMZADA",)),
        ("Zada", ("ZADA",)),
        ("Kaya Oğlu", ("KAYAOGLU",)),
        ("von der Heide", ("HEIDE",)),
        ("Ibn Sina", ("SINA",)),
        ("Le", ("LE",)),
        ("Öz Gül", ("OEZ", "GUEL")),
        ("O\u2019Neil", ("ONEIL",)),
        ("Иван", ("ИВАН",)),
        *((placeholder, ()) for placeholder in ("-", "+", "---", "XX", "N.N.", "NN", "unbekannt", "Unknown", ".")),
    ],
)
def test_words(name: str, expected: tuple[str, ...]) -> None:
    """Articles, particles and placeholders go, what belongs together is one word, other scripts stay."""
    assert words(name) == expected


def test_no_more_words_than_are_told_apart() -> None:
    """A field full of words is cut."""
    assert len(words(" ".join("abcdefghij"))) == MAX_WORDS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Olena Ivanivna", ("OLENA",)),
        ("Mykola Dmytrowytsch", ("MYKOLA",)),
        ("Yuliya Olena Tarasivna", ("YULIYA", "OLENA")),
        ("Petrovych", ("PETROVYCH",)),
        ("Inna Maryna", ("INNA", "MARYNA")),
        ("-", ()),
    ],
)
def test_patronymics_are_no_given_names(name: str, expected: tuple[str, ...]) -> None:
    """A patronymic after a given name is left out; alone it is all there is."""
    assert given_words(name) == expected


def test_other_names_stand_beside_the_family_name() -> None:
    """The family name comes first, even where it is missing; other names without words are left out."""
    names = Names.of("Maria Anna", "-", ("Groß", "XX"))
    assert names == Names(("MARIA", "ANNA"), ((), ("GROSS",)))
    assert names.all_words() == {"MARIA", "ANNA", "GROSS"}


@pytest.mark.parametrize(
    "pair",
    [
        "MOHAMMED MUHAMAD", "KHALED CHALID", "SHEVCHENKO SCHEWTSCHENKO", "YULIIA JULIJA", "FATIMA FATIMAH",
        "AYSE AISCHE", "JAMAL DJAMEL", "HALYNA GALINA", "SERHII SERGEY", "OMAR OUMAR", "NAVID NAWEED", "CABDI ABDI",
        "AHMED AHMET", "PETROV PETROFF", "SAID SAEED", "ZAYNAB ZEINEB", "TAWFIK TOUFIK", "NAWAL NAOUAL",
        "TESFAY TESFAYE", "DOVHENKO DOWGENKO",
        "OEZTUERK OZTURK", "ABDRAHMAN ABDRAHMANE", "MYKOLA NIKOLAI", "WLADIMIR VOLODYMYR",
        "DMYTRO DMITRIY", "OLENA JELENA", "ALKHATIB KHATIB", "ELKHATIB CHATIB", "FILMON FLMON",
    ],
)  # fmt: skip
def test_the_same_name_in_another_romanisation(pair: str) -> None:
    """Romanisations of one name sound the same, in both orders, and mostly share a key."""
    one, other = pair.split()
    assert likeness(one, other) is likeness(other, one) is Likeness.SAME_SOUND


@pytest.mark.parametrize(
    "pair",
    [
        "HASAN HUSEIN", "MOHAMMAD MAHMOUD", "AMIN AMINA", "KARIM KARAM", "ALI ALIA", "AVIN EVIN", "HALA ALA",
        "AMIR OMAR", "JAMIL JAMAL", "IVAN IVANA", "LINA LANA", "NOUR NORA", "ИВАН ПЁТР", "ИВАН ИВАНА",
    ],
)  # fmt: skip
def test_two_names_of_twins(pair: str) -> None:
    """Names that brothers and sisters bear never count as one name, however near they are."""
    one, other = pair.split()
    assert likeness(one, other) is likeness(other, one) < Likeness.SAME_SOUND


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("MEYER", "MEYER", Likeness.EXACT),
        ("KARIM", "KARAM", Likeness.CLOSE),
        ("MARTIN", "MARTIM", Likeness.CLOSE),
        ("BERGMANN", "BERGMSNN", Likeness.CLOSE_LONG),
        ("GLEIXNER", "GLIEXNRE", Likeness.LOOSE),
        ("BROZOVIC", "BROZOVSKI", Likeness.LOOSE),
        ("SALIMA", "SULAMA", Likeness.LOOSE),
        ("LI", "LU", Likeness.CLOSE),
        ("AB", "AC", Likeness.DIFFERENT),
        ("ANNA", "PETER", Likeness.DIFFERENT),
        ("AMIR", "OMUR", Likeness.DIFFERENT),
    ],
)
def test_likeness(one: str, other: str, expected: Likeness) -> None:
    """Each pair of words is as alike as it should be, in both orders."""
    assert likeness(one, other) is likeness(other, one) is expected


def test_keys() -> None:
    """Keys are consonants; ambiguous letters give several, vowels at the beginning leave a trace, vowels alone stay."""
    assert keys("MOHAMMAD") == keys("MAHMOUD") == ("MMT",)
    assert keys("CHALID") == ("SLT", "KLT")
    assert keys("OMAR") == ("AMR",)
    assert keys("AYA") == ("=AYA",)
    assert keys("ИВАН") == ("=ИВАН",)
    assert len(keys("CHCHCHCHC")) == MAX_KEYS


def test_sounds_of_the_edges() -> None:
    """At the end voice is lost, at the beginning nothing is; a mute E is cheap, any other vowel at the end is not."""
    assert distance("AHMED", "AHMET") == 0
    assert distance("DARIK", "TARIK") > 0
    assert distance("OUSMANE", "OUSMAN") < distance("OUSMANA", "OUSMAN")
    assert distance("HALA", "ALA") > distance("AHMAD", "AMAD")
    assert distance("", "") == 0
    assert sounds("") == ()
    assert sounds("Ж")[0].mask not in {sound.mask for sound in sounds("БДXЦ")}


def test_words_are_laid_side_by_side() -> None:
    """The most alike words are pairs, in their own order where two fit equally; the others are left over."""
    found = align(("ALI", "REZA"), ("RIZA", "ALI", "OMAR"))
    assert {(pair.mine, pair.theirs) for pair in found.pairs} == {("ALI", "ALI"), ("REZA", "RIZA")}
    assert (found.left_mine, found.left_theirs) == ((), ("OMAR",))
    assert not found.clash
    assert found.weakest is Likeness.SAME_SOUND
    twice = align(("ALI", "ALI"), ("ALI", "ALI"))
    assert len(twice.pairs) == 2


def test_words_that_do_not_fit_are_left_over() -> None:
    """Where both sides have a word the other lacks, the fields clash; an empty field clashes with nothing."""
    assert align(("ANNA",), ("PETER",)) == Alignment((), ("ANNA",), ("PETER",))
    assert align(("ANNA",), ("PETER",)).clash
    assert align(("ANNA",), ("PETER",)).weakest is Likeness.DIFFERENT
    assert align(("ALI", "REZA"), ("ALI", "OMAR")).clash
    assert not align((), ("PETER",)).clash


def test_words_written_together_fit_as_one() -> None:
    """Two words and the same two written as one are a pair, but only where no word fits by itself."""
    whole = Alignment((Pair("ANNAMARIA", "ANNAMARIA", Likeness.EXACT),), (), ())
    assert align(("ANNA", "MARIA"), ("ANNAMARIA",)) == whole
    assert align(("ANNA", "MARIA"), ("ANNA",)).left_mine == ("MARIA",)
    assert align(("ANNA", "MARIA"), ("PETER",)).clash


def test_slips_of_the_pen() -> None:
    """One letter is a slip in a word of five, not in a shorter one; two letters are none."""
    assert is_slip(Pair("MOHAMAD", "MOHSMAD", Likeness.CLOSE))
    assert not is_slip(Pair("OMAR", "OMER", Likeness.CLOSE))
    assert not is_slip(Pair("MOHAMAD", "MAHMAD", Likeness.CLOSE))


def test_fields_that_may_belong_together() -> None:
    """Any word in common is enough; nothing is in common with nothing."""
    assert share_key(("ALI", "MEYER"), ("MAIER",))
    assert not share_key(("ALI",), ("MAIER",))
    assert not share_key((), ("MAIER",))
