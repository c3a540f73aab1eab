"""A plugin's options model, filled from sections; what is wrong is told where it was given."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    DirectoryPath,
    Field,
    FilePath,
    PositiveInt,
    create_model,
    field_validator,
    model_validator,
)

from neatfool.config.ini import Problems, parse_ini
from neatfool.config.ini_writer import write_ini
from neatfool.config.options import dump_options, inner_models, read_options
from neatfool.errors import ExperimentError, PluginError

PATH = Path("/somewhere/e.ini")


def read(model, text, **settings):
    problems = Problems()
    options = read_options(model, "target", parse_ini(text, PATH), problems, **settings)
    problems.raise_if_any()
    return options


def read_one(annotation, text, default=...):
    model = create_model("Options", x=(annotation, default))
    return read(model, f"[target]\nx = {text}\n").x


def errors(model, text, kind=ExperimentError, **settings):
    with pytest.raises(kind) as raised:
        read(model, text, **settings)
    return [line.removeprefix("/somewhere/") for line in str(raised.value).splitlines()]


class Colour(Enum):
    GREY = "grey"
    RGB = "rgb"


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        (int, "3", 3),
        (float, "1e-3", 0.001),
        (bool, "yes", True),
        (str, "3", "3"),
        (str, '" 3 # "', " 3 # "),
        (str, "one\n  two", "one\ntwo"),
        (Colour, "rgb", Colour.RGB),
        (Literal["sin", "gauss"], "sin", "sin"),
        (PositiveInt | Literal["auto"], "auto", "auto"),
        (PositiveInt | Literal["auto"], "7", 7),
        (int | None, "7", 7),
        (list[str], "great white shark, tench\n  otter", ["great white shark", "tench", "otter"]),
        (list[str], "", []),
        (list[int], "1 2, 3", [1, 2, 3]),
        (tuple[float, float], "0.5, 1", (0.5, 1.0)),
        (set[Literal["sin", "gauss"]], "sin gauss", {"sin", "gauss"}),
        (list[list[int]], "[[1, 2], [3]]", [[1, 2], [3]]),
        (dict[str, float], '{"a": 1}', {"a": 1.0}),
        (Literal["all"] | list[int], "all", "all"),
        (Literal["all"] | list[int], "1, 2", [1, 2]),
        (float | list[float], "2", 2.0),
    ],
)
def test_text_becomes_what_the_field_is(annotation, text, expected):
    value = read_one(annotation, text)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        (Path, "lenet.bin", Path("/somewhere/lenet.bin")),
        (Path | None, "../lenet.bin", Path("/somewhere/../lenet.bin")),
        (Path, "/lenet.bin", Path("/lenet.bin")),
        (Path, "~/lenet.bin", Path.home() / "lenet.bin"),
        (list[Path], "a b.bin, c.bin", [Path("/somewhere/a b.bin"), Path("/somewhere/c.bin")]),
        (Annotated[Path, "whatever"] | None, "a", Path("/somewhere/a")),
        (Path | Literal["packaged"], "packaged", "packaged"),
        (Path | str, "name-or-path", "name-or-path"),
        (str, "lenet.bin", "lenet.bin"),
    ],
)
def test_paths_are_relative_to_the_file(annotation, text, expected):
    assert read_one(annotation, text) == expected


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (float, "1e999"),
        (float | None, "-inf"),
        (float, "nan"),
        (list[float], "1, inf"),
        (dict[str, float], '{"a": Infinity}'),
    ],
)
def test_numbers_are_finite(annotation, text):
    (message,) = errors(create_model("Options", x=(annotation, ...)), f"[target]\nx = {text}\n")
    assert message == f"e.ini:2: [target] x: must be a finite number, not {text!r}"


def test_a_number_may_be_infinite_where_its_default_is():
    model = create_model("Options", x=(float, float("inf")))
    assert read(model, "").x == read(model, "[target]\nx = inf\n").x == float("inf")


def test_defaults_fill_what_is_not_given():
    class Options(BaseModel):
        a: int = 1
        b: str | None = None

    assert read(Options, "") == Options()
    assert read(Options, "[target]\nplugin = x\na = 2\n", reserved=["plugin"]) == Options(a=2)


class Inner(BaseModel):
    rate: float = Field(0.5, le=1)


class Outer(BaseModel, populate_by_name=True):
    size: PositiveInt = 1
    genome: Inner = Field(default_factory=Inner, alias="DefaultGenome")
    extra: Inner | None = None


def test_a_model_within_has_a_section_of_its_own():
    options = read(Outer, "[target]\nsize = 2\n[DefaultGenome]\nrate = 0.1\n")
    assert options == Outer(size=2, genome=Inner(rate=0.1), extra=None)
    assert read(Outer, "[extra]\n").extra == Inner()
    assert inner_models(Outer) == {
        "DefaultGenome": ("DefaultGenome", Inner),
        "genome": ("DefaultGenome", Inner),
        "extra": ("extra", Inner),
    }
    assert dump_options(options, "target") == {
        "target": {"size": 2},
        "DefaultGenome": {"rate": 0.1},
    }


def test_all_that_is_wrong_is_told_at_the_key_that_it_is_about():
    text = "[target]\nsize = 0\nsise = 3\n[DefaultGenome]\nrate = 2\nrote = 1\n"
    assert errors(Outer, text) == [
        "e.ini:2: [target] size: must be > 0, not '0'",
        "e.ini:3: [target] sise: unknown key; did you mean 'size'?",
        "e.ini:5: [DefaultGenome] rate: must be <= 1, not '2'",
        "e.ini:6: [DefaultGenome] rote: unknown key; did you mean 'rate'?",
    ]


def test_unknown_keys_are_told_whatever_the_model_says_of_them():
    class Careless(BaseModel, extra="ignore"):
        weights: str = ""

    assert errors(Careless, "[target]\nweigths = a\nplugin = x\n", reserved=["plugin"]) == [
        "e.ini:2: [target] weigths: unknown key; did you mean 'weights'?"
    ]


def test_what_is_missing_is_told_at_the_section():
    class Needs(BaseModel):
        weights: str
        inner: Inner

    class Inner2(BaseModel):
        rate: float

    class NeedsInner(BaseModel):
        inner: Inner2

    assert errors(Needs, "\n[target]\n") == ["e.ini:2: [target] weights: missing; give it a value"]
    assert errors(NeedsInner, "[target]\n") == ["e.ini:1: [inner] rate: missing; give it a value"]
    assert errors(NeedsInner, "[target]\n[inner]\n") == [
        "e.ini:2: [inner] rate: missing; give it a value"
    ]


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        (int, "two", "must be a whole number, not 'two'"),
        (int, "1.5", "must be a whole number, not '1.5'"),
        (float, "x", "must be a number, not 'x'"),
        (bool, "perhaps", "must be true or false, not 'perhaps'"),
        (
            Literal["auto", "cpu", "cuda"],
            "cdua",
            "must be 'auto', 'cpu' or 'cuda', not 'cdua'; did you mean 'cuda'?",
        ),
        (Colour, "gray", "must be 'grey' or 'rgb', not 'gray'; did you mean 'grey'?"),
        (PositiveInt | Literal["auto"], "-5", "must be > 0 or 'auto', not '-5'"),
        (Annotated[float, Field(ge=0, lt=1)], "1", "must be < 1, not '1'"),
        (FilePath, "no.bin", "there is no file /somewhere/no.bin"),
        (DirectoryPath, "no", "there is no folder /somewhere/no"),
        (list[int], "1, x", "item 2 must be a whole number, not 'x'"),
        (Annotated[list[int], Field(min_length=1)], "", "must have at least 1 item, not 0, got []"),
        (dict[str, int], "{", "must be a JSON object, not '{'"),
        (int, "9" * 80, None),
    ],
)
def test_pydantics_messages_are_reworded(annotation, text, message):
    model = create_model("Options", x=(annotation, ...))
    if message is None:
        assert read(model, f"[target]\nx = {text}\n").x == int(text)
        return
    assert errors(model, f"[target]\nx = {text}\n") == [f"e.ini:2: [target] x: {message}"]


def test_long_values_are_cut_in_messages():
    (message,) = errors(create_model("Options", x=(int, ...)), f"[target]\nx = {'a' * 200}\n")
    assert len(message) < 120


def test_what_validators_say_is_told():
    class Options(BaseModel):
        low: int = 0
        high: int = 1

        @field_validator("low")
        @classmethod
        def _even(cls, low: int) -> int:
            if low % 2:
                raise ValueError("must be even")
            return low

        @model_validator(mode="after")
        def _ordered(self):
            if self.low > self.high:
                raise ValueError("low must be <= high")
            return self

    assert errors(Options, "[target]\nlow = 1\n") == ["e.ini:2: [target] low: must be even"]
    assert errors(Options, "[target]\nlow = 2\n") == ["e.ini:1: [target]: low must be <= high"]


def test_errors_that_a_model_raises_name_it():
    class Options(BaseModel):
        a: str = ""

        @field_validator("a")
        @classmethod
        def _check(cls, a: str) -> str:
            if a == "ours":
                raise ExperimentError("no such thing; take another")
            return {}[a]

    assert errors(Options, "[target]\na = ours\n") == [
        "e.ini:1: [target]: no such thing; take another"
    ]
    (message,) = errors(Options, "[target]\na = x\n", PluginError)
    assert "the options model" in message
    assert "Options raised KeyError: 'x'" in message


def test_a_section_given_as_a_key_is_told():
    assert errors(Outer, "[target]\nextra = 3\n") == [
        "e.ini:2: [target] extra: has its own section; write [extra]"
    ]


class Everything(BaseModel, extra="forbid"):
    whole: int = 1
    number: float = 0.5
    flag: bool = False
    text: str = ""
    perhaps: str | None = None
    names: list[str] = []
    numbers: tuple[float, ...] = ()
    table: dict[str, list[int]] = {}
    grid: list[list[float]] = []
    auto: PositiveInt | Literal["auto"] = "auto"
    inner: Inner = Inner()


@given(
    st.builds(
        Everything,
        number=st.floats(allow_nan=False, allow_infinity=False),
        perhaps=st.none() | st.text(),
        numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
        table=st.dictionaries(st.text(), st.lists(st.integers())),
        grid=st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3)),
        inner=st.builds(Inner, rate=st.floats(-1, 1)),
    )
)
def test_options_that_are_written_read_back(options):
    text = write_ini(dump_options(options, "target"))
    assert read(Everything, text) == options


def test_fields_of_any_type_take_text():
    assert read_one(Any, "3") == "3"
