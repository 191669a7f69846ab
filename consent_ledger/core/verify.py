"""A whole log -> findings. Nothing is taken on trust but the pins: the federation's name and its steering keys.

1. The checkpoint, read but not believed; entry 0, by which the steering group names the log's key; the log's signature.
2. Every entry hashed and compared with its tile, proven on the state before it, judged, and folded in.
3. The tree's root and all tiles; the checkpoint saved earlier, if there is one.
4. Cosignatures and quorum, with the witness keys the log itself put into force.
5. What no single entry shows: gaps, silence, clocks; and whether the files beside the tiles say the same.

The judge decides what is checked of a decision: `prove.fold_claimed` takes it as it stands, replay makes it again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final, NamedTuple

from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, unverified_checkpoint
from consent_ledger.core.completeness import SKEW_MS, Completeness
from consent_ledger.core.findings import RULES, Finding, Findings, Verdict, verdict_of
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.core.policy import Policy
from consent_ledger.core.prove import Broken, Judge, fold, fold_claimed, prove_leaf
from consent_ledger.core.signed import Check, Pins
from consent_ledger.core.state import LedgerState
from consent_ledger.core.structure import TreeCheck, hash_entries
from consent_ledger.core.tiles import TILE_WIDTH, Tile, tile_path, width_at
from consent_ledger.ports import LogReader
from schemas import statements as st
from schemas.errors import HandschlagError, Malformed, NotAuthentic, Unavailable
from schemas.ids import LogId
from schemas.note import Note, VerifierKey, split_note, verify_split
