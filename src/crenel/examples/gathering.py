"""Which examples there are: those that policies carry, those in files beside them, and files of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crenel.errors import PolicyError
from crenel.examples.format import SUFFIX, Example, examples_in, is_examples, load_examples
from crenel.examples.running import Result, named_policy, refused, run
from crenel.model import Standard
from crenel.policies.written.load import SUFFIXES, builtin_policies, policy_files, read_policies
from crenel.policies.written.model import Policy
from crenel.positions import load_file


@dataclass(frozen=True, slots=True)
class Case:
    """An example and its policy; or why that could not be read."""

    example: Example
    policy: Policy | None
    error: PolicyError | None = None

    def run(self, standard: Standard) -> Result:
        """Run the example; what is wrong is in the result."""
        if self.policy is not None:
            return run(self.example, self.policy, standard)
        if self.error is None:
            raise TypeError("a case has a policy or an error")
        return refused(self.example, self.error)


@dataclass(frozen=True, slots=True)
class Gathered:
    """All examples, in the order of files; the policies that have none; and what of the files can't be read."""

    cases: tuple[Case, ...]
    bare: tuple[Policy, ...]
    errors: tuple[PolicyError, ...]


def gather(paths: Sequence[Path]) -> Gathered:
    """Return the examples of files and folders, and of the files beside those that have policies.

    Raises `UsageError` for a path that is not there.
    """
    found = _Gathering()
    files = list(dict.fromkeys(policy_files(paths)))
    for path in files:
        if not _is_beside(path):
            found.file(path)
    for path in dict.fromkeys([*(path for path in files if _is_beside(path)), *_beside(files)]):
        found.beside(path)
    return found.gathered()


def _is_beside(path: Path) -> bool:
    return path.stem.endswith(SUFFIX)


def _beside(files: Sequence[Path]) -> Iterator[Path]:
    """Yield the files of examples that stand beside files of policies."""
    for path in files:
        for suffix in SUFFIXES:
            other = path.with_name(f"{path.stem}{SUFFIX}{suffix}")
            if not _is_beside(path) and other.exists():
                yield other


class _Gathering:
    """Reads files one by one; policies are known by name once their file is read."""

    def __init__(self) -> None:
        self.known = {policy.name: policy for policy in builtin_policies()}
        self.own: dict[str, Policy] = {}
        self.by_file: dict[Path, tuple[Policy, ...]] = {}
        self.read: list[tuple[Example, Policy | None]] = []
        self.errors: list[PolicyError] = []

    def file(self, path: Path) -> None:
        """Read a file of policies with their own examples, or a file of examples alone."""
        try:
            if is_examples(load_file(path)):
                self.read += [(example, None) for example in load_examples(path)]
                return
        except PolicyError as error:
            self.errors += error.all()
            return
        self.policies(path)

    def policies(self, path: Path) -> None:
        found = read_policies(path)
        self.errors += found.errors
        self.by_file[path] = found.policies
        self.own |= {policy.name: policy for policy in found.policies}
        for policy in found.policies:
            tests = policy.body.child("tests")
            if tests is None:
                continue
            try:
                self.read += [(example, policy) for example in examples_in(tests)]
            except PolicyError as error:
                self.errors += error.all()

    def beside(self, path: Path) -> None:
        """Read a file of examples that stands beside the policies that it is about."""
        stem = path.stem.removesuffix(SUFFIX)
        policy_file = next((other for suffix in SUFFIXES if (other := path.with_name(stem + suffix)).exists()), None)
        if policy_file is not None and policy_file not in self.by_file:
            self.policies(policy_file)
        beside = self.by_file.get(policy_file, ()) if policy_file is not None else ()
        try:
            examples = load_examples(path)
        except PolicyError as error:
            self.errors += error.all()
            return
        self.read += [(example, beside[0] if len(beside) == 1 else None) for example in examples]

    def gathered(self) -> Gathered:
        """Return all that was read, each example with its policy."""
        cases = tuple(self.case(example, policy) for example, policy in self.read)
        told = {case.policy.name for case in cases if case.policy}
        bare = tuple(policy for policy in self.own.values() if policy.name not in told)
        return Gathered(cases, bare, tuple(self.errors))

    def case(self, example: Example, default: Policy | None) -> Case:
        try:
            return Case(example, named_policy(example, self.known | self.own, default))
        except PolicyError as error:
            return Case(example, None, error)
