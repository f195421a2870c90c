"""Whose account it is: credentials by the ordinary chain, and the account behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)
from botocore.loaders import Loader
from botocore.session import Session

from crenel.collect.calls import EXPIRED, Caller, Patience
from crenel.collect.limits import Limits, rates
from crenel.errors import CallError, CredentialsError, UsageError, did_you_mean
from crenel.model import Account

_START = "us-east-1"
# Where a partition's global services are asked; others are looked up in botocore's data.
_HOMES = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
_UNREACHED = frozenset({"ConnectionError", "Timeout", "InvalidResponse"})


@dataclass(frozen=True, slots=True)
class Target:
    """An account that a scan reads.

    `home_region` is where the partition's global services are asked, `start_region` the Region that the profile names.
    """

    account: Account
    caller: Caller
    home_region: str
    start_region: str

    def close(self) -> None:
        """Close the account's connections, once its scan is over."""
        self.caller.close()


def open_profiles(
    profiles: Sequence[str], *, limits: Limits | None = None, patience: Patience | None = None
) -> tuple[list[Target], dict[str, UsageError]]:
    """Find the accounts behind profiles (none: the ordinary chain of credentials), each account once.

    The chain is AWS's own: environment, profile, SSO, web identity, container or instance role. `limits` is shared by
    all accounts (default: the shipped rates). Beside the accounts, the answer says which of several profiles could not
    be opened, and why. Raises `CredentialsError` where none can be had, where AWS refuses them all, and for a profile
    that no configuration file has; `UsageError` where AWS can't be reached.
    """
    shared = limits or Limits(rates())
    found: dict[str, Target] = {}
    failures: dict[str, UsageError] = {}
    for profile in profiles:
        _known(profile)
    for profile in profiles or [""]:
        try:
            target = _open(profile, shared, patience)
        except UsageError as error:
            failures[profile] = error
        else:
            found.setdefault(target.account.id, target)
    if not found:
        raise next(iter(failures.values()))
    return list(found.values()), failures


def open_given(
    profile: str, account: str, region: str, *, limits: Limits | None = None, patience: Patience | None = None
) -> Target:
    """Open an account whose number is given, without a call; its partition is the Region's.

    `profile` and `region` may be empty: the ordinary chain of credentials, and the Region that it names. Raises
    `CredentialsError` where there are no credentials.
    """
    if profile:
        _known(profile)
    session = _session(profile)
    start = region or str(session.get_config_variable("region") or _START)
    partition = partition_of(start)
    caller = Caller(session, account, limits=limits or Limits(rates()), patience=patience)
    return Target(Account(account, partition), caller, home_region(partition), start)


def partition_of(region: str) -> str:
    """Return the partition that a Region is in, by its name; the commercial one where no partition has such names."""
    partitions = Loader().load_data("partitions")["partitions"]
    return next((str(one["id"]) for one in partitions if re.match(one["regionRegex"], region)), "aws")


def _known(profile: str) -> None:
    known = Session().available_profiles
    if profile not in known:
        raise CredentialsError(
            f"there is no AWS profile {profile!r}.",
            suggestion=did_you_mean(profile, known) or "`aws configure list-profiles` names them.",
        )


def _open(profile: str, limits: Limits, patience: Patience | None) -> Target:
    session = _session(profile)
    region = str(session.get_config_variable("region") or _START)
    asking = Caller(session, limits=limits, patience=patience)
    try:
        answer = asking.call("sts", "GetCallerIdentity", {}, region)
    except CallError as error:
        raise _refused(error, asking, region, profile) from error
    finally:
        asking.close()  # it has no account, so the scan gets a caller of its own
    account = Account(str(answer["Account"]), str(answer["Arn"]).split(":")[1])
    caller = Caller(session, account.id, limits=limits, patience=patience)
    return Target(account, caller, home_region(account.partition), region)


def home_region(partition: str) -> str:
    """Return the Region where a partition's global services are asked."""
    if partition in _HOMES:
        return _HOMES[partition]
    for known in Loader().load_data("partitions")["partitions"]:
        if known["id"] == partition:
            return str(known["outputs"]["implicitGlobalRegion"])
    return _START


def _session(profile: str) -> Session:
    """Return a botocore session that has credentials."""
    session = Session(profile=profile or None)
    try:
        credentials = session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()
    except ProfileNotFound as error:
        raise CredentialsError(
            f"there is no AWS profile {profile or session.profile!r}.",
            suggestion=did_you_mean(profile, session.available_profiles) or "`aws configure list-profiles` names them.",
        ) from error
    except SSOError as error:
        login = f"aws sso login --profile {profile}" if profile else "aws sso login"
        raise CredentialsError(f"the SSO session is not signed in: {error}", suggestion=f"Run `{login}`.") from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise _none(str(error)) from error
    except (BotoCoreError, ClientError) as error:
        raise CredentialsError(f"no AWS credentials could be had: {error}") from error
    if credentials is None:
        raise _none("no AWS credentials were found.")
    return session


def _none(message: str) -> CredentialsError:
    return CredentialsError(
        message,
        suggestion="Set AWS_PROFILE or --profile, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`.",
    )


def _refused(error: CallError, caller: Caller, region: str, profile: str) -> UsageError:
    """Return what the failure to learn whose account it is means for the user."""
    if error.code in _UNREACHED:
        custom = caller.endpoints.custom("sts")
        where = custom or f"sts in {region}"
        hint = "Is AWS_ENDPOINT_URL right, and does it run?" if custom else "Check the network and the proxy settings."
        return UsageError(f"can't reach AWS at {where}: {error.detail}", suggestion=hint)
    whose = f"of the profile {profile}" if profile else "in use"
    if error.code in EXPIRED:
        return CredentialsError(
            f"the AWS credentials {whose} have expired.", suggestion="Renew them, for example with `aws sso login`."
        )
    return CredentialsError(
        f"AWS refuses the credentials {whose} in {region}: {error.code}: {error.detail}",
        suggestion="For GovCloud or China, set a Region of that partition (AWS_DEFAULT_REGION).",
    )
