"""C2SP trust policies (tlog-policy): which logs and witnesses count, and which witnesses together are a quorum."""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from schemas.errors import Malformed
from schemas.note import COSIGNATURES, SignatureType, VerifierKey, parse_vkey

_NONE: Final = "none"
_THRESHOLD: Final = re.compile(r"[1-9][0-9]{0,3}")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MAX_LOG_WORDS: Final = 2
_WITNESS_WORDS: Final = (2, 3)
_MIN_GROUP_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses when at least `threshold` of its members do; a member is a witness or another group."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy; the names in it mean something inside of it only.

    `witnesses` and `groups` stand under their names in the file's order; `quorum` is the name that must have witnessed,
    None when no witness is needed.
    """

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey]
    groups: Mapping[str, Group]
    quorum: str | None

    def satisfied(self, cosigners: Iterable[VerifierKey]) -> bool:
        """Tell whether these verified cosigners together are the quorum."""
        if self.quorum is None:
            return True
        keys = set(cosigners)
        witnessed = {name for name, key in self.witnesses.items() if key in keys}
        # Groups name only what stands above them, so one pass in their order settles them all.
        for name, group in self.groups.items():
            if len(witnessed.intersection(group.members)) >= group.threshold:
                witnessed.add(name)
        return self.quorum in witnessed


def parse_policy(unverified: str) -> Policy:
    """Read a policy file; raises Malformed naming the line and the rule of tlog-policy it breaks."""
    draft = _Draft()
    for number, line in enumerate(unverified.split("\n"), 1):
        try:
            _take_line(draft, line)
        except Malformed as error:
            message = f"policy, line {number}: {error}"
            raise Malformed(message) from error
    if not draft.quorums:
        message = "policy: the quorum line is missing"
        raise Malformed(message)
    quorum = draft.quorums[0]
    return Policy(tuple(draft.logs), draft.witnesses, draft.groups, None if quorum == _NONE else quorum)


@dataclass(slots=True)
class _Draft:
    """What the lines so far have defined."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    quorums: list[str] = field(default_factory=list)

    def defines(self, name: str) -> bool:
        """Tell whether a witness or group of this name stands above."""
        return name in self.witnesses or name in self.groups

    def new_name(self, name: str) -> str:
        """Give a name that is free to define; raises Malformed when it is taken or reserved."""
        if name == _NONE or self.defines(name):
            message = f"the name {name} is reserved or defined above"
            raise Malformed(message)
        return name


def _take_line(draft: _Draft, unverified_line: str) -> None:
    if _CONTROL.search(unverified_line):
        message = "control characters other than tab are not allowed"
        raise Malformed(message)
    # Only space and tab separate; other Unicode spaces are part of a word.
    keyword, *words = [word for word in re.split("[ \t]+", unverified_line) if word] or ["#"]
    if keyword.startswith("#"):
        return
    take = _TAKERS.get(keyword)
    if take is None:
        message = f"must start with {', '.join(_TAKERS)} or #"
        raise Malformed(message)
    take(draft, words)


def _take_log(draft: _Draft, words: list[str]) -> None:
    if not 0 < len(words) <= _MAX_LOG_WORDS:
        message = "must be: log <vkey> [<url>]"
        raise Malformed(message)
    key = parse_vkey(words[0])
    _check_key(key, {SignatureType.ED25519}, draft.logs)
    draft.logs.append(key)


def _take_witness(draft: _Draft, words: list[str]) -> None:
    if len(words) not in _WITNESS_WORDS:
        message = "must be: witness <name> <vkey> [<url>]"
        raise Malformed(message)
    key = parse_vkey(words[1])
    _check_key(key, COSIGNATURES, draft.witnesses.values())
    draft.witnesses[draft.new_name(words[0])] = key


def _take_group(draft: _Draft, words: list[str]) -> None:
    if len(words) < _MIN_GROUP_WORDS:
        message = "must be: group <name> all|any|<k> <name>..."
        raise Malformed(message)
    name, threshold, *members = words
    draft.new_name(name)
    for member in members:
        if not draft.defines(member):
            message = f"the member {member} is not defined above"
            raise Malformed(message)
        if member in draft.members:
            message = f"{member} is a member of a group already"
            raise Malformed(message)
        draft.members.add(member)
    draft.groups[name] = Group(_threshold(threshold, len(members)), tuple(members))


def _take_quorum(draft: _Draft, words: list[str]) -> None:
    if len(words) != 1 or draft.quorums:
        message = "must be: quorum <name>|none, once"
        raise Malformed(message)
    if words[0] != _NONE and not draft.defines(words[0]):
        message = f"the quorum {words[0]} is not defined above"
        raise Malformed(message)
    draft.quorums.append(words[0])


_TAKERS: Final = {"log": _take_log, "witness": _take_witness, "group": _take_group, "quorum": _take_quorum}


def _check_key(key: VerifierKey, wanted: AbstractSet[SignatureType], others: Iterable[VerifierKey]) -> None:
    """Refuse a key of the wrong kind, and one that stands there already under any name (tlog-policy, duplicate)."""
    if key.type not in wanted:
        needed = " or ".join(f"0x{one:02x}" for one in sorted(wanted))
        message = f"key {key.name}: of signature type 0x{key.type:02x}, this line needs {needed}"
        raise Malformed(message)
    if any(key.public == other.public for other in others):
        message = f"key {key.name}: the same public key stands above"
        raise Malformed(message)


def _threshold(word: str, members: int) -> int:
    if word == "any":
        return 1
    if word == "all":
        return members
    if _THRESHOLD.fullmatch(word) is None or int(word) > members:
        message = f"the threshold must be all, any, or a number from 1 to {members}"
        raise Malformed(message)
    return int(word)
