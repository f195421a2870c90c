"""CloudTrail's digest files: whether logs are what was delivered, none altered, removed or added."""

from crenel.trail.model import Chain, Finding, Gap, Outcome, Problem, Status
from crenel.trail.validate import validate

__all__ = ["Chain", "Finding", "Gap", "Outcome", "Problem", "Status", "validate"]
