"""Networks of other families that judge Fooling Images: pinned, and what they said of it."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "images"
FOLDER = Path(os.environ.get("NEATFOOL_JUDGES", "judges"))


@pytest.fixture(scope="module")
def judges():
    sys.path.insert(0, str(PACKAGE))
    import judges

    yield judges
    sys.path.remove(str(PACKAGE))


def test_each_judge_is_pinned_and_was_right_about_real_images(judges):
    for each in judges.FILES.values():
        assert each["licence"]
        assert each["source"]
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in each["files"].values())
    told = json.loads(judges.TABLE.with_suffix(".json").read_text("utf-8"))
    assert told.keys() == {*judges.FILES, *judges.DIGITS}
    assert min(told[name]["accuracy"] for name in judges.FILES) > 0.5
    assert min(told[name]["accuracy"] for name in judges.DIGITS) > 0.9


def test_each_image_of_imagenet_and_mnist_was_shown_to_three_judges_or_more(judges):
    answers = judges.read_answers()
    asked = {r.id for r in judges.FoolingImages().records if r.data in ("ImageNet", "MNIST")}
    assert answers.keys() == asked
    for row in answers.values():
        codes = [code for code in row.values() if code]
        assert len(codes) >= 3
        assert {*codes} <= {*"0123"}


@pytest.mark.parametrize("name", ["SqueezeNet", "MobileNet V1", "MobileNet V2"])
def test_a_judge_answers_as_recorded(judges, name):
    if not (FOLDER / next(iter(judges.FILES[name]["files"]))).is_file():
        pytest.skip(f"NEATFOOL_JUDGES: the file of {name} is not in {FOLDER}")
    judge, data = judges.Judge(name, FOLDER), judges.FoolingImages(data="ImageNet")
    answers = judges.read_answers()
    for place in range(0, len(data), len(data) // 12):
        assert judge.look(data, place) == int(answers[data.records[place].id][name])
