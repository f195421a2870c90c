"""What is kept of environments, containers and clusters, where passwords lie beside what policies ask."""

from __future__ import annotations

import json
from typing import Any

from crenel.catalog.columns import service_model
from crenel.catalog.load import catalog
from crenel.collect.secrets import treatment
from crenel.collect.spool import Spool
from crenel.collect.unit import read_unit

from .fakes import context, denied

_ENVIRONMENTS = {"Environments": [{"EnvironmentName": "env1", "ApplicationName": "app"}]}
_STREAM = {"Namespace": "aws:elasticbeanstalk:cloudwatch:logs", "OptionName": "StreamLogs", "Value": "true"}


def read(tmp_path, kind: str, answers: dict[str, Any], detail: str) -> tuple[list[Any], Any, list[Any]]:
    spool = Spool(tmp_path)
    wanted = frozenset(each.name for each in catalog()[kind].with_needs(frozenset({detail})))
    with context(kind, answers, "us-east-1", details=wanted) as unit:
        record = read_unit(unit, spool)
        rows = [json.loads(line) for line in spool.rows_file(record.unit).read_text().splitlines()]
        return rows, record, unit.target.caller.asked


def environment(tmp_path, settings: Any) -> tuple[list[Any], Any, list[Any]]:
    answers = {
        "elasticbeanstalk:DescribeEnvironments": _ENVIRONMENTS,
        "elasticbeanstalk:DescribeConfigurationSettings": settings,
    }
    return read(tmp_path, "elasticbeanstalk-environment", answers, "OptionSettings")


def test_of_an_environments_options_no_secret_is_kept(tmp_path) -> None:
    secrets = [
        {"Namespace": "aws:elasticbeanstalk:application:environment", "OptionName": "TOKEN", "Value": "hunter2"},
        {"Namespace": "aws:rds:dbinstance", "OptionName": "DBPassword", "Value": "hunter2"},
    ]
    rows, record, calls = environment(tmp_path, {"ConfigurationSettings": [{"OptionSettings": [*secrets, _STREAM]}]})

    assert record.gaps == ()
    assert rows[0]["OptionSettings"] == [_STREAM]
    assert calls[1][1] == {"ApplicationName": "app", "EnvironmentName": "env1"}


def test_what_runs_counts_and_not_what_is_being_deployed(tmp_path) -> None:
    settings = [
        {"DeploymentStatus": "pending", "OptionSettings": [{**_STREAM, "Value": "false"}]},
        {"DeploymentStatus": "deployed", "OptionSettings": [{**_STREAM, "ResourceName": "x"}]},
    ]
    rows, _, _ = environment(tmp_path, {"ConfigurationSettings": settings})

    assert rows[0]["OptionSettings"] == [_STREAM]


def test_options_that_are_denied_are_a_gap(tmp_path) -> None:
    call = "elasticbeanstalk:DescribeConfigurationSettings"
    rows, record, _ = environment(tmp_path, lambda *_: denied(call, "AccessDenied"))

    assert [gap.detail for gap in record.gaps] == ["OptionSettings"]
    assert "OptionSettings" not in rows[0]


def test_environment_variables_of_containers_keep_their_names_alone() -> None:
    answer = {"taskDefinition": {"containerDefinitions": [{"environment": [{"name": "TOKEN", "value": "hunter2"}]}]}}
    shape = service_model("ecs").operation_model("DescribeTaskDefinition").output_shape
    masks = treatment("ecs", shape)

    assert masks is not None
    masks.apply(answer)

    [container] = answer["taskDefinition"]["containerDefinitions"]
    assert container["environment"] == [{"name": "TOKEN", "value": "(masked)"}]


def test_no_column_of_a_cluster_has_its_configurations(tmp_path) -> None:
    cluster = {"ReleaseLabel": "emr-7.0.0", "Configurations": [{"Properties": {"password": "hunter2"}}]}
    answers = {
        "emr:ListClusters": {"Clusters": [{"Id": "j-1", "Name": "c"}]},
        "emr:DescribeCluster": {"Cluster": {**cluster, "KerberosAttributes": {"KdcAdminPassword": "hunter2"}}},
    }
    rows, record, _ = read(tmp_path, "emr", answers, "cluster")

    assert record.gaps == ()
    assert rows[0]["ReleaseLabel"] == "emr-7.0.0"
    assert "hunter2" not in json.dumps(rows)
