"""What all tests share."""

import os

from hypothesis import settings

# In CI the same examples each time, so that red means the change; by hand new ones, which is how faults are found.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
