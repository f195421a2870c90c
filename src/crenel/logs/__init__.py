"""Log files of any size and form, read into chunks of records."""

from crenel.logs.buckets import fetched, is_remote
from crenel.logs.careful import Line, careful
from crenel.logs.chunking import chunks
from crenel.logs.finding import find
from crenel.logs.looking_up import Lookup, look_up
from crenel.logs.mending import repaired
from crenel.logs.model import Chunk, Fault, LogFile, Wanted

__all__ = [
    "Chunk",
    "Fault",
    "Line",
    "LogFile",
    "Lookup",
    "Wanted",
    "careful",
    "chunks",
    "fetched",
    "find",
    "is_remote",
    "look_up",
    "repaired",
]
