"""Schemes and encodings that a notebook hands in as classes and functions."""

import re
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel, Field

import neatfool
from neatfool import ExperimentError, PluginError, RunError
from neatfool.testing.toys import TOY_SPEC, ToyEncoding, ToyScheme, ToyTarget

IMAGE = {"image": TOY_SPEC.shape, "classes": TOY_SPEC.classes}


def fool(folder, **more):
    given = {"encoding": ToyEncoding, "scheme": ToyScheme, "images": 24, "progress": False}
    return neatfool.fool(ToyTarget(), out=folder, **IMAGE, **given | more)


class Options(BaseModel, extra="forbid"):
    batch: int = Field(4, gt=0)


class WithModel(ToyScheme):
    def __init__(self, options: Options, *, encoding, spec, seed):
        super().__init__(encoding, spec, seed, batch=options.batch)


class Inert(ToyScheme):
    """Has not the parameters ``spec`` and ``seed``, and takes any options."""

    def __init__(self, encoding, **options):
        super().__init__(encoding, batch=options["batch"])


def test_a_class_gets_its_options_as_keyword_arguments_and_a_run_records_them(tmp_path):
    run = fool(tmp_path / "run", scheme_options={"batch": 12}, encoding_options={"parents": 2})
    recorded = run.experiment
    assert (run.generation, recorded["scheme"]["batch"]) == (1, 12)
    assert recorded["encoding"]["parents"] == run.encoding.parents == 2
    assert recorded["scheme"]["plugin"].startswith("python:ToyScheme@")


@pytest.mark.parametrize("scheme", [WithModel, Inert])
def test_a_class_may_take_all_options_in_one_parameter(tmp_path, scheme):
    run = fool(tmp_path / "run", scheme=scheme, scheme_options={"batch": 6})
    assert (run.generation, run.experiment["scheme"]["batch"]) == (3, 6)


def test_a_function_is_called_as_the_factory_of_a_plugin_is(tmp_path):
    def make(options, *, encoding, spec, seed):
        return ToyScheme(encoding, spec, seed, batch=options.size)

    assert fool(tmp_path / "run", scheme=make, scheme_options={"size": 24}).generation == 0


def test_equal_parts_from_python_and_of_a_plugin_store_equal_elites(tmp_path):
    mine = fool(tmp_path / "mine", scheme_options={"batch": 8})
    plugin = fool(tmp_path / "plugin", scheme="toy", encoding="toy", plugins=neatfool_toys())
    assert [each.png for each in mine] == [each.png for each in plugin]


def neatfool_toys():
    from neatfool.testing import toys

    return toys.__file__


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"scheme": ToyScheme(ToyEncoding())}, ExperimentError, "scheme: .*not an object"),
        ({"encoding": dict}, PluginError, r"encoding 'dict' \(from Python\): dict is no neatfool"),
        ({"scheme_options": {"bach": 3}}, ExperimentError, "scheme_options: bach: .*'batch'"),
        ({"scheme_options": {"batch": "x"}}, ExperimentError, "scheme_options: batch: must be"),
        (
            {"scheme": WithModel, "scheme_options": {"batch": 0}},
            ExperimentError,
            "scheme_options: batch: must be > 0, not 0",
        ),
        (
            {"scheme": Inert, "scheme_options": {"batch": 4, "score": np.sin}},
            ExperimentError,
            "scheme_options: .*which a run can record",
        ),
    ],
)
def test_what_cannot_be_a_part_or_its_option_is_refused(tmp_path, given, error, words):
    with pytest.raises(error, match=words):
        fool(tmp_path / "run", **given)


def test_a_run_draws_again_only_with_its_encoding(tmp_path):
    drawn = fool(tmp_path / "run")["a"].image(8)
    with pytest.raises(RunError, match=r"its encoding\. .*encoding=ToyEncoding\) draws"):
        neatfool.open_run(tmp_path / "run")["a"].image(8)
    run = neatfool.open_run(tmp_path / "run", model=ToyTarget(), encoding=ToyEncoding)
    assert run["a"].image(8) == drawn
    assert not run.verify().wrong
    with pytest.raises(RunError, match="only Python has its target, encoding and scheme"):
        neatfool.open_run(tmp_path / "run").verify()


def test_a_run_is_resumed_with_its_parts_and_no_others(tmp_path, monkeypatch):
    whole = fool(tmp_path / "whole", images=48)
    fool(tmp_path / "run")
    assert [each.png for each in fool(tmp_path / "run", images=48, resume_run=True)] == [
        each.png for each in whole
    ]
    with pytest.raises(
        RunError, match="its encoding and scheme came from Python; give encoding=Toy"
    ):
        fool(tmp_path / "run", images=96, resume_run=True, scheme="map_elites", encoding="direct")
    with pytest.raises(RunError, match=r"not the one .*\[scheme\] plugin = python:ToyScheme@"):
        fool(tmp_path / "run", images=96, resume_run=True, scheme=Inert)
    monkeypatch.setattr("neatfool.evolution.python_parts.source_of", lambda _: b"changed")
    with pytest.raises(RunError, match=r"not the one .*\[encoding\] plugin = python:ToyEncoding@"):
        fool(tmp_path / "run", images=96, resume_run=True)


def test_the_scheme_that_the_page_shows_runs_and_resumes(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(from neatfool import Scheme.*?)^```$", page, re.M | re.S)
    scheme = {"neatfool": neatfool}
    exec(example.partition("\n\n\nrun = ")[0], scheme)
    monkeypatch.chdir(tmp_path)
    how = {"encoding": "direct", "scheme": scheme["Growing"], "scheme_options": {"batch": 10}}
    whole = fool(tmp_path / "whole", images=None, generations=5, **how)
    assert [report.evaluations for report in whole.history] == [10, 30, 60, 100, 150]
    for generations in (3, 5):
        options = {"images": None, "generations": generations, "resume_run": generations > 3}
        run = fool(tmp_path / "run", **options, **how)
    assert [each.png for each in run] == [each.png for each in whole]


def test_parts_are_made_by_name_or_class_with_options():
    encoding = neatfool.make_encoding("direct", TOY_SPEC)
    assert encoding.render(encoding.create([1])).shape == (1, *TOY_SPEC.shape)
    given = {"spec": TOY_SPEC, "seed": 3, "target": ToyTarget()}
    scheme = neatfool.make_scheme("map_elites", encoding, **given, batch=5)
    assert len([*scheme.ask()]) >= 5
    mine = neatfool.make_scheme(
        ToyScheme, neatfool.make_encoding(ToyEncoding, TOY_SPEC), spec=TOY_SPEC, batch=5
    )
    assert len(mine.ask()) == 5
    with pytest.raises(ExperimentError, match=r"\[scheme\] bach: unknown key"):
        neatfool.make_scheme("map_elites", encoding, spec=TOY_SPEC, bach=5)


def test_a_target_is_made_by_its_plugins_name_and_options():
    assert neatfool.make_target("mnist", device="cpu").spec.shape == (1, 28, 28)
    with pytest.raises(ExperimentError, match=r"\[target\] devise: .*'device'"):
        neatfool.make_target("mnist", devise="cpu")
