"""Of which findings a waiver speaks: patterns, tags, and / or / not."""

from __future__ import annotations

from pathlib import Path

import pytest

from crenel.scan import judge_stored
from tests.waivers.volumes import HEAD, judged, lake_of, options, volume, waived, waiver

VOLUMES = (
    volume("vol-a", {"env": "prod", "purpose": "scratch disk"}),
    volume("vol-b", {"env": "dev"}),
    volume("vol-c", _region="us-east-1"),
    volume("vol-d", _account="444455556666", _owner="444455556666"),
    volume("vol-[e]", {"env": "*"}),
)
EVERY = {"vol-a", "vol-b", "vol-c", "vol-d", "vol-[e]"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lake_of(tmp_path_factory.mktemp("volumes"), *VOLUMES)


@pytest.mark.parametrize(
    ("where", "speaks_of"),
    [
        ("", EVERY),
        ("{resource: vol-a}", {"vol-a"}),
        ("{resource: vol-}", set()),
        ('{resource: "vol-a\' OR true --"}', set()),
        ('{resource: "*\'*"}', set()),
        ("{resource: VOL-A}", set()),
        ("{resource: vol-?}", {"vol-a", "vol-b", "vol-c", "vol-d"}),
        ("{resource: '*-[ab]'}", {"vol-a", "vol-b"}),
        ("{resource: '*-[!ab]'}", {"vol-c", "vol-d"}),
        ("{resource: 'vol-[[]e]'}", {"vol-[e]"}),
        ("{resource: [vol-a, vol-b, vol-x]}", {"vol-a", "vol-b"}),
        ("{account: '444455556666'}", {"vol-d"}),
        ("{region: us-*}", {"vol-c"}),
        ("{type: ebs}", EVERY),
        ("{type: aws.s3}", set()),
        ("{arn: 'arn:aws:ec2:*:111122223333:volume/vol-[ac]'}", {"vol-a", "vol-c"}),
        ("{name: '*'}", set()),
        ("{tags: {env: prod}}", {"vol-a"}),
        ("{tags: {env: [prod, dev]}}", {"vol-a", "vol-b"}),
        ("{tags: {env: '*'}}", {"vol-a", "vol-b", "vol-[e]"}),
        ("{tags: {env: '[*]'}}", {"vol-[e]"}),
        ("{tags: {purpose: 'scratch*', env: prod}}", {"vol-a"}),
        ("{tags: {env: prod}, region: us-east-1}", set()),
        ("{not: {tags: {env: '*'}}}", {"vol-c", "vol-d"}),
        ("{or: [{region: us-east-1}, {tags: {env: dev}}]}", {"vol-b", "vol-c"}),
        ("{and: [{resource: vol-*}, {not: {or: [{region: us-*}, {account: '4*'}]}}]}", {"vol-a", "vol-b", "vol-[e]"}),
        ("{not: [{tags: {env: prod}}, {region: eu-west-1}]}", EVERY - {"vol-a"}),
    ],
)
def test_where(lake: Path, where: str, speaks_of: set[str]) -> None:
    """Patterns fit the whole word, with its case; keys side by side all have to hold; so do several in `not`."""
    assert waived(lake, waiver(where)) == speaks_of


def test_a_finding_is_named_by_its_id(lake: Path) -> None:
    found = judged(lake, "waivers: []")["vol-b"]

    assert waived(lake, waiver(f"{{finding: {found.id}}}")) == {"vol-b"}
    assert waived(lake, waiver(f"{{finding: '{found.id[:8]}*'}}")) == {"vol-b"}


def test_a_waived_finding_says_by_whom_why_and_until_when(lake: Path) -> None:
    found = judged(lake, waiver("{resource: vol-a}"))["vol-a"]

    assert (found.status, found.state, found.lapsed) == ("FAIL", "WAIVED", None)
    assert found.waived is not None
    assert found.waived.as_json() == {"id": "known", "owner": "us", "reason": "We know.", "until": "2026-12-31"}


def test_only_what_fails_is_waived(lake: Path) -> None:
    """Of the policies that the pattern fits; a volume that is large enough stays PASS."""
    text = f"waivers: [{{id: known, policy: own-*, {HEAD}}}]"

    assert {found.state for found in judged(lake, text, ["own-volume-encrypted"]).values()} == {"WAIVED"}
    assert {found.state for found in judged(lake, text, ["own-volume-large"]).values()} == {"PASS"}


def test_another_policys_finding_is_not_waived(lake: Path) -> None:
    assert waived(lake, waiver().replace("own-volume-encrypted", "own-volume-large")) == set()


def test_waived_findings_count_apart(lake: Path) -> None:
    with judge_stored(options(lake, waiver("{tags: {env: '*'}}"))) as outcome:
        counts = {state.value: number for _, state, number in outcome.judgement.counts()}
        assert counts == {"FAIL": 2, "WAIVED": 3}


def test_of_two_waivers_one_that_holds_counts(lake: Path) -> None:
    """And of those that hold the one that holds longest."""

    def one(name: str, until: str) -> str:
        return f"{{id: {name}, policy: own-volume-encrypted, owner: us, reason: r, until: {until}}}"

    ended = f"waivers: [{one('a', '2026-01-01')}, {one('b', '2026-12-01')}, {one('c', '2026-12-02')}]"
    found = judged(lake, ended)["vol-a"]

    assert found.waived is not None
    assert (found.waived.waiver, found.lapsed) == ("c", None)


def test_of_a_control(tmp_path: Path) -> None:
    """`controls` narrows a waiver to what decides one of them: the other parameters of the policy still fail."""
    lake = lake_of(tmp_path, volume("vol-a", Size=50))
    framework = tmp_path / "ours.yml"
    framework.write_text("""
id: ours
name: Ours
controls:
  - {id: "1", title: Volumes are encrypted, policies: [own-volume-encrypted]}
  - {id: "2", title: Volumes are large, policies: [own-volume-large]}
""")
    text = f"waivers: [{{id: known, policy: own-*, controls: [ours/2], {HEAD}}}]"
    chosen = options(lake, text, ())
    with judge_stored(
        type(chosen)(paths=chosen.paths, frameworks=(str(framework),), lake=lake, waivers=chosen.waivers)
    ) as outcome:
        states = {finding.policy: finding.state for finding in outcome.judgement.findings()}

    assert states == {"own-volume-encrypted": "FAIL", "own-volume-large": "WAIVED"}
