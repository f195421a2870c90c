"""A chain of digests, judged from the newest to the oldest: each has the hash and the signature of the one before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from crenel.trail.digests import HASHED_WITH, SIGNED_WITH, Digest, Previous
from crenel.trail.keys import Keys, NoKeyError
from crenel.trail.model import Chain, Finding, Gap, Problem, Status
from crenel.trail.names import HOUR, ChainName, digest_name
from crenel.trail.signatures import PublicKey, verifies

_SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a file, or not known of it."""

    status: Status
    problem: Problem
    message: str


@dataclass(frozen=True, slots=True)
class Shift:
    """How paths here differ from the keys that digests name: folders above them are lost, or there are more."""

    lost: str
    more: str

    def path(self, key: str) -> str | None:
        """Return where an object lies here, None where it lies outside of what is looked at."""
        path = self.more + key[len(self.lost) :]
        within = key.startswith(self.lost) and not {"", ".", ".."} & set(path.split("/"))
        return path if within else None


@dataclass(slots=True)
class Entry:
    """A digest file. `judged`: it is asked for; else it is there for its signature of another. `fault`: what is wrong
    with it before any signature is looked at.
    """

    path: str
    end: datetime
    judged: bool
    signature: str = ""
    digest: Digest | None = None
    shift: Shift | None = None
    fault: Fault | None = None
    status: Status = Status.UNKNOWN

    @property
    def start(self) -> datetime:
        """Where its hour begins, by its own word where that may be trusted."""
        return self.digest.start if self.digest and self.status is not Status.INVALID else self.end - HOUR


@dataclass(slots=True)
class Judged:
    """A chain, what was found of its digests, and the digests, oldest first."""

    chain: Chain
    entries: Sequence[Entry]
    findings: list[Finding] = field(default_factory=list)


_Claim = tuple[Entry, Previous]  # a digest, and what it says of the one before it


def shift(path: str, key: str) -> Shift | None:
    """Return how a digest's path relates to the key that is written in it; None: it does not belong here."""
    if f"/{path}".endswith(f"/{key}"):
        return Shift("", path[: len(path) - len(key)])
    if f"/{key}".endswith(f"/{path}"):
        return Shift(key[: len(key) - len(path)], "")
    return None


def judge(
    name: ChainName, entries: Sequence[Entry], known: Collection[str], keys: Keys, since: datetime | None
) -> Judged:
    """Judge the digests of a chain, sorted by time, and set their status. `known` are all digest files there are."""
    chain = Chain(name.account, name.region, name.trail, name.home_region, name.backfill)
    judged = Judged(chain, entries)
    claims: dict[str, list[_Claim]] = {}
    missing: set[str] = set()
    after: Entry | None = None  # the next one that is valid
    for position in reversed(range(len(entries))):
        entry = entries[position]
        fault = entry.fault or _fault(entry, claims.get(entry.path, ()), keys, name.region)
        if fault and fault.problem is Problem.UNSIGNED and _passed_over(entry, after):
            fault = Fault(Status.INVALID, Problem.ADDED, "the digest after it follows an older one")
        entry.status = fault.status if fault else Status.VALID
        after = entry if fault is None else after
        if fault and entry.judged:
            judged.findings.append(Finding(fault.status, fault.problem, "digest", entry.path, fault.message))
        found = entry.digest and entry.digest.previous
        if not entry.digest or not entry.shift or not found:
            continue
        path = entry.shift.path(found.key)
        if path is not None:
            claims.setdefault(path, []).append((entry, found))
        if entry.status is Status.INVALID or (path in known and position):
            continue
        if told := _beyond(entry, found, path, since, known, first=position == 0):
            chain.begins = told if position == 0 else chain.begins
        elif path is not None:
            missing.add(entry.path)
            doubt = "" if entry.status is Status.VALID else " (and is not proven itself)"
            message = f"the digest after it{doubt} names it, and it is not there{_span(entries, position, path)}"
            judged.findings.append(Finding(Status.INVALID, Problem.MISSING, "digest", path, message, entry.path))
    _describe(chain, entries, missing)
    return judged


def _fault(entry: Entry, claims: Sequence[_Claim], keys: Keys, region: str) -> Fault | None:
    """Return what is wrong with a digest, given what those after it say of it. None: AWS's signature proves it."""
    digest = entry.digest
    if digest is None:
        return Fault(Status.UNKNOWN, Problem.UNREADABLE, "it was not read")
    trusted = [(by, said) for by, said in claims if by.status is not Status.INVALID]
    hashes = [(by, said.hash.lower() == digest.hash) for by, said in trusted if said.hashed_with == HASHED_WITH]
    differing = next((by for by, same in hashes if not same), None)
    differs = differing and _altered(differing, "its content is not what the digest after it has")
    if differs and differing and differing.status is Status.VALID:
        return differs
    proven = any(same and by.status is Status.VALID for by, same in hashes)
    if digest.signed_with != SIGNED_WITH:
        message = f"it is signed with {digest.signed_with}, which Crenel can't check"
        return None if proven else differs or Fault(Status.UNKNOWN, Problem.UNPROVEN, message)
    try:
        key = keys.find(digest.fingerprint, region)
    except NoKeyError as error:
        status = Status.INVALID if error.certain else Status.UNKNOWN
        return None if proven else differs or Fault(status, Problem.NO_KEY, str(error))
    if any(_fits(key, digest, each) for each in (*(said.signature for _, said in claims), entry.signature)):
        return None
    if trusted:
        return differs or _altered(trusted[0][0], "the signature that the digest after it has does not fit it")
    if entry.signature:
        return Fault(Status.INVALID, Problem.ALTERED, "it and its signature don't fit each other")
    why = "no digest after it has its signature"
    if claims:
        why = "the digest after it, which has its signature, is altered"
    return Fault(Status.UNKNOWN, Problem.UNSIGNED, f"its signature is not at hand: {why}")


def _passed_over(entry: Entry, after: Entry | None) -> bool:
    """Return whether the next digest that is valid follows an older one than this: CloudTrail made no such digest."""
    said = after and after.digest and after.digest.previous
    name = digest_name(said.key) if said else None
    return bool(name and name.end < entry.end)


def _altered(by: Entry, message: str) -> Fault:
    doubt = "" if by.status is Status.VALID else "; that one can't be checked: either was altered"
    return Fault(Status.INVALID, Problem.ALTERED, message + doubt)


def _fits(key: PublicKey, digest: Digest, signature: str) -> bool:
    try:
        return bool(signature) and verifies(key, digest.signed, bytes.fromhex(signature))
    except ValueError:
        return False


def _beyond(
    entry: Entry, found: Previous, path: str | None, since: datetime | None, known: Collection[str], *, first: bool
) -> str:
    """Return why it is no fault that the digest before one is not there; an empty text where it is one."""
    name = digest_name(found.key)
    end = name.end if name else entry.start
    if since and end < since:
        return "with the time that is asked for"
    if path in known:
        return f"after a digest of another folder: {path}"
    if entry.digest and found.bucket != entry.digest.bucket:
        return f"where it goes on in the bucket {found.bucket}"
    if path is None:
        return "where it goes on outside of what is looked at"
    return f"without the digest before, which is not here: {path}" if first and not since else ""


def _span(entries: Sequence[Entry], position: int, path: str) -> str:
    """Return what else is missing where more than one hour is."""
    name = digest_name(path)
    before = entries[position - 1].end if position else None
    if name and before and name.end - before > HOUR + _SLACK:
        return f", nor is any other from {before:%Y-%m-%dT%H:%M:%SZ} on"
    return ""


def _describe(chain: Chain, entries: Sequence[Entry], missing: Collection[str]) -> None:
    shown = [entry for entry in entries if entry.judged]
    chain.digests = len(shown)
    chain.empty = sum(1 for entry in shown if entry.digest is not None and not entry.digest.logs)
    if shown:
        chain.first, chain.last = shown[0].start, shown[-1].end
        if shown[0].status is not Status.INVALID and shown[0].digest and not shown[0].digest.previous:
            chain.begins = "where log file validation was turned on"
    chain.gaps = [] if chain.backfill else list(_gaps(entries, missing))


def _gaps(entries: Sequence[Entry], missing: Collection[str]) -> Iterator[Gap]:
    for before, after in pairwise(entries):
        if after.start - before.end <= _SLACK:
            continue
        said: Mapping[bool, str] = {
            after.path in missing: "digests are missing",
            after.status is Status.INVALID: "the digest after it is not valid, and nothing else says why",
        }
        off = "log file validation or logging was off" if after.digest and not after.digest.previous else ""
        yield Gap(before.end, after.start, said.get(True) or off or "CloudTrail delivered no digest")
