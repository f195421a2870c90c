"""A scan with waivers, from an account that moto plays to the report."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from crenel.cli import main
from crenel.demo.run import demo_account, demo_environment

WAIVERS = """
waivers:
  - id: staging-has-no-traffic
    policy: vpc-flow-logs
    where: {tags: {Name: shop-staging}}
    owner: network team
    reason: Nothing runs there.
    until: 2099-01-01
    while:
      - State: available
  - id: default-networks
    policy: vpc-flow-logs
    where: {not: {tags: {Name: "*"}}}
    owner: network team
    reason: They are empty.
    until: 2099-01-01
    while:
      - type: related
        resource: aws.ec2
        "on": {VpcId: VpcId}
        count: 0
        count_op: eq
"""


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with demo_account() as endpoint:
        for name, value in demo_environment(endpoint).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


@pytest.mark.usefixtures("demo")
def test_a_scan_reads_what_waivers_ask_and_keeps_what_they_accept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The instances, of which no chosen policy speaks, are read for the second waiver's condition."""
    path = tmp_path / "waivers.yml"
    path.write_text(WAIVERS)
    words = ["--lake", str(tmp_path / "lake")]

    main(["scan", *words, "--policy", "vpc-flow-logs", "--waivers", str(path), "--format", "json", "--quiet"])

    report = json.loads(capsys.readouterr().out)
    assert {each["policy"] for each in report["findings"]} == {"vpc-flow-logs"}
    waived = [each for each in report["findings"] if each["waiver"]]
    by = {each["waiver"]["id"]: each for each in waived}
    assert by.keys() == {"staging-has-no-traffic", "default-networks"}
    assert {each["status"] for each in waived} == {"FAIL"}
    (lapsed,) = {each["lapsed"] for each in report["findings"] if each["lapsed"]}
    assert lapsed == (
        "The waiver default-networks holds only while there is no aws.ec2 in its account and Region whose VpcId is its "
        "VpcId, which is not so."
    )

    main(["sql", *words, "select state, count(*) as n from findings group by 1 order by 1", "--format", "json"])
    stored = {row["state"]: row["n"] for row in json.loads(capsys.readouterr().out)}
    assert stored["WAIVED"] == len(waived)
