"""Section ``[views]`` of an experiment file."""

from pathlib import Path

import pytest
import toy_views

from neatfool.errors import ExperimentError
from neatfool.experiment.experiment import Experiment, load_experiment

TEXT = f"""\
[experiment]
generations = 1
[plugins]
path = {toy_views.__file__}
[target]
plugin = mnist
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def load_text(views):
        Path("toy.ini").write_text(f"{TEXT}[views]\n{views}")
        return load_experiment("toy.ini")

    return load_text


def test_views_are_read_in_the_order_of_the_file(load):
    experiment = load("rolled = 2\nnumber = 3\ndarker = 40 # %\n")
    expected = {"number": 3, "rolled": 2.0, "darker": 40.0}
    for resolved in (experiment.resolved(), experiment.identity()):
        assert list(resolved["views"].items()) == list(expected.items())
    again = Experiment.from_resolved(experiment.resolved())
    assert again == experiment
    assert list(again.showing.strengths) == ["rolled", "darker"]
    Path("again.ini").write_text(experiment.to_ini())
    assert load_experiment("again.ini").showing == experiment.showing


def test_without_views_nothing_is_recorded_of_them(load):
    experiment = load("")
    assert experiment.showing is None
    assert "views" not in experiment.resolved()
    assert "[views]" not in experiment.to_ini()


def test_each_problem_has_its_line(load):
    with pytest.raises(ExperimentError) as raised:
        load("number = 0\nfocus = 0\nrold = 2\ndarker = 100\nrolled = -1\n")
    assert str(raised.value).splitlines() == [
        "toy.ini:8: [views] number: must be >= 1, not '0'",
        "toy.ini:9: [views] focus: must be >= 1, not '0'",
        "toy.ini:10: [views] rold: unknown key; did you mean 'rolled'?",
        "toy.ini:11: [views] darker: must be <= 80, not '100'",
        "toy.ini:12: [views] rolled: must be >= 0, not '-1'",
    ]
    with pytest.raises(ExperimentError, match=r"^toy.ini:8: \[views\] darker: must be a finite"):
        load("darker = nan\n")
    with pytest.raises(ExperimentError, match=r"^toy.ini:7: \[views\]: names no view; give one "):
        load("number = 2\n")
