"""Signing keys that are the same in every run."""

import hashlib

from adapters.infra.key_files import Ed25519Signer, MlDsa44Signer
from schemas.note import SignatureType

LOG = "musterstadt.example/log/2026-11"
"""The origin of the tests' shard, and its key's name."""


def signer(name: str, signature_type: SignatureType = SignatureType.ED25519) -> Ed25519Signer:
    """Give the key of a name; the seed follows from name and type."""
    return Ed25519Signer(name, hashlib.sha256(f"{name}/{signature_type}".encode()).digest(), signature_type)


def log_signer() -> Ed25519Signer:
    """Give the key of the tests' shard."""
    return signer(LOG)


def witness(number: int) -> Ed25519Signer:
    """Give a cosigner's key."""
    return signer(f"musterstadt.example/agency-{number}/witness-1", SignatureType.COSIGNATURE)


def mldsa_witness(number: int) -> MlDsa44Signer:
    """Give a cosigner's second key."""
    name = f"musterstadt.example/agency-{number}/witness-2"
    return MlDsa44Signer(name, hashlib.sha256(name.encode()).digest())
