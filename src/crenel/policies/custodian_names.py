"""What Cloud Custodian calls its resource types, filters and actions, those too that are not supported here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from crenel.positions import load_file

# The first part of the names of other clouds' types.
CLOUDS = frozenset({"awscc", "azure", "gcp", "k8s", "oci", "openstack", "tencentcloud", "terraform"})


@dataclass(frozen=True, slots=True)
class Names:
    """The names of all types of AWS, without `aws.`, and of the filters and actions that some of them has."""

    types: frozenset[str]
    filters: frozenset[str]
    actions: frozenset[str]


@lru_cache(maxsize=1)
def custodian_names() -> Names:
    """Return Cloud Custodian's names."""
    found = load_file(Path(str(files("crenel.content") / "custodian.yaml"))).plain()
    return Names(frozenset(found["types"]), frozenset(found["filters"]), frozenset(found["actions"]))
