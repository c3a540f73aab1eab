"""Target http: whatever a service answers, it becomes scores that can be used, or none."""

import json
from contextlib import suppress

import numpy as np
import pytest
from faulty_server import CLASSES, metadata_of
from hypothesis import example, given
from hypothesis import strategies as st

from neatfool import Labels, Scores
from neatfool_plugins.http import Options
from neatfool_plugins.http.json_api import JsonApi
from neatfool_plugins.http.open_inference import ModelMetadata, OpenInference
from neatfool_plugins.http.responses import RefusedError

COUNT = 3
SIZE = {"url": "https://example.org", "height": 6, "width": 8, "channels": 1}
NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(0, 1),
    st.integers(-(10**400), 10**400),
    st.none(),
)
SCALARS = st.one_of(NUMBERS, st.booleans(), st.text(max_size=8))
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


def model(**options):
    asked = Options(url="https://example.org", model="patches", **options)
    return OpenInference(asked, ModelMetadata.read(metadata_of(1)))


def some_api(**options):
    asked = {"found_at": "@", "labels_at": "label", "scores_at": "score"}
    return JsonApi(Options(**SIZE, **asked | {"body": {"image": "{image}"}} | options))


def check(answer, spec):
    """Check that no score can be used that is no confidence."""
    if isinstance(answer, Labels):
        assert len(answer.found) == len(answer.ok)
        for found, ok in zip(answer.found, answer.ok, strict=True):
            assert ok or not found
            assert all(isinstance(name, str) and name.strip() == name != "" for name in found)
            assert all(isinstance(each, float) and 0 <= each <= 1 for each in found.values())
        return
    assert isinstance(answer, Scores)
    assert answer.probs.shape[1] == len(spec.classes)
    good = answer.probs[answer.ok]
    assert np.isfinite(good).all()
    assert ((good >= -1e-3) & (good <= 1 + 1e-3)).all()
    if spec.sums_to_one:
        assert np.allclose(good.sum(1), 1, atol=1e-3)
    if answer.logits is not None:
        assert np.isfinite(answer.logits[answer.ok]).all()


def tensor(name, data):
    return {"name": name, "datatype": "FP32", "shape": [COUNT, len(CLASSES)], "data": data}


@given(ANY_JSON)
def test_any_json_is_scores_or_refused_by_the_open_inference_protocol(said):
    wording = model()
    with suppress(RefusedError):
        check(wording.read_answer(said, COUNT), wording.spec)


@given(st.data())
def test_any_data_of_its_outputs_are_scores_or_refused(data):
    wording = model(scores_are=data.draw(st.sampled_from(["auto", "logits", "probabilities"])))
    tables = st.one_of(ANY_JSON, st.lists(NUMBERS, min_size=12, max_size=12))
    said = {"outputs": [tensor(name, data.draw(tables)) for name in ("logits", "probabilities")]}
    try:
        answer = wording.read_answer(said, COUNT)
    except RefusedError:
        return
    assert answer.probs.shape == (COUNT, len(CLASSES))
    check(answer, wording.spec)


@given(
    st.lists(
        st.lists(st.floats(-50, 50, width=32), min_size=4, max_size=4), min_size=3, max_size=3
    ),
    st.booleans(),
)
def test_good_answers_are_taken_to_the_bit_however_they_are_nested(logits, nested):
    table = np.array(logits, np.float32)
    data = table.tolist() if nested else table.ravel().tolist()
    said = json.loads(json.dumps({"outputs": [tensor("logits", data)]}))
    scores = model(scores_are="logits").read_answer(said, COUNT)
    assert scores.ok.all()
    assert np.array_equal(scores.logits, table)
    assert np.allclose(scores.probs.sum(1), 1)


@given(ANY_JSON)
@example([{"label": "a", "score": True}])
@example([{"label": "a", "score": "0.5"}])
@example([{"label": " ", "score": 0.5}])
@example([{"label": "a"}, {"score": 0.5}])
def test_any_json_is_labels_or_refused(said):
    wording = some_api()
    with suppress(RefusedError):
        check(wording.read_answer(said, 1), wording.spec)


@pytest.mark.parametrize("given", ["no JSON", "[" * 100_000, '{"a": 1000}', '{"a": "x"}', "[1]"])
def test_what_a_function_of_an_expression_cannot_take_is_refused(given):
    wording = some_api(
        found_at="items(from_json(@))", labels_at="[0]", scores_at="exp([1])", classes=["a", "b"]
    )
    with pytest.raises(RefusedError):
        wording.read_answer(given, 1)
    assert wording.read_answer('{"a": -0.5}', 1).found == [{"a": pytest.approx(0.60653, rel=1e-4)}]


LABELS = st.one_of(st.text("ab", min_size=1), st.text("ab ", max_size=3), st.none(), st.integers())
SCORES = st.one_of(st.floats(0, 1), st.floats(0, 1), SCALARS)


@given(st.lists(st.fixed_dictionaries({"label": LABELS, "score": SCORES}), max_size=3))
@example([{"label": "a", "score": None}, {"label": None, "score": 0.5}])
@example([{"label": "a", "score": 0.5}, None])
def test_a_score_is_that_of_its_own_label_or_all_are_refused(said):
    wording = some_api()
    good = all(
        each is not None
        and (type(each["label"]) is int or (each["label"] or "").strip())
        and type(each["score"]) in (int, float)
        and -1e-3 <= each["score"] <= 1 + 1e-3
        for each in said
    )
    try:
        labels = wording.read_answer(said, 1)
    except RefusedError:
        assert not good
        return
    assert good
    check(labels, wording.spec)
    best = {}
    for each in said:
        name = str(each["label"]).strip()
        best[name] = max(best.get(name, 0.0), min(1.0, max(0.0, each["score"])))
    assert labels.found == [best]


@given(st.one_of(ANY_JSON, st.lists(NUMBERS, min_size=4, max_size=4)))
def test_any_scores_of_all_classes_are_taken_or_refused(said):
    wording = some_api(found_at=None, labels_at=None, scores_at="@", classes=[*CLASSES])
    with suppress(RefusedError):
        check(wording.read_answer(said, 1), wording.spec)
