"""`custodian run` and `crenel run` side by side on one account: the same policies select the same resources."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.beside.account import seed
from tests.oracle import PYTHON, needs_custodian

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # before moto reads it

from moto.server import ThreadedMotoServer

pytestmark = needs_custodian

POLICIES = Path(__file__).with_name("policies.yml")
DOCS = Path(__file__).parents[2] / "docs" / "custodian.md"
# What differs, and why.
EXPLAINED = {
    "ecr-04": "moto's tagging API does not know the type; AWS's does",
    "log-group-04": "moto's tagging API does not know the type; AWS's does",
}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A seeded account on moto, as environment variables for whoever asks it."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    seed(url)
    nothing = tmp_path_factory.mktemp("home")
    yield {
        "PATH": os.environ["PATH"],
        "HOME": str(nothing),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    server.stop()


def ids_of(folder: Path, name: str, identity: str) -> list[str] | None:
    """Return the ids in a policy's results, sorted; None where there are no results."""
    path = folder / name / "resources.json"
    return sorted(str(row.get(identity)) for row in json.loads(path.read_text())) if path.exists() else None


@pytest.fixture(scope="module")
def results(account: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What Cloud Custodian and Crenel write of the same policies: a folder each."""
    theirs, ours = tmp_path_factory.mktemp("custodian"), tmp_path_factory.mktemp("crenel")
    common = ["--region", "us-east-1", str(POLICIES)]
    custodian = [str(Path(PYTHON).with_name("custodian")), "run", "--dryrun", "-s", str(theirs), "--cache-period", "0"]
    subprocess.run([*custodian, *common], env=account, capture_output=True, timeout=600, check=False)
    subprocess.run(
        [sys.executable, "-m", "crenel", "run", "-q", "-s", str(ours), *common],
        env=account, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    return theirs, ours


def written() -> list[dict[str, Any]]:
    """Return the policies."""
    found: list[dict[str, Any]] = yaml.safe_load(POLICIES.read_text())["policies"]
    return found


def test_the_same_policies_select_the_same_resources(results: tuple[Path, Path]) -> None:
    identities = json.loads(Path(__file__).with_name("identities.json").read_text())
    compared, selected, differing = 0, 0, {}
    for policy in written():
        identity = identities[policy["resource"].removeprefix("aws.")]
        want, got = (ids_of(folder, policy["name"], identity) for folder in results)
        if want is None:
            continue  # Custodian itself fails on moto's answers
        compared += 1
        selected += bool(want)
        if want != got and policy["name"] not in EXPLAINED:
            differing[policy["name"]] = (want, got)
    assert differing == {}
    assert compared >= 150
    assert selected >= 120


def members(folder: Path, name: str) -> set[str]:
    """Return the members that some document of a policy's results has, and not as null."""
    path = folder / name / "resources.json"
    rows = json.loads(path.read_text()) if path.exists() else []
    return {key for row in rows for key, value in row.items() if value is not None}


def test_members_that_crenel_s_documents_lack_are_told(results: tuple[Path, Path]) -> None:
    """The table of docs/custodian.md names each that Cloud Custodian's documents have and Crenel's have not."""
    section = DOCS.read_text(encoding="utf-8").split("## What differs in `resources.json`")[1].split("\n## ")[0]
    named = set(re.findall(r"`([^`]+)`", section))
    lacking = set()
    for policy in written():
        theirs, ours = (members(folder, policy["name"]) for folder in results)
        if theirs and ours:
            lacking |= {(policy["resource"], key) for key in theirs - ours if not key.startswith("c7n:matched-")}
    assert {(kind, key) for kind, key in lacking if key not in named} == set()
    assert len(lacking) > 30
