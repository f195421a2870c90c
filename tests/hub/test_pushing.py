"""`crenel report --push security-hub`, against moto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crenel.cli import main
from crenel.hub.sending import PERMISSIONS
from tests.hub.conftest import ACCOUNT, Pushing, ours

HOME, ELSEWHERE = "eu-west-1", "us-east-1"


class Hubs:
    """Security Hub in two Regions of moto's account."""

    def __init__(self, aws: Any) -> None:
        self.clients = {region: aws("securityhub", region) for region in (HOME, ELSEWHERE)}
        for client in self.clients.values():
            client.enable_security_hub()

    def found(self, region: str = HOME) -> dict[str, dict[str, Any]]:
        """Return what a hub has, by the resource's id."""
        findings = self.clients[region].get_findings()["Findings"]
        return {each["Resources"][0]["Id"].rpartition(":")[2]: each for each in findings}


@pytest.fixture
def hubs(aws: Any) -> Hubs:
    return Hubs(aws)


def records(hubs: Hubs, region: str = HOME) -> dict[str, tuple[str, str]]:
    return {name: (one["RecordState"], one["Compliance"]["Status"]) for name, one in hubs.found(region).items()}


def test_what_fails_goes_to_the_hub_of_its_region(pushing: Pushing, hubs: Hubs) -> None:
    """What passes does not. What has no Region goes to the partition's first."""
    user = ours("ana", region="global", arn=f"arn:aws:iam::{ACCOUNT}:user/ana", policy="iam-credentials-unused")
    pushing.scanned(ours("open"), ours("closed", "PASS"), ours("unknown", "UNKNOWN"), user)

    said = pushing()
    assert f"{ACCOUNT} {HOME}: 1 new, 0 changed, 0 to archive, 0 as before" in said
    assert f"{ACCOUNT} {ELSEWHERE}: 1 taken, 0 archived" in said
    assert records(hubs) == {"open": ("ACTIVE", "FAILED")}
    assert records(hubs, ELSEWHERE) == {"user/ana": ("ACTIVE", "FAILED")}


def test_only_what_changed_is_sent_again(pushing: Pushing, hubs: Hubs) -> None:
    pushing.scanned(ours("a"), ours("b"))
    pushing()
    created = hubs.found()["a"]["CreatedAt"]

    pushing.scanned(ours("a", message="It got a policy too."), ours("b"), ours("c"))
    said = pushing()

    assert f"{ACCOUNT} {HOME}: 1 new, 1 changed, 0 to archive, 1 as before" in said
    assert hubs.found()["a"]["Description"] == "It got a policy too."
    assert hubs.found()["a"]["CreatedAt"] == created
    assert hubs.found()["a"]["UpdatedAt"] > created
    assert "There is nothing to send." in pushing()


def test_what_is_mended_or_gone_is_archived(pushing: Pushing, hubs: Hubs) -> None:
    pushing.scanned(ours("mended"), ours("gone"), ours("still"))
    pushing()
    pushing.scanned(ours("mended", "PASS"), ours("still"))

    assert "0 new, 0 changed, 2 to archive, 1 as before" in pushing()
    assert records(hubs) == {
        "mended": ("ARCHIVED", "PASSED"),
        "gone": ("ARCHIVED", "NOT_AVAILABLE"),
        "still": ("ACTIVE", "FAILED"),
    }
    assert hubs.found()["gone"]["Description"] == "The resource is gone."


def test_what_fails_again_is_active_again(pushing: Pushing, hubs: Hubs) -> None:
    for status in ("FAIL", "PASS", "FAIL"):
        pushing.scanned(ours("a", status))
        pushing()

    assert records(hubs) == {"a": ("ACTIVE", "FAILED")}


@pytest.mark.parametrize(
    "now",
    [
        [ours("a", "UNKNOWN")],
        [ours("*", "UNKNOWN", arn=None, name=None)],
        [ours("x", "PASS", policy="other-policy")],
    ],
    ids=["unknown", "not listed", "policy not asked"],
)
def test_what_could_not_be_seen_stays_as_it_is(pushing: Pushing, hubs: Hubs, now: list[dict[str, Any]]) -> None:
    pushing.scanned(ours("a"))
    pushing()
    pushing.scanned(*now)

    pushing()
    assert records(hubs) == {"a": ("ACTIVE", "FAILED")}


def test_a_region_that_was_not_read_stays_as_it_is(pushing: Pushing, hubs: Hubs) -> None:
    pushing.scanned(ours("a"), ours("b", region=ELSEWHERE))
    pushing()
    pushing.scanned(ours("b", region=ELSEWHERE), coverage=())

    assert "to archive" not in pushing().replace("0 to archive", "")
    assert records(hubs) == {"a": ("ACTIVE", "FAILED")}


def test_a_narrower_choice_archives_nothing(pushing: Pushing, hubs: Hubs) -> None:
    """What still fails and is not chosen this time stays."""
    pushing.scanned(ours("low", severity="low"), ours("high"))
    pushing()

    assert "0 to archive, 1 as before" in pushing("--severity", "high")
    assert set(records(hubs)) == {"low", "high"}


def test_more_than_a_page(pushing: Pushing, hubs: Hubs) -> None:
    pushing.scanned(*(ours(f"b{n:03}") for n in range(130)))

    assert f"{ACCOUNT} {HOME}: 130 taken, 0 archived" in pushing()
    assert len(json.loads((pushing.lake / "security-hub" / f"{ACCOUNT}.{HOME}.json").read_text())["findings"]) == 130


def test_a_dry_run_sends_nothing_and_needs_no_credentials(pushing: Pushing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    pushing.scanned(ours("a"))

    said = pushing("--dry-run")
    assert f"{ACCOUNT} {HOME}: 1 new" in said
    assert "Nothing was sent." in said
    assert not (pushing.lake / "security-hub").exists()


def test_nothing_is_sent_without_a_word(pushing: Pushing, hubs: Hubs, capsys: pytest.CaptureFixture[str]) -> None:
    pushing.scanned(ours("a"))

    assert main(["report", "--push", "security-hub", "--lake", str(pushing.lake)]) == 2
    assert "there is no terminal to ask on. --yes sends it without asking." in capsys.readouterr().err
    assert records(hubs) == {}


def test_a_region_where_the_hub_is_off_is_named(pushing: Pushing, hubs: Hubs) -> None:
    hubs.clients[ELSEWHERE].disable_security_hub()
    pushing.scanned(ours("a"), ours("b", region=ELSEWHERE))

    said = pushing(code=2)
    assert (
        f"{ACCOUNT} {ELSEWHERE}: 1 new, 0 changed, 0 to archive, 0 as before. NOT SENT: Security Hub is not on" in said
    )
    assert "1 hub was not told." in said
    assert set(records(hubs)) == {"a"}


def test_an_account_without_credentials_is_named(pushing: Pushing, hubs: Hubs) -> None:
    pushing.scanned(ours("a"), ours("b", account="444455556666"))

    said = pushing(code=2)
    assert f"444455556666 {HOME}: 1 new, 0 changed, 0 to archive, 0 as before. NOT SENT: no credentials" in said
    assert set(records(hubs)) == {"a"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--yes"], "--profile, --yes and --dry-run are for --push."),
        (["--push", "security-hub", "--as-of", "2026-11-20"], "--as-of can't be with it."),
        (["--push", "security-hub", "--format", "asff"], "--push writes no report."),
    ],
)
def test_options_that_do_not_go_together(
    pushing: Pushing, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["report", "--lake", str(pushing.lake), *words]) == 2
    assert said in capsys.readouterr().err


def test_the_permissions_that_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["permissions", "--push"]) == 0
    (statement,) = json.loads(capsys.readouterr().out)["Statement"]
    assert statement["Action"] == list(PERMISSIONS)

    assert main(["permissions", "--push", "--practice", "1"]) == 2


def test_what_was_told_is_remembered_whole_or_is_an_error(pushing: Pushing) -> None:
    pushing.scanned(ours("a"))
    folder = pushing.lake / "security-hub"
    folder.mkdir()
    (folder / f"{ACCOUNT}.{HOME}.json").write_text('{"version": 1, "hub": {')

    assert "can't be read" in pushing("--dry-run", code=2)
