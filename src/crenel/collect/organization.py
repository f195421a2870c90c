"""What the organization says of an account that can't be opened: a suspended one is no gap in the scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from botocore.session import Session

from crenel.collect.session import Target
from crenel.errors import CallError, UsageError
from crenel.model import GLOBAL, Coverage, Gap

SUSPENDED = "suspended"

_CLOSED = frozenset({"SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION"})


def account_of(profile: str) -> str:
    """Return the number of the account that a profile leads to by its settings, empty where they don't say."""
    settings = Session(profile=profile).get_scoped_config()
    role = str(settings.get("role_arn", ""))
    return role.split(":")[4] if role.startswith("arn:") else str(settings.get("sso_account_id", ""))


def suspended(account: str, targets: Sequence[Target]) -> Coverage | None:
    """Return that an account is suspended, where one of the opened accounts may ask its organization and hears so.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html has the states.
    """
    for target in targets:
        try:
            answer = target.caller.call("organizations", "DescribeAccount", {"AccountId": account}, target.home_region)
        except CallError:
            continue  # not its organization, or not its right: then the account stays one that could not be opened
        found = answer.get("Account", {})
        state = found.get("State") or found.get("Status")
        if state in _CLOSED:
            return Coverage(account, GLOBAL, SUSPENDED, f"Account {account} is {state} in its organization.")
    return None


def unopened(failures: Mapping[str, UsageError], targets: Sequence[Target]) -> tuple[list[Coverage], list[Gap]]:
    """Return what is to be said of the profiles that could not be opened: suspended, or a gap of the scan."""
    covered: list[Coverage] = []
    gaps: list[Gap] = []
    for profile, error in failures.items():
        account = account_of(profile)
        state = suspended(account, targets) if account else None
        if state is not None:
            covered.append(state)
        else:
            gaps.append(_gap(account or f"profile {profile}", error))
    return covered, gaps


def _gap(account: str, error: UsageError) -> Gap:
    return Gap(
        account=account,
        region=GLOBAL,
        type="account",
        detail="Credentials",
        resource="",
        call="sts:GetCallerIdentity",
        permission="",
        code=type(error).__name__,
        message=error.message,
        at=datetime.now(UTC),
    )
