"""`crenel policies`."""

from __future__ import annotations

import pytest

from crenel.cli import main
from crenel.policies.written.load import builtin_names

GOOD = """\
policies:
  - name: own-volumes
    resource: aws.ebs
    filters:
      - Encrypted: false

  # Of the next one.
  - name: own-buckets
    title: "Own \\e[31mbuckets"
    resource: aws.s3
    params:
      days: {fsbp: 90, cis: 45, article: 30}
    filters:
      - {type: value, key: CreationDate, value_type: age, op: gt, value: "{params.days}"}
"""
BAD = """\
policies:
  - name: one
    resource: aws.ebs
    filters:
      - Encrypte: false
  - name: two
    resource: aws.ebss
  - name: own-volumes
    resource: aws.ebs
"""


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_list_goes_by_practice_and_is_a_line_each(good, capsys):
    assert main(["policies", "list", "--policies", str(good)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["PRACTICE", "LEVEL", "ID", "TYPE", "TITLE"]
    numbers = [line.split()[0] for line in lines]
    assert numbers[:26] == [str(number) for number in range(1, 27)]
    assert set(numbers[26:]) == {"-"}
    assert lines[-1].split()[2:4] == ["own-volumes", "aws.ebs"]
    assert "Own \\x1b[31mbuckets" in lines[-2]


def test_show_is_the_text_as_written_and_what_it_reads(good, capsys):
    assert main(["policies", "show", "own-volumes", "--policies", str(good)]) == 0
    out = capsys.readouterr().out
    text = "- name: own-volumes\n  resource: aws.ebs\n  filters:\n    - Encrypted: false\n\nReads\n"
    assert f"# {good}:2\n{text}" in out
    assert "ec2:DescribeVolumes" in out
    assert "Of the next one" not in out


def test_show_has_the_parameters_of_every_standard(good, capsys):
    assert main(["policies", "show", "own-buckets", "--policies", str(good)]) == 0
    out = capsys.readouterr().out
    assert "fsbp 90, cis 45, article 30" in out
    assert "CreationDate" in out


def test_every_built_in_policy_can_be_shown(capsys):
    assert main(["policies", "show", "*"]) == 0
    assert capsys.readouterr().out.count("\nReads\n") == len(builtin_names())


def test_show_of_none_is_an_error_with_a_suggestion(capsys):
    assert main(["policies", "show", "iam-policy-no-full-admn"]) == 2
    assert 'Did you mean "iam-policy-no-full-admin"?' in capsys.readouterr().err


def test_check_of_right_files(good, capsys):
    assert main(["policies", "check", str(good)]) == 0
    assert capsys.readouterr() == ("2 policies, no errors\n", "")


def test_check_tells_every_error_with_its_place(good, tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text(BAD, encoding="utf-8")
    (tmp_path / "no.yaml").write_text("policies: [", encoding="utf-8")
    assert main(["policies", "check", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    bad = tmp_path / "bad.yaml"
    assert f'{bad}:5:9: error: aws.ebs has no key "Encrypte". Did you mean "Encrypted"?\n' in err
    assert "          - Encrypte: false\n            ^~~~~~~~\n" in err
    assert f'{bad}:7:15: error: there is no resource type "ebss" here.' in err
    assert "is no YAML" in err
    assert f"stands in {bad}:8:5 already" in err
    assert "5 policies, 4 errors" in err


@pytest.mark.parametrize("command", ["run", "policies check", "policies coverage", "policies explain", "policies test"])
def test_a_folder_is_read_whole_and_the_help_says_so(command, capsys):
    assert main([*command.split(), "--help"]) == 0
    assert "read whole, with the folders in it" in " ".join(capsys.readouterr().out.split())


def test_check_of_folders_in_folders(tmp_path, capsys):
    """All policy files at any depth; what is hidden, and what is no YAML or JSON, is left alone."""
    for name in ("a.yml", "deep/er/b.yaml", "deep/c.json", ".git/d.yml", "deep/.hidden.yml", "notes.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"policies": [{{"name": "{path.stem.strip(".")}", "resource": "ebs"}}]}}')
    assert main(["policies", "check", str(tmp_path)]) == 0
    assert "3 policies, no errors" in capsys.readouterr().out


def test_check_of_nothing(capsys):
    assert main(["policies", "check"]) == 2
    assert main(["policies", "check", "/no/such"]) == 2
