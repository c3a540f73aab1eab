import pytest
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
