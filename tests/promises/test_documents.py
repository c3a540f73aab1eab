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
generated = PROGRAM["generated"]
COMMANDS = generated((ROOT / "docs" / "commands.md").read_text(encoding="utf-8"))
EXPERIMENTS = generated((ROOT / "docs" / "experiments.md").read_text(encoding="utf-8"))
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


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Write down the README's own target and its experiment."""
    source = next(text for _, text in FENCED if text.startswith("# bright.py\n"))
    experiment = next(
        text for _, text in FENCED if text.startswith("[experiment]\nname = bright\n")
    )
    (tmp_path / "bright.py").write_text(source, encoding="utf-8")
    (tmp_path / "bright.ini").write_text(experiment, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_target_of_the_readme_is_fooled(example):
    arguments = ["run", "bright.ini", "--set", "experiment.generations=3", "--no-report"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert len(list((example / "runs" / "bright-5" / "images").glob("*.png"))) == 2


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


@pytest.mark.parametrize(("page", "words"), [("results.md", 4000), ("performance.md", 3000)])
def test_a_page_of_findings_ends(page, words):
    assert len((ROOT / "docs" / page).read_text(encoding="utf-8").split()) <= words


def test_all_pages_together_end():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert sum(len(page.read_text(encoding="utf-8").split()) for page in pages) < 47_000


def test_the_home_page_shows_the_demo_first_then_pictures_and_five_links():
    page = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    title, first, then = page.split("\n\n")[:3]
    assert title == "# neatfool"
    assert '<iframe class="fool" src="fool.html"' in first
    assert then.startswith("![")
    assert len(re.findall(r"(?<!!)\[[^\]]+\]\(", page)) == 5
    assert all(":hidden:" in block for block in page.split("```{toctree}")[1:])


@pytest.mark.parametrize("name", [name for name, _ in commands(main)])
def test_every_command_is_in_the_reference_with_examples_that_exist(name):
    (section,) = re.findall(rf"^## `neatfool {name}`\n.*?(?=^## )", COMMANDS, re.M | re.S)
    examples = [*commands_in(section)]
    assert any(shlex.join(words).startswith(name) for words in examples)
    for words in examples:
        check_command(words)


def test_the_reference_has_the_keys_of_each_command_that_prints_json():
    described = re.findall(r"^### `(.*)`$", COMMANDS, re.M)
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
    text = EXPERIMENTS.split("\nActivations\n")[1].split("\n\n")[0]
    assert {*re.findall(r"`([a-z_]+)`", text)} == {*cppn.ACTIVATIONS}


def test_the_reference_has_each_public_name_and_no_other():
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\.\. \S+:: (neatfool\.[\w.]*)$", page, re.MULTILINE))
    public = {
        f"{package.__name__}.{name}"
        for package in (
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
        for name in package.__all__
    }
    assert named == public | {"neatfool.measure", "neatfool.plugin.hookspecs"}


@pytest.mark.parametrize("measure", dir(neatfool.analysis))
def test_the_reference_has_each_measure(measure):
    page = generated((ROOT / "docs" / "python.md").read_text(encoding="utf-8"))
    function = getattr(neatfool.analysis, measure)
    assert f"autofunction:: {function.__module__}.{measure}\n" in page


def test_editors_know_each_measure():
    stub = (ROOT / "neatfool" / "analysis.pyi").read_text(encoding="utf-8")
    assert re.findall(r" as (\w+)$", stub, re.M) == dir(neatfool.analysis)


def test_ci_is_a_script_that_bash_can_read():
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)


def is_a_contract(node):
    """Say whether a class only names what it has: fields, and methods without code."""
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    rest = [each for each in node.body if each not in methods]
    return all(ast.unparse(each.body[-1]) == "..." for each in methods) and all(
        isinstance(each, ast.AnnAssign) for each in rest
    )


PLUGINS = (ROOT / "docs" / "writing-plugins.md").read_text(encoding="utf-8")
CONTRACTS = {
    node.name: node
    for code in re.findall(r"^```python\n(.*?)^```$", PLUGINS, re.M | re.S)
    for node in ast.parse(code).body
    if isinstance(node, ast.ClassDef) and node.name in neatfool.__all__ and is_a_contract(node)
}


def test_each_contract_is_shown():
    assert {"Target", "Encoding", "Scheme", "View", "Engine", "Candidate", "Scores"} <= {*CONTRACTS}


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_is_shown_with_all_its_members(name):
    contract = getattr(neatfool, name)
    shown = {getattr(each, "name", "") or each.target.id for each in CONTRACTS[name].body}
    found = {each for each, value in vars(contract).items() if not isinstance(value, classmethod)}
    members = found | {*inspect.get_annotations(contract)}
    assert shown - {"__init__"} == {each for each in members if each[0] != "_"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_for_each_kind_of_plugin_is_shown_with_what_it_writes(kind):
    shown = generated(PLUGINS)
    (code,) = re.findall(
        rf"^```sh\nneatfool plugins new {kind} \w+\n```\n\n```python\n(.*?)^```$",
        shown,
        re.M | re.S,
    )
    ast.parse(code)
    assert f"def neatfool_register_{kind}s" in code or kind in {"model", "observer"}


DIRECTORY = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
LISTED = """
[[plugin]]
package = "neatfool-darker"
kind = "view"
name = "darker"
line = "Makes images darker | as at <dusk>."
link = "https://pypi.org/project/neatfool-darker/"
"""


def test_all_our_plugins_are_in_the_directory_by_kind():
    rows = re.findall(r"^\| (\w+) \| (`.*`) \| \w.*\|$", generated(DIRECTORY), re.M)
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
