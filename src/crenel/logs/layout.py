"""AWS's own layout of the files of trails: what a file's path says of the account, the Region and the time.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html#cloudtrail-log-filename-format
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from crenel.logs.model import Wanted

# A file is named after the time of its delivery. Events come minutes after they happened, seldom hours.
LATE = timedelta(days=1)
EARLY = timedelta(hours=1)  # clocks that differ
_FOLDERS = re.compile(
    r"(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?(?P<account>\d{12})/CloudTrail[A-Za-z-]*/(?P<region>[a-z0-9-]+)"
    r"/(?P<day>\d{4}/\d{2}/\d{2})/",
    re.ASCII,
)
_NAME = re.compile(
    r"(?:^|/)(?P<account>\d{12})_CloudTrail[A-Za-z-]*_(?P<region>[a-z0-9-]+)_(?P<time>\d{8}T\d{4})Z_[^/]*$", re.ASCII
)
_OTHERS = re.compile(
    r"(?:^|/)CloudTrail-(?:Digest|Insight)/|_CloudTrail-(?:Digest|Insight)_[^/]*$"
    r"|(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/(?!CloudTrail)[^/]+/",
    re.ASCII,
)
# The levels above the days, from the bucket's top on; a trail may have a prefix of its own before AWSLogs.
_LEVELS = re.compile(
    r"^(?:.*/)?AWSLogs/(?:o-[a-z0-9]+/)?(?P<account>\d{12})/"
    r"(?:(?P<kind>[^/]+)/(?:(?P<region>[^/]+)/.*)?)?$",
    re.ASCII | re.DOTALL,
)
_REGION = re.compile(r"^.*?AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/[^/]+/[^/]+/", re.ASCII | re.DOTALL)
_LAST = "\U0010ffff"


def is_other(path: str) -> bool:
    """Return whether a path is that of a digest file, of a file of Insights or of another service's logs."""
    return bool(_OTHERS.search(path))


def may_lie_below(folder: str, wanted: Wanted) -> bool:
    """Return whether files with wanted events may lie below a folder (its path ends in a slash)."""
    found = _LEVELS.match(folder)
    if not found:
        return True
    if wanted.accounts and found["account"] not in wanted.accounts:
        return False
    return not (wanted.regions and found["region"] and found["region"] not in wanted.regions)


def is_dated(folder: str) -> bool:
    """Return whether what lies below a folder is sorted by days: a Region's folder of a trail, or one below it."""
    found = _LEVELS.match(folder)
    return bool(found and found["region"])


def days(folder: str, wanted: Wanted) -> tuple[str, str]:
    """Return between which keys the wanted files of a dated folder lie; nothing or the last key where that is open."""
    region = _REGION.match(folder)
    if not region:
        return "", _LAST
    begin, end = span(wanted)
    first = f"{region[0]}{begin:%Y/%m/%d}" if begin else ""
    last = f"{region[0]}{end:%Y/%m/%d}{_LAST}" if end else _LAST
    return first, last


def may_hold(path: str, wanted: Wanted) -> bool:
    """Return whether a file may hold wanted events, as far as its path says anything of it."""
    name, folders = _NAME.search(path), _FOLDERS.search(path)
    for place in (name, folders):
        if place is None:
            continue
        if wanted.accounts and place["account"] not in wanted.accounts:
            return False
        if wanted.regions and place["region"] not in wanted.regions:
            return False
    if name:
        first = last = _time(name["time"], "%Y%m%dT%H%M")
    elif folders:
        first = _time(folders["day"], "%Y/%m/%d")
        last = first and first + timedelta(days=1)
    else:
        return True
    if first is None or last is None:
        return True
    begin, end = span(wanted)
    return (begin is None or last >= begin) and (end is None or first <= end)


def span(wanted: Wanted) -> tuple[datetime | None, datetime | None]:
    """Return between which times the files are delivered that may hold wanted events."""
    return wanted.since and wanted.since - EARLY, wanted.until and wanted.until + LATE


def _time(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
