"""Policy files: which there are, and the policies in them. Every mistake of a file is found, not the first alone."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from crenel.errors import PolicyError, PolicyFileError, UsageError, did_you_mean
from crenel.policies.written.model import Policy, policy_of
from crenel.positions import Located, load_file

SUFFIXES = (".yml", ".yaml", ".json")


@dataclass(frozen=True, slots=True)
class Unread:
    """A policy that could not be read, and why."""

    body: Located
    errors: tuple[PolicyError, ...]

    def word(self, key: str) -> str:
        """Return the text under a key, or nothing where there is none."""
        item = self.body.value.get(key) if isinstance(self.body.value, dict) else None
        return item.value if item is not None and isinstance(item.value, str) else ""


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What a file gave: the policies that could be read, those that could not, and what is wrong, or is likely to
    surprise, around them.
    """

    path: Path
    policies: tuple[Policy, ...] = ()
    unread: tuple[Unread, ...] = ()
    faults: tuple[PolicyError, ...] = ()
    warnings: tuple[PolicyError, ...] = ()

    @property
    def errors(self) -> tuple[PolicyError, ...]:
        """Everything that is wrong in the file."""
        return (*self.faults, *(error for each in self.unread for error in each.errors))


def builtin_names() -> list[str]:
    """Return the names of the policies that ship with Crenel: those of their files, none of which is read."""
    return sorted(_builtin_files())


def builtin_policies(names: Iterable[str] | None = None) -> list[Policy]:
    """Return the policies that ship with Crenel, the practices first. They are ordinary files, to be read and copied.

    `names`: these alone; the files of the others are not read. Raises `KeyError` for a name that there is not.
    """
    paths = _builtin_files()
    wanted = sorted(paths) if names is None else names
    found = [policy for name in wanted for policy in load_policies(paths[name], builtin=True)]
    return sorted(found, key=lambda policy: (policy.practice is None, policy.practice or 0, policy.name))


@lru_cache(maxsize=1)
def _builtin_files() -> Mapping[str, Path]:
    folder = Path(str(files("crenel.content") / "policies"))
    return {path.stem: path for path in folder.rglob("*.yaml")}


def policy_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the YAML and JSON files that paths name, folders searched whole but for hidden ones.

    Raises `UsageError` for a path that is not there.
    """
    for path in paths:
        if path.is_dir():
            below = (each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file())
            yield from sorted(each for each in below if not _hidden(each, path))
        elif path.exists():
            yield path
        else:
            raise UsageError(f"there is no policy file or folder {path}.")


def _hidden(path: Path, below: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(below).parts)


def load_variables(path: Path) -> dict[str, Any]:
    """Return the variables of a `--vars` file. Raises `PolicyError` where it is no mapping."""
    root = load_file(path)
    root.mapping("a file of variables")
    found: dict[str, Any] = root.plain()
    return found


def read_policies(path: Path, *, variables: Mapping[str, Any] | None = None, builtin: bool = False) -> PolicyFile:
    """Read a policy file; `variables` fill its text first, as Cloud Custodian's `--vars` does.

    Raises nothing of its own: what is wrong is in what is returned.
    """
    try:
        root = load_file(path, variables=variables)
        bodies, faults = _bodies(root)
    except PolicyError as error:
        return PolicyFile(path, faults=error.all())
    nothing = [] if bodies or faults else [root.key_error("policies", "this file has no policy.", code="no-policies")]
    found: dict[str, Policy] = {}
    unread: list[Unread] = []
    for body in bodies:
        try:
            policy = policy_of(body, builtin=builtin)
            if policy.name in found:
                raise body.error(f'the policy "{policy.name}" stands in this file twice.', code="duplicate-policy")
        except PolicyError as error:
            unread.append(Unread(body, error.all()))
            continue
        found[policy.name] = policy
    return PolicyFile(path, tuple(found.values()), tuple(unread), tuple(faults), tuple(nothing))


def _bodies(root: Located) -> tuple[list[Located], list[PolicyError]]:
    """Return the policies' bodies and what is wrong around them."""
    known = ("policies", "vars")
    items = root.mapping("a policy file")
    errors = [root.unknown_key(key, "a policy file", known) for key in items if key not in known]
    if "vars" in items and not isinstance(items["vars"].value, dict):
        errors.append(items["vars"].error("vars must be a mapping.", code="wrong-type"))
    if "policies" not in items:
        return [], errors or [root.error("a policy file needs `policies`.", code="missing-key")]
    return items["policies"].sequence("policies"), errors


def load_policies(path: Path, *, variables: Mapping[str, Any] | None = None, builtin: bool = False) -> list[Policy]:
    """Read a policy file. Raises `PolicyError` with everything that is wrong in it (`all()`), each with its place."""
    found = read_policies(path, variables=variables, builtin=builtin)
    if found.errors:
        raise found.errors[0] if len(found.errors) == 1 else PolicyFileError(found.errors)
    return list(found.policies)


def select(policies: Sequence[Policy], names: Sequence[str], practices: Sequence[int]) -> list[Policy]:
    """Return the policies that name patterns or practice numbers ask for, all where neither is given.

    Raises `UsageError` for a pattern or number that no policy has.
    """
    for name in names:
        if not any(fnmatch.fnmatchcase(policy.name, name) for policy in policies):
            raise UsageError(
                f'there is no policy "{name}".', suggestion=did_you_mean(name, [policy.name for policy in policies])
            )
    for number in practices:
        if not any(policy.practice == number for policy in policies):
            raise UsageError(f"there is no practice {number}.", suggestion="`crenel policies list` names them.")
    if not names and not practices:
        return list(policies)
    return [
        policy
        for policy in policies
        if policy.practice in practices or any(fnmatch.fnmatchcase(policy.name, name) for name in names)
    ]
