"""All findings: their models are whole, and each of their numbers is described."""

from __future__ import annotations

import pytest

from neatfool import analysis, present

FINDINGS = [
    each
    for each in (getattr(analysis, name) for name in analysis.__all__)
    if isinstance(each, type) and issubclass(each, present.Finding)
]


def models(schema):
    return [schema, *schema.get("$defs", {}).values()]


def test_there_are_findings():
    assert len(FINDINGS) >= 7


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.__name__)
def test_a_finding_can_be_made_and_describes_what_it_holds(finding):
    assert finding.__pydantic_complete__
    schema = finding.model_json_schema(mode="serialization")
    lacking = [
        f"{model['title']}.{name}"
        for model in models(schema)
        for name, field in model["properties"].items()
        if "description" not in field and "$ref" not in field
    ]
    assert lacking == []
