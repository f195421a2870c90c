"""Templates, conditions and the columns that all rows have."""

import json

import pytest

from crenel.catalog.load import catalog
from crenel.collect.documents import statements
from crenel.collect.rows import MissingColumnError, Row, arn, filled, holds, home, owner, reach


def row(**values) -> Row:
    return Row(values, "eu-west-1", "eu-west-1")


def test_placeholders_are_filled_from_the_row() -> None:
    template = {"Name": "{Name}", "Deep": "x/{A.B}", "List": ["{Name}"], "Plain": ["all"], "Number": 5}
    rows = [row(Name="a", A={"B": "b"}), row(Name="c")]
    assert filled(template, rows[:1]) == {"Name": "a", "Deep": "x/b", "List": ["a"], "Plain": ["all"], "Number": 5}
    assert filled({"Names": ["{Name}"]}, rows) == {"Names": ["a", "c"]}
    with pytest.raises(MissingColumnError, match="Other"):
        filled({"X": "{Other}"}, rows)


@pytest.mark.parametrize(
    ("wanted", "value", "met"),
    [
        (True, True, True),
        (True, False, False),
        (True, None, False),
        (False, False, True),
        (False, None, False),
        ("absent", None, True),
        ("absent", "x", False),
        ("present", "x", True),
        ("present", None, False),
        ("alias/aws/*", "alias/aws/ebs", True),
        ("alias/aws/*", ["alias/mine", "alias/aws/s3"], True),
        ("alias/aws/*", ["alias/mine"], False),
        ("alias/aws/*", [], False),
        ("alias/aws/*", None, False),
    ],
)
def test_conditions(wanted, value, met) -> None:
    assert holds({"A.B": wanted}, row(A={"B": value}), {}, unknown=True) is met


@pytest.mark.parametrize("unknown", [True, False])
def test_a_condition_on_what_could_not_be_read_is_unknown(unknown) -> None:
    one = row()
    one.gaps["Detail"] = "denied"
    assert holds({"A": True}, one, {"A": "Detail"}, unknown=unknown) is unknown


def test_an_arn_is_made_of_columns_or_is_none() -> None:
    template = "arn:{partition}:ec2:{region}:{account}:vpc/{VpcId}"
    assert arn(template, row(VpcId="v"), "aws-cn", "1", "2") == "arn:aws-cn:ec2:eu-west-1:2:vpc/v"
    assert arn(template, row(), "aws", "1", "") is None
    assert arn("", row(), "aws", "1", "") is None


def test_a_name_that_is_a_path_brings_its_slash_into_an_arn() -> None:
    template = "arn:{partition}:ssm:{region}:{account}:parameter/{Name}"
    assert arn(template, row(Name="/a/b"), "aws", "1", "") == "arn:aws:ssm:eu-west-1:1:parameter/a/b"
    assert arn("{Arn}", row(Arn="arn:aws:iam::1:role/a//b"), "aws", "1", "") == "arn:aws:iam::1:role/a//b"


@pytest.mark.parametrize(
    ("constraint", "region"), [(None, "us-east-1"), ("EU", "eu-west-1"), ("eu-west-3", "eu-west-3")]
)
def test_a_buckets_home_under_its_old_names(constraint, region) -> None:
    assert home(catalog()["s3"], {"Location": {"LocationConstraint": constraint}}, "global") == region


def test_home_and_owner_of_a_trail() -> None:
    kind = catalog()["cloudtrail"]
    values = {"HomeRegion": "us-east-1", "TrailARN": "arn:aws:cloudtrail:us-east-1:999999999999:trail/t"}
    assert home(kind, values, "eu-west-1") == "us-east-1"
    assert owner(kind, values, "111111111111") == "999999999999"
    assert owner(catalog()["kms-key"], {}, "111111111111") == "111111111111"
    assert reach({"a": {"b": 1}}, "a.b.c") is None


def test_statements_are_brought_into_one_form() -> None:
    single = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
    assert statements(single) == [
        {
            "Sid": None, "Effect": "Allow", "Action": ["*"], "NotAction": None, "Resource": ["*"], "NotResource": None,
            "Condition": None, "Conditions": None, "Principals": None, "NotPrincipals": None,
        }
    ]  # fmt: skip
    many = (
        '{"statement": [{"Sid": "s", "effect": "Deny", "NotAction": ["iam:*"], "NotResource": [],'
        ' "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}]}'
    )
    found = statements(many)[0]
    assert found["NotAction"] == ["iam:*"]
    assert found["NotResource"] == []
    assert found["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    assert statements(json.loads(many)) == statements(many)
    assert statements('{"Version": "2012-10-17"}') == []


@pytest.mark.parametrize("text", ["no json", "[]", '{"Statement": ["x"]}', '{"Statement": {"Action": 5}}', ""])
def test_what_is_no_document_is_an_error(text) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        statements(text)
