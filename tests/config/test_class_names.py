"""Lists of classes: named one by one, or in a file."""

import pytest
from pydantic import BaseModel

from neatfool import ClassNames, ExperimentError, ImageSpec
from neatfool.config.annotations import PrefixedPath
from neatfool.config.ini import Problems, parse_ini
from neatfool.config.options import read_options
from neatfool.wording import distinct_names

SPEC = ImageSpec(4, 4, 3, ("tabby", "crane bird", "crane", "golden retriever", "7"))


class Options(BaseModel, extra="forbid"):
    classes: ClassNames = []


def read(folder, text):
    problems = Problems()
    path = folder / "e.ini"
    sections = parse_ini(f"[scheme]\nclasses = {text}\n", path, problems)
    options = read_options(Options, "scheme", sections, problems)
    problems.raise_if_any()
    return options.classes


def test_a_file_beside_the_experiment_stands_for_its_lines(tmp_path):
    (tmp_path / "birds.txt").write_text("# some\n\ncrane bird\r\n 12 \n", encoding="utf-8")
    assert read(tmp_path, "tabby, @birds.txt, 3") == ["tabby", "crane bird", "12", "3"]
    assert read(tmp_path, f"@{tmp_path / 'birds.txt'}") == ["crane bird", "12"]


def test_without_a_file_there_are_just_names(tmp_path):
    assert read(tmp_path, "tabby, @") == ["tabby", "@"]


@pytest.mark.parametrize(
    ("content", "cause"),
    [(None, "No such file"), (b"\n# none\n", "no name in it"), (b"\xff\xfe\xfa", "not text")],
)
def test_a_file_without_names_is_told_with_its_line(tmp_path, content, cause):
    if content is not None:
        (tmp_path / "birds.txt").write_bytes(content)
    with pytest.raises(ExperimentError, match=rf"e\.ini:2: .*birds\.txt: .*{cause}"):
        read(tmp_path, "@birds.txt")


def test_a_path_after_a_word_is_relative_to_the_file_and_other_text_is_left(tmp_path):
    from typing import Annotated

    class Model(BaseModel):
        model: Annotated[str, PrefixedPath("onnx:"), PrefixedPath("dir:")] | None = None
        several: list[Annotated[str, PrefixedPath("onnx:")]] = []

    problems = Problems()
    text = "[target]\nmodel = dir:a/b\nseveral = onnx:/c.onnx, torch:a/b, onnx:d\n"
    sections = parse_ini(text, tmp_path / "e.ini", problems)
    options = read_options(Model, "target", sections, problems)
    assert options.model == f"dir:{tmp_path / 'a' / 'b'}"
    assert options.several == ["onnx:/c.onnx", "torch:a/b", f"onnx:{tmp_path / 'd'}"]


@pytest.mark.parametrize(
    ("names", "made"),
    [
        ("abc", ("a", "b", "c")),
        (["crane", "owl", "crane"], ("crane (0)", "owl", "crane (2)")),
        (["a", "a", "a (0)"], ("a (0) (0)", "a (1)", "a (0) (2)")),
    ],
)
def test_a_name_that_occurs_twice_gets_its_index(names, made):
    assert distinct_names(names) == made


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("cranes", "did you mean 'crane'"),
        ("Crane Bird", "did you mean 'crane bird'?"),
        ("retriever", "did you mean 'golden retriever'?"),
        ("CRANE", "did you mean 'crane bird' or 'crane'?"),
        ("zzz", "there are: 7, crane, crane bird"),
        ("", "there are: 7"),
    ],
)
def test_a_class_that_is_not_there_offers_those_that_are_like_it(name, offered):
    with pytest.raises(ExperimentError, match=rf"no class '{name}'; .*") as caught:
        SPEC.class_index(name)
    assert offered in str(caught.value)
