"""Cloud Custodian on the same endpoint, with the same policies: what either costs, and that both select the same.

Custodian isn't a dependency; `make units` puts it into `.venv/oracle`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.endpoint.launch import Running
from benchmarks.policies import policies, type_of
from benchmarks.process import Cost, crenel, measured

_OURS = Path(__file__).resolve().parents[1] / ".venv" / "oracle" / "bin" / "custodian"
ACCOUNT = (
    "regions=1,instances=1500,interfaces=2500,subnets=297,volumes=4000,snapshots=4383,security_groups=1900,vpcs=99,"
    "flow_logs=60,functions=1500,log_groups=1800,buckets=300,users=400,groups=30,roles=600,policies=300,keys=200,"
    "notebooks=20,replication_instances=10"
)
"""20,000 resources in one Region, since that is where most policies run."""
POLICIES = 200
CHECKED = 1_000

_IDS: Mapping[str, str] = {
    "ec2": "InstanceId", "eni": "NetworkInterfaceId", "subnet": "SubnetId", "ebs": "VolumeId", "vpc": "VpcId",
    "ebs-snapshot": "SnapshotId", "security-group": "GroupId", "lambda": "FunctionName", "log-group": "logGroupName",
    "s3": "Name", "iam-user": "UserName", "iam-role": "RoleName", "iam-policy": "PolicyName", "kms-key": "KeyId",
    "sagemaker-notebook": "NotebookInstanceName", "dms-instance": "ReplicationInstanceIdentifier",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """What one tool's run cost, its calls by service, and which ids each policy selected."""

    cost: Cost
    services: Mapping[str, int]
    selected: Mapping[str, frozenset[str]]

    @property
    def calls(self) -> int:
        """How many calls it made."""
        return sum(self.services.values())


def executable(named: str = "") -> str:
    """Return Custodian's path: the one named, else that of `make units`; empty where there is none."""
    return shutil.which(named or str(_OURS)) or ""


def version(path: str) -> str:
    """Return the version of an executable Custodian."""
    said = subprocess.run([path, "version"], capture_output=True, text=True, check=True).stdout
    return said.split()[-1]


def written(file: Path, count: int) -> Path:
    """Write so many policies into a file, and return it."""
    file.write_text(yaml.safe_dump({"policies": policies(count)}, sort_keys=False))
    return file


def compare(mine: Side, other: Side) -> None:
    """Raise `RuntimeError` where a policy does not select the same ids on both sides."""
    wrong = [
        f"{policy}: {len(mine.selected.get(policy, ()))} instead of {len(other.selected.get(policy, ()))}"
        for policy in sorted({*mine.selected, *other.selected})
        if mine.selected.get(policy) != other.selected.get(policy)
    ]
    if wrong:
        raise RuntimeError(f"Crenel and Custodian do not select the same: {'; '.join(wrong)}")


def checked(command: Sequence[str]) -> Cost:
    """Run a check of policies that has to pass. Raises `RuntimeError` where it does not."""
    cost = measured(command, {"AWS_DEFAULT_REGION": "us-east-1"})
    if cost.exit_code:
        raise RuntimeError(f"{command[0]} ended with {cost.exit_code}: {cost.output[-3000:]}")
    return cost


def ours(endpoint: Running, file: Path) -> Side:
    """Run the policies with `crenel run`. Raises `RuntimeError` where it does not end well."""
    with tempfile.TemporaryDirectory(prefix="crenel-") as folder:
        return _side(endpoint, [crenel(), "run", "-q", "-s", folder, "--region", "us-east-1", str(file)], Path(folder))


def theirs(endpoint: Running, file: Path, path: str) -> Side:
    """Run the policies with `custodian run` and its default of a cache in a file for 15 minutes, empty at first, so
    that it too lists a type once.

    Raises `RuntimeError` where it does not end well.
    """
    with tempfile.TemporaryDirectory(prefix="custodian-") as folder:
        options = ["--dryrun", "-s", folder, "--region", "us-east-1", "-f", f"{folder}/.cache"]
        return _side(endpoint, [path, "run", *options, str(file)], Path(folder))


def _side(endpoint: Running, command: Sequence[str], folder: Path) -> Side:
    endpoint.reset()
    cost = measured(command, endpoint.environment(), timeout=7200)
    if cost.exit_code:
        raise RuntimeError(f"{command[0]} ended with {cost.exit_code}: {cost.output[-3000:]}")
    selected = {file.parent.name: _ids(file) for file in folder.glob("*/resources.json")}
    return Side(cost, endpoint.stats()["services"], selected)


def _ids(file: Path) -> frozenset[str]:
    key = _IDS[type_of(file.parent.name)]
    return frozenset(str(document[key]) for document in json.loads(file.read_text()))
