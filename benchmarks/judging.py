"""Judging a million stored resources: a scanned snapshot whose tables are multiplied, judged by all 26 policies.

    python -m benchmarks.judging LAKE          judge the lake's snapshot and print what it took, as JSON
    python -m benchmarks.judging LAKE TARGET   write a lake with that snapshot multiplied, and print its number of rows

Both are processes of their own, so that neither's memory counts as another's.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

from crenel.lake.engine import connect, quoted
from crenel.lake.snapshots import Lake, seal
from crenel.scan import ScanOptions, judge_stored

# About what an organisation's inventory looks like; these types hold all but a handful of the rows.
ROWS = {
    "ebs": 250_000,
    "ebs_snapshot": 250_000,
    "security_group": 200_000,
    "lambda": 100_000,
    "s3": 50_000,
    "kms_key": 50_000,
    "vpc": 30_000,
    "flow_log": 30_000,
    "iam_user": 20_000,
    "iam_policy": 5_000,
    "dms_instance": 5_000,
    "elasticsearch": 5_000,
    "sagemaker_notebook": 5_000,
}


def multiply(lake: Path, target: Path) -> int:
    """Write a lake with the last snapshot of another, its rows repeated (with ids of their own) up to `ROWS`.

    Returns the number of rows.
    """
    snapshot, _ = Lake(lake).latest()
    folder = target / "snapshots" / snapshot.info.id
    folder.mkdir(parents=True)
    connection = connect(target, memory="2GB")
    for path in snapshot.folder.glob("*.parquet"):
        wanted, source = ROWS.get(path.stem, 0), f"read_parquet({quoted(str(path))})"
        (there,) = connection.execute(f"SELECT count(*) FROM {source}").fetchone() or (0,)
        if not wanted or not there:
            shutil.copy(path, folder)
            continue
        rows = (
            f"SELECT t.* REPLACE (concat(_id, '-', n) AS _id) FROM {source} t, range({-(-wanted // there)}) r(n) "
            f"LIMIT {wanted}"
        )
        connection.execute(f"COPY ({rows}) TO {quoted(str(folder / path.name))} (FORMAT parquet, COMPRESSION zstd)")
    seal(folder, snapshot.info)
    return sum(ROWS.values())


def read_everything(lake: Path) -> float:
    """Return the seconds that the engine takes to read every column of every table once: the limit for any judge."""
    snapshot, _ = Lake(lake).latest()
    connection = connect()
    began = time.perf_counter()
    for path in snapshot.folder.glob("*.parquet"):
        connection.execute(f"SELECT max(hash(t)) FROM read_parquet({quoted(str(path))}) t")
    return time.perf_counter() - began


def main() -> int:
    """Judge, and print seconds, verdicts and the limit as JSON; or multiply a snapshot first."""
    lake = Path(sys.argv[1])
    if len(sys.argv) > 2:
        print(multiply(lake, Path(sys.argv[2])))
        return 0
    limit = read_everything(lake)
    began, cpu = time.perf_counter(), time.process_time()
    with judge_stored(ScanOptions(lake=lake)) as outcome:
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
        verdicts = sum(number for _, _, number in outcome.judgement.counts())
    print(json.dumps({"seconds": seconds, "cpu": used, "verdicts": verdicts, "limit": limit}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
