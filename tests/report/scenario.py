"""One report with a finding of each state, a policy in two variants, controls, a lapsed waiver and hostile names."""

from __future__ import annotations

import io
from typing import Any

from crenel.model import Account
from crenel.report.formats import FORMATS
from crenel.report.model import Report
from tests.report.judgements import ACCOUNT, WAIVER, finding, gap, info, report

# What a resource's name may hold: markup of every format, a link, a mention, control characters.
HOSTILE = (
    "x`|<script>alert(1)</script><img src=x onerror=alert(1)>]]>&quot;[link](http://evil.test/)![i](http://evil.test/i)"
    "@octocat #1 **b** \x1b]0;owned\x07\u202e\"'\n# title\r\nhttp://evil.test/a www.evil.test =cmd|1"
)
STATES = {"FAIL": 3, "WAIVED": 1, "UNKNOWN": 1, "PASS": 1, "NOT_APPLICABLE": 1}
KEYS = {"policy": "iam-credentials-unused", "practice": 8, "type": "aws.iam-user", "severity": "medium"}


def policies() -> list[dict[str, Any]]:
    common = {"practice": 8, "severity": "medium", "title": "Credentials are used", "type": "aws.iam-user"}
    common |= {"why": "Nobody misses them.", "remediation": "Remove them.", "links": [], "builtin": True}
    return [
        {
            "policy": "s3-bucket-encryption",
            "practice": 11,
            "severity": "high",
            "title": "Buckets are encrypted",
            "type": "aws.s3",
            "why": "Objects lie in the open.",
            "remediation": "Put a default encryption.",
            "links": ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html"],
            "builtin": True,
        },
        {"policy": "iam-credentials-unused", **common},
        {"policy": "iam-credentials-unused", "variant": "max_unused_days=45", **common},
    ]


def controls() -> list[dict[str, Any]]:
    cis = {"framework": "cis-3.0", "framework_title": "CIS AWS Foundations Benchmark 3.0", "version": "3.0"}
    return [
        {**cis, "control": "2.1.1", "title": "Encrypt buckets", "place": 1, "policy": "s3-bucket-encryption"},
        {
            **cis,
            "control": "1.12",
            "title": "No old credentials",
            "place": 2,
            "policy": "iam-credentials-unused",
            "variant": "max_unused_days=45",
        },
        {**cis, "control": "1.1", "title": "Contacts", "place": 3, "manual": "Look them up."},
    ]


def whole(**others: Any) -> Report:
    found = [
        finding(id="f1"),
        finding(id="f2", name=HOSTILE, resource_id=HOSTILE, arn=f"arn:aws:s3:::{HOSTILE}", message=HOSTILE),
        finding(id="f3", resource_id="site", name="site", arn="arn:aws:s3:::site", **WAIVER),
        finding(id="f4", status="PASS", resource_id="logs", name="logs", message="The bucket logs is encrypted."),
        finding(id="f5", status="UNKNOWN", resource_id="*", arn=None, name=None, message="denied", reason="denied"),
        finding(
            id="f6", status="NOT_APPLICABLE", resource_id=ACCOUNT, arn=None, name=None, message="None there.",
            reason="None there.", region="global", evidence={}, **KEYS,
        ),
        finding(
            id="f7", variant="max_unused_days=45", resource_id="ana", name="ana", region="global",
            arn=f"arn:aws:iam::{ACCOUNT}:user/ana", message="ana has an old key.", lapsed="It ended on 2026-11-01.",
            title="Credentials are used", **KEYS,
        ),
    ]  # fmt: skip
    values: dict[str, Any] = {"about": {"policies": policies(), "controls": controls()}, "seconds": 1.5}
    return report(found, [gap(), gap(message=HOSTILE, resource=HOSTILE)], **(values | others))


def written(style: str, what: Report | None = None) -> str:
    out = io.StringIO()
    FORMATS[style].write(what or whole(), out)
    return out.getvalue()


def gov() -> Report:
    head = info(accounts=(Account(ACCOUNT, "aws-us-gov"),), regions=("us-gov-east-1",))
    return report([finding(region="global", arn=None)], head=head)
