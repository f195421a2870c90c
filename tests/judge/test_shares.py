"""Plans of one table in groups, each for a query of its own."""

from crenel.catalog.load import catalog
from crenel.language.policy import Plan
from crenel.language.verdicts import shares
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.written.load import builtin_policies


def plans_on(table: str) -> list[Plan]:
    compiler = PolicyCompiler(catalog(), facts(), Standard.FSBP)
    return [compiler.compile(policy) for policy in builtin_policies() if policy.resource == table]


def test_plans_that_look_at_many_tables_are_parted_and_none_is_lost() -> None:
    plans = plans_on("account")
    groups = shares(plans)

    assert len(groups) > 1
    assert sorted(plan.key for group in groups for plan in group) == sorted(plan.key for plan in plans)


def test_plans_that_look_at_no_other_table_stay_together() -> None:
    plans = plans_on("guardduty-detector")

    assert shares(plans) == [plans]
