"""What the names of digest files and log files say.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)  # what a digest covers
_DIGEST = re.compile(
    r"^(?:(?P<root>.*/|)CloudTrail-Digest/)?(?:.*/)?"
    r"(?P<account>\d{12})_CloudTrail-Digest_(?P<region>[a-z0-9-]+)_(?P<trail>[^/]+)_(?P<home>[a-z0-9-]+)"
    r"_(?P<end>20\d{6}T\d{6})Z(?P<backfill>_backfill)?\.json\.gz$",
    re.ASCII | re.DOTALL,
)
_DIGESTS = re.compile(r"(?:^|/)CloudTrail-Digest/.*\.json\.gz$|_CloudTrail-Digest_[^/]*\.json\.gz$", re.DOTALL)
_LOG = re.compile(r"(?P<root>^|^.*/)CloudTrail/(?P<region>[a-z0-9-]+)/(?:.*/)?[^/]*\.json\.gz$", re.ASCII | re.DOTALL)
_LOGS_TIME = re.compile(r"_(?P<time>20\d{6}T\d{4})Z_[^/]*$", re.ASCII)
_LOGS_DAY = re.compile(r"/(?P<day>20\d\d/\d\d/\d\d)/[^/]*$", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class ChainName:
    """What digests of one chain have in common. `root` is the folder that holds CloudTrail-Digest and CloudTrail."""

    root: str
    account: str
    region: str
    trail: str
    home_region: str
    backfill: bool


@dataclass(frozen=True, slots=True)
class DigestName:
    """What a digest file's name says: its chain, and when its hour ends."""

    chain: ChainName
    end: datetime


@dataclass(frozen=True, slots=True)
class LogName:
    """Where a log file lies, as a chain's `root` and `region`, and when it was delivered, to the minute."""

    root: str
    region: str
    time: datetime | None


def is_digest(path: str) -> bool:
    """Return whether a file lies where digests do, or is called as they are."""
    return bool(_DIGESTS.search(path))


def digest_name(path: str) -> DigestName | None:
    """Return what a digest file's path says, None where it is not one of CloudTrail's."""
    found = _DIGEST.match(path)
    end = found and _time(found["end"], "%Y%m%dT%H%M%S")
    if not found or not end:
        return None
    root, account, region, trail, home, backfill = found.group("root", "account", "region", "trail", "home", "backfill")
    return DigestName(ChainName(root or "", account, region, trail, home, bool(backfill)), end)


def log_name(path: str) -> LogName | None:
    """Return what a log file's path says, None where it lies elsewhere than log files of events do."""
    found = _LOG.match(path)
    if not found or is_digest(path):
        return None
    named, dated = _LOGS_TIME.search(path), _LOGS_DAY.search(path)
    time = _time(named["time"], "%Y%m%dT%H%M") if named else dated and _time(dated["day"], "%Y/%m/%d")
    return LogName(found["root"], found["region"], time or None)


def _time(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
