"""The AWS CLI's commands, as a person would type them."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from crenel.remediate.commands import command


@pytest.mark.parametrize(
    ("call", "params", "written"),
    [
        ("kms:EnableKey", {"KeyId": "k-1"}, "aws kms enable-key --region eu-west-1 --key-id k-1"),
        ("ec2:EnableEbsEncryptionByDefault", {}, "aws ec2 enable-ebs-encryption-by-default --region eu-west-1"),
        (
            "cloudtrail:UpdateTrail",
            {"Name": "t", "EnableLogFileValidation": True, "IsMultiRegionTrail": False},
            (
                "aws cloudtrail update-trail --region eu-west-1 --name t --enable-log-file-validation "
                "--no-is-multi-region-trail"
            ),
        ),
        (
            "config:StartConfigurationRecorder",
            {"ConfigurationRecorderName": "a b"},
            "aws configservice start-configuration-recorder --region eu-west-1 --configuration-recorder-name 'a b'",
        ),
        (
            "ec2:DeleteFlowLogs",
            {"FlowLogIds": ["fl-1", "fl-2"]},
            "aws ec2 delete-flow-logs --region eu-west-1 --flow-log-ids fl-1 fl-2",
        ),
        (
            "s3:PutPublicAccessBlock",
            {"Bucket": "b", "PublicAccessBlockConfiguration": {"BlockPublicAcls": True}},
            (
                "aws s3api put-public-access-block --region eu-west-1 --bucket b "
                "--public-access-block-configuration '{\"BlockPublicAcls\": true}'"
            ),
        ),
        (
            "kms:ScheduleKeyDeletion",
            {"KeyId": "-x", "PendingWindowInDays": 30},
            "aws kms schedule-key-deletion --region eu-west-1 --key-id=-x --pending-window-in-days 30",
        ),
        (
            "eks:CreateCluster",  # `--version` is the CLI's own
            {"name": "c", "version": "1.33"},
            'aws eks create-cluster --region eu-west-1 --cli-input-json \'{"name": "c", "version": "1.33"}\'',
        ),
    ],
)
def test_a_call_as_a_command(call: str, params: dict[str, Any], written: str) -> None:
    service, operation = call.split(":")

    assert command(service, operation, params, "eu-west-1") == written


def test_nothing_in_a_value_reaches_the_shell() -> None:
    """A resource's name is other people's; a command is made to be pasted."""
    name = "x; rm -rf ~ $(id) `id` 'y'\n"

    assert shlex.split(command("kms", "EnableKey", {"KeyId": name}, "eu-west-1"))[-1] == name
