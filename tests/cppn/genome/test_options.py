import pytest
from genomes import breeder_of, config_of
from neat.genome import DefaultGenome
from pydantic import ValidationError

from neatfool import cppn


def errors_of(**given):
    with pytest.raises(ValidationError) as caught:
        cppn.GenomeOptions.model_validate(given)
    return {error["loc"][0]: error["msg"] for error in caught.value.errors()}


def test_the_keys_are_neat_pythons_and_our_own():
    values = {"num_outputs": 1, **cppn.PRESETS["neat"].values}
    values = {
        key: " ".join(value) if isinstance(value, tuple) else str(value)
        for key, value in values.items()
    }
    # neat-python names its parameters nowhere else.
    theirs = {parameter.name for parameter in DefaultGenome.parse_config(values)._params}
    own = cppn.GenomeOptions.model_fields.keys() - theirs
    assert theirs <= cppn.GenomeOptions.model_fields.keys()
    assert {"weight_mutate_eta"} == {key for key in own if not key.endswith("_prob")}


def test_every_key_is_optional_and_described():
    assert set(cppn.GenomeOptions().model_dump().values()) == {None}
    assert all(field.description for field in cppn.GenomeOptions.model_fields.values())


@pytest.mark.parametrize("preset", cppn.PRESETS)
def test_a_preset_has_a_value_for_each_key_but_the_number_of_outputs(preset):
    values = cppn.PRESETS[preset].values
    assert values.keys() == cppn.GenomeOptions.model_fields.keys() - {"num_outputs"}
    cppn.GenomeOptions.model_validate(dict(values))


def test_a_typo_is_an_error():
    assert errors_of(weight_mutate_rat="0.1") == {
        "weight_mutate_rat": "Extra inputs are not permitted"
    }


@pytest.mark.parametrize(
    "key",
    ["weight_mutate_rate", "bias_replace_rate", "node_add_prob", "enabled_mutate_rate"],
)
@pytest.mark.parametrize("value", ["-0.1", "1.1", "nan", "inf", "often", ""])
def test_a_rate_is_a_probability(key, value):
    assert key in errors_of(**{key: value})


@pytest.mark.parametrize("key", ["weight_init_stdev", "bias_mutate_power", "weight_mutate_eta"])
@pytest.mark.parametrize("value", ["-0.1", "nan", "much"])
def test_an_amount_is_not_negative(key, value):
    assert key in errors_of(**{key: value})


def test_values_are_typed_as_neat_python_types_them():
    options = cppn.GenomeOptions.model_validate(
        {
            "activation_options": "sin  gauss",
            "aggregation_options": "sum",
            "weight_init_type": "Uniform",
            "enabled_default": "True",
            "single_structural_mutation": "False",
            "num_hidden": "3",
            "conn_add_prob": "0.25",
            "initial_connection": "partial_direct 0.5",
        }
    )
    assert options.model_dump(exclude_none=True) == {
        "activation_options": ["sin", "gauss"],
        "aggregation_options": "sum",
        "weight_init_type": "uniform",
        "enabled_default": "true",
        "single_structural_mutation": "false",
        "num_hidden": 3,
        "conn_add_prob": 0.25,
        "initial_connection": "partial_direct 0.5",
    }


def test_names_may_be_repeated_up_to_a_limit():
    options = cppn.GenomeOptions(activation_options="sin " * 256)
    assert options.activation_options == ["sin"] * 256
    assert "at most 256" in errors_of(activation_options="sin " * 257)["activation_options"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("partial", "takes a fraction"),
        ("partial_direct 1.5", "takes a fraction"),
        ("partial 0.5 0.5", "takes a fraction"),
        ("full_direct 0.5", "takes a fraction"),
        ("", "there is no ''"),
    ],
)
def test_a_partial_connection_takes_a_fraction_and_no_other_does(given, message):
    assert message in errors_of(initial_connection=given)["initial_connection"]


def test_hidden_nodes_of_random_genomes_are_no_more_than_fit_in_memory():
    assert "less than or equal to 1000" in errors_of(num_hidden=10**9)["num_hidden"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("num_inputs", 3), ("feed_forward", False), ("aggregation_options", "sum max")],
)
def test_of_some_keys_only_one_value_is_possible(key, value):
    assert "Input should be" in errors_of(**{key: value})[key]


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


PAPER = cppn.PRESETS["paper"].values


def test_the_paper_preset_is_as_the_papers_code_has_it():
    expected = {
        "initial_connection": "full_direct",
        "num_hidden": 0,
        "weight_min_value": -10,
        "weight_max_value": 10,
        "weight_mutate_rate": 0.1,
        "weight_mutate_eta": 15,
        "activation_mutate_rate": 0.1,
        "conn_add_prob": 0.5,
        "conn_delete_prob": 0.3,
        "node_add_prob": 0.5,
        "node_delete_prob": 0.2,
    }
    assert {key: PAPER[key] for key in expected} == expected
    assert cppn.PRESETS["paper"].inputs == "raw"


@pytest.mark.parametrize("preset", cppn.PRESETS)
def test_random_genomes_are_of_several_species(preset):
    config = config_of(preset, outputs=1)
    genomes = breeder_of(preset, outputs=1).create(range(60))
    threshold = 3.0
    leaders = []
    for genome in genomes:
        if all(genome.distance(leader, config) >= threshold for leader in leaders):
            leaders.append(genome)
    assert 3 <= len(leaders) <= 30
