"""How far a reading of logs is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from crenel.logs import Chunk


@dataclass(slots=True)
class Progress:
    """How far a run is: files, events and bytes (uncompressed) that were looked through, and since when."""

    files: int = 0
    events: int = 0
    bytes: int = 0
    begun: float = field(default_factory=time.monotonic)

    def add(self, chunk: Chunk) -> None:
        """Count a chunk that is done."""
        self.events += chunk.events
        self.bytes += chunk.bytes
        self.files += chunk.ended

    @property
    def seconds(self) -> float:
        """The seconds since the beginning."""
        return time.monotonic() - self.begun


Watch = Callable[[Progress], None]
