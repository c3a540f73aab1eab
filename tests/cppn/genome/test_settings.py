from __future__ import annotations

import pytest
from genomes import config_of
from pydantic import ValidationError

from neatfool import cppn


def problems_of(preset="paper", **given):
    with pytest.raises(ValidationError) as caught:
        cppn.resolve(cppn.GenomeOptions.model_validate(given), cppn.PRESETS[preset])
    return {error["loc"]: error["msg"] for error in caught.value.errors()}


@pytest.mark.parametrize("preset", cppn.PRESETS)
def test_what_is_left_out_has_the_presets_value(preset):
    given = cppn.GenomeOptions(conn_add_prob=0.125)
    filled = cppn.resolve(given, cppn.PRESETS[preset])
    usual = cppn.resolve(cppn.GenomeOptions(), cppn.PRESETS[preset])
    assert filled.conn_add_prob == 0.125
    assert filled == usual.model_copy(update={"conn_add_prob": 0.125})
    assert [key for key, value in usual if value is None] == ["num_outputs"]


@pytest.mark.parametrize("preset", cppn.PRESETS)
def test_what_is_filled_in_may_be_given_again(preset):
    filled = cppn.resolve(cppn.GenomeOptions(), cppn.PRESETS[preset])
    again = cppn.GenomeOptions.model_validate(filled.model_dump(mode="json"))
    assert cppn.resolve(again, cppn.PRESETS[preset]) == filled


@pytest.mark.parametrize(
    ("given", "key", "message"),
    [
        ({"weight_max_value": -20}, "weight_max_value", "weight_min_value = -10 is more than"),
        ({"bias_min_value": 20}, "bias_min_value", "bias_min_value = 20 is more than"),
        ({"weight_min_value": 1}, "weight_min_value", "weight_init_mean = 0 is not between"),
        ({"response_init_mean": 99}, "response_init_mean", "is not between"),
        ({"activation_default": "sin"}, "activation_default", "is not one of activation_options"),
        ({"aggregation_options": ["max"]}, "aggregation_options", "is not one of aggregation_opt"),
        ({"num_inputs": 3}, "num_inputs", "is fixed at 4"),
        ({"feed_forward": False}, "feed_forward", "a recurrent CPPN cannot be rendered"),
    ],
)
def test_values_that_do_not_go_together_are_told_at_a_key_that_was_given(given, key, message):
    ((loc, text),) = problems_of(**given).items()
    assert loc == (key,)
    assert message in text


def test_all_problems_are_told_at_once():
    problems = problems_of(num_inputs=3, feed_forward=False, weight_min_value=11)
    assert len(problems) == 3


@pytest.mark.parametrize(
    ("preset", "key", "value", "other"),
    [
        ("paper", "weight_mutate_power", 2.0, "neat"),
        ("paper", "weight_replace_rate", 0.1, "neat"),
        ("paper", "single_structural_mutation", True, "neat"),
        ("paper", "structural_mutation_surer", "true", "neat"),
        ("neat", "weight_mutate_eta", 20.0, "paper"),
    ],
)
def test_a_key_without_effect_is_an_error(preset, key, value, other):
    assert problems_of(preset, **{key: value}) == {
        (key,): f"has no effect with preset = {preset}; leave it out, or use preset = {other}"
    }


def test_the_fixed_values_may_be_spelled_out():
    config = config_of(num_inputs=4, feed_forward=True)
    assert (config.num_inputs, config.num_outputs, config.feed_forward) == (4, 3, True)
    assert config.input_keys == [-1, -2, -3, -4]
    assert config.output_keys == [0, 1, 2]


def test_a_configuration_knows_the_papers_activations():
    config = config_of()
    assert config.activation_defs.get("paper_linear")(1.5) == 0.5
    assert config.activation_options == list(cppn.PRESETS["paper"].values["activation_options"])
