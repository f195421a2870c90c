"""What changed between two scans, told from their findings alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crenel.errors import LakeError
from crenel.judge.changes import Change, before_of, compare
from crenel.judge.choice import Choice
from crenel.lake.snapshots import Lake, Snapshot
from crenel.model import Account, Coverage, Severity, State
from tests.judge.lakes import bucket, snapshot
from tests.report.judgements import ACCOUNT

MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
OTHER = "444455556666"
WAIVED = {"waiver": "w-1", "owner": "web", "reason": "on purpose", "until": date(2027, 1, 1)}
Told = Callable[..., dict[str, str]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Return a function that compares two scans and says of each resource what became of it."""

    def compared(
        before: Sequence[dict[str, Any]],
        now: Sequence[dict[str, Any]],
        first: dict[str, Any] | None = None,
        second: dict[str, Any] | None = None,
    ) -> dict[str, str]:
        earlier = snapshot(tmp_path, MONDAY, before, **(first or {}))
        later = snapshot(tmp_path, TUESDAY, now, **(second or {}))
        changes = compare(earlier, later, spill=tmp_path)
        found = {each.finding.resource_id: each.change.value for each in changes.of(list(Change))}
        changes.close()
        return found

    return compared


@pytest.mark.parametrize(
    ("was", "then", "change"),
    [
        ("PASS", "FAIL", "new"),
        ("UNKNOWN", "FAIL", "new"),
        ("NOT_APPLICABLE", "FAIL", "new"),
        ("FAIL", "FAIL", "unchanged"),
        ("PASS", "UNKNOWN", "unread"),
        ("FAIL", "UNKNOWN", "unread"),
        ("FAIL", "PASS", "resolved"),
        ("FAIL", "NOT_APPLICABLE", "resolved"),
        ("UNKNOWN", "UNKNOWN", None),
        ("UNKNOWN", "PASS", None),
        ("PASS", "PASS", None),
        ("PASS", "NOT_APPLICABLE", None),
    ],
)
def test_a_verdict_that_changed(told: Told, was: str, then: str, change: str | None) -> None:
    assert told([bucket("a", was)], [bucket("a", then)]).get("a") == change


def test_a_resource_that_is_new(told: Told) -> None:
    assert told([bucket("a", "PASS")], [bucket("a", "PASS"), bucket("b"), bucket("c", "PASS")]) == {"b": "new"}


def test_a_resource_that_is_gone_is_resolved(told: Told) -> None:
    assert told([bucket("a"), bucket("b")], [bucket("b")]) == {"a": "resolved", "b": "unchanged"}


@pytest.mark.parametrize("region", ["eu-west-1", "global"])
def test_what_could_not_be_listed_this_time_is_not_resolved(told: Told, region: str) -> None:
    """Neither where it was, nor where the type is listed for all Regions."""
    denied = bucket("*", "UNKNOWN", region=region, reason="denied")

    assert told([bucket("a"), bucket("b", region="us-east-1")], [denied]) == {
        "*": "unread",
        **({"b": "resolved"} if region != "global" else {}),
    }


def test_what_could_not_be_placed_this_time_is_not_resolved(told: Told) -> None:
    """A bucket whose Region could not be read stands under another, with another id."""
    assert told([bucket("a")], [bucket("a", "UNKNOWN", region="us-east-1")]) == {"a": "unread"}


def test_a_severity_that_rose(told: Told) -> None:
    now = [bucket("a", severity="critical"), bucket("b", severity="low")]

    assert told([bucket("a"), bucket("b")], now) == {"a": "worse", "b": "unchanged"}


def test_waivers_that_come_and_go(told: Told) -> None:
    """A waiver that no longer holds is told, whether it says why or is gone from the file."""
    found = told(
        [bucket("comes"), bucket("goes"), bucket("lapses"), bucket("mended")],
        [bucket("comes"), bucket("goes"), bucket("lapses"), bucket("mended", "PASS")],
        {"waived": [{"resource_id": name, **WAIVED} for name in ("goes", "lapses", "mended")]},
        {"waived": [{"resource_id": "comes", **WAIVED}, {"resource_id": "lapses", **WAIVED, "lapsed": "It ended."}]},
    )

    assert found == {"comes": "waived", "goes": "lapsed", "lapses": "lapsed", "mended": "resolved"}


def test_policies_that_only_one_scan_asked_are_left_out(told: Told) -> None:
    """Variants count as policies of their own."""
    new = [bucket("a", policy="new-policy"), bucket("v", variant="days=45"), bucket("x", "PASS")]

    assert told([bucket("a", policy="old-policy"), bucket("x", "PASS")], new) == {}


def test_a_policy_asked_with_other_parameters_is_another_question(told: Told) -> None:
    def asked(days: int) -> dict[str, Any]:
        row = {"policy": "s3-bucket-encryption", "parameters": f'{{"days": {days}}}'}
        return {"about": {"policies": [row]}}

    before, now = [bucket("a", "PASS")], [bucket("a")]

    assert told(before, now, asked(90), asked(90)) == {"a": "new"}
    assert told(before, now, asked(90), asked(45)) == {}


def test_another_framework_makes_nothing_worse(told: Told) -> None:
    """The severity is its control's."""
    before, now = [bucket("a", severity="low")], [bucket("a", severity="high")]
    cis, fsbp = ({"about": {"controls": [{"framework": name}]}} for name in ("cis-7.0", "fsbp"))

    assert told(before, now, cis, cis) == {"a": "worse"}
    assert told(before, now, cis, fsbp) == {"a": "unchanged"}


def test_regions_that_only_one_scan_read_are_left_out(told: Told) -> None:
    """Nothing is new or resolved where the other scan did not look."""
    one = (Coverage(ACCOUNT, "eu-west-1", "scanned"),)

    assert told([bucket("x", "PASS")], [bucket("a", region="us-east-1"), bucket("x", "PASS")], {"coverage": one}) == {}
    assert told([bucket("a", region="us-east-1"), bucket("x")], [bucket("x", "PASS")], {}, {"coverage": one}) == {
        "x": "resolved"
    }


def test_accounts_that_only_one_scan_read_are_left_out(told: Told) -> None:
    both = {
        "accounts": (Account(ACCOUNT), Account(OTHER)),
        "coverage": (Coverage(ACCOUNT, "eu-west-1", "scanned"), Coverage(OTHER, "eu-west-1", "scanned")),
    }
    found = told([bucket("x", "PASS")], [bucket("x", "PASS"), bucket("a", account=OTHER)], {}, both)

    assert found == {}


def test_counts_and_order_and_choice(tmp_path: Path) -> None:
    """By severity, the worst first; a choice narrows both."""
    earlier = snapshot(tmp_path, MONDAY, [bucket("x", "PASS")])
    later = snapshot(
        tmp_path,
        TUESDAY,
        [bucket("a", severity="low"), bucket("b", severity="critical"), bucket("c"), bucket("x", "UNKNOWN")],
        about={"controls": [{"framework": "cis-7.0", "control": "1", "policy": "s3-bucket-encryption"}]},
    )
    changes = compare(earlier, later, spill=tmp_path)

    assert changes.counts() == {
        (Change.NEW, Severity.LOW): 1,
        (Change.NEW, Severity.CRITICAL): 1,
        (Change.NEW, Severity.HIGH): 1,
        (Change.UNREAD, Severity.HIGH): 1,
    }
    assert [each.finding.resource_id for each in changes.of([Change.NEW])] == ["b", "c", "a"]
    assert [each.finding.resource_id for each in changes.of([Change.NEW], limit=1)] == ["b"]
    high = Choice(severity=Severity.HIGH)
    assert [each.finding.resource_id for each in changes.of([Change.NEW], high)] == ["b", "c"]
    assert sum(changes.counts(Choice(frameworks=("cis-7.0",))).values()) == 4
    assert changes.counts(Choice(frameworks=("cis-1.4",))) == {}
    assert changes.counts(Choice(policies=("iam-*",))) == {}
    (unread,) = changes.of([Change.UNREAD])
    assert unread.before is None
    assert unread.finding.state is State.UNKNOWN
    changes.close()


def test_a_resolved_finding_is_shown_as_it_is_now(tmp_path: Path) -> None:
    earlier = snapshot(tmp_path, MONDAY, [bucket("a", message="It is open."), bucket("gone", message="It was there.")])
    later = snapshot(tmp_path, TUESDAY, [bucket("a", "PASS", message="It is closed.")])
    changes = compare(earlier, later, spill=tmp_path)

    found = {each.finding.resource_id: each for each in changes.of([Change.RESOLVED])}
    assert found["a"].finding.message == "It is closed."
    assert found["gone"].finding.message == "It was there."
    assert found["a"].before is State.FAIL
    changes.close()


def test_the_scan_before_is_one_of_the_same_account(tmp_path: Path) -> None:
    other: dict[str, Any] = {"accounts": (Account(OTHER),)}
    first = snapshot(tmp_path, MONDAY, [bucket("a")])
    snapshot(tmp_path, MONDAY + timedelta(hours=1), [bucket("a", account=OTHER)], **other)
    last = snapshot(tmp_path, TUESDAY, [bucket("a")])
    all_of_them, _ = Lake(tmp_path).all()

    found = before_of(all_of_them, last)
    assert found is not None
    assert found.info.id == first.info.id
    assert before_of(all_of_them, first) is None


def test_a_scan_without_findings_is_no_scan_before(tmp_path: Path) -> None:
    first = snapshot(tmp_path, MONDAY, [bucket("a")])
    (first.findings / "s3.parquet").unlink()
    last = snapshot(tmp_path, TUESDAY, [bucket("a")])

    assert before_of([first, last], last) is None
    with pytest.raises(LakeError, match="has no findings"):
        compare(last, Snapshot(first.folder, first.info), spill=tmp_path)
