"""Filters of databases, queues, functions and clusters: what they refuse, and what they read. What they match is in
`conformance/data.yaml`.
"""

import pytest

from crenel.catalog.load import catalog
from crenel.errors import PolicyError
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.context import Mistakes
from crenel.policies.facts import facts
from crenel.policies.reads import needs_of
from crenel.policies.written.model import policy_of
from crenel.positions import load_text


def compiled(kind: str, text: str, mistakes: Mistakes | None = None):
    compiler = PolicyCompiler(catalog(), facts(), Standard.FSBP)
    plan = compiler.compile(
        policy_of(load_text(f"name: x\nresource: aws.{kind}\nfilters: [{text}]", "here")), mistakes=mistakes
    )
    return plan, compiler.catalog


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("rds", "{type: db-parameter, key: a || b, value: 1}", "by their name"),
        ("rds", "{type: db-parameter, value: 1}", "needs `key`"),
        ("rds", "{type: db-parameter, key: a}", "needs `value`"),
        ("rds", "{type: upgrade-available, value: false}", "every instance matches"),
        ("rds", "{type: upgrade-available, major: yes-please}", "true or false"),
        ("rds", "{type: kms-alias, value: 1}", "needs `key`"),
        ("redshift", "{type: param, name: unheard-of}", "no parameter"),
        ("redshift", "{type: param, value: 1}", "needs `key`"),
        ("efs", "{type: lifecycle-policy, state: there}", "present"),
        ("ecr", "{type: lifecycle-rule, match: [{type: value, key: a, op: like, value: 1}]}", "no op"),
        ("ecs", "{type: ebs-storage, key: Encrypt, value: true}", "Encrypt"),
        ("ecs", "{type: ebs-storage, key: Encrypted, value: true, operator: any}", "operator is"),
        ("elasticsearch", "cross-cluster", "matches nothing"),
        ("elasticsearch", "{type: cross-cluster, inbound: {key: DomainName, value: x}}", "DomainName"),
        ("lambda", "{type: lambda-edge, state: on-the-edge}", "true or false"),
        ("lambda", "event-source", "needs `value`"),
        ("log-group", "{type: last-write, op: like, days: 1}", "can't be compared"),
    ],
)
def test_refuses(kind: str, text: str, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        compiled(kind, text)
    assert words in f"{caught.value.message} {caught.value.suggestion}"


@pytest.mark.parametrize(
    ("kind", "text"),
    [("rds", "{type: upgrade-available, value: false}"), ("elasticsearch", "cross-cluster")],
)
def test_what_custodian_takes_is_noted(kind: str, text: str) -> None:
    mistakes = Mistakes()
    compiled(kind, text, mistakes)
    assert len(mistakes.errors) == 1


@pytest.mark.parametrize(
    ("kind", "text", "details"),
    [
        ("rds", "{type: db-parameter, key: a, value: 1}", {"rds": {"DBParameters"}}),
        ("rds", "pending-maintenance", {"rds": {"c7n:PendingMaintenance"}}),
        ("rds", "{type: kms-alias, key: AliasName, value: a}", {"rds": set(), "kms": set()}),
        (
            "ecs",
            "{type: ebs-storage, key: Encrypted, value: true}",
            {"ecs": {"ContainerInstanceArns", "ContainerInstances", "Volumes"}},
        ),
        ("lambda", "lambda-edge", {"lambda": set(), "distribution": set()}),
        ("distribution", "mismatch-s3-origin", {"distribution": set(), "s3": {"Location"}}),
    ],
)
def test_reads_what_it_asks_about(kind: str, text: str, details: dict[str, set[str]]) -> None:
    plan, types = compiled(kind, text)
    assert {need.type: set(need.details) for need in needs_of([plan], types)} == details


def test_a_parameter_of_the_profile_is_asked_of_redshift_as_of_all() -> None:
    with pytest.raises(PolicyError, match="no parameter"):
        compiled("redshift", "{type: param, name: secure}")
