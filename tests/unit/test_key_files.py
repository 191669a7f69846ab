"""Key files: made once, private, of one kind each, and of use for signing and opening."""

import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from adapters.infra import key_files
from adapters.infra.key_files import PublishedKey, SealKey
from schemas import note
from schemas.errors import Malformed, Misuse
from schemas.note import SignatureType, from_base64, key_fingerprint, parse_vkey
from schemas.seal import SUITES, SealSuite, load_public

NAME = "musterstadt.example/jobcenter/statement-1"


def _rewrite(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def test_a_signing_key_signs_after_loading(tmp_path: Path) -> None:
    """What the loaded key signs verifies with the vkey in its public file."""
    path = tmp_path / "statement.key"
    published = key_files.create_signer(path, NAME)
    signer = key_files.load_signer(path)
    verified = note.verify_note(note.sign_note(b"text\n", [signer]), [parse_vkey(published.public)])
    assert verified.signers == (signer.key,)
    assert signer.key.name == NAME


def test_a_cosigner_is_of_its_own_type(tmp_path: Path) -> None:
    """A key made for cosigning has signature type 0x04."""
    key_files.create_signer(tmp_path / "witness.key", NAME, "cosignature")
    signer = key_files.load_signer(tmp_path / "witness.key")
    assert signer.key.type is SignatureType.COSIGNATURE
    assert note.verify_cosignature(b"text\n", note.cosign(b"text\n", signer, 5), signer.key) == 5


def test_a_cosigner_by_mldsa44(tmp_path: Path) -> None:
    """A key made for the suite has signature type 0x06, and what it cosigns verifies after loading."""
    text = b"log.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    key_files.create_signer(tmp_path / "witness.key", NAME, "mldsa44-cosignature")
    signer = key_files.load_signer(tmp_path / "witness.key")
    assert signer.key.type is SignatureType.MLDSA44_COSIGNATURE
    assert note.verify_cosignature(text, note.cosign(text, signer, 5), signer.key) == 5


@pytest.mark.parametrize("suite", ["mlkem768-x25519", "x25519"])
def test_a_seal_key_opens_after_loading(tmp_path: Path, suite: SealSuite) -> None:
    """What is sealed to the key in the public file opens with the loaded key, and only with the right info."""
    path = tmp_path / "seal.key"
    key_files.create_seal_key(path, NAME, suite)
    published = key_files.read_published(key_files.public_path(path))
    key = key_files.load_seal_key(path)
    assert key.suite == published.suite == suite
    public = load_public(suite, from_base64(published.public, "public key"))
    assert isinstance(public, X25519PublicKey if suite == "x25519" else hpke.MLKEM768X25519PublicKey)
    sealed = SUITES[suite].encrypt(b"plain", public, info=b"info")
    assert key.open(sealed, b"info") == b"plain"
    with pytest.raises(InvalidTag):
        key.open(sealed, b"other info")


def test_the_public_file_has_what_the_ledger_needs(tmp_path: Path) -> None:
    """Name, suite and public key come back from the public file, and the key's id follows from the public key."""
    path = tmp_path / "seal.key"
    published = key_files.create_seal_key(path, NAME)
    assert key_files.read_published(tmp_path / "seal.key.pub") == published
    assert published.id == key_fingerprint(published.public)
    assert key_files.load_seal_key(path).published == published


def test_a_nats_seed_is_kept_as_it_is(tmp_path: Path) -> None:
    """The seed comes back as the text it was."""
    key_files.create_nats_seed(tmp_path / "user.nk", "jobcenter", "SUAEXAMPLE")
    assert key_files.load_nats_seed(tmp_path / "user.nk") == "SUAEXAMPLE"


def test_secrets_are_for_their_owner(tmp_path: Path) -> None:
    """A private file has mode 0600 from the start; its public file may be read by all and holds no secret."""
    path = tmp_path / "statement.key"
    key_files.create_signer(path, NAME)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_files.public_path(path).stat().st_mode) == 0o644
    assert "secret" not in key_files.public_path(path).read_text()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_others_have_rights_to_is_refused(tmp_path: Path, mode: int) -> None:
    """Any right of group or others makes a key unusable, and the message names the file."""
    path = tmp_path / "statement.key"
    key_files.create_signer(path, NAME)
    path.chmod(mode)
    with pytest.raises(Misuse, match=r"statement.key: holds a secret"):
        key_files.load_signer(path)


def test_no_key_is_overwritten(tmp_path: Path) -> None:
    """A second key at the same place is refused, and the first stays."""
    path = tmp_path / "key"
    key_files.create_signer(path, NAME)
    before = path.read_bytes()
    with pytest.raises(Misuse, match="already"):
        key_files.create_signer(path, NAME)
    with pytest.raises(Misuse, match="already"):
        key_files.create_seal_key(path, NAME)
    with pytest.raises(Misuse, match="already"):
        key_files.create_nats_seed(path, NAME, "SU")
    assert path.read_bytes() == before


def test_a_key_is_used_for_its_kind_only(tmp_path: Path) -> None:
    """Loading a key as another kind is refused with the suite it has."""
    key_files.create_signer(tmp_path / "sign", NAME)
    key_files.create_seal_key(tmp_path / "seal", NAME)
    with pytest.raises(Misuse, match="mlkem768-x25519, which does not sign"):
        key_files.load_signer(tmp_path / "seal")
    with pytest.raises(Misuse, match="ed25519, which does not open"):
        key_files.load_seal_key(tmp_path / "sign")
    with pytest.raises(Misuse, match="not the seed of a NATS user"):
        key_files.load_nats_seed(tmp_path / "sign")


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("suite = 'ed25519'", "suite = 'rsa'", "suite"),
        ("name = ", "nom = ", "name"),
        ("secret = '", "secret = '!", "not base64"),
        ("secret = '", "secret = 'AAEC' # ", "not the seed"),
        ("name", "=", "not a TOML file"),
        ("name = ", "more = 1\nname = ", "more"),
    ],
)
def test_a_damaged_key_file_is_malformed(tmp_path: Path, old: str, new: str, rule: str) -> None:
    """A damaged private file is refused with its path and rule, and the message does not repeat the secret."""
    path = tmp_path / "sign.key"
    key_files.create_signer(path, NAME)
    secret = path.read_text().split("'")[5]
    _rewrite(path, old, new)
    with pytest.raises(Malformed, match=rule) as caught:
        key_files.load_signer(path)
    assert "sign.key" in str(caught.value)
    assert secret not in str(caught.value)


@pytest.mark.parametrize("suite", ["mlkem768-x25519", "x25519"])
def test_a_damaged_seal_key_is_malformed(tmp_path: Path, suite: SealSuite) -> None:
    """A private key of the wrong length is refused."""
    path = tmp_path / "seal.key"
    key_files.create_seal_key(path, NAME, suite)
    _rewrite(path, "secret = '", f"secret = '{'AAEC' * 12}' # ")
    with pytest.raises(Malformed, match=r"seal.key: secret is not a private key"):
        key_files.load_seal_key(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Files that cannot be read are named, with the reason."""
    with pytest.raises(Misuse, match=r"none.key: cannot be read \(No such file"):
        key_files.load_signer(tmp_path / "none.key")
    with pytest.raises(Misuse, match=r"none.pub: cannot be read \(No such file"):
        key_files.read_published(tmp_path / "none.pub")


def test_a_damaged_public_file_is_malformed(tmp_path: Path) -> None:
    """A public file with a line too many or too few is refused."""
    (tmp_path / "a.pub").write_text("name = 'a'\n")
    with pytest.raises(Malformed, match=r"suite: .*; public: "):
        key_files.read_published(tmp_path / "a.pub")


def test_a_name_cannot_break_out_of_its_line(tmp_path: Path) -> None:
    """Names with apostrophes or newlines are not written."""
    for name in ("a'b", "a\nb"):
        with pytest.raises(Misuse, match="apostrophes"):
            key_files.create_nats_seed(tmp_path / "key", name, "SU")
    assert list(tmp_path.iterdir()) == []


def test_private_keys_do_not_show_themselves() -> None:
    """Neither the text form of a key object nor its published part holds the secret."""
    raw = bytes(range(32))
    key = SealKey(NAME, "x25519", raw)
    assert isinstance(key.published, PublishedKey)
    shown = repr(key) + repr(key.published) + repr(key_files.Ed25519Signer(NAME, raw))
    assert raw.hex() not in shown
    assert note.to_base64(raw) not in shown
