"""What Security Hub may answer, and workflows, which moto does not have: against a stub."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.collect.stub import Answer, Asked, Stub
from tests.hub.conftest import ACCOUNT, Pushing, ours

IDENTITY = (
    f'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    f"<Arn>arn:aws:iam::{ACCOUNT}:user/x</Arn><UserId>U</UserId><Account>{ACCOUNT}</Account>"
    f"</GetCallerIdentityResult></GetCallerIdentityResponse>"
)


class Hub:
    """Plays Security Hub; `refused` are resources whose findings it does not take, `answers` come first."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.refused: set[str] = set()
        self.imported: list[dict[str, Any]] = []
        self.updated: list[dict[str, Any]] = []

    def __call__(self, asked: Asked) -> Answer:
        if asked.operation == "GetCallerIdentity":
            return Answer(IDENTITY.encode(), kind="text/xml")
        if asked.method == "GET":
            return Answer(b'{"HubArn": "x"}')
        if self.answers:
            return self.answers.pop(0)
        body = json.loads(asked.body)
        if asked.path == "/findings/batchupdate":
            self.updated.append(body)
            return Answer(b'{"ProcessedFindings": [], "UnprocessedFindings": []}')
        failed = []
        for each in body["Findings"]:
            if each["Resources"][0]["Id"].rpartition(":")[2] in self.refused:
                failed.append({"Id": each["Id"], "ErrorCode": "InvalidInput", "ErrorMessage": "no"})
            else:
                self.imported.append(each)
        return Answer(json.dumps({"FailedCount": len(failed), "SuccessCount": 0, "FailedFindings": failed}).encode())


@pytest.fixture
def hub(stub: Callable[..., Stub]) -> Hub:
    made = Hub()
    stub(made)
    return made


def names(documents: list[dict[str, Any]]) -> list[str]:
    return [each["Resources"][0]["Id"].rpartition(":")[2] for each in documents]


def test_a_waived_finding_is_suppressed(pushing: Pushing, hub: Hub) -> None:
    """Importing can't change the workflow of a finding that is there."""
    pushing.scanned(ours("site"), ours("other"))
    pushing()
    assert hub.updated == []

    pushing.scanned(ours("site"), ours("other"), waived=("site",))
    pushing()
    (update,) = hub.updated
    assert update["Workflow"] == {"Status": "SUPPRESSED"}
    assert update["Note"] == {"Text": "Waived until 2027-01-01 (w-1): meant so", "UpdatedBy": "web"}
    assert update["FindingIdentifiers"][0]["ProductArn"].endswith(f":product/{ACCOUNT}/default")
    assert names(hub.imported) == ["other", "site", "site"] or names(hub.imported) == ["site", "other", "site"]

    pushing.scanned(ours("site"), ours("other"))
    pushing()
    assert hub.updated[1]["Workflow"] == {"Status": "NEW"}
    assert "There is nothing to send." in pushing()


def test_a_workflow_that_could_not_be_set_is_tried_again(pushing: Pushing, hub: Hub) -> None:
    pushing.scanned(ours("site"))
    pushing()
    pushing.scanned(ours("site"), waived=("site",))
    taken = b'{"FailedCount": 0, "SuccessCount": 1, "FailedFindings": []}'
    hub.answers = [Answer(taken), Answer(b'{"message": "no"}', status=400)]

    assert "0 taken, 0 archived, 1 refused" in pushing(code=2)
    assert "1 taken, 0 archived" in pushing()
    assert hub.updated[0]["Workflow"] == {"Status": "SUPPRESSED"}


def test_what_is_refused_is_told_and_sent_again_next_time(pushing: Pushing, hub: Hub) -> None:
    hub.refused = {"bad"}
    pushing.scanned(ours("good"), ours("bad"))

    said = pushing(code=2)
    assert "1 taken, 0 archived, 1 refused" in said
    assert "InvalidInput: no" in said
    assert "1 finding was refused. Say the same again: what was taken is not sent twice." in said

    hub.refused = set()
    hub.imported.clear()
    assert "1 new, 0 changed, 0 to archive, 1 as before" in pushing()
    assert names(hub.imported) == ["bad"]


def test_throttling_waits(pushing: Pushing, hub: Hub) -> None:
    hub.answers = [Answer(b'{"__type": "TooManyRequestsException", "message": "slow"}', status=429)]
    pushing.scanned(ours("a"))

    assert "1 taken" in pushing()


def test_an_answer_that_never_came_is_asked_for_again(pushing: Pushing, hub: Hub) -> None:
    """A finding that comes twice is one: nothing is lost where AWS may have taken it."""
    hub.answers = [Answer(b'{"__type": "InternalException", "message": "?"}', status=500)]
    pushing.scanned(ours("a"))

    assert "1 taken" in pushing()


def test_a_denied_call_is_told_and_what_was_taken_before_is_kept(pushing: Pushing, hub: Hub) -> None:
    taken = b'{"FailedCount": 0, "SuccessCount": 100, "FailedFindings": []}'
    denied = Answer(b'{"__type": "AccessDeniedException", "message": "not you"}', status=403)
    hub.answers = [Answer(taken), denied]
    pushing.scanned(*(ours(f"b{n:03}") for n in range(150)))

    said = pushing(code=2)
    assert "100 taken, 0 archived, 50 refused" in said
    assert "securityhub:BatchImportFindings: AccessDeniedException: not you" in said
    assert "50 new, 0 changed, 0 to archive, 100 as before" in pushing("--dry-run")
