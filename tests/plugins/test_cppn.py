"""The encoding ``cppn``, as an experiment sees it."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from neatfool import ExperimentError, cppn
from neatfool.config.ini import Problems, parse_ini
from neatfool.config.options import read_options
from neatfool.experiment.experiment import load_experiment
from neatfool.testing import COLOUR, GREY, check_plugin
from neatfool_plugins.cppn import CppnEncoding, Options


def encoding_of(spec=GREY, **options):
    return CppnEncoding(Options.model_validate(options), spec=spec)


def test_the_plain_renderer_keeps_the_contract_of_encodings():
    check_plugin("encoding", lambda spec: encoding_of(spec, renderer="plain"), [COLOUR])


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")


@pytest.mark.gpu
@needs_gpu
def test_the_encoding_keeps_its_contract_on_a_gpu():
    check_plugin("encoding", lambda spec: encoding_of(spec, device="cuda"), [COLOUR])


@pytest.mark.gpu
@needs_gpu
def test_images_of_a_gpu_are_those_of_the_cpu_but_for_rounding():
    images = []
    for device in ("cpu", "cuda"):
        encoding = encoding_of(COLOUR, device=device, inputs="normalised", preset="neat")
        images.append(encoding.render(encoding.create(range(50))).int())
    assert ((images[0] - images[1]).abs() <= 1).float().mean() > 0.999


def problems_of(text):
    """Read an experiment's sections and give what is wrong, a line each."""
    problems = Problems()
    read_options(Options, "encoding", parse_ini(text, Path("x.ini")), problems)
    with pytest.raises(ExperimentError) as caught:
        problems.raise_if_any()
    return str(caught.value).splitlines()


def test_the_options_of_an_experiment_are_neat_pythons():
    text = (
        "[encoding]\npreset = neat\n[DefaultGenome]\nconn_add_prob = 0.9\n"
        "activation_options = sin gauss\nsingle_structural_mutation = False\n"
    )
    problems = Problems()
    options = read_options(Options, "encoding", parse_ini(text, Path("x.ini")), problems)
    problems.raise_if_any()
    assert options.preset == "neat"
    assert options.genome.conn_add_prob == 0.9
    assert options.genome.activation_options == ["sin", "gauss"]
    assert options.genome.weight_max_value == 10


def test_everything_wrong_is_told_with_its_line():
    found = problems_of(
        "[encoding]\n"
        "colour = hvs\n"
        "[DefaultGenome]\n"
        "conn_add_prob = 2\n"
        "weight_mutate_rat = 0.1\n"
        "activation_options = paper_sine gaus\n"
        "initial_connection = full_direkt\n"
    )
    expected = [
        "x.ini:2: [encoding] colour: must be",
        "x.ini:4: [DefaultGenome] conn_add_prob: must be <= 1",
        "x.ini:5: [DefaultGenome] weight_mutate_rat: unknown key; did you mean "
        "'weight_mutate_rate'",
        "x.ini:6: [DefaultGenome] activation_options: there is no 'gaus'; did you mean 'gauss'",
        "x.ini:7: [DefaultGenome] initial_connection: there is no 'full_direkt'; did you mean "
        "'full_direct'",
    ]
    assert [line[: len(start)] for line, start in zip(found, expected, strict=True)] == expected


def test_resolved_options_are_complete_and_read_back():
    options = Options(preset="neat")
    dumped = options.model_dump(mode="json")
    assert dumped["genome"]["node_add_prob"] == cppn.PRESETS["neat"].values["node_add_prob"]
    assert Options.model_validate(dumped) == options
    assert Options.model_validate(options.model_dump(mode="json", by_alias=True)) == options


@pytest.mark.parametrize(("preset", "parents"), [("paper", 1), ("neat", 2)])
def test_a_preset_says_how_many_parents_a_child_has(preset, parents):
    assert encoding_of(preset=preset).parents == parents


@pytest.mark.parametrize(("preset", "inputs"), [("paper", "raw"), ("neat", "normalised")])
def test_a_preset_has_its_inputs_and_the_option_others(preset, inputs):
    other = {"raw": "normalised", "normalised": "raw"}[inputs]
    encoding = encoding_of(preset=preset)
    genomes = encoding.create(range(20))
    assert torch.equal(
        encoding.render(genomes), encoding_of(preset=preset, inputs=inputs).render(genomes)
    )
    assert not torch.equal(
        encoding.render(genomes), encoding_of(preset=preset, inputs=other).render(genomes)
    )


NO_SINE = ("paper_tanh", "paper_sigmoid", "paper_gaussian", "paper_linear")


@pytest.mark.parametrize(
    "renderer",
    [
        "plain",
        pytest.param("compiled", marks=pytest.mark.skipif(not cppn.can_compile(), reason="x")),
    ],
)
def test_cppns_may_have_a_hyperbolic_tangent_in_place_of_the_sine(tmp_path, renderer):
    file = tmp_path / "no_sine.ini"
    file.write_text(
        "[experiment]\ngenerations = 1\n[target]\nplugin = mnist\n"
        f"[encoding]\nrenderer = {renderer}\n"
        f"[DefaultGenome]\nactivation_options = {' '.join(NO_SINE)}\n"
    )
    options = load_experiment(file).encoding.options
    encoding = CppnEncoding(options, spec=GREY)
    genomes = encoding.create(range(50))
    for _ in range(4):
        genomes = encoding.breed([[genome] for genome in genomes], range(50))
    used = {node.activation for genome in genomes for node in genome.nodes.values()}
    assert used == set(NO_SINE)
    images = encoding.render(genomes)
    assert len({image.numpy().tobytes() for image in images}) > 20
    assert [encoding.loads(encoding.dumps(genome)) for genome in genomes] == genomes


def image_of(encoding, **outputs):
    """Draw a genome whose outputs are constants: linear nodes that see only the input 1."""
    names = [data["label"] for _, data in encoding.graph(encoding.create([1])[0]).nodes(data=True)]
    genome = cppn.Genome.of(
        [cppn.NodeGene(i, "paper_linear") for i, name in enumerate(names[4:])],
        [cppn.ConnectionGene((-4, i), 3.0 * outputs[name]) for i, name in enumerate(names[4:])],
    )
    image = encoding.render([genome])[0]
    assert (image == image[:, :1, :1]).all()
    return image[:, 0, 0].tolist()


def test_grey_images_are_grey_and_coloured_ones_hsv():
    assert image_of(encoding_of(GREY), grey=-0.2) == [51]
    assert image_of(encoding_of(COLOUR), hue=0.0, saturation=1.0, value=-0.6) == [153, 0, 0]
    assert image_of(encoding_of(COLOUR, colour="rgb"), red=0.2, green=0.4, blue=1) == [51, 102, 255]


def test_the_number_of_outputs_follows_from_the_colour():
    assert encoding_of(COLOUR, genome={"num_outputs": 3})
    with pytest.raises(ExperimentError, match=r"takes 1 outputs .* set num_outputs = 1"):
        encoding_of(GREY, genome={"num_outputs": 3})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
def test_a_gpu_that_is_not_there_is_told():
    with pytest.raises(ExperimentError, match=r"device = cuda: torch finds no such GPU; give"):
        encoding_of(device="cuda")
    assert encoding_of(device="auto")


@pytest.mark.parametrize(
    ("device", "gpu", "numba", "renderer"),
    [
        ("cpu", True, True, "compiled"),
        ("auto", False, True, "compiled"),
        ("auto", True, True, "plain"),
        ("cuda", True, True, "plain"),
        ("cpu", False, False, "plain"),
        ("auto", False, False, "plain"),
    ],
)
def test_the_renderer_is_chosen_for_the_machine_and_recorded(
    device, gpu, numba, renderer, monkeypatch
):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(cppn, "can_compile", lambda _: numba)
    options = Options(device=device)
    assert options.model_dump()["renderer"] == renderer
    assert Options(device=device, renderer="plain").renderer == "plain"


def test_a_compiled_renderer_without_numba_is_refused(no_numba):
    recorded = Options(renderer="compiled").model_dump(mode="json")
    wanted = r"renderer = compiled: numba does not work here \(.*; pip install numba, or say rend"
    with pytest.raises(ExperimentError, match=wanted):
        encoding_of(**recorded)


def test_where_numba_does_not_work_the_plain_renderer_draws_and_says_why_once(no_numba, caplog):
    encodings = [encoding_of(device="cpu"), encoding_of(device="cpu")]
    assert encodings[0].render(encodings[1].create([1])).shape == (1, *GREY.shape)
    (said,) = caplog.messages
    assert said.startswith("the plain renderer draws, which takes several times as long: numba")
    assert "ModuleNotFoundError" in said


def test_a_compiled_renderer_does_not_draw_on_a_gpu(monkeypatch):
    with pytest.raises(ValidationError, match="draws on the CPU, but device = cuda"):
        encoding_of(renderer="compiled", device="cuda")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    encoding = encoding_of(renderer="compiled")
    assert encoding.render(encoding.create([1])).device.type == "cpu"


def test_size_counts_enabled_connections():
    encoding = encoding_of(GREY)
    (genome,) = encoding.create([3])
    genome.connections[-1, 0].enabled = False
    assert (encoding.size(genome).nodes, encoding.size(genome).connections) == (1, 3)


def test_what_does_not_go_together_is_told_with_its_section():
    (told,) = problems_of(
        "[encoding]\npreset = paper\n[DefaultGenome]\nweight_replace_rate = 0.5\n"
    )
    assert told == (
        "x.ini:3: [DefaultGenome]: weight_replace_rate has no effect with preset = paper; leave it "
        "out"
    )
