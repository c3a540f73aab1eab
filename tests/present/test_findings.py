"""All findings: their models are whole, and each of their numbers is described."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import neatfool_plugins
from neatfool import present


def module_of(file):
    """Name the module of a file of the plugins."""
    place = file.relative_to(neatfool_plugins.__path__[0]).with_suffix("")
    return ".".join(["neatfool_plugins", *place.parts]).removesuffix(".__init__")


FINDINGS = [
    each
    for file in sorted(Path(neatfool_plugins.__path__[0]).rglob("*.py"))
    if re.search(r"\((present\.)?(Finding|MultiRunResult)\)", file.read_text(encoding="utf-8"))
    for each in vars(import_module(module_of(file))).values()
    if isinstance(each, type)
    and issubclass(each, present.Finding)
    and each.__module__ == module_of(file)
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
