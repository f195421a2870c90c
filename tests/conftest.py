"""What all tests share."""

import os
from pathlib import Path

from hypothesis import settings

# In CI the same examples each time, so that red means the change; by hand new ones, which is how faults are found.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# Copies of AWS's models are kept for the tests alone, and not in the cache folder of whoever runs them.
os.environ["XDG_CACHE_HOME"] = str(Path(__file__).parent.parent / ".pytest_cache")
