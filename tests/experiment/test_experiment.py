"""Experiments: read from files and from what runs recorded, all errors at once."""

import json
import sys
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, PositiveInt

from neatfool import hookimpl
from neatfool.errors import ExperimentError, PluginError, RunError
from neatfool.experiment.experiment import Experiment, load_experiment
from neatfool.experiment.framework import CallSettings, GeneralSettings
from neatfool.experiment.plugin_choice import RECORDED, json_sections
from neatfool.experiment.single_choice import choose, read_choice
from neatfool.plugin.manager import PluginManager

TOY = """\
[experiment]
generations = 3
[target]
plugin = toy_target
[encoding]
plugin = toy_encoding
[scheme]
plugin = toy_scheme
"""

PLUGIN_FILE = """
from neatfool import hookimpl

@hookimpl
def neatfool_register_targets(register):
    register("filed", dict)
"""


class TargetOptions(BaseModel, extra="forbid"):
    weights: Path | None = None
    gain: float = Field(12.0, gt=0)
    labels: list[str] = []
    device: Literal["auto", "cpu"] = "auto"


class Genome(BaseModel, extra="forbid"):
    rate: float = Field(0.5, ge=0, le=1)
    functions: list[Literal["sin", "gauss"]] = ["sin"]


class EncodingOptions(BaseModel, extra="forbid"):
    preset: Literal["paper", "neat"] = "paper"
    genome: Genome = Field(default_factory=Genome, alias="ToyGenome")


class SchemeOptions(BaseModel, extra="forbid"):
    batch: PositiveInt = 200
    note: str | None = None


class Toys:
    @hookimpl
    def neatfool_register_targets(self, register):
        register("toy_target", dict, options=TargetOptions)

    @hookimpl
    def neatfool_register_encodings(self, register):
        register("toy_encoding", dict, options=EncodingOptions)

    @hookimpl
    def neatfool_register_schemes(self, register):
        register("toy_scheme", dict, options=SchemeOptions)


def toys():
    manager = PluginManager()
    manager.register_object(Toys(), "toys")
    return manager


PLUGINS = toys()


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write an experiment in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)

    def write_file(text, name="toy.ini"):
        Path(name).write_text(text)
        return Path(name)

    return write_file


def errors(path, kind=ExperimentError, **settings):
    settings.setdefault("plugins", PLUGINS)
    with pytest.raises(kind) as raised:
        load_experiment(path, **settings)
    return str(raised.value).splitlines()


def test_what_is_given_is_read(write):
    text = TOY.replace("generations = 3", "images = 1000\nseed = 7")
    text += "batch = 50  # few\n[ToyGenome]\nrate = 0.1\nfunctions = gauss sin\n"
    text = text.replace("= toy_target", "= toy_target\nweights = a.bin\nbatch_size = 64")
    experiment = load_experiment(write(text), plugins=PLUGINS)
    assert (experiment.general.seed, experiment.general.generations, experiment.general.images) == (
        7,
        None,
        1000,
    )
    assert experiment.calls == CallSettings(batch_size=64)
    assert experiment.target.options.weights == Path("a.bin").absolute()
    assert experiment.encoding.options.genome == Genome(rate=0.1, functions=["gauss", "sin"])
    assert experiment.scheme.options.batch == 50


def test_encoding_and_scheme_have_defaults(write, monkeypatch):
    monkeypatch.setattr("neatfool.plugin.manager.installed_plugins", list)
    lines = errors(
        write("[experiment]\nimages = 9\n[target]\nplugin = toy_target\n"),
        PluginError,
        plugins=toys(),
    )
    assert lines == [
        "toy.ini:1: [encoding] plugin: unknown encoding 'cppn'; there are: toy_encoding",
        "toy.ini:1: [scheme] plugin: unknown scheme 'map_elites'; there are: toy_scheme",
    ]


def test_all_errors_are_told_at_once_in_the_order_of_their_lines(write):
    text = """\
[experimant]
[experiment]
generations = 0
sead = 2
name = a/b
[target]
plugin = toy_target
batch_sise = 3
batch_size = none
gain = -1
[encoding]
plugin = toy_encoding
[ToyGenom]
[ToyGenome]
rate = 2
[scheme]
plugin = toy_sceme
batch = oops
"""
    assert errors(write(text)) == [
        "toy.ini:1: [experimant]: unknown section; did you mean 'experiment'?",
        "toy.ini:3: [experiment] generations: must be > 0, not '0'",
        "toy.ini:4: [experiment] sead: unknown key; did you mean 'seed'?",
        "toy.ini:5: [experiment] name: 'a/b' cannot name a folder; use letters, figures and . _ + "
        "- only, for example 'a-b'",
        "toy.ini:8: [target] batch_sise: unknown key; did you mean 'batch_size'?",
        "toy.ini:9: [target] batch_size: must be a whole number or 'auto', not 'none'",
        "toy.ini:10: [target] gain: must be > 0, not '-1'",
        "toy.ini:13: [ToyGenom]: unknown section; did you mean 'ToyGenome'?",
        "toy.ini:15: [ToyGenome] rate: must be <= 1, not '2'",
        "toy.ini:17: [scheme] plugin: unknown scheme 'toy_sceme'; did you mean 'toy_scheme'?",
    ]


def test_an_empty_file_lacks_a_length_and_a_target(write, monkeypatch):
    monkeypatch.setattr("neatfool.plugin.manager.installed_plugins", list)
    lines = errors(write(""), plugins=toys())
    assert lines[:2] == [
        "toy.ini:1: [experiment] generations: missing; say how long to run: 'generations = N' "
        "or 'images = N'",
        "toy.ini:1: [target] plugin: missing; give 'plugin = NAME'; there are: toy_target",
    ]


def test_whose_network_it_is_changes_nothing(write):
    text = TOY + '[about]\nnetwork = Toy\nsource = "a, b"\n'
    named = load_experiment(write(text), plugins=PLUGINS)
    assert named.about == {"network": "Toy", "source": "a, b"}
    assert named.resolved() == load_experiment(write(TOY), plugins=PLUGINS).resolved()


def test_a_section_that_two_plugins_read_is_told(write):
    class Clash:
        @hookimpl
        def neatfool_register_schemes(self, register):
            register("clash", dict, options=EncodingOptions)

    manager = toys()
    manager.register_object(Clash(), "clash")
    text = TOY.replace("toy_scheme", "clash") + "[ToyGenome]\n"
    assert errors(write(text), PluginError, plugins=manager) == [
        "toy.ini:9: [ToyGenome]: two plugins read this section; use another plugin"
    ]


def test_two_lengths_are_one_too_many(write):
    assert errors(write(TOY.replace("= 3", "= 3\nimages = 5"))) == [
        "toy.ini:3: [experiment] images: both 'images' and 'generations' are given; keep one of "
        "the two"
    ]


@pytest.mark.parametrize(
    ("file", "name"), [("a b.ini", "a-b"), ("été.ini", "été"), ("(1).ini", "1")]
)
def test_the_files_name_is_made_fit_for_a_folder(write, file, name):
    assert load_experiment(write(TOY, file), plugins=PLUGINS).name == name


# --set and --seed


def test_the_command_line_takes_the_place_of_the_file(write):
    overrides = ["scheme.batch=7", "ToyGenome.rate=0.25", "target.labels=a, b"]
    experiment = load_experiment(write(TOY), overrides=overrides, seed=9, plugins=PLUGINS)
    assert experiment.scheme.options.batch == 7
    assert experiment.encoding.options.genome.rate == 0.25
    assert experiment.target.options.labels == ["a", "b"]
    assert experiment.general.seed == 9
    assert experiment.text == TOY


def test_its_paths_are_relative_to_the_current_folder(write, tmp_path):
    Path("sub").mkdir()
    path = write(TOY, "sub/toy.ini")
    experiment = load_experiment(path, overrides=["target.weights=a.bin"], plugins=PLUGINS)
    assert experiment.target.options.weights == tmp_path / "a.bin"


def test_its_errors_are_told_as_its_own(write):
    overrides = ["target.gain=-1", "scheme.bach=3", "target.plugin=toy_tarket", "what.x=1"]
    assert errors(write(TOY), overrides=overrides, seed=-4) == [
        "--seed -4: [experiment] seed: must be >= 0, not '-4'",
        "--set target.plugin: [target] plugin: unknown target 'toy_tarket'; "
        "did you mean 'toy_target'?",
        "--set scheme.bach: [scheme] bach: unknown key; did you mean 'batch'?",
    ]
    assert errors(write(TOY), overrides=["what.x=1"]) == [
        "--set what.x: [what]: unknown section; there are: ToyGenome, about, encoding, "
        "engine, experiment, plugins, scheme, target, views"
    ]


def test_a_length_of_the_command_line_takes_the_place_of_the_other(write):
    experiment = load_experiment(write(TOY), overrides=["experiment.images=50"], plugins=PLUGINS)
    assert (experiment.general.generations, experiment.general.images) == (None, 50)
    overrides = ["experiment.images=50", "experiment.generations=2"]
    assert len(errors(write(TOY), overrides=overrides)) == 1


# plugins beside the experiment


def test_a_plugin_beside_the_experiment_is_loaded(write):
    Path("filed.py").write_text(PLUGIN_FILE)
    path = write("[plugins]\npath = filed.py\n" + TOY.replace("toy_target", "filed"))
    experiment = load_experiment(path, plugins=toys())
    assert experiment.target.registration.source == "filed.py"
    assert experiment.plugin_paths == (Path("filed.py").absolute(),)


def test_a_broken_one_is_told_once_at_the_line_that_names_it(write):
    Path("filed.py").write_text("import no_such_thing")
    text = "[plugins]\npath = filed.py, gone.py\n" + TOY.replace("toy_target", "filed")
    assert errors(write(text), PluginError) == [
        "toy.ini:2: [plugins] path: filed.py: cannot be imported: ModuleNotFoundError: "
        "No module named 'no_such_thing' (filed.py, line 1)",
        "toy.ini:2: [plugins] path: gone.py: there is no such file or folder",
    ]


def test_observers_are_loaded_by_name(write, distribute):
    code = "from neatfool import hookimpl\n@hookimpl\ndef neatfool_run_started(): ...\n"
    distribute("birds", {"observer.chirp": "birds_watch"}, {"birds_watch": code})
    text = "[plugins]\nobservers = chirp\n" + TOY
    assert load_experiment(write(text), plugins=toys()).observers == ("chirp",)
    assert errors(write(text.replace("= chirp", "= chrip")), PluginError, plugins=toys()) == [
        "toy.ini:2: [plugins] observers: unknown observer 'chrip'; did you mean 'chirp'?"
    ]


def test_a_plugin_that_is_broken_is_told_where_it_is_named(write, distribute):
    distribute("birds", {"target.tit": "birds_gone"})
    text = TOY.replace("toy_target", "tit") + "batch = 0\n"
    assert errors(write(text), plugins=toys()) == [
        "toy.ini:4: [target] plugin: target 'tit' (birds 1.2, birds_gone): cannot be imported: "
        "ModuleNotFoundError: No module named 'birds_gone'",
        "toy.ini:9: [scheme] batch: must be > 0, not '0'",
    ]


# resolved


def test_what_is_resolved_is_json_with_all_defaults(write):
    resolved = load_experiment(write(TOY), plugins=PLUGINS).resolved()
    assert json.loads(json.dumps(resolved)) == resolved
    assert resolved == {
        "experiment": GeneralSettings(name="toy", generations=3).model_dump(),
        "plugins": {"path": [], "observers": []},
        "target": {
            "plugin": "toy_target",
            "batch_size": "auto",
            "precision": "auto",
            "threads": "auto",
            "graph": "fused",
            "nothing": None,
            "max_queries": None,
            "max_requests": None,
            "threshold": None,
            "logit_temperature": 1.0,
            "weights": None,
            "gain": 12.0,
            "labels": [],
            "device": "auto",
        },
        "encoding": {"plugin": "toy_encoding", "preset": "paper"},
        "scheme": {"plugin": "toy_scheme", "batch": 200, "note": None},
        "ToyGenome": {"rate": 0.5, "functions": ["sin"]},
    }


EXPERIMENTS = st.builds(
    Experiment,
    general=st.builds(
        GeneralSettings,
        name=st.from_regex(r"[a-z0-9]([a-z._+-]*[a-z0-9])?", fullmatch=True),
        seed=st.integers(0, 2**63 - 1),
        images=st.integers(1, 10**12),
    ),
    calls=st.builds(
        CallSettings,
        batch_size=st.just("auto") | st.integers(1, 65536),
        precision=st.sampled_from(["auto", "fp32", "bf16", "fp16"]),
        threads=st.just("auto") | st.integers(1, 1024),
        graph=st.sampled_from(["fused", "frozen", "eager"]),
    ),
    target=st.builds(
        lambda **options: choose(PLUGINS, "target", "toy_target", options),
        weights=st.none() | st.sampled_from(["/a", "/with space/#1 # 2", '/"quoted"', "/a;b ;c"]),
        gain=st.floats(min_value=1e-300, allow_nan=False, allow_infinity=False),
        labels=st.lists(st.text()),
    ),
    encoding=st.builds(
        lambda **genome: choose(PLUGINS, "encoding", "toy_encoding", {"ToyGenome": genome}),
        rate=st.floats(0, 1),
        functions=st.lists(st.sampled_from(["sin", "gauss"])),
    ),
    scheme=st.builds(
        lambda **options: choose(PLUGINS, "scheme", "toy_scheme", options),
        batch=st.integers(1),
        note=st.none() | st.text(),
    ),
)


@given(EXPERIMENTS)
def test_the_resolved_text_loads_as_the_equal_experiment(tmp_path_factory, experiment):
    path = tmp_path_factory.getbasetemp() / "resolved.ini"
    path.write_text(experiment.to_ini(), encoding="utf-8")
    again = load_experiment(path, plugins=PLUGINS)
    assert again == experiment
    assert again.to_ini() == experiment.to_ini()


@given(EXPERIMENTS)
def test_what_was_recorded_makes_the_equal_experiment(experiment):
    recorded = json.loads(json.dumps(experiment.resolved()))
    again = Experiment.from_resolved(recorded, PLUGINS)
    assert again == experiment
    assert again.identity() == experiment.identity()


def test_what_was_recorded_finds_its_plugin_files(write, monkeypatch):
    Path("filed.py").write_text(PLUGIN_FILE)
    path = write("[plugins]\npath = filed.py\n" + TOY.replace("toy_target", "filed"))
    recorded = load_experiment(path, plugins=toys()).resolved()
    monkeypatch.chdir("/")
    again = Experiment.from_resolved(recorded, toys())
    assert again.target.registration.name == "filed"
    assert "filed" in again.text


def test_what_was_recorded_and_fits_no_more_is_told(write):
    recorded = load_experiment(write(TOY), plugins=PLUGINS).resolved()
    recorded["scheme"]["bach"] = 3
    told = r"the run's experiment: \[scheme\] bach: unknown key; did you mean 'batch'\?; the run's"
    with pytest.raises(RunError, match=told):
        Experiment.from_resolved(recorded, PLUGINS)


def test_the_identity_is_what_the_result_depends_on(write):
    path = write(TOY)
    identity = load_experiment(path, plugins=PLUGINS).identity()
    for same in ("experiment.name=other", "experiment.images=99"):
        assert load_experiment(path, overrides=[same], plugins=PLUGINS).identity() == identity
    for other in ("experiment.seed=2", "scheme.batch=3", "ToyGenome.rate=0", "target.batch_size=8"):
        assert load_experiment(path, overrides=[other], plugins=PLUGINS).identity() != identity


# choosing from Python


def test_one_choice_is_made_again_without_the_other_plugins(write):
    experiment = load_experiment(write(TOY + "batch = 3\n"), plugins=PLUGINS)
    recorded = experiment.resolved()
    recorded["plugins"] = {"path": ["/gone/target.py"]}
    assert read_choice("scheme", json_sections(recorded, RECORDED), PLUGINS) == experiment.scheme
    del recorded["plugins"]
    assert (
        read_choice("encoding", json_sections(recorded, RECORDED), PLUGINS) == experiment.encoding
    )


def test_lines_that_cannot_be_read_do_not_hide_wrong_keys(tmp_path):
    file = tmp_path / "toy.ini"
    file.write_text(
        "[experiment]\ngenerations = 0\nseed = 1\nseed = 2\n[target]\nplugin = toy_target\n"
        "what is this\nlabls = a\n[encoding]\nplugin = toy_encoding\n"
    )
    with pytest.raises(ExperimentError) as caught:
        load_experiment(file, plugins=PLUGINS)
    told = [line.removeprefix(f"{file}:").split(":")[0] for line in str(caught.value).splitlines()]
    assert told == ["2", "4", "7", "8"]


WITH_OPTIONS = """
from pydantic import BaseModel
from neatfool import hookimpl

class Options(BaseModel, extra="forbid"):
    loud: int = 1

class Chirp:
    heard = []

    def __init__(self, options):
        self.loud = options.loud

    @hookimpl
    def neatfool_run_started(self, run):
        self.heard.append((run, self.loud))

@hookimpl
def neatfool_register_observers(register):
    register("chirp", Chirp, options=Options)
"""


def test_an_observers_options_have_a_section_of_its_name(write, distribute):
    distribute("birds", {"observer.chirp": "birds_loud"}, {"birds_loud": WITH_OPTIONS})
    text = "[plugins]\nobservers = chirp\n[chirp]\nloud = 3\n" + TOY
    plugins = toys()
    experiment = load_experiment(write(text), plugins=plugins)
    plugins.observers().run_started("a run")
    assert sys.modules["birds_loud"].Chirp.heard == [("a run", 3)]
    assert experiment.resolved()["chirp"] == {"loud": 3}
    assert Experiment.from_resolved(experiment.resolved(), plugins).resolved()["chirp"]["loud"] == 3
    quieter = load_experiment(write(text), plugins=plugins, overrides=["chirp.loud=2"])
    assert quieter.identity() == experiment.identity()
    plugins.observers().run_started("another")
    assert sys.modules["birds_loud"].Chirp.heard[1:] == [("another", 2)]


def test_an_observer_in_a_file_can_have_options(write):
    Path("loud.py").write_text(WITH_OPTIONS)
    text = "[plugins]\npath = loud.py\nobservers = chirp\n[chirp]\nloud = 4\n" + TOY
    assert load_experiment(write(text), plugins=toys()).resolved()["chirp"] == {"loud": 4}
