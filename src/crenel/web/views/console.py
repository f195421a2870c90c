"""The SQL console: one SELECT over a snapshot's tables and the events, read-only, with limits of time, rows, memory."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

from crenel.errors import UsageError
from crenel.lake.query import query
from crenel.web.page import Ask, Page

SECONDS = 10.0
ROWS = 500
_LONGEST = 20_000  # letters of a statement
_EXAMPLES = {
    "What fails, by policy": "select policy, severity, count(*) as failing\nfrom findings where state = 'FAIL'\n"
    "group by all order by failing desc",
    "What could not be read": "select call, code, permission, count(*) as times\nfrom gaps group by all",
    "Findings of one Region": "select state, policy, resource_id, message\nfrom findings\n"
    "where region = 'eu-west-1' and state = 'FAIL'\norder by policy limit 100",
}


def console(ask: Ask) -> Page:
    """Run the statement of the query's `q`, and show its rows; without one the tables that there are."""
    ask.only("q")
    statement = ask.get("q")
    values: dict[str, Any] = {
        "q": statement,
        "limits": {"seconds": SECONDS, "rows": ROWS},
        "answer": None,
        "error": None,
        "tables": _tables(ask),
        "examples": [{"title": title, "q": text} for title, text in _EXAMPLES.items()],
    }
    status = 200
    if statement.strip():
        began = time.monotonic()
        try:
            values["answer"] = _asked(ask, statement) | {"seconds": round(time.monotonic() - began, 3)}
        except UsageError as error:
            values["error"], status = error.message, 400
    return Page("sql.html", "SQL", values, status)


def _asked(ask: Ask, statement: str) -> dict[str, Any]:
    if len(statement) > _LONGEST:
        raise UsageError(f"the statement has more than {_LONGEST:,} letters.")
    with query(ask.opened.snapshot, statement, ask.shelf.lake.folder, seconds=SECONDS) as (columns, rows):
        found = [list(row) for row in islice(rows, ROWS)]
        more = next(rows, None) is not None
    return {"columns": columns, "rows": found, "more": more}


def _tables(ask: Ask) -> list[dict[str, Any]]:
    """Return the tables that can be asked, each with its columns."""
    statement = (
        "SELECT table_name, list(column_name || ' ' || left(data_type, 40) ORDER BY column_index) AS columns "
        "FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal GROUP BY 1 ORDER BY 1"
    )
    with query(ask.opened.snapshot, statement, ask.shelf.lake.folder) as (_, rows):
        return [{"table": table, "columns": columns} for table, columns in rows]
