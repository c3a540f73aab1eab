"""Runs whose activations are a plugin's: recorded, resumed, drawn, and refused without it."""

import json
import shutil

import pytest
from commands import neatfool, write_experiment
from damage import forge

from neatfool import PluginError, UntrustedRun, cppn, open_run

pytestmark = pytest.mark.usefixtures("own_activations")

RIPPLE = '''\
"""Adds a ripple."""

import neatfool


@neatfool.hookimpl
def neatfool_register_activations(register):
    register("ripple", lambda xp, z: xp.sin(z) * xp.exp(-z * z))
'''
NAMED = """\
renderer = plain
[DefaultGenome]
activation_options = paper_sine ripple
"""


def write(folder, named=NAMED, path="patches.py, ripple.py"):
    file = write_experiment(folder)
    text = file.read_text().replace("path = patches.py", f"path = {path}")
    file.write_text(text.replace("plugin = cppn\n", f"plugin = cppn\n{named}"))
    (folder / "ripple.py").write_text(RIPPLE)
    return file


def run(file, *more):
    folder = file.parent / "run"
    neatfool("run", file, "--out", folder, "--no-report", *more, exit_code=0)
    return folder


def refused(result, code=3):
    assert result.exit_code == code, result.output
    return " ".join(result.stderr.split())


@pytest.fixture
def folder(tmp_path):
    """Give a finished run that draws with a plugin of a file."""
    return run(write(tmp_path))


def used(folder):
    nodes = [node for elite in open_run(folder) for node in elite.genome.nodes.values()]
    return {node.activation for node in nodes}


def test_a_run_records_whose_it_is(folder):
    assert open_run(folder).experiment["activations"] == {
        "ripple": str(folder.parent / "ripple.py")
    }


def test_a_run_without_any_records_nothing(finished):
    recorded = open_run(finished)
    assert "activations" not in recorded.experiment
    assert "activations" not in recorded.info["identity"]


def test_a_run_is_resumed_in_a_process_that_does_not_know_it(folder, own_activations):
    own_activations()
    assert neatfool("resume", folder, "--generations", 10, "--no-report").exit_code == 0


def test_an_installed_plugin_is_found_by_its_name(tmp_path, distribute, own_activations):
    distribute("neatfool_ripple", {"activation.ripple": "the_ripple"}, {"the_ripple": RIPPLE})
    folder = run(write(tmp_path, path="patches.py"))
    source = "neatfool_ripple 1.2, the_ripple"
    assert open_run(folder).experiment["activations"] == {"ripple": source}
    own_activations()
    assert used(folder) == {"paper_sine", "ripple"}


def test_without_its_plugin_a_run_is_refused_with_its_name(folder, own_activations):
    shutil.move(folder.parent / "ripple.py", folder.parent / "ripple.txt")
    shutil.move(folder.parent / "patches.py", folder.parent / "patches.txt")
    own_activations()
    with pytest.raises(
        PluginError, match=r"the activation 'ripple' of '.*ripple.py' is not here; "
    ):
        open_run(folder)
    assert "the activation 'ripple' of" in refused(neatfool("resume", folder, "--no-report"))
    listed = neatfool("runs", folder.parent, exit_code=0)
    assert "the activation 'ripple' of" in " ".join(listed.stdout.split())


def test_a_changed_formula_is_not_resumed_and_not_drawn(folder, tmp_path, own_activations):
    (tmp_path / "ripple.py").write_text(RIPPLE.replace("sin", "cos"))
    own_activations()
    result = neatfool("resume", folder, "--generations", 10, "--no-report")
    assert "the experiment is not the one that the run started with ([activations] ripple" in (
        refused(result, 5)
    )
    own_activations()
    result = neatfool("render", folder, "bright", "-o", tmp_path / "x.png")
    assert "is not the run's: its formula changed" in refused(result)


def test_other_words_for_the_same_formula_are_resumed(folder, tmp_path, own_activations):
    (tmp_path / "ripple.py").write_text(RIPPLE.replace("z", "turn") + "# as it was\n")
    own_activations()
    assert neatfool("resume", folder, "--generations", 10, "--no-report").exit_code == 0


@pytest.fixture
def theirs(folder, tmp_path, monkeypatch, own_activations):
    """Give a run of somebody else, whose plugin leaves a trace if it is loaded."""
    trace = "from pathlib import Path\nPath(__file__).with_name('was-here').touch()\n"
    (tmp_path / "ripple.py").write_text(RIPPLE + trace)
    monkeypatch.setenv("NEATFOOL_CONFIG", str(tmp_path / "config"))
    own_activations()
    return folder


def test_a_strangers_run_loads_none_before_a_yes(theirs, tmp_path):
    with pytest.raises(UntrustedRun, match="uses the activation 'ripple'") as raised:
        open_run(theirs)["bright"].pixels()
    assert f"runs the Python file '{tmp_path / 'ripple.py'}'" in str(raised.value)
    for command in ("render", "graph"):
        result = neatfool(command, theirs, "bright", "-o", tmp_path / "x.png")
        assert "another user or machine made this run" in refused(result, 5)
    assert not (tmp_path / "was-here").exists()
    assert open_run(theirs, trust=True)["bright"].pixels().shape == (1, 6, 8)


def test_a_strangers_run_that_hides_it_loads_none_either(theirs, tmp_path):
    experiment = dict(open_run(theirs).experiment)
    del experiment["activations"]
    text = json.dumps(experiment).replace("'", "''")
    forge(theirs, f"UPDATE info SET value = '{text}' WHERE key = 'experiment'")
    result = neatfool("render", theirs, "bright", "-o", tmp_path / "x.png")
    assert "there is no 'ripple'" in refused(result, 5)
    assert not (tmp_path / "was-here").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("show",),
        ("render", "bright", "-o", "x.png"),
        ("graph", "bright", "-o", "x.svg"),
        ("gallery", "--out", "page"),
        ("ancestry",),
        ("report",),
        ("verify",),
    ],
    ids=lambda command: command[0],
)
def test_commands_draw_it(folder, tmp_path, monkeypatch, own_activations, command):
    monkeypatch.chdir(tmp_path)
    own_activations()
    neatfool(command[0], folder, *command[1:], exit_code=0)


def test_a_gallery_has_its_function(folder, tmp_path):
    assert neatfool("gallery", folder, "--out", tmp_path / "page").exit_code == 0
    assert "vec3 act_ripple(vec3 z)" in (tmp_path / "page" / "page" / "glsl.js").read_text()
    index = (tmp_path / "page" / "data" / "index.js").read_text()
    assert '"ripple":{"colour":"#b0642f"' in index


def test_a_name_that_nobody_has_is_an_error_at_its_place(tmp_path):
    file = write(tmp_path, NAMED.replace("ripple", "rippel"))
    assert "there is no 'rippel'" in refused(neatfool("validate", file), 2)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("xp.sin", "xp.log", "xp has no 'log'"),
        ("xp.exp(-z * z)", "xp.exp(z * z)", "its value at z = "),
        ('"ripple"', '"tanh"', "neatfool has an activation of that name"),
        ("exp(-z * z))", "exp(-z * z), color='red')", "unexpected keyword argument 'color'"),
    ],
)
def test_a_formula_that_cannot_be_is_an_error_that_names_its_file(tmp_path, old, new, fault):
    file = write(tmp_path)
    (tmp_path / "ripple.py").write_text(RIPPLE.replace(old, new))
    message = refused(neatfool("validate", file))
    assert "there is no" not in message
    assert fault in message
    assert "ripple.py" in message


def test_it_is_listed_shown_and_checked(tmp_path, distribute):
    distribute("neatfool_ripple", {"activation.ripple": "the_ripple"}, {"the_ripple": RIPPLE})
    assert ["activation", "ripple", "neatfool_ripple"] in [
        [entry[key] for key in ("kind", "name", "source")]
        for entry in json.loads(neatfool("plugins", "list", "--json").stdout)
    ]
    assert "Adds a ripple." in neatfool("plugins", "show", "ripple").stdout
    assert "ripple" not in cppn.ACTIVATIONS
    result = neatfool("plugins", "check", "ripple", exit_code=0)
    assert "compiled code agrees" in result.stdout
