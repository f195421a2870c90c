"""Alerts that are kept: a Parquet file for each run of detect, and each alert once, however often it was found."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import duckdb

from crenel.errors import LakeError
from crenel.lake.engine import connect, literal_path, name, parquet, quoted
from crenel.model import Alert

_LISTS = ("tags", "events")
COLUMNS = {
    each.name: "VARCHAR[]" if each.name in _LISTS else "JSON" if each.name == "output_fields" else "VARCHAR"
    for each in fields(Alert)
}
# The same rule and the same events: the same alert.
_IDENTITY = "md5(concat_ws('|', language, rule_id, rule, event_id, array_to_string(events, ',')))"


class AlertStore:
    """The alerts of a lake."""

    def __init__(self, lake: Path) -> None:
        self.folder = lake / "alerts"

    @property
    def empty(self) -> bool:
        """Whether there are no alerts."""
        return next(self.folder.glob("*.parquet"), None) is None

    @property
    def relation(self) -> str:
        """The relation of all alerts, each with its `id`. There has to be one (`empty`)."""
        return (
            f"(SELECT {_IDENTITY} AS id, * FROM {parquet(self.folder, '*.parquet')} "
            "QUALIFY row_number() OVER (PARTITION BY id ORDER BY file) = 1)"
        )

    @contextmanager
    def keeping(self) -> Iterator[Callable[[Alert], None]]:
        """Yield what takes an alert. They are in the lake when the block ends well, all of them, and else none.

        Raises `LakeError` where the lake can't be written.
        """
        part = self.folder / f".{secrets.token_hex(6)}.part"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with part.open("w", encoding="utf-8") as out:

                def keep(alert: Alert) -> None:
                    row = {each: getattr(alert, each) for each in COLUMNS}
                    out.write(json.dumps(row | {"output_fields": dict(alert.output_fields)}) + "\n")

                yield keep
            if part.stat().st_size:
                self._commit(part)
        except (OSError, duckdb.Error) as error:
            raise LakeError(f"can't keep alerts in the lake {self.folder.parent}: {error}.") from error
        finally:
            part.unlink(missing_ok=True)

    def _commit(self, part: Path) -> None:
        made = part.with_suffix(".made")
        columns = ", ".join(f"{quoted(key)}: {quoted(kind)}" for key, kind in COLUMNS.items())
        source = f"read_json({quoted(literal_path(part))}, format = 'newline_delimited', columns = {{{columns}}})"
        listed = ", ".join(name(key) for key in COLUMNS)
        with connect() as connection:
            connection.execute(
                f"COPY (SELECT {listed} FROM {source}) TO {quoted(str(made))} (FORMAT parquet, COMPRESSION zstd)"
            )
        made.rename(self.folder / f"{part.name.removeprefix('.').removesuffix('.part')}.parquet")
