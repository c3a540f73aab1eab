"""Options in words."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, PositiveInt, field_validator

from neatfool import ClassNames
from neatfool.config.option_help import describe_options


def described(annotation, default=None, **given):
    model = type("Options", (BaseModel,), {"__annotations__": {"key": annotation}, "key": default})
    return describe_options(model, "target", **given)["target"][0]


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number"),
        (PositiveInt | Literal["auto"], "a whole number > 0 or auto"),
        (Annotated[float, Field(ge=0, le=0.5)] | None, "a number >= 0 and <= 0.5"),
        (Annotated[float, Field(gt=0, le=1)], "a number > 0 and <= 1"),
        (bool, "true or false"),
        (str | None, "text"),
        (Literal["a", "b", "c"], "a, b or c"),
        (Path, "a path"),
        (ClassNames, "a list"),
        (dict[str, str], "a JSON object"),
        (Any, "anything"),
    ],
)
def test_a_type_is_told_in_words(annotation, words):
    assert described(annotation).type == words


class Inner(BaseModel):
    rate: float | None = Field(None, description="how often")


class Options(BaseModel):
    preset: Literal["few", "many"] = Field("few", description="which\n    values")
    count: int | None = None
    size: int | None = None
    place: str | None = Field(None, validate_default=True)
    inner: Inner = Field(default_factory=Inner, alias="DefaultInner")

    @field_validator("place")
    @classmethod
    def _of_this_machine(cls, place):
        return place or "here"

    def absent(self, spec):
        return {"count": 10 if self.preset == "many" else 1}


def test_a_default_is_what_an_option_stands_for():
    assert described(int, 7).default == 7
    defaults = [each.default for each in describe_options(Options, "scheme")["scheme"]]
    assert defaults == ["few", 1, None, None], "what a machine decides is not told"
    assert describe_options(Options, "scheme", preset="many")["scheme"][1].default == 10


def test_a_model_within_has_a_section_of_its_own():
    sections = describe_options(Options, "scheme")
    assert list(sections) == ["scheme", "DefaultInner"]
    assert [(each.key, each.description) for each in sections["DefaultInner"]] == [
        ("rate", "how often")
    ]
    assert sections["scheme"][0].description == "which values"


def test_an_option_that_must_be_given_is_told_and_does_not_hide_the_others():
    class Required(BaseModel):
        url: str
        wait: float = 2.0

    url, wait = describe_options(Required, "target")["target"]
    assert (url.required, url.default) == (True, None)
    assert (wait.required, wait.default) == (False, 2.0)


def test_what_is_inherited_comes_last():
    class Own(Options):
        speed: int = 1

    assert describe_options(Own, "scheme")["scheme"][0].key == "speed"


def test_a_type_that_json_does_not_have_is_anything():
    class Odd(BaseModel, arbitrary_types_allowed=True):
        odd: object.__class__ | range = 1

    assert describe_options(Odd, "target")["target"][0].type == "anything"
