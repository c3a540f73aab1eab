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


def test_near_is_what_half_of_the_judges_name(judges):
    answers = judges.read_answers()
    for record in judges.FoolingImages().records:
        if record.data in ("ImageNet", "MNIST"):
            codes = [int(code) for code in answers[record.id].values() if code]
            assert len(codes) >= 3
            share = sum(code >= 1 for code in codes) / len(codes)
            assert record.named_by == pytest.approx(share, abs=1e-3)
            assert record.near == (share >= 0.5)


@pytest.mark.parametrize("name", ["SqueezeNet", "MobileNet V1", "MobileNet V2"])
def test_a_judge_answers_as_recorded(judges, name):
    if not (FOLDER / next(iter(judges.FILES[name]["files"]))).is_file():
        pytest.skip(f"NEATFOOL_JUDGES: the file of {name} is not in {FOLDER}")
    judge, data = judges.Judge(name, FOLDER), judges.FoolingImages(data="ImageNet")
    answers = judges.read_answers()
    for place in range(0, len(data), len(data) // 12):
        assert judge.look(data, place) == int(answers[data.records[place].id][name])
