"""The files of waivers: every mistake has its place and says what to do."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from crenel.errors import PolicyError, UsageError
from crenel.waivers.english import covers
from crenel.waivers.load import load_waivers
from crenel.waivers.model import And, Fits, Tagged, Waivers

TODAY = date(2026, 11, 25)
RIGHT = """
waivers:
  - id: public-website
    policy: s3-bucket-public-access-block
    where:
      account: "111122223333"
      tags: {purpose: website}
    owner: web team
    reason: The website
      is public.
    until: 2027-03-01
"""


def load(folder: Path, text: str, name: str = "waivers.yml") -> Waivers:
    (folder / name).write_text(text)
    return read(folder)


def read(*paths: Path) -> Waivers:
    return load_waivers(
        paths,
        policies=["s3-bucket-public-access-block", "s3-bucket-encryption", "iam-root-mfa"],
        types=["aws.s3", "aws.iam-user"],
        controls=lambda: ["cis-7.0/2.1", "cis-7.0/2.2"],
        today=TODAY,
    )


def test_a_waiver(tmp_path: Path) -> None:
    (waiver,) = load(tmp_path, RIGHT).waivers

    assert (waiver.id, waiver.owner, waiver.reason) == ("public-website", "web team", "The website is public.")
    assert waiver.until == date(2027, 3, 1)
    assert isinstance(waiver.where, And)
    account, purpose = waiver.where.parts
    assert account == Fits("account", ("111122223333",))
    assert isinstance(purpose, Tagged)
    assert (purpose.key, purpose.patterns) == ("purpose", ("website",))


def test_json_is_read_as_well(tmp_path: Path) -> None:
    """A day is a text there."""
    text = '{"waivers": [{"id": "a", "policy": "s3-*", "owner": "o", "reason": "r", "until": "2027-03-01"}]}'

    (waiver,) = load(tmp_path, text, "waivers.json").waivers

    assert waiver.until == date(2027, 3, 1)


def test_a_folder_is_read_whole_but_for_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "teams" / ".git").mkdir(parents=True)
    (tmp_path / "teams" / "web.yaml").write_text(RIGHT)
    (tmp_path / "teams" / ".git" / "old.yaml").write_text("nonsense")
    (tmp_path / "README.md").write_text("not read")

    assert [waiver.id for waiver in read(tmp_path).waivers] == ["public-website"]


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no waiver file or folder"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("was", "now", "place", "said"),
    [
        ("waivers:", "waiver:", "2:1", 'a file of waivers has no key "waiver". Did you mean "waivers"?'),
        ("until: 2027-03-01", "", "3:5", "a waiver needs `until`. It is the last day on which it holds."),
        ("until: 2027-03-01", "until:", "3:5", "a waiver needs `until`."),
        ("    owner: web team\n", "", "3:5", "a waiver needs `owner`. Say who answers for it."),
        ("2027-03-01", "soon", "11:12", "until is a day, the last on which the waiver holds. Write it as 2027-03-01."),
        ("2027-03-01", "2027-02-30", "11:12", "can't read this value as timestamp"),
        ("2027-03-01", "2027-03-01T12:00:00", "11:12", "until is a day"),
        ("2027-03-01", "2027", "11:12", "until is a day"),
        ("public-website", "public website", "3:9", '"public website" is no id of a waiver.'),
        ("owner: web team", "ownr: web team", "8:5", 'a waiver has no key "ownr". Did you mean "owner"?'),
        ("owner: web team", "owner: ''", "8:12", "owner is empty. Say who answers for it."),
        ("policy: s3-bucket-public-access-block", "policy: s3-bucket-encrypt", "4:13",
         'there is no policy "s3-bucket-encrypt". Did you mean "s3-bucket-encryption"?'),
        ("policy: s3-bucket-public-access-block", "policy: [s3-*, ec2-*]", "4:20", 'there is no policy "ec2-*".'),
        ("policy: s3-bucket-public-access-block", "policy: []", "4:13", "`policy` of nothing says nothing."),
        ("account:", "acount:", "6:7", 'where has no key "acount". Did you mean "account"?'),
        ('"111122223333"', "111122223333", "6:16", "account must be a text, not 111122223333. Put it in quotes."),
        ('"111122223333"', '"11112222333"', "6:16", '"11112222333" is no account. Write it as 111122223333.'),
        ('account: "111122223333"', "region: eu-west1", "6:15", '"eu-west1" is no region.'),
        ('account: "111122223333"', "type: aws.s4", "6:13", 'no resource type "aws.s4". Did you mean "aws.s3"?'),
        ('account: "111122223333"', "or: []", "6:11", "`or` of nothing says nothing."),
        ('account: "111122223333"', "not: {}", "6:12", "this says nothing, and so holds for every finding."),
        ('account: "111122223333"', "resource: ''", "6:17", "resource is empty. * is any."),
        ("{purpose: website}", "{}", "7:13", "no tag is named here."),
        ("{purpose: website}", "[purpose]", "7:13", "tags must be a mapping, not a list."),
        ("until:", "while: []\n    until:", "11:12", "this list of filters is empty and holds for everything."),
        ("until:", "controls: cis-7.0/9.9\n    until:", "11:15", 'there is no control "cis-7.0/9.9".'),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, was: str, now: str, place: str, said: str) -> None:
    assert was in RIGHT

    with pytest.raises(PolicyError) as raised:
        load(tmp_path, RIGHT.replace(was, now, 1))

    assert str(raised.value).startswith(f"{tmp_path / 'waivers.yml'}:{place}: ")
    assert said in str(raised.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = RIGHT.replace("account", "acount").replace("2027-03-01", "soon").replace("web team", "''")

    with pytest.raises(PolicyError) as raised:
        load(tmp_path, text)

    assert [error.where.line for error in raised.value.all() if error.where] == [6, 8, 11]


def test_an_id_stands_once_in_all_files(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(RIGHT)

    with pytest.raises(PolicyError, match=r'b.yml:3:9: the waiver "public-website" stands in .*a.yml:3:5 already'):
        load(tmp_path, RIGHT, "b.yml")


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("2027-03-01", "2028-11-25", None),
        ("2027-03-01", "2028-11-26", "this waiver holds for more than 2 years."),
        ("2027-03-01", "2020-01-01", None),
    ],
)
def test_a_waiver_for_years_is_doubtful(tmp_path: Path, was: str, now: str, said: str | None) -> None:
    warnings = load(tmp_path, RIGHT.replace(was, now)).warnings

    assert [warning.message for warning in warnings] == ([said] if said else [])


def test_a_waiver_of_everything_is_doubtful(tmp_path: Path) -> None:
    text = 'waivers: [{id: a, policy: "*", owner: o, reason: r, until: 2027-01-01}]'

    assert [warning.message for warning in load(tmp_path, text).warnings] == ["this waiver accepts whatever fails."]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("{resource: a}", "resource is a"),
        ("{resource: [a, b]}", "resource is a or b"),
        ("{tags: {env: '*'}}", "it has a tag env"),
        ("{tags: {env: a b}}", 'tag env is "a b"'),
        ("{region: us-*, not: {or: [{resource: a}, {resource: b}]}}",
         "region is us-* and not (resource is a or resource is b)"),
        ("{or: [{and: [{resource: a}, {name: b}]}, {resource: c}]}", "(resource is a and name is b) or resource is c"),
    ],
)  # fmt: skip
def test_in_words(tmp_path: Path, where: str, said: str) -> None:
    text = f"waivers: [{{id: a, policy: s3-*, owner: o, reason: r, until: 2027-01-01, where: {where}}}]"
    (waiver,) = load(tmp_path, text).waivers

    assert covers(waiver) == f"s3-*, where {said}"
