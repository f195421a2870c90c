"""Every act and fix that ships, held against botocore's models: names, parameters, paths, inverses, permissions.

An act is filled in with made-up arguments and an answer of its read with every member there, so that nothing of it has
to be called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from botocore.model import OperationModel
from botocore.validate import ParamValidator

from crenel.catalog.columns import service_model
from crenel.catalog.load import catalog
from crenel.lake.snapshots import collected_columns
from crenel.policies.facts import facts
from crenel.policies.written.load import builtin_policies
from crenel.remediate.builders import BUILDERS
from crenel.remediate.load import acts, declarations
from crenel.remediate.model import Act, Manual, Reading, Request, Undoing
from crenel.remediate.spec import Breaks, Fix
from crenel.remediate.templates import Expression, filled

from .samples import TEXT, sample

ACTS = acts()
FIXES = declarations().fixes
ACTIONS = {(kind, name): action for kind, found in declarations().actions.items() for name, action in found.items()}
POLICIES = {policy.name: policy for policy in builtin_policies()}
PLACE = {"account": "111122223333", "region": "eu-west-1", "partition": "aws"}
DOCUMENT = {"Version": "2012-10-17", "Statement": []}
# Arguments that are no text, by act (or by name, where all acts mean the same).
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "": {"document": DOCUMENT},
    "cloudtrail/select-events": {"selectors": [{"ReadWriteType": "All"}], "advanced": None},
    "config/put-recorder": {"group": {"allSupported": True}},
    "ec2/close-group-inbound": {"permissions": [{"IpProtocol": "-1"}]},
    "ec2/create-flow-log": {"interval": 60},
    "ec2/delete-flow-logs": {"ids": ["fl-1"]},
    "ec2/detach-volume": {"force": True},
    "ec2/stop-instance": {"force": True, "hibernate": False},
    "ec2/unshare-snapshot": {"permissions": [{"UserId": "111122223333"}]},
    "kms/schedule-key-deletion": {"days": 30},
    "messages/publish": {"attributes": {"mtype": {"DataType": "String", "StringValue": "maidmsg/1.0"}}},
    "s3/set-account-block": {"flags": {"BlockPublicAcls": True}},
    "s3/set-bucket-block": {"flags": {"BlockPublicAcls": True}},
    "tags/tag-bucket": {"tags": [{"Key": "a", "Value": "b"}]},
    "ec2/close-group-outbound": {"permissions": [{"IpProtocol": "-1"}]},
    "iam/set-password-policy": {"policy": {"MinimumPasswordLength": 14, "RequireSymbols": True}},
    "kms/cancel-key-deletion": {"days": "30"},
}
OPTIONAL = {"key", "arn"}  # arguments that an act does without
OPTIONAL_OF: Mapping[str, set[str]] = {
    "ec2/create-flow-log": {"kind", "destination", "group", "role", "format", "interval"},
}
_ARGUMENT = re.compile(r"\bargs\.(\w+)")
_MEMBER = re.compile(r"\banswer\.(\w+)")
_PLACE = re.compile(r"\{([^{}]+)\}")
_COLUMN = re.compile(r"\brow\.(\w+)")
_ROW = re.compile(r"\brow\.(?:\"([^\"]+)\"|(\w+))")
_OPTION = re.compile(r"\boptions\.(?:\"([^\"]+)\"|(\w+))")
_SETTING = re.compile(r"\bset\.(?:\"([^\"]+)\"|(\w+))")
_NOT_BEFORE_DOT = re.compile(r"!\w+\.")


def model_of(request: Request) -> OperationModel:
    return service_model(request.service).operation_model(request.operation)


def expressions(value: Any) -> Iterator[str]:
    """Every expression in an act, a fix or a part of one."""
    if isinstance(value, Expression):
        yield value.text
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from expressions(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from expressions(item)
    elif hasattr(value, "__dataclass_fields__"):
        for one in fields(value):
            yield from expressions(getattr(value, one.name))


def arguments(act: Act) -> dict[str, Any]:
    """Sample arguments of an act: all that its expressions name."""
    named = {name: TEXT for text in (*expressions(act), act.title) for name in _ARGUMENT.findall(text)}
    known = {name: value for name, value in ARGUMENTS[""].items() if name in named}
    return {**named, **PLACE, **known, **ARGUMENTS.get(act.name, {})}


def readings(act: Act) -> list[Reading]:
    return [act.reading, *(check.reading for check in act.checks)]


def state_of(act: Act, reading: Reading) -> Any:
    """The state that a read of an act takes out of an answer that has everything."""
    answer = sample(model_of(reading.request).output_shape)
    return reading.take.of({"answer": answer, "args": arguments(act)})


def valid(request: Request, context: Mapping[str, Any]) -> None:
    """Fill a request in and hold it against its model: no member unknown, missing or of another type."""
    shape = model_of(request).input_shape
    params = filled(request.params, context)
    if shape is None:
        assert params == {}, request.name
        return
    report = ParamValidator().validate(params, shape)
    assert not report.has_errors(), f"{request.name} {params}: {report.generate_report()}"


@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
def test_an_act_and_its_reads_are_calls_that_aws_knows(act: Act) -> None:
    context = {"args": arguments(act), "state": state_of(act, act.reading)}
    valid(act.request, context)
    for reading in readings(act):
        valid(reading.request, context)
        assert reading.request.operation.startswith(("Get", "List", "Describe")), reading.request.name


@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
def test_an_acts_read_takes_what_the_answer_has(act: Act) -> None:
    for reading in readings(act):
        output = model_of(reading.request).output_shape
        assert output is not None
        assert {*_MEMBER.findall(reading.take.text)} <= {*output.members}, reading.take.text
        # A filter on a word of AWS's finds nothing in made-up texts, which are no JSON either.
        if "[?" not in reading.take.text and "parsed(" not in reading.take.text:
            assert state_of(act, reading) is not None, reading.take.text


@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
def test_an_absence_is_an_error_that_the_read_has(act: Act) -> None:
    """S3's, IAM's and EC2's models leave some out, which the documentation has."""
    unmodelled = {"InvalidGroup.NotFound", "InvalidInstanceID.NotFound", "InvalidSnapshot.NotFound",
                  "InvalidVolume.NotFound", "NoSuchTagSet",
                  "NoSuchPublicAccessBlockConfiguration", "ServerSideEncryptionConfigurationNotFoundError",
                  "NoSuchBucketPolicy", "NoSuchEntity", "404"}  # fmt: skip
    for reading in readings(act):
        shapes = model_of(reading.request).error_shapes
        known = {shape.name for shape in shapes} | {
            str(shape.metadata.get("error", {}).get("code")) for shape in shapes
        }
        assert {*reading.absent} <= known | unmodelled, reading.request.name


@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
def test_an_inverse_is_there_and_is_a_call_that_aws_knows(act: Act) -> None:
    if act.undoing is Undoing.YES:
        assert act.undo
    if act.undoing is not Undoing.YES:
        assert act.lost, "what can't be taken back is said"
    before = state_of(act, act.reading)
    made = before if isinstance(before, list) else []
    for request in act.undo:
        context = {"args": arguments(act), "before": before, "after": before, "made": made}
        if request.when is None or request.when.true(context):
            valid(request, context)


@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
def test_an_act_is_judged_by_its_state_without_stumbling(act: Act) -> None:
    """Whatever the state is, nothing there among it."""
    for state in (state_of(act, act.reading), None):
        context = {"args": arguments(act), "state": state}
        act.done.true(context)
        if act.never is not None:
            act.never.true(context)
    if act.never is not None:
        assert act.refusal


@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
def test_an_act_asks_for_permissions_of_services_that_there_are(act: Act) -> None:
    derived = {request.name.replace("s3control", "s3") for request in (act.request, *act.undo)}
    prefixes = {row["prefix"] for row in facts()["iam-service-prefix"].rows}
    for permission in act.permissions or derived:
        service, _, action = permission.partition(":")
        assert service in prefixes
        assert re.fullmatch(r"[A-Z]\w+", action)
    if act.resource is not None:
        arn = act.resource.of({"args": arguments(act)})
        assert arn == TEXT or str(arn).startswith("arn:aws:")


def test_no_expression_says_not_of_a_path_without_brackets() -> None:
    """In JMESPath ``!args.key`` is ``(!args).key``, which is nothing."""
    told = [*expressions([*ACTS.values()]), *expressions([*FIXES.values()]), *expressions([*ACTIONS.values()])]
    assert [text for text in told if _NOT_BEFORE_DOT.search(text)] == []


@pytest.mark.parametrize("name", [name for name, policy in POLICIES.items() if policy.practice])
def test_every_practice_has_a_repair_of_acts_and_arguments_that_there_are(name: str) -> None:
    fix = FIXES[name]
    assert fix.steps or fix.builder or fix.manual
    assert not fix.builder or fix.builder in BUILDERS
    for step in fix.steps:
        required = {*arguments(step.act)} - {*PLACE} - OPTIONAL
        assert required <= {*step.args}, f"{step.act.name} lacks {required - {*step.args}}"
        assert step.seen is not None


@pytest.mark.parametrize(("kind", "name"), list(ACTIONS), ids=["-".join(key) for key in ACTIONS])
def test_an_action_is_one_of_a_type_with_columns_options_and_arguments_that_there_are(kind: str, name: str) -> None:
    action = ACTIONS[kind, name]
    assert kind == "*" or kind in catalog()
    assert action.fix.steps or action.fix.builder
    assert action.fix.manual is None
    told = [*expressions(action), *(place for text in texts([*_words(action.fix)]) for place in _PLACE.findall(text))]
    columns = {*collected_columns(catalog()[kind], sorted(catalog()[kind].details))} if kind != "*" else set()
    for text in told:
        named = {first or second for first, second in _ROW.findall(text)}
        assert {each for each in named if not each.startswith("_")} <= columns, text
        assert {first or second for first, second in _OPTION.findall(text)} <= {*action.options, "edits"}, text
    for step in action.fix.steps:
        required = {*arguments(step.act)} - {*PLACE} - OPTIONAL - OPTIONAL_OF.get(step.act.name, set())
        assert required <= {*step.args}, f"{step.act.name} lacks {required - {*step.args}}"
        assert step.seen is not None
    for option, each in action.options.items():
        assert option != "type"
        assert not each.words or each.default is None or each.default in each.words


def test_every_builder_is_used_and_reads_types_that_there_are() -> None:
    used = [*FIXES.values(), *(action.fix for action in ACTIONS.values())]
    assert {fix.builder for fix in used} - {""} == {*BUILDERS}
    for builder in BUILDERS.values():
        for kind, columns in builder.needs.items():
            assert {*columns} <= {*catalog()[kind].details}, kind


def test_a_fix_is_one_of_a_policy_that_there_is() -> None:
    assert {*FIXES} <= {*POLICIES}


@pytest.mark.parametrize("name", list(FIXES))
def test_the_texts_of_a_fix_name_columns_and_settings_that_there_are(name: str) -> None:
    fix, kind = FIXES[name], catalog()[POLICIES[name].resource]
    columns = {*collected_columns(kind, sorted(kind.details))}
    for place in (
        found for text in texts([fix.manual, fix.breaks, fix.cost, *_words(fix)]) for found in _PLACE.findall(text)
    ):
        text = Expression(place).text
        assert {*_COLUMN.findall(text)} <= columns, text
        assert {first or second for first, second in _SETTING.findall(text)} <= {*fix.parameters}, text


def _words(fix: Fix) -> Iterator[Any]:
    """What the steps of a fix say to people; an act's own texts speak of no row."""
    yield from ((step.title, step.changes, step.cost) for step in fix.steps)


def texts(value: Any) -> Iterator[str]:
    """Every text in a declaration."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)
    elif isinstance(value, Manual | Breaks):
        yield from texts([getattr(value, one.name) for one in fields(value)])


@pytest.mark.parametrize("name", list(FIXES))
def test_every_repair_and_setting_stands_in_the_documentation(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "repairs.md").read_text("utf-8")
    assert f"- `{name}` (" in page
    for setting in FIXES[name].parameters:
        assert f"`{setting}`" in page
