"""The report for people."""

from __future__ import annotations

import io

import pytest

from crenel.lake.snapshots import Damage
from crenel.model import Account, Coverage, Severity
from crenel.report import table
from crenel.report.formats import FORMATS
from crenel.report.model import Report
from crenel.report.table import MANY
from tests.report.judgements import ACCOUNT, finding, gap, info, plan, report


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def shown(what: Report, out: io.StringIO | None = None) -> str:
    out = out or io.StringIO()
    table.write(what, out)
    return out.getvalue()


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_formats():
    assert list(FORMATS) == ["table", "json", "csv", "ndjson", "html", "markdown", "junit", "sarif", "ocsf", "asff"]


def test_verdicts_by_practice_and_policies_without_one_last():
    plans = [
        plan(policy="own", practice=None, title="Our own"),
        plan(policy="later", practice=20, title="The later"),
        plan(policy="first", practice=2, title="The first", severity=Severity.CRITICAL),
    ]
    findings = [
        finding(id="1", policy="first", practice=2, status="FAIL"),
        finding(id="2", policy="first", practice=2, status="PASS", resource_id="b"),
        finding(id="3", policy="first", practice=2, status="NOT_APPLICABLE", resource_id="*"),
        finding(id="4", policy="own", practice=None, status="UNKNOWN", resource_id="c", reason="who knows"),
    ]
    text = shown(report(findings, plans=plans, seconds=8.234))
    assert text.index("The first") < text.index("The later") < text.index("Our own")
    row = next(line for line in text.splitlines() if "The first" in line)
    assert row.split()[:8] == ["2", "critical", "The", "first", "1", "1", "-", "1"]
    assert "1 account, 2 Regions, 3 resources judged, 17 calls, 8.2 s: 1 FAIL, 1 PASS, 1 UNKNOWN, 1 N/A" in text
    assert "own 1 UNKNOWN, the first: reports (eu-west-1): who knows" in one_line(text)


def test_the_worst_are_named_and_the_rest_counted():
    findings = [finding(id=str(n), resource_id=f"b{n}", name=f"b{n}", message=f"m{n}.") for n in range(8)]
    text = shown(report(findings))
    assert "b2 (eu-west-1)" in text
    assert "+5 more" in text  # in the table
    assert "- b4 (eu-west-1): m4." in text
    assert "m5." not in text
    assert "+3 more" in text  # below it
    assert "crenel explain s3-bucket-encryption" in text


def test_a_name_that_the_message_has_is_not_said_twice():
    findings = [
        finding(id="1", resource_id="a", name="bucket-a", message="The bucket bucket-a is open."),
        finding(id="2", resource_id="b", name="user-b", region="global", message="user-b has no MFA."),
    ]
    text = shown(report(findings))
    assert "- eu-west-1: The bucket bucket-a is open.\n" in text
    assert "- user-b has no MFA.\n" in text


def test_a_long_name_is_cut_and_not_its_place():
    text = shown(report([finding(name="n" * 90)]))
    row = next(line for line in text.splitlines() if "Buckets are encrypted" in line)
    assert row.rstrip().endswith("nn… (eu-west-1)")


def test_what_could_not_be_read_is_taken_together_with_the_missing_permission():
    gaps = [gap(resource=f"b{n}", region=region) for n in range(5) for region in ("eu-west-1", "us-east-1")]
    gaps.append(
        gap(type="kms-key", call="kms:ListKeys", code="ThrottlingException", message="Rate exceeded", detail="")
    )
    text = one_line(shown(report([], gaps)))
    assert "s3:GetBucketEncryption AccessDenied 10 times: aws.s3 in eu-west-1, us-east-1" in text
    assert "Missing permission: s3:GetEncryptionConfiguration" in text
    assert "kms:ListKeys ThrottlingException 1 time: aws.kms-key in eu-west-1 Rate exceeded" in text
    assert text.count("Missing permission") == 1
    assert "crenel permissions" in text


def test_regions_left_out_stand_in_one_line_and_damage_is_named():
    text = shown(report([], damages=[Damage("20261119T000000Z-ffffff", "s3.parquet is missing.")]))
    assert "Not opted in, so not scanned: af-south-1, me-south-1\n" in text
    assert "Damaged and not used: snapshot 20261119T000000Z-ffffff: s3.parquet is missing." in text


def test_two_accounts_are_told_apart():
    other = "444455556666"
    head = info(
        accounts=(Account(ACCOUNT), Account(other)),
        coverage=(Coverage(ACCOUNT, "eu-west-1", "scanned"), Coverage(other, "eu-west-1", "suspended", "closed")),
    )
    text = shown(report([finding()], [gap(account=other)], head=head))
    assert f"Accounts {ACCOUNT}, {other}" in text
    assert f"reports ({ACCOUNT} eu-west-1)" in text
    assert f"aws.s3 in {other} eu-west-1" in text
    assert f"Suspended, so not scanned: {other}" in text


def test_eighty_columns_hold_everything(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    plans = [plan(title="A title that is rather long and has to be wrapped into the column that it stands in")]
    findings = [
        finding(id=str(n), resource_id=f"b{n}", name="a-very-long-bucket-name-" * 4, message="A long message. " * 9)
        for n in range(3)
    ]
    text = shown(report(findings, [gap(message="m" * 300, code="Timeout")], plans=plans, again="crenel scan --offline"))
    assert max(len(line) for line in text.splitlines()) <= 80
    header = next(line for line in text.splitlines() if "Level" in line)
    assert header.split() == ["#", "Level", "Policy", "FAIL", "PASS", "UNKNOWN", "N/A"]


def test_a_pipe_gets_120_columns_and_no_colour(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = shown(report([finding()]))
    assert "\x1b" not in text
    assert 110 < max(len(line) for line in text.splitlines()) <= 120


def test_a_terminal_gets_colour_unless_no_color(monkeypatch):
    assert "\x1b[" in shown(report([finding()]), Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in shown(report([finding()]), Terminal())


def test_hostile_names_are_shown_and_do_nothing():
    name = "x\x1b]8;;http://evil\x07[bold red]y[/]\x9b2J\u202e:smile:\nFAKE"
    findings = [
        finding(name=name, message=f"Look: {name}"),
        finding(id="f2", status="UNKNOWN", resource_id="u", name=name, reason=name),
    ]
    plans = [plan(title=f"T {name}")]
    text = shown(report(findings, [gap(message=name, code="Timeout")], plans=plans))
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)
    assert "[bold red]y[/]" in text
    assert ":smile:" in text
    assert "\nFAKE" not in text
    assert r"\x1b]8;;http://evil\x07" in text


def test_again_is_said_only_where_there_is_a_command():
    assert "Next:" not in shown(report([]))
    assert "crenel scan --offline --format json --output findings.json" in shown(
        report([], again="crenel scan --offline")
    )


def test_of_many_policies_those_are_shown_that_somebody_has_to_look_at():
    """The worst first; what passes and what has nothing to judge is counted, and long lists of failures are cut."""
    levels = list(Severity)
    names = [f"p{n:03}" for n in range(MANY + 40)]
    plans = [
        plan(policy=name, practice=None, severity=levels[n % 4], title=f"Rule {n}") for n, name in enumerate(names)
    ]
    findings = [
        finding(id=f"f{n}", policy=f"p{n:03}", practice=None, severity=levels[n % 4].value, status=status)
        for n, status in enumerate(["FAIL"] * 30 + ["PASS"] * 20 + ["UNKNOWN"] * 2)
    ]
    text = shown(report(findings, plans=plans))

    assert "Not shown: 20 policies that all keep, 48 with nothing to judge." in text
    assert "Rule 31\n" not in text
    assert text.index("Rule 3 ") < text.index("Rule 0 ")
    assert "+10 more policies" in text
