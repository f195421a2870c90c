"""The use case of `crenel detect`: log files through rules, chunk by chunk, and then the alerts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from crenel.detect.alerts import alerts, once
from crenel.detect.correlate import correlate
from crenel.detect.engine import Engine, Reach
from crenel.detect.progress import Progress, Watch
from crenel.detections.load import load_rules
from crenel.detections.model import Rules
from crenel.errors import PolicyFileError, UsageError
from crenel.lake.engine import connect
from crenel.lake.event_store import EventStore
from crenel.logs import Chunk, Fault, Wanted, chunks, find, repaired
from crenel.model import Alert

_MEMORY = "400MB"  # of the engine; what is more lies on disk


@dataclass(frozen=True, slots=True)
class Options:
    """What to look through, for what: `logs` are files, folders, globs and s3:// prefixes, and where there are none the
    events of `lake` are meant; no `rules` means our own.
    """

    logs: tuple[str, ...]
    lake: Path
    rules: tuple[Path, ...] = ()
    reach: Reach = field(default_factory=Reach)
    first_match: bool = False


@dataclass(slots=True)
class Outcome:
    """What a run found: `alerts` are to be read once, in the order of time; `faults` are what could not be read."""

    rules: Rules
    alerts: Iterator[Alert]
    progress: Progress
    faults: list[Fault]


@contextmanager
def detect(options: Options, watch: Watch | None = None) -> Iterator[Outcome]:
    """Look through logs and give what the rules find. Everything kept meanwhile lies in a folder that is then removed.

    Rules that don't load stand in `Outcome.rules.errors`; the others run. Raises `PolicyFileError` where none is left,
    `UsageError` where there are no rules or a place names no logs.
    """
    rules = load_rules(options.rules)
    enabled = [each for each in rules.detections if each.enabled]
    if not enabled:
        if rules.errors:
            raise PolicyFileError(rules.errors)
        raise UsageError("no rule is for CloudTrail.", suggestion="crenel rules check says why.")
    with tempfile.TemporaryDirectory(prefix="crenel-detect-") as name, connect(Path(name) / "spill", _MEMORY) as lake:
        engine = Engine(lake, enabled, options.reach)
        outcome = Outcome(rules, iter(()), Progress(), [])
        if options.logs:
            names = _look_through(engine, options, Path(name), outcome, watch)
        else:
            names = _look_into_lake(engine, options, outcome)
        engine.judge()
        once(engine, first_match=options.first_match)
        outcome.alerts = chain(alerts(engine, names), correlate(engine, rules.correlations, names))
        yield outcome


def _look_through(
    engine: Engine, options: Options, folder: Path, outcome: Outcome, watch: Watch | None
) -> dict[int, str]:
    """Look through log files; return their names by number."""
    reach, names = options.reach, dict[int, str]()
    with (
        closing(find(options.logs, Wanted(reach.since, reach.until, reach.accounts, reach.regions))) as found,
        closing(chunks(found, folder)) as made,
    ):
        for chunk in made:
            _look(engine, chunk, folder, outcome)
            names.update({number: file.name for number, file in chunk.files.items()})
            if watch:
                watch(outcome.progress)
    return names


def _look(engine: Engine, chunk: Chunk, folder: Path, outcome: Outcome) -> None:
    """Look through one chunk; a second time, record by record, where something in it is not as AWS writes it."""
    if engine.look(chunk.path, chunk.longest):
        chunk = repaired(chunk, folder)
        engine.look(chunk.path, chunk.longest)
        chunk.path.unlink()
    engine.keep()
    outcome.faults += chunk.faults
    outcome.progress.add(chunk)


def _look_into_lake(engine: Engine, options: Options, outcome: Outcome) -> dict[int, str]:
    """Look through the events that were taken into the lake. Raises `UsageError` where there are none."""
    store = EventStore(options.lake)
    if store.empty:
        raise UsageError(f"{options.lake} has no events.", suggestion="Name log files, or take some in: crenel ingest.")
    outcome.progress.events = engine.look_stored(store.relation)
    return {0: str(store.folder)}
