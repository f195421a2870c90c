"""A whole scan of the demo account, as a user runs it, and what the other use cases say of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from crenel.demo.run import demo_account, demo_environment
from crenel.fix import PlanOptions, plan
from crenel.judge.findings import Finding
from crenel.model import State, Status
from crenel.scan import Outcome, ScanOptions, explain, judge_stored, permissions, query, scan

HOME = "123456789012"


@pytest.fixture(scope="module")
def demo() -> Iterator[dict[str, str]]:
    """The demo account's environment, and no other AWS setting."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    with demo_account() as endpoint:
        variables = {
            **demo_environment(endpoint),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        os.environ.update(variables)
        try:
            yield variables
        finally:
            os.environ.clear()
            os.environ.update(before)


@pytest.fixture(scope="module")
def lake(demo: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with one scan of the demo account."""
    folder = tmp_path_factory.mktemp("lake")
    with scan(ScanOptions(lake=folder)) as outcome:
        assert outcome.info.complete
    return folder


def by_name(outcome: Outcome, practice: int) -> dict[str, set[str]]:
    """Names (and Regions of what has no name of its own) by status."""
    found: dict[str, set[str]] = {}
    for finding in outcome.judgement.findings():
        if finding.practice == practice and finding.resource_id != "*":
            found.setdefault(finding.status.value, set()).add(shown(finding))
    return found


def shown(finding: Finding) -> str:
    nameless = finding.resource_id == finding.account and finding.region != "global"
    return finding.region if nameless else str(finding.name or finding.resource_id)


# What practices.md says of the account that `crenel demo` seeds.
FAILING = {
    1: {"ops-full-access", "break-glass", "migration-2019-admin", "mfa-admin"},
    2: {"carla.nunes", "dev.intern", "deploy-bot", "ses-smtp"},
    3: {"ben.carter", "deploy-bot", "backup-agent", "ses-smtp"},
    4: {HOME},
    5: {"carla.nunes", "dev.intern", "felix.ostermann"},
    6: {HOME},
    7: {HOME},
    8: {"carla.nunes", "dev.intern", "deploy-bot", "backup-agent"},
    9: {HOME},
    10: {"larkspur-orders-backup", "larkspur-blog-uploads"},
    11: {"larkspur-web-assets", "larkspur-orders-backup", "larkspur-blog-uploads"},
    13: {"writes-2022", "shop-eu-orders"},
    14: {"shop-eu-orders"},
    20: {"orders-migration"},
    22: {"shop-logs", "legacy-catalog"},
    23: {"churn-model"},
    24: {"image-resizer", "invoice-mailer", "old-blog-cron"},
}
PASSING = {
    1: {
        "developer-boundary",
        "release-manager",
        "everything-but-iam",
        "web-deploy",
        "assets-read-only",
        "auditors-deny-billing",
    },
    3: {"alice.moreau", "metrics-exporter", "legacy-ftp"},
    10: {"larkspur-web-assets", "larkspur-audit-logs", "larkspur-config-history", "larkspur-invoices"},
    12: {HOME},
    13: {"larkspur-audit"},
    15: {"us-east-1", "us-west-2", "eu-central-1"},
    19: {"eu-west-1", "eu-central-1"},
    20: {"stock-sync"},
    22: {"product-search"},
    23: {"demand-forecast"},
    24: {"checkout-webhook", "edge-router", "etl-trigger", "price-sync"},
    26: {"us-east-1", "eu-central-1"},
}


def test_verdicts(lake: Path) -> None:
    """The scan finds what was seeded: each practice's failing and passing resources, by the names people call them."""
    with judge_stored(ScanOptions(lake=lake)) as outcome:
        assert {practice: by_name(outcome, practice).get("FAIL") for practice in FAILING} == FAILING
        assert {practice: by_name(outcome, practice).get("PASS") for practice in PASSING} == PASSING
        assert sum(number for _, state, number in outcome.judgement.counts() if state is State.UNKNOWN) == 0


def test_global_services_are_read_once(lake: Path) -> None:
    """IAM is asked for users, policies and the credential report, not a user at a time; nothing is asked in vain."""
    with judge_stored(ScanOptions(lake=lake)) as outcome:
        calls = outcome.info.calls_by_service
        regions = len(outcome.info.regions)

    assert calls["iam"] < 40
    assert calls["cloudtrail"] == regions + 2 * 3  # a listing a Region, two details a trail, at its home
    assert calls["config"] == regions + 4  # a listing a Region, the status where there is a recorder


def test_values_come_from_a_file(lake: Path, tmp_path: Path) -> None:
    """A policy's own list of what is allowed may stand in a file; the scan has no account at hand for S3's."""
    (tmp_path / "known.txt").write_text("stock-sync\n")
    policy = tmp_path / "own.yml"
    policy.write_text(f"""
policies:
  - name: own-dms
    resource: aws.dms-instance
    filters:
      - type: value
        key: ReplicationInstanceIdentifier
        op: not-in
        value_from: {{url: "file://{tmp_path}/known.txt"}}
""")
    with judge_stored(ScanOptions(lake=lake, paths=(policy,), policies=("own-dms",))) as outcome:
        failing = {shown(row) for row in outcome.judgement.findings() if row.status is Status.FAIL}
    assert failing
    assert not any("stock-sync" in one for one in failing)


def test_cis_judges_the_same_rows_by_other_parameters(lake: Path) -> None:
    """45 days, attached policies alone, 14 characters: no call is made for it."""
    with judge_stored(ScanOptions(lake=lake, standard="cis")) as outcome:  # type: ignore[arg-type]
        assert "eva.lindqvist" in by_name(outcome, 8)["FAIL"]
        assert "migration-2019-admin" in by_name(outcome, 1)["PASS"]


def test_a_scan_reads_only_what_its_policies_need(demo: dict[str, str], tmp_path: Path) -> None:
    """Practice 24 is one listing a Region and who we are; the permissions say the same."""
    options = ScanOptions(lake=tmp_path, practices=(24,))
    with scan(options) as outcome:
        assert set(outcome.info.calls_by_service) == {"ec2", "lambda", "sts"}
        assert outcome.info.calls_by_service["lambda"] == len(outcome.info.regions)

    assert permissions(options)["Statement"][0]["Action"] == [
        "account:ListRegions",
        "ec2:DescribeRegions",
        "lambda:ListFunctions",
    ]


def test_regions_that_are_asked_for(demo: dict[str, str], tmp_path: Path) -> None:
    """Only these are read, buckets elsewhere left out; the multi-Region trail is known from its shadow."""
    with scan(ScanOptions(lake=tmp_path, regions=("eu-central-1", "me-south-1"), practices=(11, 12, 19))) as outcome:
        assert outcome.info.regions == ("eu-central-1",)
        assert by_name(outcome, 12) == {"PASS": {HOME}}
        assert by_name(outcome, 19) == {"PASS": {"eu-central-1"}, "NOT_APPLICABLE": {"me-south-1"}}
        buckets = outcome.judgement.findings(policy="s3-bucket-public-access-block")
        assert {finding.region for finding in buckets if finding.resource_id != HOME} <= {"eu-central-1"}


def test_no_secret_is_stored(lake: Path) -> None:
    """What the demo's functions have in their environment, and seeds of MFA devices, are nowhere in the lake."""
    with query(lake, 'SELECT "Environment" FROM "lambda" WHERE "Environment" IS NOT NULL') as (_, rows):
        values = [value for (environment,) in rows for value in environment["Variables"].values()]  # type: ignore[index]
    with query(lake, "SELECT Base32StringSeed, QRCodePNG FROM iam_virtual_mfa") as (_, rows):
        values += [value for row in rows for value in row if value is not None]

    assert set(values) <= {"(masked)"}


def test_explain_makes_no_call(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an endpoint, without credentials: the plans and the last snapshot say it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    explanation = explain(ScanOptions(lake=lake))

    assert {"ec2", "iam", "s3", "lambda"} <= {line.service for line in explanation.lines}
    assert explanation.total_calls > 200


def test_a_policy_with_a_query_and_one_with_a_reading_of_its_own(demo: dict[str, str], tmp_path: Path) -> None:
    """What a policy adds to the catalogue is read and judged; a later judgement without the policy does without it."""
    own = tmp_path / "own.yml"
    own.write_text("""
policies:
  - name: own-loose-volumes
    resource: aws.ebs
    query: [{Filters: [{Name: status, Values: [in-use]}]}]
    filters: [{Encrypted: false}]
  - name: own-shared-queues
    resource: aws.sns
    filters: [{type: cross-account, whitelist: ["111122223333"]}]
""")
    asked = ScanOptions(paths=(own,), policies=("own-*", "ebs-attached*"), lake=tmp_path, regions=("us-east-1",))
    with scan(asked) as outcome:
        found = {(each.policy, each.state) for each in outcome.judgement.findings() if each.policy.startswith("own-")}
        assert not outcome.judgement.gap_count()
    assert found == {
        ("own-loose-volumes", State.FAIL),
        ("own-loose-volumes", State.PASS),
        ("own-shared-queues", State.PASS),
    }

    with judge_stored(replace(asked, paths=(), policies=("ebs-attached*",))) as outcome:
        assert {each.policy for each in outcome.judgement.findings()} == {"ebs-attached-volume-encrypted"}
    assert plan(PlanOptions(replace(asked, regions=()))).plan.steps
    assert explain(asked).total_calls
    assert permissions(asked)["Statement"]


def test_resume_goes_on_where_a_kill_left_off(demo: dict[str, str], tmp_path: Path) -> None:
    """A scan killed half-way keeps its finished units, and the resumed one reads the others alone."""
    command = [
        sys.executable,
        "-m",
        "crenel",
        "scan",
        "--lake",
        str(tmp_path),
        "--quiet",
        "--format",
        "json",
        "--output",
        os.devnull,
    ]
    running = subprocess.Popen(command, stderr=subprocess.PIPE)
    done: list[Path] = []
    while len(done) < 20 and running.poll() is None:
        done = list((tmp_path / "scans").glob("*/*.record.json"))
    running.kill()
    running.communicate()
    killed = len(list((tmp_path / "scans").glob("*/*.record.json")))
    assert killed >= 20

    result = subprocess.run(
        [*command[:-1], str(tmp_path / "out.json"), "--resume"], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr
    report: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
    assert report["scan"]["complete"]
    assert {finding["practice"] for finding in report["findings"]} == set(range(1, 27))
    assert not list((tmp_path / "scans").glob("*"))


def test_resume_without_anything_to_resume(demo: dict[str, str], tmp_path: Path) -> None:
    """It says so, and exits with 2."""
    command = [sys.executable, "-m", "crenel", "scan", "--lake", str(tmp_path), "--resume"]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert "no interrupted scan" in result.stderr


def test_one_account_that_cannot_be_opened_does_not_stop_the_others(
    demo: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is scanned, and the scan says that it is incomplete and why."""
    config = tmp_path / "config"
    config.write_text(
        "[profile good]\naws_access_key_id = a\naws_secret_access_key = b\n[profile bad]\nregion = us-east-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with scan(ScanOptions(lake=tmp_path, profiles=("good", "bad"), practices=(4,))) as outcome:
        assert [account.id for account in outcome.info.accounts] == [HOME]
        assert not outcome.info.complete
        assert [gap.account for gap in outcome.judgement.gaps()] == ["profile bad"]


def test_a_suspended_account_is_not_applicable_and_no_gap(
    demo: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its role can't be assumed; the organization says why, and every policy says so of the account."""
    organizations = Session().create_client("organizations", "us-east-1")
    organizations.create_organization(FeatureSet="ALL")
    made = organizations.create_account(AccountName="old", Email="old@example.com")["CreateAccountStatus"]["AccountId"]
    organizations.close_account(AccountId=made)
    config = tmp_path / "config"
    config.write_text(
        "[profile good]\naws_access_key_id = a\naws_secret_access_key = b\n"
        f"[profile old]\nrole_arn = arn:aws:iam::{made}:role/audit\ncredential_source = Ec2InstanceMetadata\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with scan(ScanOptions(lake=tmp_path, profiles=("good", "old"), practices=(4, 16))) as outcome:
        assert outcome.info.complete
        found = [each for each in outcome.judgement.findings() if each.account == made]

    assert {(each.practice, each.status.value) for each in found} == {(4, "NOT_APPLICABLE"), (16, "NOT_APPLICABLE")}
    assert "SUSPENDED in its organization" in str(found[0].reason)
