"""The options of Elastic Beanstalk's environments, without those that hold secrets."""

from __future__ import annotations

from collections.abc import Sequence

from crenel.catalog.spec import Detail
from crenel.collect.context import UnitContext
from crenel.collect.rows import Row
from crenel.errors import CallError

_KEPT = (
    "aws:elasticbeanstalk:cloudwatch:logs",
    "aws:elasticbeanstalk:healthreporting:system",
    "aws:elasticbeanstalk:managedactions",
    "aws:elasticbeanstalk:managedactions:platformupdate",
)
_MEMBERS = ("Namespace", "OptionName", "Value")


def options(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill the options of the namespaces that policies ask of; environment variables and passwords are in others.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_DescribeConfigurationSettings.html
    """

    def ask(row: Row) -> None:
        params = {name: row.values[name] for name in ("ApplicationName", "EnvironmentName")}
        try:
            answer = context.call("elasticbeanstalk", "DescribeConfigurationSettings", params)
        except CallError as error:
            context.note(detail.name, [row], error, detail.permissions[0])
            return
        # While a change is being deployed there are two: what runs, and what is to.
        settings = [
            each for each in answer.get("ConfigurationSettings", ()) if each.get("DeploymentStatus") != "pending"
        ]
        row.values[detail.name] = [
            {name: option.get(name) for name in _MEMBERS}
            for each in settings[:1]
            for option in each.get("OptionSettings", ())
            if option.get("Namespace") in _KEPT
        ]

    context.each("elasticbeanstalk", ask, rows)
