"""The policies of the benchmarks: that there are as many as asked for, that they are right, and what is compared."""

from collections.abc import Mapping

import pytest
from benchmarks import custodian
from benchmarks.policies import policies, type_of
from benchmarks.process import Cost

from crenel.cli import main


def test_every_policy_has_a_name_of_its_own_and_no_hole_left():
    found = policies(200)
    assert len({policy["name"] for policy in found}) == len(found) == 200
    assert all(policy["resource"] == f"aws.{type_of(policy['name'])}" for policy in found)
    assert "{" not in str([text for policy in found for text in _texts(policy)])


def test_a_hole_alone_becomes_a_number():
    (policy,) = (each for each in policies(40) if each["name"] == "ebs-0017")
    assert policy["filters"][0] == {"type": "value", "key": "Size", "op": "gt", "value": 17}


def test_crenel_takes_them_without_a_warning(tmp_path, capsys):
    file = custodian.written(tmp_path / "policies.yml", 100)
    assert main(["policies", "check", "--strict", str(file)]) == 0
    assert "100 policies" in capsys.readouterr().out


@pytest.mark.parametrize("theirs", [{"a": frozenset("12")}, {"a": frozenset("1"), "b": frozenset()}])
def test_different_answers_are_an_error(theirs):
    with pytest.raises(RuntimeError, match="do not select the same"):
        custodian.compare(_side({"a": frozenset("1")}), _side(theirs))


def test_the_same_answers_are_none():
    custodian.compare(_side({"a": frozenset("1")}), _side({"a": frozenset("1")}))


def _side(selected: Mapping[str, frozenset[str]]) -> custodian.Side:
    return custodian.Side(Cost(1, 1, 1, 0, ""), {}, selected)


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
