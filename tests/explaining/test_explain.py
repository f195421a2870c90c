"""`crenel explain`: a policy, and what it found, as a user reads it."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from crenel.catalog.load import catalog
from crenel.choice import choose
from crenel.cli import main
from crenel.explaining.findings import plan_command
from crenel.explaining.policies import Asked, Decides, asked_of, explain_policy
from crenel.judge.findings import Finding
from crenel.judge.run import judge
from crenel.model import Standard
from crenel.policies.facts import facts
from crenel.report.explanations import markdown
from crenel.scan import ScanOptions, judge_stored
from crenel.waive import accepted
from tests.remediate.snapshots import public_snapshot, snapshot

PUBLIC = "ebs-snapshot-not-public"
Captured = pytest.CaptureFixture[str]
EVERY = [asked_of(row) for row in choose(names=["*"]).about()["policies"]]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake whose last scan found a public snapshot, one that is waived, and one whose name is hostile."""
    rows = [public_snapshot(name) for name in ("snap-1", "snap-2", "snap-<b>`[x](y)\x1b[31m")]
    made = snapshot(tmp_path / "lake", {"ebs-snapshot": rows})
    path = tmp_path / "waivers.yml"
    path.write_text(
        f"waivers: [{{id: golden, policy: {PUBLIC}, where: {{resource: snap-2}}, owner: images, reason: For all.,"
        " until: 2027-01-01}]"
    )
    chosen = choose(practices=[21])
    _, waivers = accepted((path,), (), chosen, Standard.FSBP)
    judge(
        made, chosen.plans, catalog(), facts(), made.findings, spill=tmp_path / "spill", about=chosen.about(),
        waivers=waivers,
    ).close()  # fmt: skip
    return tmp_path / "lake"


def finding(lake: Path, resource: str) -> Finding:
    with judge_stored(ScanOptions(lake=lake, practices=(21,))) as outcome:
        return next(each for each in outcome.judgement.findings() if each.resource_id.startswith(resource))


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


def explained(capsys: Captured, *words: str | Path) -> str:
    assert main(["explain", *map(str, words)]) == 0
    return capsys.readouterr().out


# --- a policy


def test_a_policy_is_explained(capsys: Captured) -> None:
    """What it asks, why, how to close it, how safe that is, which controls it decides, and where to read on."""
    told = explained(capsys, PUBLIC)

    for words in (
        "EBS snapshots can't be restored by everyone\n  policy     ebs-snapshot-not-public\n",
        "What it asks\n",
        '    - some item of CreateVolumePermissions has this: Group is "all"\n',
        "Why it matters\n  Every AWS account in the world can make a volume of a public snapshot",
        "How to fix it\n  Remove the group all from the snapshot's permissions",
        "    - Take the snapshot <id> from the public\n",
        "  - Take the snapshot <id> from the public: it can be taken back. Lost:",
        "  - It may break: Whoever restores this snapshot without being named can do so no more.\n",
        "Controls that it decides\n  - practices 21: ",
        "References\n  - https://docs.aws.amazon.com/",
    ):
        assert words in told


def test_a_policy_of_the_users_is_explained(tmp_path: Path, capsys: Captured) -> None:
    """It has no repair of ours; what it says itself is there."""
    path = tmp_path / "own.yml"
    path.write_text(
        "policies:\n  - name: own\n    resource: aws.ebs\n    why: Because.\n    remediation: Encrypt it.\n"
        "    params: {least: {fsbp: 1, cis: 2, article: 1}}\n"
        "    filters: [{Encrypted: false}, {type: value, key: Size, op: gt, value: '{params.least}'}]\n"
    )

    found = json.loads(explained(capsys, "own", "--policies", path, "--standard", "cis", "--format", "json"))[0]

    parts = {part["key"]: part["said"] for part in found["parts"]}
    assert list(parts) == ["what", "why", "fix"]
    assert parts["why"] == ["Because."]
    assert parts["fix"] == ["Encrypt it."]
    assert parts["what"] == [
        {"text": "It fails EBS volumes where:", "parts": ["Encrypted is false", "Size is more than 2"]},
        "The parameter least is 1 by fsbp and article, 2 by cis.",
    ]


@pytest.mark.parametrize("asked", EVERY, ids=lambda asked: asked.policy)
def test_every_policy_can_be_explained(asked: Asked) -> None:
    """From what lies beside its findings alone: the text as it was written, and the parameters."""
    found = explain_policy(asked)

    for key in ("what", "why", "fix", "links"):
        assert found.part(key), key
    assert "{row" not in str(found.parts)
    assert "{args" not in str(found.parts)


# --- a finding


def test_a_finding_is_explained(lake: Path, capsys: Captured) -> None:
    """What was seen, which filters hold for the resource, and the steps that close it."""
    found = finding(lake, "snap-1")

    told = explained(capsys, found.id[:8], "--lake", lake)

    for words in (
        "  state      FAIL\n",
        "  resource   aws.ebs-snapshot snap-1\n",
        "What was seen\n  Everyone can restore the snapshot snap-1 of the volume vol-1.\n",
        '    - CreateVolumePermissions: [{"UserId": null, "Group": "all"}]\n',
        '  - holds: some item of CreateVolumePermissions has this: Group is "all"\n',
        "  - (unknown) does not hold: CreateVolumePermissions is absent\n",
        "  Take the snapshot snap-1 from the public\n    - who may restore the snapshot: everyone → ",
        f"  crenel fix plan --policy {PUBLIC} --finding {found.id[:12]} --out plan.json # all of it as a plan, ",
        "  aws ec2 modify-snapshot-attribute --region eu-west-1 --snapshot-id snap-1 ",
        "    - It can be taken back: yes. Lost: ",
        "Why it matters\n",
    ):
        assert words in told


def test_the_command_of_a_plan_makes_one(lake: Path, capsys: Captured, tmp_path: Path) -> None:
    """For the finding alone, by the framework whose parameters it was found by; of a variant by its resource."""
    found = finding(lake, "snap-1")
    decides = [Decides("ours", "1", "-"), Decides("fsbp", "EC2.1", "-")]

    words = shlex.split(plan_command(found, decides))
    assert main([*words[1:-1], str(tmp_path / "plan.json"), "--lake", str(lake)]) == 0
    assert "1 automatic step." in capsys.readouterr().out
    of_variant = shlex.split(plan_command(replace(found, variant="least=5"), decides))
    assert main([*of_variant[1:-1], str(tmp_path / "plan.json"), "--lake", str(lake)]) == 0
    assert "1 automatic step." in capsys.readouterr().out


def test_a_waiver_is_told(lake: Path, capsys: Captured) -> None:
    found = finding(lake, "snap-2")

    told = explained(capsys, found.id, "--lake", lake)

    assert "  state      WAIVED\n" in told
    assert "Waiver\n  images accepts it until 2027-01-01: For all. (waiver golden)\n" in told


def test_for_machines_the_clauses_have_their_places(lake: Path, capsys: Captured) -> None:
    (found,) = json.loads(explained(capsys, finding(lake, "snap-1").id, "--lake", lake, "--format", "json"))

    lines = found["text"].splitlines()
    (clause,) = [each for each in found["clauses"] if each["part"] == "filters"]
    assert lines[clause["line"] - 1].strip() == "- type: list-item"
    assert lines[clause["end_line"] - 1].strip() == "attrs: [{Group: all}]"
    assert (clause["holds"], clause["negated"], clause["why"]) == (True, False, None)


def test_names_of_others_do_nothing(lake: Path, capsys: Captured) -> None:
    """A resource's name neither steers a terminal nor becomes a link or a tag in Markdown."""
    found = finding(lake, "snap-<")

    assert "\x1b" not in explained(capsys, found.id, "--lake", lake)
    told = explained(capsys, found.id, "--lake", lake, "--format", "markdown")
    outside = "".join(told.split("```")[::2])
    assert "\x1b" not in told
    assert "<b>" not in outside.replace("\\<b\\>", "")
    assert "[x](y)" not in outside


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-such-policy", 'there is no policy "no-such-policy".'),
        ("abcdef12", "has no finding abcdef12."),
        ("abc", 'there is no policy "abc". A finding\'s id is of 0-9 and a-f.'),
        ("ebs-snapshot-not-pubic", 'Did you mean "ebs-snapshot-not-public"?'),
    ],
)
def test_what_there_is_not_is_an_error(name: str, said: str, lake: Path, capsys: Captured) -> None:
    assert main(["explain", name, "--lake", str(lake)]) == 2
    assert said in capsys.readouterr().err


def test_without_a_snapshot_a_finding_is_not_found(tmp_path: Path, capsys: Captured) -> None:
    assert main(["explain", "abcdef12", "--lake", str(tmp_path)]) == 2
    assert "Scan first: crenel scan." in capsys.readouterr().err


def test_markdown_has_headings_lists_and_links() -> None:
    (asked,) = [each for each in EVERY if each.policy == PUBLIC]

    told = markdown(explain_policy(asked), 2)

    assert told.startswith("## EBS snapshots can't be restored by everyone\n")
    assert "\n### How safe the fix is\n\n- Take the snapshot " in told
    assert "\n- <https://docs.aws.amazon.com/" in told
