"""No text out of an experiment, a run or a service takes more than linear time to look through."""

import time
from pathlib import Path

import pytest

from neatfool.config.ini import override, split
from neatfool.errors import ExperimentError
from neatfool.experiment.framework import _UNSAFE
from neatfool.figure import compact
from neatfool_plugins.http.validation import looks_like_a_key

LENGTH = 200_000


def set_key(text):
    with pytest.raises(ExperimentError, match="must be SECTION"):
        override({}, [f"a.{text}"], Path())


@pytest.mark.parametrize(
    ("look_through", "unit"),
    [
        (looks_like_a_key, "eyJ-"),
        (looks_like_a_key, "eyJaaaaaaaa-"),
        (split, "\n"),
        (set_key, " "),
        (lambda text: _UNSAFE.sub("-", text), "."),  # names of runs; they are of files' names
        (lambda text: compact(f"<text>{text}</text>".encode()), " "),
    ],
)
def test_a_long_text_is_looked_through_in_linear_time(look_through, unit):
    text = f"a{unit * (LENGTH // len(unit))}a"
    began = time.process_time()
    look_through(text)
    assert time.process_time() - began < 2, "it takes a minute if the time grows as a square"
