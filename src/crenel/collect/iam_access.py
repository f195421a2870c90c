"""What IAM principals may do, and what they did: the policy simulator, and when each service was last used."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from crenel.catalog.spec import Detail
from crenel.collect.context import UnitContext
from crenel.collect.rows import Row
from crenel.errors import CallError

_DELETED = "NoSuchEntity"
_JOB = "iam:GetServiceLastAccessedDetails"
_WAIT = 120.0  # seconds for AWS to make a report on one principal; most take some two
_PAUSE = 2.0


def simulated_policy(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill what the simulator says of a policy's default version, action by action.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
    """
    call = detail.call
    if call is None:
        raise TypeError(f"{detail.name} has no call")

    def ask(row: Row) -> list[Any]:
        which = {"PolicyArn": row.values["Arn"], "VersionId": row.values["DefaultVersionId"]}
        document = context.call("iam", "GetPolicyVersion", which)["PolicyVersion"]["Document"]
        text = document if isinstance(document, str) else json.dumps(document)
        params = {**call.params, "PolicyInputList": [text]}
        return [one for page in context.pages("iam", call.operation, params) for one in page["EvaluationResults"]]

    _each(context, detail, rows, ask)


def last_accessed(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill when each service that a principal (or a policy) may use was last used.

    AWS makes a report for each, which is waited for.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateServiceLastAccessedDetails.html
    """

    def ask(row: Row) -> list[Any]:
        job = {"JobId": context.call("iam", "GenerateServiceLastAccessedDetails", {"Arn": row.values["Arn"]})["JobId"]}
        waited = 0.0
        while True:
            answer = context.call("iam", "GetServiceLastAccessedDetails", job)
            if answer.get("JobStatus") != "IN_PROGRESS":
                break
            if waited >= _WAIT:
                raise CallError(_JOB, "Timeout", f"the report was not ready after {_WAIT:.0f} s")
            context.tally.pause(_PAUSE)
            waited += _PAUSE
        if answer.get("JobStatus") != "COMPLETED":
            raise CallError(_JOB, "JobFailed", str((answer.get("Error") or {}).get("Message") or "AWS gives no reason"))
        found: list[Any] = list(answer["ServicesLastAccessed"])
        while answer.get("IsTruncated"):
            answer = context.call("iam", "GetServiceLastAccessedDetails", {**job, "Marker": answer["Marker"]})
            found += answer["ServicesLastAccessed"]
        return found

    _each(context, detail, rows, ask)


def _each(context: UnitContext, detail: Detail, rows: Sequence[Row], ask: Callable[[Row], list[Any]]) -> None:
    def work(row: Row) -> None:
        try:
            row.values[detail.name] = ask(row)
        except CallError as error:
            context.failed(detail.name, row, error, _DELETED)

    context.each("iam", work, rows)
