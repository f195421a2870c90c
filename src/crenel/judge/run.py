"""All plans over one snapshot, each table in one pass; the findings go to Parquet, so that memory stays flat.

Beside the verdicts on rows there are those that no row can show: a listing that was denied (one UNKNOWN an account and
Region), a Region that is not opted in (NOT_APPLICABLE), an account without a single resource of the kind
(NOT_APPLICABLE).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from crenel.catalog.load import Catalog
from crenel.catalog.spec import ResourceType
from crenel.errors import UsageError
from crenel.judge.accepted import waived
from crenel.judge.findings import COLUMNS, Finding
from crenel.judge.waiving import Accepting
from crenel.lake.engine import connect, insert, name, parquet, quoted, sql_type
from crenel.lake.findings import ABOUT, lay_out, stored_findings, write_about
from crenel.lake.snapshots import Snapshot, collected_columns, kinds_of
from crenel.language.joins import fact_table
from crenel.language.plan import (
    Field,
)
from crenel.language.policy import (
    Plan,
)
from crenel.language.reading import Compiler, Source
from crenel.language.verdicts import shares, verdicts
from crenel.language.walking import (
    reads,
    related_tables,
)
from crenel.model import GLOBAL, Gap, ScanInfo, Severity, State
from crenel.policies.facts import Fact
from crenel.policies.reads import needs_of

_BATCH = 2_000
_ELSEWHERE = "elsewhere"  # stands for the Regions that were left out
_GAP_COLUMNS = ("account", "region", "type", "detail", "resource", "call", "permission", "code", "message", "at")
_ORDER = (
    "practice NULLS LAST, policy, variant NULLS FIRST, "
    "CASE status WHEN 'FAIL' THEN 0 WHEN 'UNKNOWN' THEN 1 WHEN 'PASS' THEN 2 ELSE 3 END, account, region, resource_id"
)

About = Mapping[str, Sequence[Sequence[object]]]  # rows by table, those of `lake/findings.py`


@dataclass(slots=True)
class Judgement:
    """Findings over a snapshot, as a table to ask. Iterating streams; nothing holds them all in memory.

    `whole` is false where the policies read columns that the snapshot's scan did not collect.
    """

    info: ScanInfo
    connection: duckdb.DuckDBPyConnection
    whole: bool

    def counts(self) -> list[tuple[str, State, int]]:
        """Return (a plan's key, state, number) for what there is, in the order of practices."""
        rows = self.connection.execute(
            "SELECT policy, variant, state, count(*) FROM findings GROUP BY ALL "
            "ORDER BY min(practice) NULLS LAST, policy, variant NULLS FIRST, state"
        ).fetchall()
        return [(_key(policy, variant), State(state), number) for policy, variant, state, number in rows]

    def first(self, state: State, limit: int) -> dict[str, list[Finding]]:
        """Return the first findings in a state of each plan, by its key: one query for all plans."""
        place = "row_number() OVER (PARTITION BY policy, variant ORDER BY account, region, resource_id)"
        rows = self.connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM findings WHERE state = ? QUALIFY {place} <= ? ORDER BY {_ORDER}",
            [state.value, limit],
        ).fetchall()
        found: dict[str, list[Finding]] = {}
        for finding in map(Finding.of, rows):
            found.setdefault(finding.plan, []).append(finding)
        return found

    def worst_fail(self) -> Severity | None:
        """Return the highest severity of what fails and is not waived, or None without one."""
        found = self.connection.execute("SELECT DISTINCT severity FROM findings WHERE state = 'FAIL'").fetchall()
        return max((Severity(word) for (word,) in found), key=lambda severity: severity.rank, default=None)

    def findings(
        self,
        *,
        state: State | None = None,
        policy: str | None = None,
        plan: tuple[str, str | None] | None = None,
        limit: int | None = None,
    ) -> Iterator[Finding]:
        """Yield findings by practice, FAIL first, then account, Region and resource: the same order each time.

        `policy` takes those of all its variants, `plan` (policy and variant) those of one.
        """
        conditions: list[str] = ["true"]
        values: list[str | None] = []
        if state is not None:
            conditions.append("state = ?")
            values.append(state.value)
        if policy is not None:
            conditions.append("policy = ?")
            values.append(policy)
        if plan is not None:
            conditions.append("policy = ? AND variant IS NOT DISTINCT FROM ?")
            values.extend(plan)
        bound = f" LIMIT {int(limit)}" if limit is not None else ""
        where = " AND ".join(conditions)
        query = f"SELECT {', '.join(COLUMNS)} FROM findings WHERE {where} ORDER BY {_ORDER}{bound}"
        cursor = self.connection.cursor().execute(query, values)
        while rows := cursor.fetchmany(_BATCH):
            yield from (Finding.of(row) for row in rows)

    def gaps(self) -> Iterator[Gap]:
        """Yield what could not be read, by account, Region, type and resource."""
        yield from gaps_of(self.connection)

    def gap_count(self) -> int:
        """Return how many things could not be read."""
        found = self.connection.execute("SELECT count(*) FROM gaps").fetchone()
        return int(found[0]) if found else 0

    def close(self) -> None:
        """Let go of the engine."""
        self.connection.close()


def _key(policy: str, variant: str | None) -> str:
    """Return `Plan.key`."""
    return policy if variant is None else f"{policy} {variant}"


def gaps_of(connection: duckdb.DuckDBPyConnection) -> Iterator[Gap]:
    """Yield the gaps of a ledger that is laid out, by account, Region, type and resource."""
    cursor = connection.cursor().execute(
        "SELECT account, region, type, detail, resource, call, permission, code, message, seen_at FROM gaps "
        "ORDER BY account, region, type, detail, resource"
    )
    while rows := cursor.fetchmany(_BATCH):
        yield from (
            Gap(**dict(zip(_GAP_COLUMNS, row, strict=True)) | {"at": row[-1].replace(tzinfo=UTC)}) for row in rows
        )


def judge(  # noqa: PLR0913 (the parts of a scan)
    snapshot: Snapshot,
    plans: Sequence[Plan],
    catalog: Catalog,
    facts: Mapping[str, Fact],
    target: Path,
    *,
    spill: Path,
    about: About | None = None,
    waivers: Sequence[Accepting] = (),
) -> Judgement:
    """Judge a snapshot by plans; the findings become the folder `target` of Parquet files, put into place whole.

    `about` is written beside them, and what `waivers` accept. The engine writes into the folder `spill` what does not
    fit into its memory.

    Ages are measured against the time the snapshot was begun, so that judging it again gives the same. Raises
    `LakeError` where the snapshot is damaged.
    """
    connection = connect(spill)
    try:
        everything = [*plans, *(each.reads() for each in waivers)]
        return laid_out(connection, snapshot, everything, catalog, facts).judge(plans, target, about, waivers)
    except BaseException:
        connection.close()
        raise


def laid_out(
    connection: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    plans: Sequence[Plan],
    catalog: Catalog,
    facts: Mapping[str, Fact],
) -> Bench:
    """Return the engine with what plans read of a snapshot laid out on it. Raises `LakeError` for a damaged one."""
    bench = Bench(connection, snapshot.info, catalog, facts)
    bench.ledger(snapshot.folder)
    for kind in tables_of(plans, catalog):
        path = snapshot.file(kind)
        if path is not None:
            there = set(collected_columns(kind, snapshot.info.details.get(kind.name, ())))
            bench.table(kind, parquet(path), there)
    return bench


def tables_of(plans: Sequence[Plan], catalog: Catalog) -> list[ResourceType]:
    """Return the types that plans read, related ones too."""
    return [catalog[need.type] for need in needs_of(plans, catalog)]


class Bench:
    """The engine with a snapshot's tables laid out on it, ready to be judged."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, info: ScanInfo, catalog: Catalog, facts: Mapping[str, Fact]
    ) -> None:
        self.connection = connection
        self.info = info
        self.catalog = catalog
        self.sources: dict[str, Source] = {}
        for fact in facts.values():
            self.fact(fact)

    def fact(self, fact: Fact) -> None:
        """Lay out a dated fact."""
        columns = ", ".join(f"{name(key)} {sql_type(kind)}" for key, kind in fact.columns.items())
        self.connection.execute(f"CREATE TABLE {fact_table(fact.name)} ({columns})")
        insert(self.connection, fact_table(fact.name), [fact.values(key) for key in fact.columns])

    def ledger(self, folder: Path) -> None:
        """Lay out a snapshot's gaps and coverage."""
        for table in ("gaps", "coverage", "collection"):
            self.connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {parquet(folder / f'{table}.parquet')}")
        self.listing_gaps()
        self.units_missing()

    def units_missing(self) -> None:
        """Lay out what a scan was to read and has no record of, as if it had been denied.

        No scan that ends well leaves any; a PASS, or the absence of a resource, has to rest on more than that.
        """
        kinds = kinds_of(self.info, self.catalog)
        self.connection.execute("CREATE TABLE wanted (type VARCHAR, regional BOOLEAN)")
        insert(self.connection, "wanted", [[kind.name for kind in kinds], [kind.regional for kind in kinds]])
        accounts = ", ".join(f"({quoted(account.id)})" for account in self.info.accounts)
        self.connection.execute(f"""
            INSERT INTO listing_gaps
            WITH units AS (
                SELECT c.account, c.region, w.type FROM coverage c, wanted w WHERE w.regional AND c.state = 'scanned'
                UNION ALL SELECT a.account, '{GLOBAL}', w.type FROM (VALUES {accounts}) a(account), wanted w
                WHERE NOT w.regional)
            SELECT u.account, u.region, u.type, concat('aws.', u.type, ' was not read in ', u.region),
                   {_timestamp(self.info.started_at)}
            FROM units u WHERE NOT EXISTS (SELECT 1 FROM collection c
                WHERE c.type = u.type AND c.account = u.account AND c.region = u.region)""")

    def listing_gaps(self) -> None:
        """Lay out whose listings were denied, with the words for it."""
        self.connection.execute(
            "CREATE TABLE listing_gaps AS SELECT account AS _account, region AS _region, type, "
            "min(concat('could not list aws.', type, ' in ', region, ': ', call, ' ', code, ': ', message)) AS why, "
            "min(seen_at) AS seen_at "
            "FROM gaps WHERE detail = '' AND resource = '' GROUP BY ALL"
        )
        self.regions_left_out()

    def regions_left_out(self) -> None:
        """Lay out where Regions were left out, on purpose or because none could be read.

        What is asked of the whole account may have its answer there. A trail shows in every Region: one is enough.
        """
        kinds = [kind for kind in kinds_of(self.info, self.catalog) if kind.regional]
        rows = []
        for account in self.info.accounts:
            states = [each.state for each in self.info.coverage if each.account == account.id]
            blind = bool(states) and "scanned" not in states
            why = "no Region of the account was read" if blind else "only the Regions that were asked for were read"
            rows += [
                [account.id, _ELSEWHERE, kind.name, why, self.info.started_at]
                for kind in kinds
                if blind or (self.info.restricted and not kind.shadows)
            ]
        if rows:
            insert(self.connection, "listing_gaps", list(zip(*rows, strict=True)))

    def table(self, kind: ResourceType, relation: str, columns: set[str]) -> None:
        """Lay out a type's rows under its table name, one row a resource even where AWS shows it in many Regions."""
        once = (
            "QUALIFY row_number() OVER (PARTITION BY _account, _id ORDER BY _primary DESC, _region) = 1"
            if kind.shadows
            else ""
        )
        self.connection.execute(f"CREATE VIEW {name(kind.table)} AS SELECT * FROM {relation} {once}")
        self.sources[kind.name] = Source(kind, frozenset(columns))

    def judge(
        self, plans: Sequence[Plan], target: Path, about: About | None = None, waivers: Sequence[Accepting] = ()
    ) -> Judgement:
        """Run the plans and return the findings: a folder of Parquet files, renamed to `target` when it is whole."""
        part = target.with_name(f".{target.name}.partial")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        self.plans(plans)
        groups: dict[str, list[Plan]] = {}
        for plan in plans:
            groups.setdefault(plan.table, []).append(plan)
        # Two at a time: one is planned while the other is run.
        with ThreadPoolExecutor(2) as pool:
            done = [
                pool.submit(self.table_verdicts, source, few, part / f"{source.type.table}.{number}.parquet")
                for table, group in sorted(groups.items())
                if (source := self.sources.get(table)) is not None
                for number, few in enumerate(shares(group))
            ]
            for each in done:
                each.result()
        self.write(part / "beyond.parquet", self.beyond_rows(part))
        for table, rows in (about or {}).items():
            write_about(part, table, rows)
        if waivers:
            (part / ABOUT).mkdir(exist_ok=True)
            began = self.info.started_at
            query = waived(waivers, stored_findings(part), self.sources, began, began)
            self.write(part / ABOUT / "waived.parquet", query)
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
        lay_out(self.connection, target)
        return Judgement(self.info, self.connection, whole=all(self.collected(plan) for plan in plans))

    def collected(self, plan: Plan) -> bool:
        """Return whether the snapshot has every column that a plan reads."""
        there = True

        def seen(table: str, field: Field) -> None:
            nonlocal there
            source = self.sources.get(table)
            there = there and source is not None and field.path[0] in source.columns

        reads(iter(plan.everything()), seen, plan.table)
        return there and plan.table in self.sources and self.sources.keys() >= set(related_tables(plan.everything()))

    def table_verdicts(self, source: Source, plans: Sequence[Plan], target: Path) -> None:
        """Judge one table by some plans in one pass. Raises `UsageError` naming a policy that can't be run."""
        try:
            self.write(target, _finished(verdicts(Compiler(self.sources, self.info.started_at), source, plans)))
        except duckdb.Error as error:
            if len(plans) > 1:
                for plan in plans:
                    self.table_verdicts(source, [plan], target)
            raise UsageError(
                f"the policy {plans[0].policy} can't be run on aws.{source.type.name}: {error}",
                suggestion="The snapshot is kept; judge it without this policy: crenel scan --offline.",
            ) from error

    def plans(self, plans: Sequence[Plan]) -> None:
        """Lay out what of a policy goes into each of its findings."""
        self.connection.execute(
            "CREATE TABLE plans (key VARCHAR, policy VARCHAR, variant VARCHAR, practice INTEGER, severity VARCHAR, "
            "title VARCHAR, source VARCHAR, type VARCHAR, kind VARCHAR, regional BOOLEAN, listed BOOLEAN, "
            "collected BOOLEAN)"
        )
        rows = []
        for plan in plans:
            kind = self.catalog[plan.table]
            words = [
                plan.key,
                plan.policy,
                plan.variant,
                plan.practice,
                plan.severity.value,
                plan.title,
                kind.name,
                f"aws.{kind.reported_as}",
                kind.title,
            ]
            rows.append([*words, kind.regional, kind.listing is not None, kind.name in self.sources])
        insert(self.connection, "plans", list(zip(*rows, strict=True)))

    def write(self, path: Path, query: str) -> None:
        """Write a query's findings to a Parquet file."""
        self.connection.cursor().execute(f"COPY ({query}) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION zstd)")

    def beyond_rows(self, folder: Path) -> str:
        """Return the query of the findings that no row shows: denied listings, Regions out of reach, empty accounts."""
        judged = (
            f"SELECT DISTINCT policy, variant, account FROM {parquet(folder, '*.parquet')}"
            if any(folder.glob("*.parquet"))
            else "SELECT '' AS policy, NULL AS variant, '' AS account"
        )
        accounts = ", ".join(f"({quoted(account.id)})" for account in self.info.accounts)
        seen = _timestamp(self.info.started_at)
        parts = f"""
            WITH judged AS ({judged}), accounts(account) AS (VALUES {accounts}),
            denied AS (
                SELECT p.key, g._account AS account, g._region AS region, '*' AS resource_id, '*' AS name,
                       'UNKNOWN' AS status, g.why AS reason, g.seen_at
                FROM plans p JOIN listing_gaps g ON g.type = p.source AND p.listed
                WHERE g._region <> '{_ELSEWHERE}'),
            unread AS (
                SELECT p.key, a.account, '{GLOBAL}' AS region, '*' AS resource_id, '*' AS name,
                       'UNKNOWN' AS status, p.type || ' was not collected in this snapshot' AS reason, {seen} AS seen_at
                FROM plans p, accounts a WHERE NOT p.collected),
            outside AS (
                SELECT p.key, c.account, c.region, CASE WHEN p.listed THEN '*' ELSE c.account END, NULL,
                       'NOT_APPLICABLE', c.reason, {seen}
                FROM plans p JOIN coverage c
                  ON c.state = 'suspended' OR (p.regional AND c.state = 'not-opted-in')),
            found AS (SELECT * FROM denied UNION ALL SELECT * FROM unread UNION ALL SELECT * FROM outside),
            empty AS (
                SELECT p.key, a.account, '{GLOBAL}', a.account, NULL,
                       'NOT_APPLICABLE', 'Nothing to judge among the ' || p.kind || '.', {seen}
                FROM plans p, accounts a
                WHERE p.collected
                  AND NOT EXISTS (SELECT 1 FROM judged j WHERE j.policy = p.policy
                                  AND j.variant IS NOT DISTINCT FROM p.variant AND j.account = a.account)
                  AND NOT EXISTS (SELECT 1 FROM denied d WHERE d.key = p.key AND d.account = a.account)),
            rows AS (SELECT * FROM found UNION ALL SELECT * FROM empty)
        """
        columns = """
            p.policy, p.variant, p.practice, r.status,
            p.severity, r.account, r.region, p.type, r.resource_id, NULL::VARCHAR AS arn, r.name, p.title, r.reason AS
            message, r.reason, '{}' AS evidence, r.seen_at
        """
        return f"{parts} SELECT {columns} FROM rows r JOIN plans p ON p.key = r.key"


def _finished(query: str) -> str:
    """Return the query of findings out of the query of verdicts."""
    place = "coalesce(v._home, v._region)"  # where a resource lives may be what could not be read
    message = "CASE WHEN v.verdict.status IN ('PASS', 'FAIL') THEN v.verdict.message ELSE v.verdict.reason END"
    columns = f"""
        p.policy, p.variant, p.practice,
        v.verdict.status AS status, p.severity, v._account AS account, {place} AS region, p.type,
        v._id AS resource_id, v._arn AS arn, v._name AS name, p.title, {message} AS message, v.verdict.reason AS reason,
        v.verdict.evidence AS evidence, v._seen_at AS seen_at
    """
    return f"SELECT {columns} FROM ({query}) v JOIN plans p ON p.key = v.verdict.plan WHERE v.verdict IS NOT NULL"


def _timestamp(time: datetime) -> str:
    return f"TIMESTAMP {quoted(time.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%S.%f'))}"
