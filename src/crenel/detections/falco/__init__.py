"""Falco's rules for the source `aws_cloudtrail` → detections, as Falco's engine 0.63 and its plugins read them."""

from crenel.detections.falco.files import falco_of, read_falco

__all__ = ["falco_of", "read_falco"]
