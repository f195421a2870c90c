"""Every automatic repair, the whole way against moto: scan, repair, scan, take back, scan.

moto checks no policies of buckets and keys and delivers nothing, so that what AWS would refuse there is not tried.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crenel.collect.calls import Caller
from crenel.demo.run import demo_account, demo_environment
from crenel.lake.snapshots import Snapshot
from crenel.model import Status

from .cases import CASES, KEY, Case, differences
from .played import applied, failing, planned, rows, scanned, undone
from .seeds import NARROW


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_repair_closes_its_finding_and_is_taken_back(
    case: Case, aws: Callable[..., Any], caller: Callable[..., Caller], tmp_path: Path
) -> None:
    case.seed(aws)
    first, before = scanned(tmp_path / "before", case.policy, case.region)
    findings = failing(before)
    assert findings

    steps = planned(tmp_path / "before", case.policy, case.settings)
    assert tuple(dict.fromkeys(step.act.name for step in steps)) == case.acts
    done = list(applied(caller(), steps))
    assert len(done) == len(steps)

    _, after = scanned(tmp_path / "after", case.policy, case.region)
    wanted = {Status.FAIL} if case.stays else {Status.PASS}
    assert {after[one.policy, one.region, one.resource_id].status for one in findings} == wanted

    undone(caller(), done)
    last, _ = scanned(tmp_path / "undone", case.policy, case.region)
    changed = [] if case.kept else compared(first, last)
    assert changed == []


def test_all_repairs_of_the_demo_account_at_once(
    caller: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What several practices ask of one user, trail or key goes together, and comes back together."""
    regions = ("us-east-1", "us-east-2", "eu-west-1")
    with demo_account() as endpoint:
        for name, value in demo_environment(endpoint).items():
            monkeypatch.setenv(name, value)
        first, before = scanned(tmp_path / "before", "", *regions)
        assert failing(before)
        done = list(applied(caller(), planned(tmp_path / "before", "", DECISIONS)))

        _, after = scanned(tmp_path / "after", "", *regions)
        left = {policy for (policy, *_), one in after.items() if one.status is Status.FAIL}
        assert left == BY_HAND | CONTAINED

        undone(caller(), done)
        last, _ = scanned(tmp_path / "undone", "", *regions)
        assert compared(first, last) == []


DECISIONS = {
    "group": "developers",
    "policy-document": json.dumps(NARROW),
    "kms-key": KEY,
    "flow-log-bucket": "larkspur-audit-logs",
    "runtime": "nodejs22.x",
    "close-used-groups": "yes",
    "deactivate-used-keys": "yes",
}
BY_HAND = {
    "dms-instance-not-public", "ebs-attached-volume-encrypted", "iam-root-hardware-mfa", "iam-root-no-access-key",
    "opensearch-encrypted-at-rest", "sagemaker-notebook-no-internet",
    "lambda-supported-runtime",  # a function in another language than the runtime's
}  # fmt: skip
# The harm is less and the finding stays; the policies that contain it are the users' own.
CONTAINED = {"iam-user-mfa-console", "iam-credentials-unused", "iam-user-no-policies"}


def compared(first: Snapshot, last: Snapshot, *aside: str) -> list[str]:
    """Return where two snapshots differ, row by row and field by field; tables that are `aside` are not looked at."""
    found: list[str] = []
    for path in sorted(first.folder.glob("*.parquet")):
        if path.stem in ("gaps", "coverage", "collection", *aside):
            continue
        old, new = (
            {(row["_region"], row["_id"]): row for row in rows(one.folder / path.name)} for one in (first, last)
        )
        assert old.keys() == new.keys(), path.stem
        for key in old:
            found += differences(old[key], new[key], f"{path.stem} {key[1]}")
    return found
