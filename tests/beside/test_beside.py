"""`custodian run` and `crenel run` side by side on one account: the same policies select the same resources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.beside.account import seed
from tests.oracle import PYTHON, needs_custodian

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # before moto reads it

from moto.server import ThreadedMotoServer

pytestmark = needs_custodian

POLICIES = Path(__file__).with_name("policies.yml")
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


def test_the_same_policies_select_the_same_resources(account: dict[str, str], tmp_path: Path) -> None:
    theirs, ours = tmp_path / "custodian", tmp_path / "crenel"
    common = ["--region", "us-east-1", str(POLICIES)]
    custodian = [str(Path(PYTHON).with_name("custodian")), "run", "--dryrun", "-s", str(theirs), "--cache-period", "0"]
    subprocess.run([*custodian, *common], env=account, capture_output=True, timeout=600, check=False)
    subprocess.run(
        [sys.executable, "-m", "crenel", "run", "-q", "-s", str(ours), *common],
        env=account, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    policies = yaml.safe_load(POLICIES.read_text())["policies"]
    identities = json.loads(Path(__file__).with_name("identities.json").read_text())
    compared, selected, differing = 0, 0, {}
    for policy in policies:
        identity = identities[policy["resource"].removeprefix("aws.")]
        want, got = (ids_of(folder, policy["name"], identity) for folder in (theirs, ours))
        if want is None:
            continue  # Custodian itself fails on moto's answers
        compared += 1
        selected += bool(want)
        if want != got and policy["name"] not in EXPLAINED:
            differing[policy["name"]] = (want, got)
    assert differing == {}
    assert compared >= 150
    assert selected >= 120
