"""What is told, in words and as JSON; each way makes its message of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crenel.judge.changes import Change, Changed
from crenel.model import ScanInfo
from crenel.notify.model import News
from crenel.report.contract import SCHEMA_VERSION, finding_json, time_json
from crenel.report.text import number, plain, short

_LINE = 300  # characters of what is said of one finding
# In the order in which they are told, each with its words for one and for many.
WORDS: Mapping[Change, str] = {
    Change.NEW: "new",
    Change.WORSE: "worse",
    Change.LAPSED: "no longer waived",
    Change.UNREAD: "newly unknown",
    Change.RESOLVED: "resolved",
    Change.WAIVED: "waived",
    Change.UNCHANGED: "as before",
}


def headline(news: News) -> str:
    """Return the news in one line: ``Crenel: 2 new, 1 resolved in 111122223333``."""
    counted = [f"{news.count(change):,} {word}" for change, word in WORDS.items() if news.count(change)]
    shown = [each for each in counted if not each.endswith(WORDS[Change.UNCHANGED])]
    return f"Crenel: {', '.join(shown) or 'nothing new'} in {accounts(news.now)}"


def accounts(info: ScanInfo) -> str:
    """Return which accounts a scan read, in few words."""
    ids = [account.id for account in info.accounts]
    return ids[0] if len(ids) == 1 else number(len(ids), "account")


def since(news: News) -> str:
    """Return between which scans the news happened."""
    return (
        f"The scan of {news.now.started_at:%Y-%m-%d %H:%M} UTC ({news.now.id}), compared with that of "
        f"{news.before.started_at:%Y-%m-%d %H:%M} UTC."
    )


def sections(news: News) -> Iterator[tuple[str, list[Changed]]]:
    """Yield the findings by what became of them, each with a title."""
    for change, word in WORDS.items():
        found = [each for each in news.findings if each.change is change]
        if found:
            yield f"{word.capitalize()} ({news.count(change):,})", found


def place(each: Changed) -> str:
    """Return where a finding is, and of what: severity, account, Region, resource."""
    found = each.finding
    words = [found.severity.value, found.account, found.region]
    words += [] if found.resource_id in (found.account, "*") else [found.name or found.resource_id]
    return plain(" ".join(words))


def said(each: Changed) -> str:
    """Return what is said of a finding."""
    found = each.finding
    text = found.reason if each.change is Change.UNREAD else found.message
    if each.change is Change.LAPSED and found.lapsed:
        text = f"{text} {found.lapsed}"
    if found.waived:
        text = f"{text} Accepted by {found.waived.owner} until {found.waived.until}: {found.waived.reason}"
    return short(text or found.title, _LINE)


def more(news: News) -> str:
    """Return how to see the rest, empty where all is shown."""
    return f"… and {news.left:,} more: crenel report" if news.left else ""


def as_text(news: News) -> str:
    """Return the news as plain text."""
    lines = [headline(news), "", since(news)]
    for title, found in sections(news):
        lines += ["", title]
        lines += [f"  {each.finding.policy}  {place(each)}\n    {said(each)}" for each in found]
    lines += ["", more(news)] if news.left else []
    return "\n".join(lines) + "\n"


def as_json(news: News) -> dict[str, Any]:
    """Return the news as JSON values (docs/notifications.md)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "event": "crenel.changes",
        "headline": headline(news),
        "scan": _scan(news.now),
        "before": _scan(news.before),
        "counts": {
            change.value: {level.value: count for level, count in sorted(levels.items())}
            for change, levels in news.counts.items()
        },
        "findings": [
            {"change": each.change.value, "before": each.before, "finding": finding_json(each.finding)}
            for each in news.findings
        ],
        "more": news.left,
    }


def _scan(info: ScanInfo) -> dict[str, Any]:
    return {"id": info.id, "started_at": time_json(info.started_at), "accounts": [each.id for each in info.accounts]}
