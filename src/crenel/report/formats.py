"""The registry of output formats. A new one is a module with `write`, a line here and a part of docs/outputs.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TextIO

from crenel.report import asff, csv_, html, json_, junit, markdown, ndjson, ocsf, sarif, table
from crenel.report.model import Report


@dataclass(frozen=True, slots=True)
class Format:
    """An output format: what writes it (streaming), its media type, the suffix of its files, and what it is for."""

    write: Callable[[Report, TextIO], None]
    media_type: str
    suffix: str
    purpose: str


FORMATS: Mapping[str, Format] = {
    "table": Format(table.write, "text/plain", "txt", "for people: verdicts by policy, what fails, what to do next"),
    "json": Format(json_.write, "application/json", "json", "for programs: all of it, with the evidence"),
    "csv": Format(csv_.write, "text/csv", "csv", "for spreadsheets: a row a finding"),
    "ndjson": Format(ndjson.write, "application/x-ndjson", "ndjson", "for programs that read line by line"),
    "html": Format(html.write, "text/html", "html", "for people: one file to open, send and print"),
    "markdown": Format(markdown.write, "text/markdown", "md", "for a pull request or a job's summary: bounded in size"),
    "junit": Format(junit.write, "application/xml", "xml", "for CI systems: a test suite a policy, a case a finding"),
    "sarif": Format(sarif.write, "application/sarif+json", "sarif", "for GitHub code scanning and other viewers"),
    "ocsf": Format(ocsf.write, "application/x-ndjson", "ocsf.ndjson", "for SIEMs and security lakes: OCSF 1.5.0"),
    "asff": Format(asff.write, "application/json", "asff.json", "for AWS Security Hub: what --push sends"),
}
