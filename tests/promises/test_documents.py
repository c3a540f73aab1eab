"""The documentation says what the program does."""

import ast
import configparser
import inspect
import os
import re
import runpy
import shlex
import subprocess
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import neatfool
import neatfool.server
from neatfool import cppn, errors
from neatfool.cli import main
from neatfool.cli.new_plugin import KINDS
from neatfool.config.ini import first_comment
from neatfool.config.option_help import describe_options
from neatfool.experiment.framework import OWN_KEYS
from neatfool.plugin.discovery import installed_plugins
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import RESERVED_KEYS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAM = runpy.run_path(str(ROOT / "docs" / "generated.py"))
COMMANDS = "".join(
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("commands*.md"))
)
JSON = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
REFERENCE = ROOT / "docs" / "reference"
KEYS = [REFERENCE / f"{each}.md" for each in ("targets", "http", "encodings", "schemes")]
EXPERIMENTS = "".join(
    page.read_text(encoding="utf-8") for page in [ROOT / "docs" / "experiments.md", *KEYS]
)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "experiments").glob("*.ini"))
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)


def test_the_first_block_sets_up_and_runs_the_main_job():
    (line,) = FENCED[0][1].splitlines()
    steps = line.split(" && ")
    assert steps[0] == "python3 -m venv .venv"
    assert steps[1] == ".venv/bin/pip install ."
    assert steps[-1] == ".venv/bin/neatfool run experiments/mnist.ini"
    assert (ROOT / "experiments" / "mnist.ini").is_file()


def test_the_second_block_sets_up_and_passes_the_tests():
    (line,) = FENCED[1][1].splitlines()
    assert line.split(" && ")[-1] == ".venv/bin/tox run -e py"


def test_ci_runs_the_second_block_as_it_stands():
    script = ROOT / ".ci" / "run"
    assert FENCED[1][1].strip() in script.read_text(encoding="utf-8").splitlines()
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
)
def test_links_lead_to_files(document):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / document).read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert missing == []


def test_the_map_names_files_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^## Where is …\?\n(.*?)^## ", text, re.M | re.S)
    files = re.findall(r"^\| .+ \| `(.+)` \|$", section, re.M)
    assert len(files) >= 40
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_the_lines_of_python_in_the_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = (text for kind, text in FENCED if kind == "python")
    Path("example.py").write_text(code.replace("20_000", "20, progress=False"), encoding="utf-8")
    names = ["school bus", "coil"]
    model = lambda images: np.full((len(images), 2), 0.5)  # noqa: E731
    runpy.run_path("example.py", {"model": model, "names": names})
    assert Path("school-bus.png").read_bytes().startswith(b"\x89PNG")


def test_the_readme_is_short_and_shows_pictures_that_exist():
    assert len(README.split()) <= 600
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(pictures) == 3
    assert all((ROOT / picture).is_file() for picture in pictures)


@pytest.mark.parametrize("experiment", EXAMPLES, ids=lambda path: path.stem)
def test_the_experiments_that_come_with_it_are_valid(experiment):
    result = CliRunner().invoke(main, ["validate", str(experiment)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert 30 < len(first_comment(experiment.read_text(encoding="utf-8"))) < 500
    assert f"`{experiment.name}`" in EXPERIMENTS


def test_the_example_of_a_changed_graph_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", page, re.S) if "d: the" in code)
    images = {"image": (1, 8, 8), "classes": 10, "images": 20}
    run = neatfool.fool(lambda batch: np.full((len(batch), 10), 0.1), progress=False, **images)
    Path("example.py").write_text(code, encoding="utf-8")
    runpy.run_path("example.py", {"run": run})
    assert (tmp_path / "three-without-d.png").is_file()
    assert capsys.readouterr().out == "10.0 %\n"


def test_the_examples_of_a_picture_for_other_programs_run(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    codes = [
        code
        for code in re.findall(r"```python\n(.*?)```", page, re.S)
        if "picture(" in code or "onnx" in code
    ]
    images = {"image": (1, 8, 8), "classes": 10, "images": 20}
    run = neatfool.fool(lambda batch: np.full((len(batch), 10), 0.1), progress=False, **images)
    Path("example.py").write_text("\n".join(codes), encoding="utf-8")
    names = runpy.run_path("example.py", {"run": run})
    assert np.abs(names["image"].astype(int) - names["picture"].pixels((512, 512))).max() <= 1
    assert {each.name for each in tmp_path.glob("three*")} == {"three.onnx", "three.glsl"}


def commands(group, path=()):
    """Give (name, command) for all commands, those within groups as ``plugins list``."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def commands_in(text):
    """Give the words of each ``neatfool`` command in the shell blocks of a page."""
    for block in re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S):
        for line in re.split(r"\n| && |; | \| ", block.replace("\\\n", " ")):
            if found := re.match(r"\s*(?:\.venv/bin/)?neatfool (.*)", line):
                yield shlex.split(found[1], comments=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_commands_of_a_page_exist_with_their_options(page):
    for words in commands_in(page.read_text(encoding="utf-8")):
        check_command(words)


def parameters_of(command):
    return command.get_params(click.Context(command))


def check_command(words):
    """Check that a command exists and has the options that it is called with."""
    command, left = main, list(words)
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), left.pop(0))
        assert command is not None, f"neatfool {shlex.join(words)}"
    options = {name for parameter in parameters_of(command) for name in parameter.opts}
    named = {word.split("=")[0] for word in left if re.match(r"--?[a-z]", word)}
    assert named <= options, f"neatfool {shlex.join(words)}"


@pytest.mark.parametrize("page", [*PAGES, *EXAMPLES], ids=lambda path: path.name)
def test_the_extras_of_a_page_exist(page):
    text = page.read_text(encoding="utf-8")
    named = {
        name
        for names in re.findall(r"[\"'](?:neatfool|\./neatfool|\.)\[([\w,-]+)\]", text)
        for name in names.split(",")
    }
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    assert named - {"EXTRA"} <= {*setup["options.extras_require"]}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_line_of_a_page_is_a_comment_or_a_list_by_accident(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert re.findall(r"^ *%.*", text, re.M) == []  # MyST leaves out a line that begins with %.
    assert re.findall(r"^\w.*\n1\. .*", text, re.M) == []  # A list may follow a line at once.


def words_of(page):
    """Count the words that people wrote, and not those between marks, which are generated."""
    return len(PROGRAM["without_generated"](page.read_text(encoding="utf-8")).split())


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("results.md", 1600),
        ("results-images.md", 1480),
        ("defences.md", 1720),
        ("performance.md", 1200),
        ("foolbench.md", 900),
    ],
)
def test_a_page_of_findings_ends(page, words):
    assert words_of(ROOT / "docs" / page) <= words


@pytest.mark.parametrize("page", ["writing-plugins", "api", "python", "engines"])
def test_a_how_to_guide_is_a_page(page):
    assert words_of(ROOT / "docs" / f"{page}.md") < 1_000


def test_what_people_wrote_around_the_keys_and_plugins_ends():
    generated = PROGRAM["reference_pages"]()
    whole = {*generated, *(page.name for page in REFERENCE.glob("commands-*.md"))}
    pages = [page for page in REFERENCE.glob("*.md") if page.name not in whole]
    assert sum(map(words_of, pages)) < 4_800


FINDINGS = ["results", "results-images", "defences", "performance"]


@pytest.mark.parametrize("page", FINDINGS)
def test_a_table_of_findings_fits_beside_a_text(page):
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\|(?:---\|)+$", text, re.M)
    assert tables
    assert [each for each in tables if each.count("---") > 6] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_files_that_a_page_names_to_a_browser_exist(page):
    extra = ROOT / "docs" / "_extra"
    made = {f"{each}.html" for each in ("fool", "gallery/index", "foolbench/index")}
    made.add("foolbench/entry.schema.json")
    made |= {f"{each.stem}.html" for each in (ROOT / "docs").glob("*.md")}
    named = re.findall(r'(?:href|src)="([^":#]+)[^":]*"', page.read_text(encoding="utf-8"))
    places = extra, ROOT / "docs"
    lost = [each for each in named if not any((place / each).is_file() for place in places)]
    assert [each for each in lost if each not in made] == []


def test_all_pages_together_end():
    generated = PROGRAM["reference_pages"]()
    reference = [page for page in REFERENCE.glob("*.md") if page.name not in generated]
    pages = [ROOT / "README.md", *reference, *(ROOT / "docs").glob("*.md")]
    assert sum(map(words_of, pages)) < 37_650


def test_the_home_page_shows_the_demo_first_then_cards_and_pictures():
    page = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    places = [page.index(f'class="{name}"') for name in ("fool", "cards", "tiles")]
    assert places == sorted(places)
    cards = page[places[1] : places[2]]
    assert len(re.findall(r'<a href="\w+\.html">', cards)) == 3
    pictures = re.findall(r'src="(_static/[^"]+)"', page)
    assert len(pictures) == 3 + page.count("<figcaption>")
    assert all((ROOT / "docs" / picture).is_file() for picture in pictures)
    assert all(":hidden:" in block for block in page.split("```{toctree}")[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_links_of_a_page_lead_to_pages(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    links = re.findall(r"\]\(([\w/.-]+\.\w+)(?:#[\w.-]+)?\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", [name for name, _ in commands(main)])
def test_every_command_is_in_the_reference_with_examples_that_exist(name):
    (section,) = re.findall(rf"^## `neatfool {name}`\n.*?(?=^## |\Z)", COMMANDS, re.M | re.S)
    examples = [*commands_in(section)]
    assert any(shlex.join(words).startswith(name) for words in examples)
    for words in examples:
        check_command(words)


def test_the_reference_has_the_keys_of_each_command_that_prints_json():
    described = re.findall(r"^## `([a-z ]+)`$", JSON, re.M)
    printing = [
        name
        for name, command in commands(main)
        if any("--json" in parameter.opts for parameter in command.params)
    ]
    assert sorted(described) == sorted(printing)


def test_every_exit_code_is_in_the_reference():
    in_code = {
        (error.exit_code, name)
        for name, error in vars(errors).items()
        if isinstance(error, type) and issubclass(error, errors.NeatfoolError)
    }
    rows = re.findall(r"^\| (\d+) \| .* \| `(\w+)` \|$", COMMANDS, re.M)
    assert {(int(code), name) for code, name in rows} == in_code - {(1, "NeatfoolError")}


WITH_OPTIONS = [
    f"{entry.kind}.{entry.name}"
    for entry, _ in installed_plugins()
    if entry.source == "neatfool" and entry.kind in RESERVED_KEYS
]


@pytest.mark.parametrize("plugin", WITH_OPTIONS)
def test_every_option_of_a_built_in_plugin_is_described(plugin):
    kind, name = plugin.split(".", 1)
    sections = describe_options(PluginManager().load(kind, name).options, kind)
    options = [option for section in sections.values() for option in section]
    assert [option.key for option in options if not option.description] == []
    assert [option.key for option in options if f"| `{option.key}` |" not in EXPERIMENTS] == []


@pytest.mark.parametrize("section", OWN_KEYS)
def test_every_key_of_the_framework_is_described(section):
    options = describe_options(OWN_KEYS[section], section)[section]
    assert [option.key for option in options if not option.description] == []
    assert [option.key for option in options if f"| `{option.key}` |" not in EXPERIMENTS] == []


def test_a_plugin_can_have_no_key_of_the_frameworks():
    assert RESERVED_KEYS["target"] == ("plugin", *OWN_KEYS["target"].model_fields)


def test_the_activations_in_the_reference_are_those_of_the_code():
    text = EXPERIMENTS.split("\n### Activations\n\n")[1].split("\n\n")[0]
    assert {*re.findall(r"`([a-z_]+)`", text)} == {*cppn.ACTIVATIONS}


def test_what_is_generated_is_current():
    """If it is not: python docs/generated.py --write."""
    pages = PROGRAM["pages"]()
    assert [page for page, text in pages.items() if PROGRAM["read"](page) != text] == []
    assert {*(ROOT / "docs" / "reference").glob("*.md")} <= {*pages}


def test_the_reference_has_each_public_name_once():
    pages = [page.read_text("utf-8") for page in (ROOT / "docs" / "reference").glob("*.md")]
    named = re.findall(r"^##+ `(\w+)`$", "\n".join(pages), re.MULTILINE)
    packages = (
        neatfool,
        neatfool.cppn,
        neatfool.measure,
        neatfool.files,
        neatfool.models,
        neatfool.network,
        neatfool.ood,
        neatfool.present,
        neatfool.testing,
        neatfool.wording,
        neatfool.server,
    )
    public = [
        name
        for package in packages
        for name in package.__all__
        if not inspect.ismodule(getattr(package, name))
    ]
    assert sorted(name for name in named if name in public) == sorted(public)
    assert {*dir(neatfool.analysis)} <= {*named}


def test_editors_know_each_measure():
    stub = (ROOT / "neatfool" / "analysis.pyi").read_text(encoding="utf-8")
    assert re.findall(r" as (\w+)$", stub, re.M) == dir(neatfool.analysis)


def test_ci_is_a_script_that_bash_can_read():
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)


PLUGINS = "".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("*-plugins.md"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_for_each_kind_of_plugin_is_shown_with_what_it_writes(kind):
    (code,) = re.findall(
        rf"^```sh\nneatfool plugins new {kind} \w+\n```\n\n```python\n(.*?)^```$",
        PLUGINS,
        re.M | re.S,
    )
    ast.parse(code)
    assert f"def neatfool_register_{kind}s" in code or kind in {"model", "observer"}


DIRECTORY = (REFERENCE / "plugins.md").read_text(encoding="utf-8")
LISTED = """
[[plugin]]
package = "neatfool-darker"
kind = "view"
name = "darker"
line = "Makes images darker | as at <dusk>."
link = "https://pypi.org/project/neatfool-darker/"
"""


def test_all_our_plugins_are_in_the_directory_by_kind():
    rows = re.findall(r"^\| (\w+) \| (`.*`) \| \w.*\|$", DIRECTORY, re.M)
    listed = {(kind, name) for kind, names in rows for name in re.findall("`(.*?)`", names)}
    ours = {(each.kind, each.name) for each, _ in installed_plugins() if each.source == "neatfool"}
    assert listed >= {pair for pair in ours if pair[0] != "command"}


def test_the_file_of_plugins_of_others_is_right_and_so_is_the_example_of_it():
    PROGRAM["list_others"]((ROOT / "docs" / "plugins.toml").read_text(encoding="utf-8"))
    (example,) = re.findall(r"^```toml\n(.*?)^```$", DIRECTORY, re.M | re.S)
    assert "[neatfool-darker](https://" in PROGRAM["list_others"](example)


def test_a_plugin_of_others_is_listed_and_its_text_is_no_markup():
    row = PROGRAM["list_others"](LISTED).splitlines()[-1]
    cells = ["view", "`darker`", r"Makes images darker \\| as at \<dusk\>."]
    link = "[neatfool-darker](https://pypi.org/project/neatfool-darker/)"
    assert row == f"| {' | '.join([*cells, link])} |"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("neatfool-darker", "darker"),
        ('"view"', '"views"'),
        ("https://", "javascript:"),
        ("[[plugin]]", "[[plugin]]\nstars = 5"),
    ],
)
def test_a_wrong_line_of_the_file_is_refused(right, wrong):
    with pytest.raises(ValueError, match="ListedPlugin"):
        PROGRAM["list_others"](LISTED.replace(right, wrong, 1))
