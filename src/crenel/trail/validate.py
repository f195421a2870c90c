"""The use case: all chains of digests at a place, the log files that they name, and those that none names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from crenel.errors import CredentialsError, UsageError
from crenel.logs.buckets import S3
from crenel.logs.model import Wanted
from crenel.trail.chains import Entry, Fault, Judged, judge, shift
from crenel.trail.digests import HASHED_WITH, NamedLog, NotAsDeliveredError, content_hash, digest
from crenel.trail.keys import Keys, KeysOfCloudTrail, KeysOfFiles
from crenel.trail.model import Finding, Outcome, Problem, Status
from crenel.trail.names import HOUR, ChainName, LogName, digest_name, is_digest, log_name
from crenel.trail.places import Access, Folder, GoneError, InBucket, Place, access

_AT_A_TIME = 16  # files that are read side by side
_BATCH = 512  # files that are asked for at once
# A file is named after a time shortly before its delivery, and a digest is of deliveries.
_LATE = timedelta(minutes=30)
_DUE = 2 * HOUR  # when the next digest has come
_DAY = timedelta(days=1)  # files of a time lie in folders of its day, or the next


@dataclass(frozen=True, slots=True)
class _Named:
    """A log file and the digest that names it."""

    log: NamedLog
    path: str | None
    by: Entry


@dataclass(frozen=True, slots=True)
class _Hour:
    """What a digest covers."""

    start: datetime
    end: datetime
    status: Status


_Each = TypeVar("_Each")
_Covered = dict[tuple[str, str], list[_Hour]]


def validate(where: str, wanted: Wanted, public_keys: Sequence[Path] = ()) -> Outcome:
    """Check the digests and the log files in a folder or at an ``s3://`` prefix.

    `wanted` says of which accounts, Regions and time: digests whose hour touches it. `public_keys` are files as
    ``aws cloudtrail list-public-keys`` prints them; without any CloudTrail is asked. Raises `UsageError` where the
    place can't be listed or has neither digests nor logs, or a file has no keys; `CredentialsError` where AWS is
    needed and there are no credentials.
    """
    given = KeysOfFiles(public_keys) if public_keys else None
    remote = where.startswith(S3)
    asked = _access(remote=remote) if remote or given is None else None
    place: Place = InBucket(where, asked.caller, asked.region) if remote and asked else Folder(where)
    paths = place.paths(replace(wanted, since=wanted.since and wanted.since - _DAY))
    chains, strangers = _chains([path for path in paths if is_digest(path)], wanted)
    logs = [path for path in paths if not is_digest(path)]
    if not chains and not strangers and not logs:
        raise UsageError(
            f"there is no digest file and no log file in {where}, for what is asked.",
            suggestion="It must hold the folders CloudTrail-Digest and CloudTrail.",
        )
    first = min((entry.end for entries in chains.values() for entry in entries), default=None)
    keys = given or (KeysOfCloudTrail(asked.caller, first - _DAY) if asked and first else KeysOfFiles(()))
    validation = _Validation(place, wanted, keys, Outcome(where))
    for path in strangers:
        message = "it lies among the digests, and has no name that CloudTrail gives"
        validation.add(Finding(Status.INVALID, Problem.MOVED, "digest", path, message))
    known = frozenset(path for path in paths if is_digest(path))
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for name in sorted(chains):
            validation.chain(name, chains[name], known, pool)
    validation.unnamed(logs)
    return validation.outcome


def _access(*, remote: bool) -> Access:
    try:
        return access()
    except CredentialsError as error:
        if remote:
            raise
        hint = (
            "Give the public keys with --public-keys FILE, or credentials with which CloudTrail may be asked for them."
        )
        raise CredentialsError(error.message, suggestion=hint) from error


def _chains(paths: Iterable[str], wanted: Wanted) -> tuple[dict[ChainName, list[Entry]], list[str]]:
    """Return the digests that are asked for by chain, each sorted by time, and one more that has the last's signature.

    Beside them, what lies among digests and is none.
    """
    found: dict[ChainName, list[Entry]] = {}
    strangers = []
    for path in paths:
        name = digest_name(path)
        if name is None:
            strangers.append(path)
        elif not (
            (wanted.since and name.end < wanted.since)
            or (wanted.accounts and name.chain.account not in wanted.accounts)
            or (wanted.regions and name.chain.region not in wanted.regions)
        ):
            judged = wanted.until is None or name.end - HOUR <= wanted.until
            found.setdefault(name.chain, []).append(Entry(path, name.end, judged))
    return {name: _reach(entries) for name, entries in found.items() if any(each.judged for each in entries)}, strangers


def _reach(entries: list[Entry]) -> list[Entry]:
    """Return the judged digests by time and the one after them."""
    return sorted(entries, key=lambda entry: (entry.end, entry.path))[: sum(entry.judged for entry in entries) + 1]


class _Validation:
    def __init__(self, place: Place, wanted: Wanted, keys: Keys, outcome: Outcome) -> None:
        self.outcome = outcome
        self._place = place
        self._wanted = wanted
        self._keys = keys
        self._named: set[str] = set()
        self._covered: _Covered = {}

    def add(self, finding: Finding) -> None:
        """Add a finding, its files named for people."""
        shown = self._place.shown
        told = replace(finding, path=shown(finding.path), digest=finding.digest and shown(finding.digest))
        self.outcome.add(told)

    def chain(self, name: ChainName, entries: list[Entry], known: frozenset[str], pool: ThreadPoolExecutor) -> None:
        """Judge a chain and check the log files that its digests name."""
        for loaded in _batches(entries):
            list(pool.map(self._load, loaded))
        judged = judge(name, entries, known, self._keys, self._wanted.since)
        self.outcome.chains.append(judged.chain)
        for finding in judged.findings:
            self.add(finding)
        for entry in entries:
            if entry.judged and entry.status is Status.VALID:
                self.outcome.count("digest", Status.VALID)
        if not name.backfill:
            hours = [_Hour(entry.start, entry.end, entry.status) for entry in entries]
            self._covered.setdefault((name.root, name.region), []).extend(hours)
        for batch in _batches(self._names(judged)):
            for found in pool.map(self._check, batch):
                if isinstance(found, Finding):
                    self.add(found)
                else:
                    self.outcome.count("log", found)

    def _load(self, entry: Entry) -> None:
        try:
            stored = self._place.read(entry.path)
            entry.signature = stored.signature
            entry.digest = digest(stored.data)
            entry.shift = shift(entry.path, entry.digest.key)
            if entry.shift is None:
                message = f"it belongs elsewhere: {entry.digest.bucket}/{entry.digest.key}"
                entry.fault = Fault(Status.INVALID, Problem.MOVED, message)
        except GoneError:
            entry.fault = Fault(Status.INVALID, Problem.MISSING, "it was removed just now")
        except OSError as error:
            entry.fault = Fault(Status.UNKNOWN, Problem.UNREADABLE, _why(error))
        except NotAsDeliveredError as error:
            entry.fault = Fault(Status.INVALID, Problem.ALTERED, str(error))

    def _names(self, judged: Judged) -> Iterator[_Named]:
        """Yield each log file that a digest names, once. What a digest names that is not valid proves nothing."""
        for entry in judged.entries:
            if entry.digest is None or entry.shift is None or entry.status is Status.INVALID:
                continue
            for log in entry.digest.logs:
                path = entry.shift.path(log.key)
                if path in self._named:
                    continue
                if path is not None:
                    self._named.add(path)
                if entry.judged:
                    yield _Named(log, path, entry)

    def _check(self, named: _Named) -> Finding | Status:
        log, path = named.log, named.path
        finding = partial(Finding, kind="log", path=path or log.key, digest=named.by.path)
        if path is None:
            message = "the digest names it, and it lies outside of what is looked at"
            return finding(Status.UNKNOWN, Problem.OUTSIDE, message=message)
        if log.hashed_with != HASHED_WITH:
            message = f"its hash is made with {log.hashed_with}, which Crenel can't check"
            return finding(Status.UNKNOWN, Problem.UNPROVEN, message=message)
        proven = named.by.status is Status.VALID
        doubt = "" if proven else "; the digest itself is not proven"
        try:
            own = content_hash(self._place.read(path).data)
        except GoneError:
            if named.by.digest and log.bucket != named.by.digest.bucket:
                message = f"it was delivered to another bucket, {log.bucket}, and is not here"
                return finding(Status.UNKNOWN, Problem.OUTSIDE, message=message)
            return finding(Status.INVALID, Problem.MISSING, message=f"a digest names it, and it is not there{doubt}")
        except OSError as error:
            return finding(Status.UNKNOWN, Problem.UNREADABLE, message=_why(error))
        except NotAsDeliveredError as error:
            return finding(Status.INVALID, Problem.ALTERED, message=f"{error}{doubt}")
        if own != log.hash.lower():
            message = f"its content is not what the digest has{doubt}"
            return finding(Status.INVALID, Problem.ALTERED, message=message)
        if not proven:
            message = "the digest that names it is not proven itself"
            return finding(Status.UNKNOWN, Problem.UNPROVEN, message=message)
        return Status.VALID

    def unnamed(self, paths: Iterable[str]) -> None:
        """Say of each log file that no digest names what its hour's digest is."""
        for path in paths:
            name = log_name(path)
            if name is None or path in self._named or not self._asked(name):
                continue
            found = _unnamed(name.time, self._covered.get((name.root, name.region), ()))
            if found is None:
                self.outcome.count("log", Status.PENDING)
            else:
                self.add(Finding(found.status, found.problem, "log", path, found.message))

    def _asked(self, name: LogName) -> bool:
        """Return whether a log file's time is asked for; where its name has none, it is."""
        since, until = self._wanted.since, self._wanted.until
        return name.time is None or not ((since and name.time < since) or (until and name.time > until))


def _unnamed(time: datetime | None, hours: Sequence[_Hour]) -> Fault | None:
    """Return what it means that no digest names a log file of a time; None: its digest is not due yet."""

    def uncovered(message: str) -> Fault:
        return Fault(Status.UNCOVERED, Problem.UNCOVERED, f"no digest names it: {message}")

    if not hours:
        return uncovered("there are none of its account and Region")
    if time is None:
        return uncovered("its name does not say when it was delivered")
    last = max(hour.end for hour in hours)
    valid = [hour for hour in hours if hour.status is Status.VALID]
    if time > last - _LATE:
        return None if time <= last + _DUE else uncovered("it is newer than the last digest")
    if all(any(hour.start <= each <= hour.end for hour in valid) for each in (time, time + _LATE)):
        message = "the digests of its hour are valid, and none names it"
        return Fault(Status.INVALID, Problem.ADDED, message)
    if time < min(hour.start for hour in hours):
        return uncovered("it is older than the first digest")
    if any(hour.start - _LATE <= time <= hour.end for hour in hours if hour.status is not Status.VALID):
        return uncovered("the digest of its hour is not valid")
    return uncovered("there is no digest of its hour")


def _batches(items: Iterable[_Each]) -> Iterator[list[_Each]]:
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _why(error: OSError) -> str:
    return f"it can't be read: {error.strerror or error}"
