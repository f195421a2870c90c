"""Names and messages from other people's accounts do nothing in any format of `crenel compliance`."""

from __future__ import annotations

import io

import pytest

from crenel.judge.compliance import standings
from crenel.report.compliance import Compliance
from crenel.report.compliance_files import FORMATS
from tests.report.judgements import ACCOUNT, finding, info, judgement

HOSTILE = "\x1b[31m=cmd()|<img src=x>@everyone"


@pytest.mark.parametrize("style", FORMATS)
def test_a_hostile_reason_does_nothing(style):
    control = {
        "framework": "f", "framework_title": "F", "version": "1", "section": "1", "section_title": "One",
        "control": "1", "title": "x", "levels": [], "place": 0, "policy": "p",
    }  # fmt: skip
    judged = judgement([finding(policy="p", status="UNKNOWN", reason=HOSTILE)], about={"controls": [control]})
    out = io.StringIO()

    FORMATS[style](Compliance(info(), [ACCOUNT], standings(judged.connection)), out)

    assert "\x1b" not in out.getvalue()
    if style == "markdown":
        assert "\\<img" in out.getvalue()
        assert "@everyone" not in out.getvalue()
    if style == "csv":
        assert ",=cmd" not in out.getvalue()
