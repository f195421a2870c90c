"""The use case of `crenel detect`: log files through rules, chunk by chunk, and then the alerts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from crenel.detect.alerts import alerts, once
from crenel.detect.chains import NOBODY, callers
from crenel.detect.correlate import Blind, blind, correlate
from crenel.detect.engine import Engine, Reach
from crenel.detect.looking import log_files, look_through, runnable
from crenel.detect.progress import Progress, Watch
from crenel.detections.load import load_rules
from crenel.detections.model import Rules
from crenel.errors import UsageError
from crenel.lake.engine import connect
from crenel.lake.event_store import EventStore
from crenel.logs import Fault, Lookup
from crenel.model import Alert

MEMORY = "400MB"  # of the engine; what is more lies on disk


@dataclass(frozen=True, slots=True)
class Options:
    """What to look through, for what: `logs` are files, folders, globs and s3:// prefixes, and where there are none the
    events of `lake` are meant; no `rules` means our own. `profile` is whose credentials S3 is asked with, `lookup`
    whose event history is looked through as well.
    """

    logs: tuple[str, ...]
    lake: Path
    rules: tuple[Path, ...] = ()
    reach: Reach = field(default_factory=Reach)
    first_match: bool = False
    profile: str = ""
    lookup: Lookup | None = None

    @property
    def stored(self) -> bool:
        """Whether the events of the lake are looked through."""
        return not self.logs and self.lookup is None


@dataclass(slots=True)
class Outcome:
    """What a run found: `alerts` are to be read once, in the order of time; `faults` are what could not be read.

    `blind` are the correlations for which the events do not go back far enough.
    """

    rules: Rules
    alerts: Iterator[Alert]
    progress: Progress
    faults: list[Fault]
    blind: list[Blind] = field(default_factory=list)


@contextmanager
def detect(options: Options, watch: Watch | None = None) -> Iterator[Outcome]:
    """Look through logs and give what the rules find. Everything kept meanwhile lies in a folder that is then removed.

    Rules that don't load stand in `Outcome.rules.errors`; the others run. Raises `PolicyFileError` where none is left,
    `UsageError` where there are no rules or a place names no logs.
    """
    rules = load_rules(options.rules)
    enabled = runnable(rules)
    with tempfile.TemporaryDirectory(prefix="crenel-detect-") as name, connect(Path(name) / "spill", MEMORY) as lake:
        engine = Engine(lake, enabled, options.reach)
        outcome = Outcome(rules, iter(()), Progress(), [])
        known = NOBODY
        if options.stored:
            names = _look_into_lake(engine, options, outcome)
        else:
            with log_files(options.logs, options.reach, options.profile, options.lookup) as files:
                names = look_through(engine, files, Path(name), outcome.progress, outcome.faults, watch)
        engine.judge()
        once(engine, first_match=options.first_match)
        if options.stored:
            # Of log files the calls that give out keys are not kept: they may be every tenth event.
            known = callers(engine, EventStore(options.lake).relation)
        outcome.blind = blind(engine, rules.correlations)
        outcome.alerts = chain(alerts(engine, names, known), correlate(engine, rules.correlations, names, known))
        yield outcome


def _look_into_lake(engine: Engine, options: Options, outcome: Outcome) -> dict[int, str]:
    """Look through the events that were taken into the lake. Raises `UsageError` where there are none."""
    store = EventStore(options.lake)
    if store.empty:
        raise UsageError(f"{options.lake} has no events.", suggestion="Name log files, or take some in: crenel ingest.")
    outcome.progress.events = engine.look_stored(store.relation)
    return {0: str(store.folder)}
