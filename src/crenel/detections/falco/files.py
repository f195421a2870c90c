"""Rule files of Falco: several are one set of rules, in their order. https://falco.org/docs/concepts/rules/."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from crenel.detections.falco.compile import Compiler
from crenel.detections.falco.definitions import Definitions
from crenel.detections.model import Rules
from crenel.errors import PolicyError, did_you_mean
from crenel.positions import Located, load_documents, read_text

# What Crenel reads as these do: Falco's engine, and the plugins that know CloudTrail's fields.
ENGINE = (0, 63, 0)
PLUGINS: Mapping[str, tuple[int, int, int]] = {"cloudtrail": (0, 17, 1), "json": (0, 7, 4)}
_KINDS = ("required_engine_version", "required_plugin_versions", "list", "macro", "rule")
_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?", re.ASCII)


def read_falco(sources: Sequence[Path | tuple[str, str]]) -> Rules:
    """Return the rules of files, given as paths or as pairs of a name and a text, read as one set in their order.

    Falco loads nothing where there is one error; here the rules that are in order stand beside `Rules.errors`.
    """
    return falco_of(sources).found


def falco_of(sources: Sequence[Path | tuple[str, str]]) -> Compiler:
    """Return files as `read_falco` reads them, with what their rules may be changed to."""
    found = Rules()
    given = Definitions(found.warnings.append)
    files: dict[str, str] = {}
    for source in sources:
        try:
            name, text = (str(source), read_text(source)) if isinstance(source, Path) else source
            files[name] = text
            documents = load_documents(text, name, as_written=True)
        except PolicyError as error:
            found.errors.append(error)
            continue
        for document in documents:
            _read_document(document, given, found)
    compiler = Compiler(given, files, found)
    compiler.run()
    return compiler


def _read_document(document: Located, given: Definitions, found: Rules) -> None:
    if document.value is None:
        return
    try:
        items = document.sequence("a file of Falco rules")
    except PolicyError as error:
        found.errors.append(error)
        return
    for item in items:
        try:
            _read_item(item, given, found)
        except PolicyError as error:
            found.errors.append(error)


def _read_item(item: Located, given: Definitions, found: Rules) -> None:
    if item.value is None:
        return
    keys = item.mapping("an item of a rule file")
    kind = next((each for each in _KINDS if each in keys), "")
    read: Mapping[str, Callable[[Located], None]] = {
        "required_engine_version": _check_engine,
        "required_plugin_versions": _check_plugins,
        "list": given.add_list,
        "macro": given.add_macro,
        "rule": given.add_rule,
    }
    if kind:
        read[kind](item)
        return
    hint = next((hint for key in keys if (hint := did_you_mean(key, _KINDS))), "") or f"Items are {', '.join(_KINDS)}."
    found.warnings.append(item.error("this item is of no kind that Falco knows, and left out.", hint, "unknown-item"))


def _check_engine(item: Located) -> None:
    value = item.value["required_engine_version"]
    text = value.text("required_engine_version")
    wanted = (0, int(text), 0) if text.isascii() and text.isdecimal() and len(text) < 10 else _version(value)
    if not _compatible(ENGINE, wanted):
        raise value.error(f"this needs engine {_said(wanted)}, and Crenel reads rules as {_said(ENGINE)} does.")


def _check_plugins(item: Located) -> None:
    for each in item.value["required_plugin_versions"].sequence("required_plugin_versions"):
        alternatives = each.child("alternatives")
        choices = [each, *(alternatives.sequence("alternatives") if alternatives is not None else [])]
        wanted: dict[str, tuple[int, int, int]] = {}
        for choice in choices:
            name, version = choice.child("name"), choice.child("version")
            if name is None or version is None:
                raise choice.error("a required plugin has a name and a version.")
            if name.value in wanted:
                raise name.error(f'the plugin "{name.value}" stands here twice.')
            wanted[name.text("name")] = _version(version)
        if not any(name in PLUGINS and _compatible(PLUGINS[name], least) for name, least in wanted.items()):
            told = " or ".join(f"{name} {_said(version)}" for name, version in wanted.items())
            has = " and ".join(f"{name} {_said(version)}" for name, version in PLUGINS.items())
            raise each.error(f"this needs the plugin {told}, and Crenel has the fields of {has}.")


def _version(value: Located) -> tuple[int, int, int]:
    found = _VERSION.fullmatch(value.text("a version"))
    if found is None:
        raise value.error(f'"{value.value}" is no version such as 0.17.1.')
    return int(found[1]), int(found[2]), int(found[3])


def _compatible(have: tuple[int, int, int], least: tuple[int, int, int]) -> bool:
    return have[0] == least[0] and have[1:] >= least[1:]


def _said(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
