"""A plan in plain English: what it speaks of, and what makes a resource fail, as sentences that nest like the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from crenel.catalog.columns import ListOf
from crenel.language import phrases
from crenel.language.plan import (
    FALSE,
    TRUE,
    And,
    Compare,
    Const,
    CountItems,
    Field,
    Globs,
    Has,
    In,
    IsEmpty,
    IsNull,
    IsText,
    Kept,
    Leaf,
    Linked,
    Literal,
    Matches,
    Not,
    Op,
    Or,
    Overlap,
    Population,
    Predicate,
    Related,
    Truthy,
    Value,
)
from crenel.language.policy import Plan, Template
from crenel.language.records import Exactly, Fits
from crenel.language.walking import kind_of

_KEYWORDS = ("absent", "present", "not-null", "empty")
_OPPOSITE: Mapping[Op, Op] = {"eq": "ne", "ne": "eq", "lt": "ge", "le": "gt", "gt": "le", "ge": "lt"}
NEVER = "never matches"  # of a filter that can't
_LONGEST = 100  # letters of a sentence that has others inside
_IN_A_LINE = 2  # sentences


@dataclass(frozen=True, slots=True)
class Sentence:
    """A statement, and what it is made of where that is more than one line holds."""

    text: str
    parts: tuple[Sentence, ...] = ()
    joined: bool = field(default=False, compare=False)  # two of them in a line

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Yield it as an indented list."""
        yield f"{'  ' * depth}- {self.text}"
        for part in self.parts:
            yield from part.lines(depth + 1)

    def as_json(self) -> str | dict[str, object]:
        """Return it for machines: a text, or a text with its parts."""
        return {"text": self.text, "parts": [part.as_json() for part in self.parts]} if self.parts else self.text


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a policy: its heading, and the sentences below it."""

    heading: str
    sentences: tuple[Sentence, ...] = ()


def sections(
    plan: Plan, title: str, told: tuple[Sentence, ...] | None = None, *, selects: bool = False
) -> Iterator[Section]:
    """Yield what a plan says of the resources of its type (`title`: their name), in the order in which it decides.

    `told` is what makes a resource fail where that can be said better than by the plan. `selects`: the policy is one
    that selects resources, and does not judge them.
    """
    where = f"{title}, where" if "," in title else f"{title} where"
    if plan.scope != TRUE:
        yield Section(f"It speaks of {where}", listed(plan.scope))
    for clause in plan.not_applicable:
        if clause.when != FALSE:
            yield Section(f"It does not apply ({worded(clause.text)}) where", listed(clause.when))
    for clause in plan.unknown:
        if clause.when != FALSE:
            yield Section(f"It can't tell ({worded(clause.text)}) where", listed(clause.when))
    sentences = listed(plan.fails) if told is None else told
    if plan.fails == FALSE and any(NEVER in line for each in told or () for line in each.lines()):
        yield Section(f"It can't select any {title}.", sentences)
    elif plan.fails == FALSE and not selects:
        yield Section("None of them fails.", sentences)
    elif plan.fails == TRUE and not told:
        every = f"It selects all {title}." if selects else f"It fails all {title}."
        yield Section("Each of them fails." if plan.scope != TRUE else every)
    else:
        them = "those of them where" if plan.scope != TRUE else where
        yield Section(f"It {'selects' if selects else 'fails'} {them}", sentences)


def worded(text: Template) -> str:
    """Return a template with its values in braces, as policies write them."""
    parts = [part if isinstance(part, str) else f"{{{_placeholder(part)}}}" for part in text.parts]
    return "".join(parts).strip()


def _placeholder(value: Value) -> str:
    if isinstance(value, Field) and value.path and value.path[0] in phrases.OWN:
        return value.path[0].removeprefix("_")
    return phrases.phrase(value, inline)


def listed(node: Predicate) -> tuple[Sentence, ...]:
    """Return the sentences that all have to hold for a predicate."""
    if isinstance(node, And):
        return tuple(sentence(part) for part in node.parts)
    return (sentence(node),)


def inline(node: Predicate) -> str:
    """Return a predicate inside a sentence, whatever its length."""
    return flat(sentence(node))


def flat(found: Sentence) -> str:
    """Return a statement and all that it is made of in one line."""
    if not found.parts:
        return found.text
    joint = " or " if found.text.startswith(("any ", "none ")) else " and "
    inner = joint.join(flat(part) for part in found.parts)
    if found.text in (_ALL, _ANY):
        return f"({inner})"
    return f"{found.text} {inner}" if len(found.parts) == 1 else f"{found.text} ({inner})"


_ALL, _NOT_ALL = "all of these hold:", "not all of these hold:"
_ANY, _NONE = "any of these holds:", "none of these holds:"


def sentence(node: Predicate, *, holds: bool = True) -> Sentence:  # noqa: C901, PLR0911 (one for each kind)
    """Return a predicate as a statement, or (`holds` false) its opposite."""
    match node:
        case Not(part):
            return sentence(part, holds=not holds)
        case And(parts):
            every = [each for part in parts for each in (part.parts if isinstance(part, And) else [part])]
            return _joined(_ALL if holds else _NOT_ALL, every, any_of=False)
        case Or(parts):
            kept = without_words(parts)
            if len(kept) == 1:
                return sentence(kept[0], holds=holds)
            return _joined(_ANY if holds else _NONE, kept, any_of=True)
        case CountItems(items, _, where, op, count):
            return _counted(_quantity(op, count, holds=holds), f"of {_words(items)}", where)
        case Related():
            return _related(node, holds=holds)
        case Linked():
            return _linked(node, holds=holds)
        case Population(where, op, count):
            quantity = _quantity(op, count, holds=holds).replace("item", "resource", 1)
            return _counted(quantity, "in its Region", where)
        case Kept():
            return _kept(node, holds=holds)
        case Exactly(count, parts):
            head = f"{'' if holds else 'not '}exactly {count} of these hold{'s' if count == 1 else ''}:"
            return Sentence(head, tuple(sentence(part) for part in parts))
    return Sentence(_leaf(node, holds=holds))


def without_words(parts: Sequence[Predicate]) -> tuple[Predicate, ...]:
    """Return alternatives, those in alternatives among them, without those that a keyword leaves behind (where "absent"
    was asked for, Custodian's rules let the very text "absent" do as well), and without lists of nothing.
    """
    every = [each for part in parts for each in (part.parts if isinstance(part, Or) else [part])]
    kept = tuple(part for part in every if not (_is_of_keyword(part) or (isinstance(part, In) and not part.among)))
    return kept or tuple(every)


def _is_of_keyword(part: Predicate) -> bool:
    return isinstance(part, Compare) and isinstance(part.right, Literal) and part.right.value in _KEYWORDS


def _joined(heading: str, parts: Sequence[Predicate], *, any_of: bool) -> Sentence:
    return block(heading, [sentence(part) for part in parts], any_of=any_of)


def flattened(found: Sentence) -> tuple[Sentence, ...]:
    """Return the parts of statements that all hold, anything else as it is."""
    return found.parts if found.text == _ALL else (found,)


def all_of(found: Sequence[Sentence], *, holds: bool = True) -> Sentence:
    """Return statements that all hold, or (`holds` false) do not all."""
    return block(_ALL if holds else _NOT_ALL, found, any_of=False)


def any_of(found: Sequence[Sentence], *, holds: bool = True) -> Sentence:
    """Return statements of which one at least holds, or (`holds` false) none."""
    return block(_ANY if holds else _NONE, found, any_of=True)


def block(heading: str, found: Sequence[Sentence], *, any_of: bool) -> Sentence:
    """Return statements under a heading, or in a line where they are few and short."""
    joint = " or " if any_of else " and "
    text = joint.join(part.text for part in found)
    short = len(text) <= _LONGEST and len(found) <= _IN_A_LINE and not any(part.parts or part.joined for part in found)
    if short and heading in (_ALL, _ANY):
        return Sentence(text, joined=len(found) > 1)
    return Sentence(heading, tuple(found))


def _leaf(node: Leaf, *, holds: bool) -> str:  # noqa: C901, PLR0911, PLR0912 (as above)
    """Return a predicate that has no others inside."""
    match node:
        case Const(value):
            return "this always holds" if value == holds else "this never holds"
        case Compare(op, left, right):
            return _compared(op, left, right, holds=holds)
        case IsNull(value):
            if name := phrases.tag_of(value):
                return f"it has {'no' if holds else 'a'} tag {name}"
            return f"{_words(value)} is {'absent' if holds else 'present'}"
        case IsEmpty(value):
            return f"{_words(value)} is {'absent or empty' if holds else 'neither absent nor empty'}"
        case Truthy(value):
            return f"{_words(value)} is {'true or not empty' if holds else 'absent, false or empty'}"
        case IsText(value):
            return f"{_words(value)} is {'a text' if holds else 'no text'}"
        case In(value, given):
            if len(given) == 1 and not isinstance(given[0], phrases.Unread):
                return f"{_words(value)} is {'' if holds else 'not '}{phrases.given(given[0])}"
            return f"{_words(value)} is {'one' if holds else 'none'} of {phrases.among(given)}"
        case Has(value, item):
            return f"{_words(value)} {'contains' if holds else 'does not contain'} {_words(item)}"
        case Overlap(left, right):
            return f"{_words(left)} and {_words(right)} have {'an' if holds else 'no'} item in common"
        case Globs(value, pattern):
            return f"{_words(value)} {'matches' if holds else 'does not match'} the shell pattern {_words(pattern)}"
        case Matches(value, pattern, ignore_case):
            case = ", in any case" if ignore_case else ""
            return f"{_words(value)} {'matches' if holds else 'does not match'} {phrases.readable(pattern)}{case}"
        case Fits():
            return phrases.tested(node, inline, holds=holds)
        case CountItems() | Exactly():
            raise TypeError("this has parts")


def _compared(op: Op, left: Value, right: Value, *, holds: bool) -> str:
    if holds:
        return phrases.comparison(op, left, right, inline)
    if op in ("eq", "ne"):
        return phrases.comparison(_OPPOSITE[op], left, right, inline)
    return f"{phrases.comparison(_OPPOSITE[op], left, right, inline)}, or absent"  # null is neither less nor more


def _words(value: Value) -> str:
    return phrases.phrase(value, inline)


def _quantity(op: Op, count: int, *, holds: bool) -> str:
    if (op, count) in (("ge", 1), ("gt", 0)):
        return "some item" if holds else "no item"
    if (op, count) in (("eq", 0), ("lt", 1), ("le", 0)):
        return "no item" if holds else "some item"
    return f"{'' if holds else 'not '}{phrases.number_is(op, count)} item{'' if count == 1 else 's'}"


def _counted(quantity: str, of: str, where: Predicate) -> Sentence:
    """Return a statement on how many things fulfil a condition."""
    head = f"{quantity} {of}"
    many = quantity.endswith(("items", "resources"))
    if where == TRUE:
        an = (
            head.replace("some ", "a " if head.startswith("some r") else "an ", 1) if head.startswith("some ") else head
        )
        return Sentence(f"there {'are' if many else 'is'} {an}")
    inner = sentence(where)
    have = "have" if many else "has"
    if not inner.parts and len(head) + len(inner.text) <= _LONGEST:
        return Sentence(f"{head} {have} this: {inner.text}")
    if inner.text == _ALL:
        return Sentence(f"{head} {have} all of this:", inner.parts)
    return Sentence(f"{head} {have} this:", (inner,))


def _related(node: Related, *, holds: bool) -> Sentence:
    reach = {"region": "its account and Region", "account": "its account", "anywhere": "any account"}[node.within]
    pairs = [f"{_words(theirs)} is its {_words(mine)}" for mine, theirs in node.on]
    joined = f" whose {' and '.join(pairs)}" if pairs else ""
    quantity = _quantity(node.op, node.count, holds=holds)
    if quantity.endswith("items"):
        return _counted(
            f"{quantity.removesuffix('items')}resources", f"of aws.{node.table} in {reach}{joined}", node.where
        )
    return _counted(f"{quantity.removesuffix('item')}aws.{node.table}", f"in {reach}{joined}", node.where)


def _linked(node: Linked, *, holds: bool) -> Sentence:
    quantity = ("every" if holds else "not every") if node.every else ("some" if holds else "no")
    among = "among " if isinstance(kind_of(node.ids), ListOf) else ""
    ids = _words(node.ids)
    its = "" if ids.startswith(("the ", "its ")) else "its "
    return _counted(f"{quantity} aws.{node.table}", f"whose {_words(node.key)} is {among}{its}{ids}", node.where)


def _kept(node: Kept, *, holds: bool) -> Sentence:
    order = "the last" if node.descending else "the first"
    most = f"{node.share:g} percent" if node.share else str(node.limit) if node.limit else "all"
    skipped = f" after {node.skip}" if node.skip else f" after {node.skip_share:g} percent" if node.skip_share else ""
    grouped = "" if isinstance(node.group, Literal) else f" of those that have the same {_words(node.group)}"
    named = _words(node.by) if isinstance(node.by, Field) else "its value to sort by"
    head = f"it is {'' if holds else 'not '}among {order} {most}{skipped} by {named}{grouped}"
    return Sentence(head) if node.where == TRUE else Sentence(f"{head}, of those where", listed(node.where))
