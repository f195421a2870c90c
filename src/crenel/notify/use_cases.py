"""The use case of `crenel notify`: the last scan, compared with the one before it, told to whom it concerns.

targets → the last scan and the one before → changes → what each target asked for → its message → its way
"""

from __future__ import annotations

import json
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from crenel.errors import UsageError, WritingError
from crenel.judge.changes import Change, Changes, before_of, compare
from crenel.lake.snapshots import Lake
from crenel.model import ScanInfo, Severity
from crenel.notify import mailing, posting, publishing
from crenel.notify.model import Email, News, Slack, Sns, Target, Webhook
from crenel.notify.posting import PassingError, variable
from crenel.notify.wording import as_text

MOST = 20  # findings that a message names
_TRIES, _PAUSE = 3, 2.0  # seconds before the second try, twice as many before the third
_TOLD = "notified.json"
FIRST = "there is no scan before it to compare it with"


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a target: sent, nothing new, told already, or failed with the reason."""

    target: Target
    outcome: str
    detail: str = ""

    SENT = "sent"
    NOTHING = "nothing new"
    ALREADY = "told already"
    FAILED = "failed"


@contextmanager
def compared(lake: Path, as_of: datetime | None = None) -> Iterator[tuple[ScanInfo, Changes | None]]:
    """Yield the last scan (or the last begun by `as_of`) and its changes; None where there is no scan before it.

    Raises `LakeError` where there is no scan with findings.
    """
    place = Lake(lake)
    now, _ = place.latest(as_of)
    good, _ = place.all()
    before = before_of(good, now)
    if before is None:
        yield now.info, None
        return
    with tempfile.TemporaryDirectory(prefix="crenel-") as spill:
        changes = compare(before, now, spill=Path(spill))
        try:
            yield now.info, changes
        finally:
            changes.close()


def news_for(target: Target, changes: Changes) -> News | None:
    """Return what there is to tell a target, None where nothing of what it asked for happened."""
    counts: dict[Change, dict[Severity, int]] = {}
    for (change, severity), number in changes.counts(target.choice).items():
        if change is not Change.UNCHANGED:
            counts.setdefault(change, {})[severity] = number
    total = sum(sum(counts.get(change, {}).values()) for change in target.changes)
    if not total:
        return None
    found = tuple(islice(changes.of(target.changes, target.choice, limit=MOST), MOST))
    return News(changes.before, changes.now, counts, found, total - len(found))


def check(targets: Sequence[Target]) -> None:
    """Raise `UsageError` where a target's environment variables are not set: before anybody is told anything."""
    for target in targets:
        match target.way:
            case Webhook(url_from=url, secret_from=secret):
                names = [url, secret]
            case Slack(url_from=url):
                names = [url]
            case Email(password_from=password):
                names = [password]
            case _:
                names = []
        for name in filter(None, names):
            try:
                variable(name)
            except UsageError as error:
                raise UsageError(
                    f"{target.where}: {target.name}: {error.message}",
                    suggestion="Set it, and don't write what it holds into the file.",
                ) from error


def tell(
    targets: Sequence[Target],
    lake: Path,
    as_of: datetime | None = None,
    *,
    again: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Told]:
    """Tell each target what concerns it; yield what became of it. One that fails does not keep the others from it.

    A target is told once of a scan, unless `again`. Raises `LakeError`, `WritingError`, and `UsageError` before the
    first message where an environment variable is not set.
    """
    check(targets)
    remembered = _remembered(lake)
    with compared(lake, as_of) as (now, changes):
        for target in targets:
            if not again and remembered.get(target.name) == now.id:
                yield Told(target, Told.ALREADY)
                continue
            news = news_for(target, changes) if changes is not None else None
            if news is None:
                yield Told(target, Told.NOTHING, "" if changes is not None else FIRST)
                continue
            try:
                detail = _deliver(target, news, f"{now.id}-{secrets.token_hex(4)}", pause)
            except UsageError as error:
                yield Told(target, Told.FAILED, str(error))
                continue
            remembered[target.name] = now.id
            _remember(lake, remembered)
            yield Told(target, Told.SENT, detail)


def drafts(targets: Sequence[Target], lake: Path, as_of: datetime | None = None) -> Iterator[tuple[Target, str]]:
    """Yield what each target would be sent, as text; empty where there is nothing new. Nothing is sent, no secret
    is read. Raises `LakeError`.
    """
    with compared(lake, as_of) as (_, changes):
        for target in targets:
            news = news_for(target, changes) if changes is not None else None
            yield target, "" if news is None else as_text(news)


# --- delivery


def _deliver(target: Target, news: News, key: str, pause: Callable[[float], None]) -> str:
    send = _sending(target, news, key)
    for attempt in range(1, _TRIES + 1):
        try:
            return send()
        except PassingError as error:
            if attempt == _TRIES:
                raise UsageError(f"{str(error).rstrip('.')}, {_TRIES} times.") from error
            pause(_PAUSE * 2 ** (attempt - 1))
    raise AssertionError  # the loop returns or raises


def _sending(target: Target, news: News, key: str) -> Callable[[], str]:
    """Return what sends a message; it is made once, so that another try sends the very same."""
    match target.way:
        case Webhook() as way:
            return partial(posting.send, posting.webhook_post(way, news, key))
        case Slack() as way:
            return partial(posting.send, posting.slack_post(way, news))
        case Email() as way:
            mail = mailing.mail(way, news, key)
            return partial(mailing.send, way, mail)
        case Sns() as way:
            return partial(publishing.send, way, publishing.message(way, news))


# --- who was told of what


def _remembered(lake: Path) -> dict[str, Any]:
    """Return the last scan that each target was told of, by its name."""
    try:
        found = json.loads((lake / _TOLD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{lake / _TOLD} can't be read ({error}).", suggestion="Without it, all are told of the last scan again."
        ) from error
    return found if isinstance(found, dict) else {}


def _remember(lake: Path, told: Mapping[str, Any]) -> None:
    part = lake / f".{_TOLD}.part"
    try:
        part.write_text(json.dumps(told, indent=1), encoding="utf-8")
        part.replace(lake / _TOLD)
    except OSError as error:
        raise WritingError(f"can't write {lake / _TOLD}: {error.strerror}.") from error
