"""A finding: the same story on the terminal, as JSON, as CSV, as a page and in a notebook."""

import io
import json
import re
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from pydantic import Field, ValidationError

import neatfool_plugins
from neatfool import present
from neatfool.present import Output
from neatfool.present.output import show


def png(shade):
    file = io.BytesIO()
    Image.new("L", (8, 8), shade).save(file, "PNG")
    return file.getvalue()


class Counted(present.Finding):
    about = "how many there are"

    number: int = Field(description="how many")
    drawn: bytes = Field(exclude=True)

    @property
    def title(self):
        return "<b>a run</b>"

    def story(self):
        yield present.Headline(f"There are {self.number}.")
        yield present.Headline("A sentence only on a page.", where="page")
        yield present.Text("All were looked at.")
        yield present.Note("Some were small.")
        yield present.Section("Figures", "Read them with care.")
        yield present.Table(["name", "picture", "share"], [["first", self.drawn, "46 %"]], "One")
        yield present.Bars(("name", "share", "median"), [("kept", 0.5, "12 %")])
        yield present.Table(["hidden"], [["only on a page"]], where="page")
        yield present.Table(["shown"], [["only on the terminal"]], where="terminal")
        chart = present.Chart("a line", self.draw, "Course")
        cells = [present.Cell(self.drawn, "as saved", present.StrongText("99 %"))]
        yield present.Panel([chart, present.Strip(cells, "school bus")], "Together")

    def draw(self):
        lines = [present.ChartLine([0.0, 1.0], "end", 0)]
        return present.lines_of_shares(lines, ["before", "after"])

    def records(self):
        return present.Records(["name", "share"], [["first, and only", 0.46]])


@pytest.fixture
def finding():
    return Counted(number=3, drawn=png(40))


def test_its_json_has_the_described_numbers_and_no_pictures(finding):
    assert json.loads(finding.json()) == {"number": 3}
    assert finding.model_json_schema()["properties"]["number"]["description"] == "how many"


def test_it_cannot_be_changed(finding):
    with pytest.raises(ValidationError):
        finding.number = 4


def test_its_csv_and_its_data_frame_have_the_records(finding):
    assert finding.csv() == 'name,share\n"first, and only",0.46\n'
    pandas = pytest.importorskip("pandas")
    expected = pandas.DataFrame({"name": ["first, and only"], "share": [0.46]})
    pandas.testing.assert_frame_equal(finding.table(), expected)


def test_a_terminal_shows_sentences_and_tables_in_their_order_and_notes_last(finding, capsys):
    show(finding.story(), Output())
    shown = capsys.readouterr().out
    order = [
        "There are 3.",
        "All were",
        "One",
        "46 %",
        "50 %",
        "only on the terminal",
        "Note: Some",
    ]
    places = [shown.index(each) for each in order]
    assert places == sorted(places)
    assert "only on a page" not in shown
    assert "picture" not in shown


def test_printed_in_python_it_is_its_headlines_and_its_first_table(finding):
    first, *table = str(finding).splitlines()
    assert first == "There are 3."
    assert "46 %" in "\n".join(table)
    assert "All were looked at." not in str(finding)


def test_its_page_shows_everything_and_escapes_names(finding, tmp_path):
    page = finding.html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == page
    assert finding.html(str(tmp_path / "named by a text.html")) == page
    assert (tmp_path / "named by a text.html").read_text() == page
    assert "&lt;b&gt;a run&lt;/b&gt;" in page
    assert "<b>a run" not in page
    for text in ("There are 3.", "Some were small.", "Read them with care.", "only on a page"):
        assert text in page
    assert "only on the terminal" not in page
    assert page.count('class="curve"') == 1
    assert page.count('class="strip"') == 1
    assert page.count("data:image/png") == 2
    assert 'class="sure first">99' in page


def test_a_notebook_shows_the_page_within_a_frame(finding):
    shown = finding._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert shown.count("<") == 2


def test_its_first_chart_is_a_figure_for_matplotlib(finding):
    (axes,) = finding.plot().axes
    (line,) = axes.lines
    assert np.allclose(line.get_ydata(), [0, 1])


class Plain(present.Finding):
    about: ClassVar = "plain"

    @property
    def title(self):
        return "a run"

    def story(self):
        yield present.Text("nothing more")


def test_a_page_without_a_headline_is_titled_with_what_was_looked_at():
    page = Plain().html()
    assert "<h1><bdi>a run</bdi></h1>" in page
    assert "<title>a run · neatfool</title>" in page


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
