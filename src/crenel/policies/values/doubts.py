"""Comparisons that can't be meant so: Cloud Custodian takes them, and they match nothing, or nearly everything."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace

from crenel.catalog.columns import JSON, ListOf, MapOf, Scalar, Struct, Type
from crenel.errors import did_you_mean
from crenel.language.plan import Constant, Literal, Value
from crenel.language.walking import kind_of
from crenel.policies.constants import told
from crenel.policies.context import Context, Mistakes
from crenel.policies.keys.key import shown
from crenel.policies.values.operations import ORDERS
from crenel.positions import Located

_TIME_NAMES = re.compile(
    "date|time|creat|updat|modif|start|end|expir|since|until|last|next|age|stamp|launch|seen|used|rotat|[a-z](At|On)$",
    re.IGNORECASE,
)
_KEYWORDS = ("absent", "present", "not-null", "empty")
_TOLD = 10  # values of a list of which each is told by itself
_NAMED = 3
# The Python types of what can equal a single value of a kind.
_FITS: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "boolean": bool,
    "integer": (int, float),
    "number": (int, float),
}


def doubt(  # noqa: C901, PLR0912 (a case a value_type)
    context: Context, left: Value, right: Value, at: Located, op: str, value_type: str, key: Located
) -> None:
    """Note what is wrong with a comparison, if anything is. Raises it where Custodian is not to be copied."""
    if not isinstance(right, Literal) or isinstance(left, Literal):
        return
    kind = kind_of(left)
    word = right.value if isinstance(right.value, str) and right.value in _KEYWORDS else None
    if word:
        _of_keyword(context, word, at, op, value_type)
        return
    _nearly_keyword(context, kind, right.value, at, op)
    match value_type:
        case "":
            _of_kind(context, kind, right.value, at, op)
        case "normalize":
            if str(kind) not in ("text", "json"):
                context.mistake(key.error(f"normalize works on texts, and this key is {shown(kind)}."))
            elif (
                isinstance(right.value, str) and right.value != right.value.strip().lower() and not op.startswith("re")
            ):
                context.mistake(at.error(f'"{right.value}" is not in lower case: no normalized text equals it.'))
        case "age" | "days-since" | "expiration" | "date":
            if not isinstance(kind, Scalar) or kind.kind == "boolean" or not _maybe_time(kind, key):
                context.mistake(key.error(f"an age needs a time, and this key is {shown(kind)}."))
            if value_type in ("age", "expiration") and not op:
                context.mistake(at.error("without op an age has to be equal to the microsecond.", "Say op: gt or lt."))
        case "size" | "unique_size":
            if isinstance(kind, Scalar) and kind.kind not in ("text", "json"):
                context.mistake(key.error(f"only lists, maps and texts have a length, and this key is {shown(kind)}."))
            if not isinstance(right.value, (int, float, tuple)):
                context.mistake(at.error(f"a size is a number, and {told(right.value)} never equals one."))
        case "swap":
            _of_swap(context, kind, right.value, at, op)
        case "integer" | "float" | "cidr_size":
            if not isinstance(right.value, (int, float, tuple)):
                context.mistake(at.error(f"{told(right.value)} is no number, and the key's value is made one."))


def _maybe_time(kind: Scalar, key: Located) -> bool:
    """Return whether a key may hold times. AWS gives some as texts or numbers, and then the name tells."""
    name = str(key.value)
    return kind.kind in ("timestamp", "date", "json") or name.startswith("tag:") or bool(_TIME_NAMES.search(name))


def _of_keyword(context: Context, word: str, at: Located, op: str, value_type: str) -> None:
    if op and ORDERS.get(op) != "eq":
        context.mistake(
            at.error(
                f'"{word}" with op {op} would match nearly everything: Cloud Custodian tests the keyword first.',
                "Leave op out, or say the opposite keyword.",
            )
        )
    elif value_type in ("age", "days-since", "expiration", "swap", "date", "cidr", "version"):
        raise at.error(f'"{word}" does not go with the value_type {value_type}.', "Leave value_type out.")
    elif value_type in ("size", "integer", "float", "unique_size", "cidr_size") and word in ("absent", "present"):
        what = "never absent" if word == "absent" else "always present"
        context.mistake(at.error(f"what the value_type {value_type} makes of a value is {what}.", "Say empty."))


def _nearly_keyword(context: Context, kind: Type, value: Constant, at: Located, op: str) -> None:
    """Note a text that is likely to be a keyword misspelt: it is compared with as it stands."""
    if not isinstance(value, str) or (op and ORDERS.get(op) not in ("eq", "ne")):
        return
    if isinstance(kind, Scalar) and value in kind.enum:
        return
    plain = re.sub(r"[\s_]", "-", value.strip().lower())
    near = difflib.get_close_matches(plain, _KEYWORDS, n=1, cutoff=0.8)
    if near:
        context.warning(at.error(f'"{value}" is compared with as a text.', f'Did you mean the keyword "{near[0]}"?'))


def _of_kind(  # noqa: C901 (a case an op)
    context: Context, kind: Type, value: Constant, at: Located, op: str
) -> None:
    match op:
        case "" | "eq" | "equal" | "ne" | "not-equal":
            _of_equality(context, kind, value, at)
        case "in" | "not-in" | "ni":
            if isinstance(value, tuple):
                _of_membership(context, kind, value, at)
            elif not isinstance(value, str):
                context.mistake(at.error(f"{op} needs a list, or a text to look in."))
        case "contains":
            _of_containment(context, kind, value, at, op)
        case "intersect" | "difference":
            if not isinstance(value, (tuple, str)):
                context.mistake(at.error(f"{op} needs a list."))
            if isinstance(kind, Scalar) and kind.kind not in ("text", "json"):
                context.mistake(at.error(f"{op} works on lists, and this key is {shown(kind)}."))
        case "regex" | "regex-case" | "glob":
            if str(kind) not in ("text", "json"):
                context.mistake(at.error(f"{op} works on texts, and this key is {shown(kind)}."))
            if not isinstance(value, str):
                context.mistake(at.error(f"{op} needs a text."))
        case "mod":
            if kind != JSON and not (isinstance(kind, Scalar) and kind.kind in ("integer", "number")):
                context.mistake(at.error(f"mod works on numbers, and this key is {shown(kind)}."))
        case _:
            _of_order(context, kind, value, at)


def _of_membership(context: Context, kind: Type, values: tuple[Constant, ...], at: Located) -> None:
    """Note what is wrong with the values of a list, at the first few by themselves, at the others in one sentence."""
    allowed = frozenset(kind.enum) if isinstance(kind, Scalar) else frozenset[str]()
    unknown = [each for each in values if allowed and isinstance(each, str) and each not in allowed]
    words = [each for each in values if each in _KEYWORDS and not allowed]
    if words:
        what = f"{told(words[0])} is a text where it stands in a list, and no keyword."
        context.warning(at.error(what, "Give the keyword a filter of its own, beside this one under `or`."))
    found = Mistakes()
    for each in values:
        if not (allowed and isinstance(each, str)):
            _of_equality(replace(context, mistakes=found), kind, each, at)
    errors = list({error.message: error for error in found.errors}.values())
    for error in errors[:_TOLD]:
        context.mistake(error)
    if len(errors) > _TOLD:
        context.mistake(at.error(f"{len(errors) - _TOLD:,} more values of this list never equal one either."))
    near = [each for each in unknown[:_TOLD] if did_you_mean(each, allowed)]
    for each in near:
        _of_equality(context, kind, each, at)
    rest = [each for each in unknown if each not in near]
    if rest and isinstance(kind, Scalar):
        more = f" and {len(rest) - _NAMED:,} more" if len(rest) > _NAMED else ""
        what = f"{'value' if len(rest) == 1 else 'values'} {', '.join(map(told, rest[:_NAMED]))}{more}"
        context.warning(at.error(f"AWS has no {what} here.", f"There are {', '.join(kind.enum[:12])}."))


def _of_equality(context: Context, kind: Type, value: Constant, at: Located) -> None:
    if value is None or kind == JSON:
        return
    match kind:
        case Scalar():
            allowed = _FITS.get(kind.kind)
            if allowed is None:
                hint = "Use value_type age, expiration or date."
                context.mistake(at.error(f"this key is a {kind}, and {told(value)} never equals one.", hint))
            elif not isinstance(value, allowed) or (isinstance(value, bool) and kind.kind != "boolean"):
                context.mistake(at.error(f"this key is {kind}, and {told(value)} never equals one."))
            elif kind.enum and isinstance(value, str) and value not in kind.enum:
                hint = did_you_mean(value, kind.enum)
                error = at.error(f'AWS has no value "{value}" here.', hint or f"There are {', '.join(kind.enum[:12])}.")
                (context.mistake if hint else context.warning)(error)
        case ListOf() if not isinstance(value, tuple):
            hint = "Use a list-item filter, contains, or a keyword."
            context.mistake(at.error("this key is a list, which no single value equals.", hint))
        case MapOf() | Struct() if isinstance(value, (str, int, float, tuple)):
            context.mistake(
                at.error(f"this key is {shown(kind)}, which no single value equals.", "Name a key below it.")
            )


def _of_order(context: Context, kind: Type, value: Constant, at: Located) -> None:
    if value is None:
        context.mistake(at.error("nothing is greater or less than null."))
    elif kind != JSON:
        allowed = _FITS.get(kind.kind) if isinstance(kind, Scalar) else None
        if isinstance(kind, Scalar) and kind.kind in ("timestamp", "date"):
            context.mistake(
                at.error(f"this key is a {kind}, and {told(value)} is none.", "Use value_type age or date.")
            )
        elif allowed is None or not isinstance(value, allowed):
            context.mistake(at.error(f"this key is {shown(kind)}, and {told(value)} is neither greater nor less."))


def _of_containment(context: Context, kind: Type, value: Constant, at: Located, op: str) -> None:
    if isinstance(kind, Struct):
        if isinstance(value, str) and value not in kind.fields:
            context.mistake(at.error(f'this key is a structure without "{value}".', did_you_mean(value, kind.fields)))
        return
    of = kind.item if isinstance(kind, ListOf) else kind
    if JSON in (kind, of) or isinstance(kind, MapOf):
        return
    if not isinstance(of, Scalar) or (of is kind and of.kind != "text"):
        context.mistake(at.error(f"{op} works on texts and on lists of single values, and this key is {shown(kind)}."))
    elif not isinstance(value, _FITS.get(of.kind, ())) or (isinstance(value, bool) and of.kind != "boolean"):
        context.mistake(at.error(f"this key is {shown(kind)}, and {told(value)} is never in one."))


def _of_swap(context: Context, kind: Type, value: Constant, at: Located, op: str) -> None:
    if op in ("in", "not-in", "ni"):
        _of_containment(context, kind, value, at, op)
