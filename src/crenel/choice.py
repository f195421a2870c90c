"""What a scan asks: from frameworks, names and files to policies, their plans, and the words about both.

A policy is asked once for each set of parameters: the first such plan has no variant, each other one is named by what
differs (``max_unused_days=45``).
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from crenel.catalog.load import Catalog, catalog
from crenel.collect.sources import Sources
from crenel.errors import PolicyError, PolicyFileError, UsageError, did_you_mean
from crenel.frameworks.load import builtin_frameworks, framework
from crenel.frameworks.model import Asked, Framework
from crenel.language.plan import Plain
from crenel.language.policy import Plan
from crenel.model import Severity, Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.values.sources import ValueSources
from crenel.policies.written.load import builtin_names, builtin_policies, load_policies, policy_files
from crenel.policies.written.model import Policy
from crenel.positions.reading import read_text

PRACTICES = "practices"
EVERY = "all"  # stands for every built-in framework

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked: the policies, the plans made of them, and the frameworks that asked for them.

    `catalog` has what the policies add to the catalogue. `variants` says under which variant the plan of a control's
    policy is found, by (framework, control, index of the policy there); what was not chosen is not in it.
    """

    policies: tuple[Policy, ...]
    plans: tuple[Plan, ...]
    frameworks: tuple[Framework, ...]
    catalog: Catalog
    parameters: Mapping[str, Mapping[str, Plain]] = field(repr=False, hash=False)
    variants: Mapping[tuple[str, str, int], str | None] = field(repr=False, hash=False)

    def asked_with(self, framework: str, control: str, index: int) -> Mapping[str, Plain]:
        """Return the parameters with which a control asks the policy at an index of its own."""
        chosen = next(each for each in self.frameworks if each.id == framework)
        asked = next(each for each in chosen.controls if each.id == control).policies[index]
        return self.parameters[key_of(asked.policy, self.variants[framework, control, index])]

    def about(self) -> dict[str, list[Row]]:
        """Return what is to be kept beside the findings: rows of the tables `policies` and `controls`."""
        found = {"policies": list(self._policies())}
        if self.frameworks:
            found["controls"] = list(self._controls())
        return found

    def _policies(self) -> Iterator[Row]:
        by_name = {policy.name: policy for policy in self.policies}
        texts = {policy.name: text_of(policy) for policy in self.policies}
        for plan in self.plans:
            policy = by_name[plan.policy]
            kind = self.catalog[plan.table]
            yield (
                plan.policy,
                plan.variant,
                json.dumps(self.parameters[plan.key], default=str),
                plan.practice,
                plan.severity.value,
                plan.title,
                f"aws.{kind.reported_as}",
                policy.why,
                policy.remediation,
                list(policy.references),
                texts[policy.name],
                policy.builtin,
            )

    def _controls(self) -> Iterator[Row]:
        # Its own, and not what other frameworks make of it.
        severities = {policy.name: policy.severity for policy in self.policies}
        for chosen in self.frameworks:
            for place, control in enumerate(chosen.controls):
                asked = [
                    (each.policy, self.variants.get((chosen.id, control.id, index)))
                    for index, each in enumerate(control.policies)
                ]
                known = [severities[name] for name, _ in asked if name in severities]
                severity = control.severity or max(known, key=lambda each: each.rank, default=None)
                words = (chosen.id, chosen.name, chosen.version, control.section.id, control.section.title)
                more = (control.id, control.title, severity and severity.value, list(control.levels))
                for name, variant in dict.fromkeys(asked) or [(None, None)]:
                    yield (*words, *more, control.manual or None, place, name, variant)


@dataclass(slots=True)
class _Plan:
    """One policy with one set of parameters, and who asked for it."""

    policy: Policy
    params: Mapping[str, Plain]
    severities: list[Severity] = field(default_factory=list)
    asked_by: list[tuple[str, str, int]] = field(default_factory=list)


def choose(
    frameworks: Sequence[str] = (),
    names: Sequence[str] = (),
    practices: Sequence[int] = (),
    paths: Sequence[Path] = (),
    standard: Standard = Standard.FSBP,
) -> Choice:
    """Return what a scan asks.

    `frameworks` are ids, paths, or `EVERY`; without any, and without names and numbers, the practices are asked.
    `names` are patterns of policies' names, `practices` numbers: they narrow what the frameworks ask, and without
    frameworks choose among all policies. `paths` are files and folders of own policies, which are asked beside, and
    replace built-in ones of their names. `standard` says whose parameters hold where no framework does.

    Raises `PolicyError` for what does not load or compile, `UsageError` for a name, number or path that is not there.
    """
    own = _own(paths)
    chosen = _frameworks(frameworks, everything=bool(names or practices))
    wanted = _wanted(names, practices, own)
    policies = _Policies(own, standard)
    for each in chosen:
        policies.framework(each, wanted)
    if not chosen and wanted is not None:
        named = list(wanted)
    else:
        named = [name for name in own if wanted is None or name in wanted]
    policies.load(named)
    for name in named:
        policies.plan(name, standard)
    if wanted is not None and not policies.asked:
        raise UsageError(
            f"{', '.join(each.id for each in chosen)} asks for none of these policies.",
            suggestion="Leave out --framework to choose among all.",
        )
    return policies.choice(chosen)


def key_of(policy: str, variant: str | None) -> str:
    """Return what a plan is called."""
    return policy if variant is None else f"{policy} {variant}"


def text_of(policy: Policy) -> str:
    """Return a policy as it stands in its file, moved to the left."""
    where = policy.body.where
    lines = read_text(Path(where.file)).splitlines()[where.line - 1 : where.until[0]]
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] if not line[:indent].strip() else line for line in lines) + "\n"


def _own(paths: Sequence[Path]) -> dict[str, Policy]:
    own: dict[str, Policy] = {}
    for path in policy_files(paths):
        for policy in load_policies(path):
            if policy.name in own:
                raise policy.body.error(f'the policy "{policy.name}" stands in {own[policy.name].file} too.')
            own[policy.name] = policy
    return own


def _frameworks(asked: Sequence[str], *, everything: bool) -> tuple[Framework, ...]:
    """Return the frameworks, each once; `everything`: without one there is a choice among all policies."""
    if not asked:
        return () if everything else (framework(PRACTICES),)
    found: dict[str, Framework] = {}
    for name in dict.fromkeys(each for word in asked for each in (builtin_frameworks() if word == EVERY else [word])):
        each = framework(name)
        if each.id in found:
            raise UsageError(f"{found[each.id].file} and {each.file} are both the framework {each.id}.")
        found[each.id] = each
    return tuple(found.values())


def _wanted(names: Sequence[str], practices: Sequence[int], own: Mapping[str, Policy]) -> dict[str, None] | None:
    """Return the names of the policies that patterns and numbers choose, None where neither is given."""
    if not names and not practices:
        return None
    numbers = {policy.practice: policy.name for policy in own.values() if policy.practice}
    numbers = {int(control.id): control.policies[0].policy for control in framework(PRACTICES).controls} | numbers
    known = [*dict.fromkeys([*numbers.values(), *builtin_names(), *own])]
    found: dict[str, None] = {}
    for number in practices:
        if number not in numbers:
            raise UsageError(f"there is no practice {number}.", suggestion="`crenel policies list` names them.")
        found[numbers[number]] = None
    for pattern in names:
        fitting = [name for name in known if fnmatch.fnmatchcase(name, pattern)]
        if not fitting:
            raise UsageError(f'there is no policy "{pattern}".', suggestion=did_you_mean(pattern, known))
        found |= dict.fromkeys(fitting)
    return {name: None for name in known if name in found}


class _Policies:
    """Gathers which policies are asked with which parameters, and compiles each of them."""

    def __init__(self, own: Mapping[str, Policy], standard: Standard) -> None:
        self.loaded: dict[str, Policy] = dict(own)
        self.standard = standard
        self.asked: dict[str, dict[str, _Plan]] = {}  # by policy, by parameters

    def load(self, names: Sequence[str]) -> None:
        missing = [name for name in dict.fromkeys(names) if name not in self.loaded]
        self.loaded |= {policy.name: policy for policy in builtin_policies(missing)}

    def framework(self, chosen: Framework, wanted: Mapping[str, None] | None) -> None:
        """Take what a framework asks. Raises `PolicyError` where its file names a policy or a parameter wrongly."""
        known = {*builtin_names(), *self.loaded}
        asked = [(control, each) for control, each in chosen.asked() if wanted is None or each.policy in wanted]
        errors = [_no_policy(each, known) for _, each in chosen.asked() if each.policy not in known]
        self.load([each.policy for _, each in asked if each.policy in known])
        errors += [
            error for _, each in asked if each.policy in known for error in _wrong(each, self.loaded[each.policy])
        ]
        if errors:
            raise errors[0] if len(errors) == 1 else PolicyFileError(errors)
        standard = chosen.profile or self.standard
        for control, each in asked:
            plan = self.plan(each.policy, standard, each.params)
            plan.asked_by.append((chosen.id, control.id, control.policies.index(each)))
            if control.severity:
                plan.severities.append(control.severity)

    def plan(self, name: str, standard: Standard, params: Mapping[str, Plain] | None = None) -> _Plan:
        policy = self.loaded[name]
        whole = {key: values[standard] for key, values in policy.params.items()} | dict(params or {})
        key = json.dumps(whole, sort_keys=True, default=str)
        return self.asked.setdefault(name, {}).setdefault(key, _Plan(policy, whole))

    def choice(self, chosen: tuple[Framework, ...]) -> Choice:
        """Compile. Raises `PolicyError` for what can't be expressed."""
        values = ValueSources(Sources(None))  # files alone: no account is open yet
        compiler = PolicyCompiler(catalog(), facts(), self.standard, values_from=values)
        asked = (self.loaded[name] for name in self.asked)
        ordered = sorted(asked, key=lambda each: (each.practice is None, each.practice, each.name))
        plans: list[Plan] = []
        parameters: dict[str, Mapping[str, Plain]] = {}
        variants: dict[tuple[str, str, int], str | None] = {}
        for policy in ordered:
            first, *others = self.asked[policy.name].values()
            for each in (first, *others):
                variant = None if each is first else _variant(each.params, first.params)
                severity = max(each.severities, key=lambda severity: severity.rank, default=policy.severity)
                plan = compiler.compile(policy, params=each.params)
                plans.append(replace(plan, variant=variant, severity=severity))
                parameters[plans[-1].key] = each.params
                variants |= dict.fromkeys(each.asked_by, variant)
        return Choice(tuple(ordered), tuple(plans), chosen, compiler.catalog, parameters, variants)


def _variant(params: Mapping[str, Plain], first: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={_told(value)}" for key, value in sorted(params.items()) if value != first[key])


def _told(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _no_policy(asked: Asked, known: set[str]) -> PolicyError:
    return asked.item.error(
        f'there is no policy "{asked.policy}".',
        did_you_mean(asked.policy, known) or "Give the files of your own with --policies.",
        "unknown-value",
    )


def _wrong(asked: Asked, policy: Policy) -> Iterator[PolicyError]:
    """Yield what is wrong with the parameters that a control gives to a policy."""
    for key, value in asked.params.items():
        at = asked.given[key]
        if key not in policy.params:
            hint = did_you_mean(key, policy.params) or f"It has {', '.join(policy.params) or 'none'}."
            yield at.error(f"{policy.name} has no parameter {key}.", hint, "unknown-key")
            continue
        usual = policy.params[key][Standard.FSBP]
        if type(value) is not type(usual):
            yield at.error(
                f"{key} of {policy.name} has values like {json.dumps(usual, default=str)}.", code="wrong-type"
            )
