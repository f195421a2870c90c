"""The documentation is true: its examples run, and nothing that users can name is missing from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import click
import duckdb
import pytest

from crenel.catalog.declared import _LIST_KEYS, _TYPE_KEYS, load_types
from crenel.catalog.details import _KEYS as _DETAIL_KEYS
from crenel.catalog.load import catalog
from crenel.cli import cli
from crenel.cli.check import as_text, check_files
from crenel.detect.engine import Reach
from crenel.detect.ingest import ingest
from crenel.judge.run import judge
from crenel.lake.snapshots import COMMON, Lake, Snapshot
from crenel.model import Account, ScanInfo, Unit, UnitRecord
from crenel.policies.facts import facts
from crenel.policies.filters import _FORMS
from crenel.policies.written.load import builtin_policies
from crenel.positions import load_text
from crenel.scan import ScanOptions, choose, permissions, query
from tests import generated_frameworks, generated_policies
from tests.cases import ACCOUNT, NOW
from tests.generated import ACTIONS as ACTIONS_PAGE
from tests.generated import CATALOGUE as CATALOGUE_PAGE
from tests.generated import FILTERS as FILTERS_PAGE
from tests.generated import actions_page, built, catalogue_page, filters_page

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
USERS_PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NEWCOMERS_TYPE = "opensearch-ingestion"  # the worked example of CONTRIBUTING.md

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<kind>\w+)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_ADDRESS = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
# A path in backticks is below one of these: the checkout, the package, or the catalogue of contents.
_BASES = (ROOT, ROOT / "src" / "crenel", ROOT / "tests", ROOT / "benchmarks")
_OURS = re.compile(r"^(?:[a-z_]+/)*[a-z0-9_]+\.(?:py|ya?ml|md|toml|txt)$|^(?:\.?[a-z_]+/)+$")
# What readers make themselves, and what a snapshot holds.
_READERS_OWN = {"osis.yml", "our-policies/", "findings/", "src/crenel/catalog/aws/osis.yaml", ".venv/"}


@lru_cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def users_text() -> str:
    return "\n".join(text_of(path) for path in USERS_PAGES)


def blocks(kind: str, paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Yield the fenced blocks of a kind, unindented."""
    for path in paths:
        for match in _BLOCK.finditer(text_of(path)):
            if match["kind"] == kind:
                width = len(match["indent"])
                yield path, "\n".join(line[width:] for line in match["body"].splitlines()) + "\n"


def params(kind: str, word: str = "") -> list[object]:
    found = [(path, body) for path, body in blocks(kind, PAGES) if body.startswith(word) and not _newcomers(body)]
    return [pytest.param(body, id=f"{path.name}-{number}") for number, (path, body) in enumerate(found)]


def _newcomers(body: str) -> bool:
    """Whether a policy reads the type that the same page declares, and that the catalogue does not have."""
    return f"resource: aws.{NEWCOMERS_TYPE}\n" in body


# --- what there is, is described


def options(command: click.Command, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (command, word) for every command and every option, those of groups too."""
    context = click.Context(command)
    for each in command.params:
        if isinstance(each, click.Option):
            yield path, next(name for name in each.opts if name.startswith("--"))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield f"{path} {name}", ""
            yield from options(inner, f"{path} {name}")


@pytest.mark.parametrize(("command", "option"), sorted(set(options(cli))))
def test_every_command_and_option_is_described(command: str, option: str) -> None:
    """A name that the help knows stands in the README or below docs."""
    if option:
        assert re.search(rf"{re.escape(option)}\b", users_text())
    elif not isinstance(leaf := _command(command), click.Group):
        assert f"crenel{command}" in users_text(), leaf.name


def _command(path: str) -> click.Command:
    found: click.Command = cli
    for name in path.split():
        assert isinstance(found, click.Group)
        inner = found.get_command(click.Context(found), name)
        assert inner is not None
        found = inner
    return found


def test_what_the_code_writes_is_up_to_date() -> None:
    """docs/filters.md, the table of docs/catalogue.md, the list of docs/actions.md: `make docs` renews them."""
    assert text_of(FILTERS_PAGE) == filters_page()
    assert text_of(CATALOGUE_PAGE) == catalogue_page()
    assert text_of(ACTIONS_PAGE) == actions_page()


def test_every_policy_has_its_place_on_a_page() -> None:
    """docs/policies/, a page a service, told as `crenel explain` tells it: `make docs` renews them."""
    assert written(generated_policies.FOLDER) == dict(generated_policies.pages())


def test_every_framework_has_its_page() -> None:
    """docs/frameworks/, with each control and what decides it: `make docs` renews them."""
    assert written(generated_frameworks.FOLDER) == dict(generated_frameworks.pages())


def written(folder: Path) -> dict[str, str]:
    return {path.name: text_of(path) for path in sorted(folder.glob("*.md"))}


@pytest.mark.parametrize("name", list(catalog()))
def test_every_filter_is_described(name: str) -> None:
    """In a line of its own below its type, or below the filters that all types have."""
    page = text_of(FILTERS_PAGE)
    (own,) = re.findall(rf"^## `{name}`\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    (shared,) = re.findall(r"^## Filters of every type\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    told = set(re.findall(r"^- `([\w-]+)`: \S", own + shared, re.MULTILINE))

    assert set(built(catalog()[name])) <= told


@pytest.mark.parametrize("name", [policy.name for policy in builtin_policies() if policy.practice])
def test_every_practice_is_listed(name: str) -> None:
    assert f"`{name}`" in text_of(ROOT / "README.md")


def test_the_readme_has_each_policys_number_and_level() -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \| `([\w-]+)` \|", text_of(ROOT / "README.md"), re.MULTILINE)

    assert rows == [
        (str(policy.practice), policy.severity.value, policy.name) for policy in builtin_policies() if policy.practice
    ]


@pytest.mark.parametrize("name", list(catalog()))
def test_every_resource_type_is_listed(name: str) -> None:
    assert f"| `{name}` |" in text_of(CATALOGUE_PAGE)


@pytest.mark.parametrize("key", sorted({*_TYPE_KEYS, *_LIST_KEYS, *_DETAIL_KEYS, *_FORMS, "items"}))
def test_every_key_of_the_catalogue_is_described(key: str) -> None:
    """Keys of types, listings and details, and the forms of filters stand in the first column of a table."""
    firsts = [row.split("|")[1] for row in text_of(CATALOGUE_PAGE).splitlines() if row.startswith("|")]
    assert any(f"`{key}`" in first for first in firsts)


@pytest.mark.parametrize("name", list(facts()))
def test_every_fact_is_named(name: str) -> None:
    assert f"`{name}`" in text_of(ROOT / "docs" / "policies.md")


# --- what is described, is so

VOLUMES = ("vol-1", "vol-2")
_VOLUME = {
    "_account": ACCOUNT,
    "_region": "eu-west-1",
    "_home": "eu-west-1",
    "_owner": ACCOUNT,
    "_primary": True,
    "_seen_at": "2026-11-23 00:00:00",
    "Encrypted": False,
    "Attachments": [{"InstanceId": "i-1"}],
}


def test_the_scanners_policy_is_the_generated_one() -> None:
    """SECURITY.md shows what `crenel permissions` prints."""
    shown = [json.loads(body) for _, body in blocks("json", [ROOT / "SECURITY.md"])]

    assert shown == [permissions(ScanOptions())]


@pytest.mark.parametrize("body", params("yaml", "policies:"))
def test_policy_examples_load_and_compile(body: str, tmp_path: Path) -> None:
    """Under every standard, as `crenel policies check` sees it."""
    path = tmp_path / "example.yml"
    path.write_text(body)

    checked = check_files([path])

    assert checked.number
    assert list(as_text(checked)) == []


@pytest.mark.parametrize("body", params("yaml", "service:"))
def test_examples_of_types_load(body: str) -> None:
    """Against botocore's models: operations, paths and columns are there."""
    assert load_types(load_text(body, "example"))


def test_the_newcomers_example_reads_what_its_type_declares() -> None:
    """The worked example of CONTRIBUTING.md: the policy's key is a column of the type declared above it."""
    (declared,) = [body for _, body in blocks("yaml", [ROOT / "CONTRIBUTING.md"]) if body.startswith("service:")]
    (policy,) = [body for _, body in blocks("yaml", [ROOT / "CONTRIBUTING.md"]) if body.startswith("policies:")]
    (kind,) = load_types(load_text(declared, "example"))

    assert kind.name == NEWCOMERS_TYPE
    assert re.findall(r"- ([\w.]+): absent", policy) == ["EncryptionAtRestOptions.KmsKeyArn"]
    assert "EncryptionAtRestOptions" in kind.schema()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A judged snapshot: two unencrypted volumes, and an empty table of every other type, with all columns."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    identity, spool = lake.new_scan(NOW)
    rows = [dict.fromkeys(COMMON) | {"_id": name, "_gaps": {}} | _VOLUME | {"VolumeId": name} for name in VOLUMES]
    (spool / f"ebs.{ACCOUNT}.eu-west-1.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    details = {name: tuple(catalog()[name].details) for name in catalog()}
    info = ScanInfo(identity, NOW, NOW, (Account(ACCOUNT),), ("eu-west-1",), (), details)
    record = UnitRecord(Unit(ACCOUNT, "eu-west-1", "ebs"), len(rows), {"ec2:DescribeVolumes": 1}, 0.1)
    found = lake.commit(spool, info, [record], catalog(), ())
    plans = choose(ScanOptions()).plans
    spill = tmp_path_factory.mktemp("spill")
    judge(found, plans, catalog(), facts(), found.findings, spill=spill).close()
    log = tmp_path_factory.mktemp("logs") / "events.json"
    log.write_text(
        '{"Records":[{"eventVersion":"1.09","eventTime":"2026-06-01T10:00:00Z","eventName":"X","eventID":"1"}]}'
    )
    assert ingest((str(log),), lake.folder, Reach()).new == 1
    return found


@pytest.mark.parametrize("body", params("sql"))
def test_sql_examples_run(body: str, snapshot: Snapshot) -> None:
    """What names LAKE is for other tools and goes to a plain DuckDB; the rest is for `crenel sql`."""
    lake = snapshot.folder.parent.parent
    if "LAKE/" in body:
        with duckdb.connect() as connection:
            assert connection.execute(body.replace("LAKE/", f"{lake}/")).fetchall()
        return
    with query(lake, body) as (columns, rows):
        assert columns
        list(rows)


def test_sql_in_the_readme_runs(snapshot: Snapshot) -> None:
    (statement,) = re.findall(r'crenel sql "([^"]+)"', text_of(ROOT / "README.md"))

    with query(snapshot.folder.parent.parent, statement) as (_, rows):
        assert list(rows) == [(None, "eu-west-1")] * len(VOLUMES)


def test_the_contracts_example_keeps_its_schema() -> None:
    """Each object of the example has the keys that the schema asks for, and no others."""
    schema = json.loads((ROOT / "docs" / "findings.schema.json").read_text())
    (example,) = [json.loads(body) for _, body in blocks("json", [ROOT / "docs" / "contract.md"])]

    assert sorted(example) == sorted(schema["required"])
    for name, found in (
        ("scan", example["scan"]),
        ("finding", example["findings"][0]),
        ("gap", example["gaps"][0]),
    ):
        assert sorted(found) == sorted(schema["$defs"][name]["required"])
    resource = schema["$defs"]["finding"]["properties"]["resource"]
    assert sorted(example["findings"][0]["resource"]) == sorted(resource["required"])


def test_every_key_of_the_contract_is_described() -> None:
    schema = json.loads((ROOT / "docs" / "findings.schema.json").read_text())
    page = text_of(ROOT / "docs" / "contract.md")

    for part in ("scan", "finding", "gap"):
        for key in schema["$defs"][part]["required"]:
            assert f"`{key}`" in page or f"`{key}." in page, (part, key)


# --- the pages themselves


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_in_backticks_are_there(path: Path) -> None:
    """No page names a module, a file or a folder that does not exist."""
    named = {word for word in _CODE.findall(_BLOCK.sub("", text_of(path))) if _OURS.match(word)}
    lost = {word for word in named - _READERS_OWN if not any((base / word).exists() for base in _BASES)}

    assert lost == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Links between pages, with the heading that they name."""
    for link in _LINK.findall(_CODE.sub("", _BLOCK.sub("", text_of(path)))):
        if "://" in link:
            continue
        file, _, heading = link.partition("#")
        target = (path.parent / file) if file else path
        assert target.exists(), link
        if heading:
            assert heading in {_slug(title) for title in _ADDRESS.findall(text_of(target))} | _named(target), link


def _slug(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _named(path: Path) -> set[str]:
    return set(re.findall(r'<a name="([\w-]+)">', text_of(path)))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_are_short(path: Path) -> None:
    """120 characters, but for what a block shows as it came out, and a pattern that is one word."""
    lines = [line for line in _BLOCK.sub("", text_of(path)).splitlines() if len(line) > 120]
    assert [line for line in lines if max(map(len, line.split())) < 80] == []


def test_the_site_leads_to_every_page() -> None:
    """`mkdocs.yml` names each page of docs/; those of services and frameworks are named by indexes of their own."""
    navigation = load_text(text_of(ROOT / "mkdocs.yml"), "mkdocs.yml").value["nav"].plain()
    named = set(re.findall(r"[\w/-]+\.md", json.dumps(navigation)))
    there = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    indexed = {
        f"{folder}/{name}"
        for folder in ("policies", "frameworks")
        for name in re.findall(r"\((\w[\w.-]*\.md)\)", text_of(ROOT / "docs" / folder / "README.md"))
    }

    assert there - named == indexed
    assert named <= there


def test_decisions_are_numbered_and_have_three_parts() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    for number, path in enumerate(pages, 1):
        text = text_of(path)
        assert path.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Choice", "Price"]
        assert len(text.splitlines()) <= 40


def test_the_changelog_knows_the_version() -> None:
    version = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)

    assert version is not None
    assert f"## [{version[1]}]" in text_of(ROOT / "CHANGELOG.md")


def test_exit_codes_are_told_alike() -> None:
    """The README and the contract name every code that the help of `crenel scan` does."""
    codes = set(re.findall(r"^\s+(\d+)  ", _command("scan").help or "", re.MULTILINE))

    assert codes
    for page in (ROOT / "README.md", ROOT / "docs" / "contract.md"):
        assert codes <= set(re.findall(r"^\| (\d+) \|", text_of(page), re.MULTILINE))


def test_errors_look_as_described(tmp_path: Path) -> None:
    """The example of docs/policies.md is what `crenel policies check` prints."""
    path = tmp_path / "volumes.yml"
    path.write_text("policies:\n  - name: mine\n    resource: aws.ebs\n    filters:\n      - Encrypetd: false\n")

    (told,) = as_text(check_files([path]))

    shown = told.replace(str(path), "our-policies/volumes.yml")
    assert "\n".join(f"    {line}" for line in shown.splitlines()) in text_of(ROOT / "docs" / "policies.md")
