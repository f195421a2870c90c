"""Fixes that need code: pure functions from a finding, its row and the snapshot's tables to steps."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.remediate.builders import actions, functions, identity, messages, networks, recorders, storage, trails
from crenel.remediate.builders.model import Builder, Draft, Remedy, Situation, Tables

__all__ = ["BUILDERS", "Builder", "Draft", "Remedy", "Situation", "Tables"]

# By the name that a fix in `content/fixes/` gives as its `builder`.
BUILDERS: Mapping[str, Builder] = {
    **actions.BUILDERS,
    **functions.BUILDERS,
    **identity.BUILDERS,
    **messages.BUILDERS,
    **networks.BUILDERS,
    **recorders.BUILDERS,
    **storage.BUILDERS,
    **trails.BUILDERS,
}
