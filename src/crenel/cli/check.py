"""Every error in policy files, found without a call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crenel.catalog.load import catalog
from crenel.errors import PolicyError
from crenel.model import Standard
from crenel.policies.facts import facts
from crenel.policies.load import Policy, PolicyCompiler, load_policies, policy_files
from crenel.positions import describe


def check_files(paths: Sequence[Path]) -> tuple[int, list[str]]:
    """Load and compile the policies of files and folders for every standard.

    Returns how many there are, and the errors in words with the offending text underlined: of a file that does not load
    the first one, of the others one a policy. Raises `UsageError` where a path names nothing.
    """
    compilers = [PolicyCompiler(catalog(), facts(), standard) for standard in Standard]
    count = 0
    errors: list[str] = []
    names: dict[str, Policy] = {}
    for path in dict.fromkeys(policy_files(paths)):
        try:
            found = load_policies(path)
        except PolicyError as error:
            errors.append(describe(error))
            continue
        count += len(found)
        for policy in found:
            errors += _errors(policy, compilers)
            other = names.setdefault(policy.name, policy)
            if other is not policy:
                place = other.body.where
                errors.append(describe(policy.body.error(f'the policy "{policy.name}" stands in {place} already.')))
    return count, errors


def _errors(policy: Policy, compilers: Sequence[PolicyCompiler]) -> list[str]:
    """Return the policy's errors; one that it has under every standard once."""
    found: dict[str, None] = {}
    for compiler in compilers:
        try:
            compiler.compile(policy)
        except PolicyError as error:
            found[describe(error)] = None
    return list(found)
