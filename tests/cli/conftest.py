"""An AWS endpoint for `crenel run`, which answers as told, and policies to run against it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crenel.cli import main
from tests.collect.stub import Answer, Asked, Stub, error

ACCOUNT = "111122223333"
NOW = "2026-11-25T12:00"
Answers = dict[str, Any]


def keys(count: int = 3) -> Answers:
    """The answers of an account with some KMS keys, the even ones enabled, and a DMS instance."""
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key"
    return {
        "ListKeys": {"Keys": [{"KeyId": f"k{n}", "KeyArn": f"{arn}/k{n}"} for n in reversed(range(count))]},
        "ListAliases": {"Aliases": [{"AliasName": f"alias/{n}", "TargetKeyId": f"k{n}"} for n in range(count)]},
        "DescribeKey": lambda asked: {
            "KeyMetadata": {
                "KeyId": asked["KeyId"],
                "Arn": f"{arn}/{asked['KeyId']}",
                "Enabled": int(asked["KeyId"][1:]) % 2 == 0,
                "CreationDate": 1_700_000_000,
                "KeyManager": "CUSTOMER",
            }
        },
        "GetKeyRotationStatus": {"KeyRotationEnabled": False},
        "GetResources": {"ResourceTagMappingList": []},
        "DescribeReplicationInstances": {
            "ReplicationInstances": [
                {"ReplicationInstanceIdentifier": "dms-1", "PubliclyAccessible": True},
                {"ReplicationInstanceIdentifier": "dms-2", "PubliclyAccessible": False},
            ]
        },
        "ListTagsForResource": {"TagList": []},
    }


@pytest.fixture
def answers() -> Answers:
    return keys()


@pytest.fixture
def aws(answers: Answers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stub]:
    """AWS as `answers` has it, read when it is asked; what they lack is denied."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)

    def answer(asked: Asked) -> Answer:
        found = answers.get(asked.operation, error("AccessDeniedException"))
        if callable(found):
            found = found(json.loads(asked.body))
        return found if isinstance(found, Answer) else Answer(json.dumps(found).encode())

    settings = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with Stub(answer).running() as server:
        for name, value in {**settings, "AWS_ENDPOINT_URL": server.url}.items():
            monkeypatch.setenv(name, value)
        yield server


Run = Callable[..., int]


@pytest.fixture
def run(aws: Stub, tmp_path: Path) -> Run:
    """Return a function that runs policies (YAML texts, a file each) and returns the exit code."""

    def start(*words: str, policies: str | list[str] = "") -> int:
        texts = [policies] if isinstance(policies, str) else policies
        files = []
        for number, text in enumerate(texts):
            path = tmp_path / f"policies-{number}.yml"
            path.write_text(text if "policies:" in text else f"policies:\n{text}")
            files.append(str(path))
        return main(["run", "--account-id", ACCOUNT, "--now", NOW, "-q", *words, *files])

    return start


ENABLED = """
  - name: enabled
    resource: aws.kms-key
    tags: [crypto]
    filters:
      - Enabled: true
      - or:
        - {type: value, key: KeyManager, value: CUSTOMER}
        - {type: value, key: KeyManager, value: AWS}
"""
PUBLIC = """
  - name: public
    resource: dms-instance
    filters: [{PubliclyAccessible: true}]
"""
ROTATED = """
  - name: rotated
    resource: kms-key
    filters: [{type: key-rotation-status, key: KeyRotationEnabled, value: true}]
"""


def listed(folder: Path) -> list[dict[str, Any]]:
    """Return the documents of a policy's folder."""
    found: list[dict[str, Any]] = json.loads((folder / "resources.json").read_text(encoding="utf-8"))
    return found
