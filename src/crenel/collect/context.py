"""What a unit of a scan works with: whose account, where, how to ask, and where to note what could not be read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from crenel.catalog.spec import ARN, RESOURCE, Detail, ResourceType
from crenel.collect.calls import EXPIRED, NOT_RENEWED
from crenel.collect.rows import Row, arn, owner, resource, whole
from crenel.collect.session import Target
from crenel.collect.tally import Tally
from crenel.errors import CallError, CredentialsError
from crenel.model import GLOBAL, Gap, Unit

_MOST_AT_ONCE = 48
_DENIED = ("AccessDenied", "Unauthorized", "NotAuthorized", "AuthorizationError", "Forbidden")  # parts of codes
_BUSY_SECONDS = 0.25  # how long a slow call may take and still be made at the service's full rate


@dataclass(slots=True)
class UnitContext:
    """One unit's surroundings. `now` is the scan's start; `scanned` are the account's Regions in play, sorted.

    `memo` is shared by the units of an account: what must be asked once only. `restricted` says that the user named the
    Regions.
    """

    unit: Unit
    kind: ResourceType
    target: Target
    details: tuple[Detail, ...]
    now: datetime
    scanned: tuple[str, ...]
    tally: Tally
    threads: ThreadPoolExecutor
    memo: Memo
    restricted: bool = False
    gaps: list[Gap] = field(default_factory=list)
    once: dict[Detail, Any] = field(default_factory=dict)
    listings: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def asked_in(self) -> str:
        """The Region whose endpoints this unit asks."""
        return self.target.home_region if self.unit.region == GLOBAL else self.unit.region

    def call(
        self, service: str, operation: str, params: Mapping[str, Any], region: str = "", *, bare: bool = False
    ) -> dict[str, Any]:
        """Make one call, in the unit's Region where none is named. `bare`: with secrets, which must not be kept.

        Raises `CallError`, and `CredentialsError` where the credentials have expired since the scan began.
        """
        where = region or self.asked_in
        try:
            return self.target.caller.call(service, operation, params, where, self.tally, bare=bare)
        except CallError as error:
            self._check_credentials(error, where)
            raise

    def pages(
        self, service: str, operation: str, params: Mapping[str, Any], region: str = ""
    ) -> Iterator[dict[str, Any]]:
        """Yield an operation's pages. Raises what `call` raises."""
        where = region or self.asked_in
        try:
            yield from self.target.caller.pages(service, operation, params, where, self.tally)
        except CallError as error:
            self._check_credentials(error, where)
            raise

    def _check_credentials(self, error: CallError, region: str) -> None:
        """Raise `CredentialsError` where it is not this call that failed but every one from now on.

        As gaps these failures would fill a snapshot that says nothing; stopped, the scan can be resumed. The token that
        is invalid counts at home alone: elsewhere some services say so of a Region that is disabled.
        """
        at_home = region == self.target.home_region
        if error.code in EXPIRED or error.code == NOT_RENEWED or (error.code == "InvalidClientTokenId" and at_home):
            raise CredentialsError(
                f"the credentials expired while scanning ({self.unit.account}: {error}).",
                suggestion="Sign in again, then: crenel scan --resume",
            ) from error

    def each(self, service: str, work: Callable[[Row], None], rows: Sequence[Row], operation: str = "") -> None:
        """Do some work that asks a service for every row, many rows at once; raises what the work raises first.

        By then nothing is under way any more, so that the rows are the caller's alone.
        No more threads than the service's rate can feed, so that a slow service does not hold those of a fast one.
        """
        rate = self.target.caller.limits.most(service, operation)
        most = min(_MOST_AT_ONCE, max(2, int(rate * _BUSY_SECONDS) + 1), len(rows))
        if most <= 1:
            for row in rows:
                work(row)
            return
        queue = iter(rows)
        lock = threading.Lock()
        failed = threading.Event()

        def draw() -> None:
            while not failed.is_set():
                with lock:
                    row = next(queue, None)
                if row is None:
                    return
                try:
                    self.tally.check()
                    work(row)
                except BaseException:
                    failed.set()
                    raise

        futures = [self.threads.submit(draw) for _ in range(most)]
        wait(futures)
        for future in futures:
            future.result()

    def note(
        self,
        detail: str,
        rows: Sequence[Row],
        error: CallError,
        permission: str,
        resources: Sequence[str] | None = None,
    ) -> None:
        """Note that a detail could not be read for these rows: a gap each, or what `resources` names ("": all)."""
        text = f"{error.call} {error.code}: {error.detail}"
        for row in rows:
            row.gaps[detail] = text
            if elsewhere(error.code):
                row.denied.add(detail)
        ids = [str(row.values.get(self.kind.id) or "") for row in rows] if resources is None else resources
        found = [self._gap(detail, resource, error, permission) for resource in ids]
        with self.lock:
            self.gaps += found

    def failed(self, detail: str, row: Row, error: CallError, *gone: str) -> None:
        """Drop a row that is gone since it was listed, by the error's code; note any other error."""
        if error.code in gone:
            row.dropped = True
        else:
            self.note(detail, [row], error, error.call)

    def place(self, row: Row | None = None) -> dict[str, Any]:
        """Return the words for where a row (or the unit) is and what it is, as templates name them (``@arn``)."""
        account, partition = self.unit.account, self.target.account.partition
        region = (row.home if row else None) or self.asked_in
        found: dict[str, Any] = {"@account": account, "@partition": partition, "@region": region}
        if row is not None:
            named = arn(self.kind.arn, row, partition, account, owner(self.kind, row.values, account))
            found |= {ARN: named, RESOURCE: resource(named)}
        return found

    def take_back(self, detail: str, rows: Sequence[Row], since: int) -> None:
        """Forget that these rows lack a detail, and the gaps of it noted since: another source is tried."""
        for row in rows:
            del row.gaps[detail]
            row.denied.discard(detail)
        with self.lock:
            self.gaps[since:] = [gap for gap in self.gaps[since:] if gap.detail != detail or not elsewhere(gap.code)]

    def note_listing(self, error: CallError) -> None:
        """Note that the unit's listing could not be read, or not to its end."""
        call = self.kind.listing.call if self.kind.listing else None
        self.gaps.append(self._gap("", "", error, call.permission if call else ""))

    def _gap(self, detail: str, resource: str, error: CallError, permission: str) -> Gap:
        return Gap(
            account=self.unit.account,
            region=self.unit.region,
            type=self.unit.type,
            detail=detail,
            resource=whole(resource),
            call=error.call,
            permission=permission,
            code=error.code,
            message=whole(error.detail),
            at=datetime.now(UTC),
        )


def elsewhere(code: str) -> bool:
    """Return whether another source may know: the scanner lacks a permission, or an answer does not speak of a row."""
    return code in ("403", "NotAnswered") or any(part in code for part in _DENIED)


class Memo:
    """What is asked once an account and scan. A value is made under its own lock; a `CallError` is remembered too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.RLock] = {}
        self._values: dict[str, Any] = {}

    def get(self, key: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401 (whatever `make` returns)
        """Return the value of a key, made at the first call. Raises the `CallError` that making it raised."""
        with self._lock:
            mine = self._locks.setdefault(key, threading.RLock())
        with mine:
            if key not in self._values:
                try:
                    self._values[key] = make()
                except CallError as error:
                    self._values[key] = error
            found = self._values[key]
        if isinstance(found, CallError):
            raise found
        return found
