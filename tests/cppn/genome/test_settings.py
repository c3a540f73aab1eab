import pytest
from genomes import config_of

from neatfool import cppn


def resolve(preset="paper", **given):
    return cppn.resolve(cppn.GenomeOptions.model_validate(given), cppn.PRESETS[preset])


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
    ("given", "message"),
    [
        ({"weight_max_value": -20}, "weight_max_value = -20: give them in this order"),
        ({"weight_min_value": 1}, "weight_min_value = 1, weight_init_mean = 0"),
        ({"response_init_mean": 99}, "response_init_mean = 99"),
        ({"activation_default": "sin"}, "activation_default = sin is not one of activation_op"),
    ],
)
def test_values_that_do_not_go_together_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        resolve(**given)


@pytest.mark.parametrize(
    ("preset", "key", "value"),
    [("paper", "weight_replace_rate", 0.1), ("neat", "weight_mutate_eta", 20.0)],
)
def test_a_key_without_effect_is_an_error(preset, key, value):
    with pytest.raises(ValueError, match=f"{key} has no effect with preset = {preset}"):
        resolve(preset, **{key: value})


def test_the_fixed_values_may_be_spelled_out():
    config = config_of(num_inputs=4, feed_forward=True)
    assert (config.num_inputs, config.num_outputs, config.feed_forward) == (4, 3, True)
    assert config.input_keys == [-1, -2, -3, -4]
    assert config.output_keys == [0, 1, 2]


def test_a_configuration_knows_the_papers_activations():
    config = config_of()
    assert config.activation_defs.get("paper_linear")(1.5) == 0.5
    assert config.activation_options == list(cppn.PRESETS["paper"].values["activation_options"])
