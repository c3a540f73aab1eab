"""Classes that mean that nothing is there are found, and left out of the search."""

import json
from contextlib import closing

import numpy as np
import pytest
from commands import PLUGIN, neatfool, write_experiment

from neatfool import ExperimentError, ImageSpec, RunError, open_run
from neatfool import fool as fool_model
from neatfool.experiment.framework import describe_nothing, with_nothing

CLASSES = ("background", "dark", "bright")


def spec(*classes, nothing=()):
    return ImageSpec(4, 4, 1, classes, nothing=nothing)


@pytest.mark.parametrize(
    "name",
    [
        *("background", "__background__", "BACKGROUND_Google", "None", "none-of-the-above"),
        *("[other]", "Others", "unknown", "No Finding", "no_objects", "not hotdog", "nothing"),
        "fooling",
    ],
)
def test_a_name_that_means_nothing_is_recognised(name):
    assert with_nothing(spec("cat", name), None).nothing == (name,)


@pytest.mark.parametrize(
    "name",
    ["no entry", "notebook", "nun", "mother", "knot", "background check", "no parking", "0", "7"],
)
def test_a_name_that_only_resembles_one_is_not(name):
    assert with_nothing(spec("cat", name), None).nothing == ()


def test_the_experiment_has_the_last_word_and_then_the_target():
    given = spec(*CLASSES)
    assert with_nothing(given, ["bright", "0"]).nothing == ("bright", "background")
    assert with_nothing(given, []).nothing == ()
    own = spec(*CLASSES, nothing=("dark",))
    assert with_nothing(own, None).nothing == ("dark",)
    assert with_nothing(own, ["bright"]).nothing == ("bright",)


def test_if_all_names_mean_nothing_none_is_guessed():
    assert with_nothing(spec("none", "unknown"), None).nothing == ()


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (["backgruond"], r"\[target\] nothing: there is no class 'backgruond'.*'background'"),
        (CLASSES, "names all classes"),
    ],
)
def test_wrong_names_are_refused(named, says):
    with pytest.raises(ExperimentError, match=says):
        with_nothing(spec(*CLASSES), named)


def test_a_search_is_for_all_other_classes_or_for_those_that_are_named():
    given = spec(*CLASSES, nothing=("background",))
    assert given.searched() == [1, 2]
    assert given.searched(["bright", "0", "bright"]) == [2, 0]


def test_it_is_said_what_means_nothing_and_whether_that_was_guessed():
    given = spec(*CLASSES, nothing=("background",))
    assert "guessed by name" in describe_nothing(given, guessed=True)
    assert "guessed" not in describe_nothing(given, guessed=False)
    assert describe_nothing(spec(*CLASSES), guessed=True) == ""


# Whole runs


def mostly_nothing(images):
    """Say "background" of what is neither very dark nor very bright."""
    light = images.mean((1, 2, 3)) / 255
    scores = np.stack([np.full(len(light), 0.6), 1 - light, light], 1) ** 4
    return scores / scores.sum(1, keepdims=True)


def fool(folder, **more):
    settings = {"images": 60, "scheme_options": {"batch": 20}, "progress": False}
    given = {"image": (1, 8, 8), "classes": CLASSES, "out": folder}
    return fool_model(mostly_nothing, **settings | given | more)


def test_fool_does_not_search_what_means_nothing_and_counts_the_rejected(tmp_path):
    run = fool(tmp_path / "run")
    assert run.searched == (1, 2)
    assert run.spec.nothing == ("background",)
    assert [elite.name for elite in run] == ["dark", "bright"]
    rejected = [elite.name for elite in run if elite.top[0][0] == "background"]
    assert [elite.name for elite in run if elite.rejected] == rejected
    assert run.rejected == len(rejected)
    assert run.summary()["rejected"] == len(rejected)


def test_an_image_that_shows_nothing_is_rejected_and_another_is_not(tmp_path):
    def never_sure(images):
        light = images.mean((1, 2, 3)) / 255
        return np.stack([np.full(len(light), 0.5), 0.3 + 0 * light, 0.2 + 0 * light], 1)

    settings = {"image": (1, 8, 8), "classes": CLASSES, "images": 20, "progress": False}
    settings["scheme_options"] = {"batch": 20}
    for nothing, rejected in ((None, 2), ([], 0)):
        run = fool_model(never_sure, nothing=nothing, out=tmp_path / f"run{rejected}", **settings)
        assert run.rejected == rejected


def test_fool_takes_a_name_an_index_or_none_at_all(tmp_path):
    assert fool(tmp_path / "a", nothing=[]).searched == (0, 1, 2)
    assert fool(tmp_path / "b", nothing="dark").searched == (0, 2)
    assert fool(tmp_path / "c", nothing=[2]).searched == (0, 1)
    with pytest.raises(ExperimentError, match=r"^nothing: there is no class 'drak'"):
        fool(tmp_path / "d", nothing=["drak"])


def test_a_class_that_the_scheme_names_is_searched(tmp_path):
    options = {"batch": 20, "classes": ["background", "dark"]}
    run = fool(tmp_path / "run", scheme_options=options)
    assert run.searched == (0, 1)
    assert run["background"].rejected


def test_a_run_goes_on_with_the_same_classes_only(tmp_path):
    fool(tmp_path / "run")
    again = fool(tmp_path / "run", images=80, resume_run=True)
    assert again.searched == (1, 2)
    with pytest.raises(RunError, match=r"not the one that the run started with .*nothing"):
        fool(tmp_path / "run", images=100, resume_run=True, nothing=[])


@pytest.fixture
def with_background(tmp_path):
    """Write an experiment whose target has a class ``background``; give its file."""
    file = write_experiment(tmp_path)
    (tmp_path / "patches.py").write_text(PLUGIN.replace("'dark'", "'background'"))
    return file


@pytest.mark.parametrize(
    ("given", "searched"),
    [(None, (1, 2, 3)), ("", (0, 1, 2, 3)), ("bright, background", (2, 3))],
)
def test_an_experiment_says_what_means_nothing(with_background, given, searched):
    folder = with_background.parent / "run"
    options = [] if given is None else ["--set", f"target.nothing={given}"]
    made = neatfool("run", with_background, *options, "--out", folder, "--no-report", exit_code=0)
    assert ("Means that nothing is there" in made.output) is (given != "")
    assert ("guessed" in made.output) is (given is None)
    with closing(open_run(folder)) as run:
        assert run.searched == searched


def test_show_and_the_report_count_the_rejected(with_background):
    folder = with_background.parent / "run"
    neatfool("run", with_background, "--generations", 1, "--out", folder, exit_code=0)
    shown = json.loads(neatfool("show", folder, "--json").stdout)
    with closing(open_run(folder)) as run:
        rejected = sum(elite.top[0][0] == "background" for elite in run)
    assert (shown["nothing"], shown["rejected"]) == (["background"], rejected)
    assert f"rejected: {rejected} of 3 (background)" in neatfool("show", folder).stdout
    page = (folder / "report.html").read_text()
    assert f"<p>{rejected} of 3 images count as rejected" in page
    assert "<bdi>background</bdi>" in page
