"""The JSON report keeps to its published schema, and the schema to the code."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from probe.report import json_report
from probe.report.schema import schema
from probe.report.viewmodel import ReportView

PUBLISHED = json.loads(
    (Path(__file__).parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8")
)


def test_the_published_schema_is_the_one_of_the_code() -> None:
    assert schema() == PUBLISHED, "run: python -m probe.report.schema > docs/report.schema.json"


def test_the_schema_is_valid_itself() -> None:
    jsonschema.Draft202012Validator.check_schema(PUBLISHED)


def test_a_report_keeps_to_the_schema(view: ReportView) -> None:
    report = json.loads(json_report.render(view))
    jsonschema.Draft202012Validator(PUBLISHED).validate(report)
    assert report["schema"] == "probe-report/1"


@pytest.mark.parametrize("damage", ["extra", "missing", "version"])
def test_the_schema_refuses_what_is_not_a_report(view: ReportView, damage: str) -> None:
    report = copy.deepcopy(json.loads(json_report.render(view)))
    if damage == "extra":
        report["devices"][0]["score"] = 98
    elif damage == "missing":
        del report["devices"][0]["catalogues"][0]["limit"]
    else:
        report["schema"] = "probe-report/2"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(PUBLISHED).validate(report)


def test_keys_come_in_the_order_of_the_schema(view: ReportView) -> None:
    report = json.loads(json_report.render(view))
    assert list(report) == list(PUBLISHED["properties"])
    assert list(report["run"]) == list(PUBLISHED["$defs"]["RunView"]["properties"])


def test_it_is_safe_to_print(view: ReportView) -> None:
    out = json_report.render(view)
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in out)
