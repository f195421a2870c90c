"""Fixes and actions as declared: which acts close a finding, or do what a policy's `actions` say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crenel.remediate.model import Act, Manual
from crenel.remediate.templates import Expression


@dataclass(frozen=True, slots=True)
class FixStep:
    """An act of a fix. `args` is a template, `seen` the state that the snapshot shows of what the act changes.

    `each` makes one step of each of a list's items (`item` in the context). `changes` are (what, before, after), texts
    with ``{expressions}``; `title` is the act's where it is empty.
    """

    act: Act
    args: Mapping[str, Any] = field(hash=False)
    seen: Expression | None
    when: Expression | None = None
    each: Expression | None = None
    title: str = ""
    changes: tuple[tuple[str, str, str], ...] = ()
    cost: str = ""


@dataclass(frozen=True, slots=True)
class Breaks:
    """What may stop working, a text with ``{expressions}``; said where `when` is true."""

    text: str
    when: Expression | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a user may set with ``--set NAME=VALUE``. `default` None: nothing is set."""

    title: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """What closes a finding of a policy. A `builder`'s steps come where expressions can't say it.

    `manual` is what is left where no step comes out; with `also` it stands beside the steps.
    """

    steps: tuple[FixStep, ...] = ()
    breaks: tuple[Breaks, ...] = ()
    cost: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    manual: Manual | None = None
    also: bool = False
    builder: str = ""


@dataclass(frozen=True, slots=True)
class ActionOption:
    """One key of an action. `kind` is the kind of its value, `words` are all that it may say; `default` None: none.

    `unsupported` says why an action with this option is not planned: Cloud Custodian has it, and it can't be done here.
    """

    title: str
    kind: str = "any"
    words: tuple[str, ...] = ()
    required: bool = False
    default: Any = None
    unsupported: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a policy on a type: `options` says what may stand in it; the context of its steps has the given ones
    and the defaults as `options`.

    `valid` is an expression over the options that has to be true, `invalid` says what is wrong where it is not; `able`
    and `unable` say so of what Cloud Custodian does and Crenel does not.
    `edits`: ``set``, ``mark`` or ``drop``: the options name tags, and the steps have `options.edits`, a list of
    {key, value}, where no value takes the tag away. `together`: one for all of a policy's resources.
    """

    name: str
    options: Mapping[str, ActionOption] = field(hash=False)
    fix: Fix
    valid: Expression | None = None
    invalid: str = ""
    able: Expression | None = None
    unable: str = ""
    edits: str = ""
    together: bool = False


@dataclass(frozen=True, slots=True)
class Declarations:
    """All that the files say: acts by full name, fixes by policy, actions by resource type and name."""

    acts: Mapping[str, Act] = field(hash=False)
    fixes: Mapping[str, Fix] = field(hash=False)
    actions: Mapping[str, Mapping[str, Action]] = field(hash=False)
