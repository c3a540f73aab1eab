"""Networks of the target ``imagenet`` in files: what is found out, and what is asked for."""

import re

import numpy as np
import pytest
import torch
from small_networks import (
    BYTES_LAST,
    FLOATS,
    FLOATS_LAST,
    SCALED,
    Bytes,
    ChannelsLast,
    Sigmoids,
    Small,
    Softmax,
    WithFeatures,
    by_hand,
    export_onnx,
    noise,
    quantise_dynamically,
    target,
)
from torch import nn

from neatfool import ExperimentError, TargetError
from neatfool.network import gradients_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.mark.parametrize(
    ("network", "given", "options", "said"),
    [
        (Small(), FLOATS, SCALED, r"takes float32 \[images, channels, height, width\]"),
        (Softmax(), FLOATS, SCALED, "gives probabilities"),
        (ChannelsLast(), FLOATS_LAST, SCALED, r"float32 \[images, height, width, channels\]"),
        (Bytes(), BYTES_LAST, {}, r"bytes as they are;.*takes uint8 \[images, height"),
    ],
)
@pytest.mark.parametrize("fixed", [False, True])
def test_an_onnx_file_may_have_any_layout(tmp_path, network, given, options, said, fixed):
    made = target(export_onnx(network, tmp_path / "a.onnx", given, fixed=fixed), **options)
    assert made.spec.shape == (3, 16, 16)
    np.testing.assert_allclose(made.score(noise(3)).probs, by_hand(noise(3)), atol=1e-5)
    described = made.describe()
    assert ", one image at a time" in described if fixed else "at a time" not in described
    assert re.search(said, described, re.DOTALL)


def test_layouts_are_tried_where_the_file_says_no_size(tmp_path):
    pytest.importorskip("onnx", reason="pip install onnx")
    torch.onnx.export(
        ChannelsLast().eval(),
        (FLOATS_LAST,),
        str(tmp_path / "any.onnx"),
        input_names=["images"],
        dynamic_axes={"images": dict(enumerate("nhwc"))},
        dynamo=False,
    )
    with pytest.raises(ExperimentError, match=r"any size; choose one with \[target\] size"):
        target(f"onnx:{tmp_path / 'any.onnx'}")
    made = target(f"onnx:{tmp_path / 'any.onnx'}", size=16, **SCALED)
    np.testing.assert_allclose(made.score(noise(3)).probs, by_hand(noise(3)), atol=1e-5)


def test_of_several_outputs_one_is_chosen(tmp_path):
    model = export_onnx(WithFeatures(), tmp_path / "several.onnx", FLOATS)
    with pytest.raises(ExperimentError, match=r"output = NAME: \S+ \[4, 8\], \S+ \[4, 5, 1, 1\]$"):
        target(model)
    made = target(model, output="1", **SCALED)
    np.testing.assert_allclose(made.score(noise(3)).probs, by_hand(noise(3)), atol=1e-5)
    assert "gives logits (its output " in made.describe()
    name = made.describe().partition("its output '")[2].partition("'")[0]
    assert target(model, output=name, **SCALED).spec.classes == made.spec.classes
    assert made.fingerprint() != target(model, output="0", **SCALED).fingerprint()
    with pytest.raises(
        ExperimentError, match=r"output = logits: there is no such output; .*\[4, 8"
    ):
        target(model, output="logits")
    with pytest.raises(ExperimentError, match=r"output = 2: is not \[images, classes\]"):
        target(model, output="2")


def test_numbers_that_may_be_either_are_asked_about(tmp_path):
    model = export_onnx(Sigmoids(), tmp_path / "sigmoids.onnx", FLOATS)
    with pytest.raises(ExperimentError, match=r"sum to .*, not to 1; .* outputs = logits, prob"):
        target(model, **SCALED)
    with torch.inference_mode():
        shares = Sigmoids()((noise(3) / 255 - 0.5) / 0.25)
    told = target(model, outputs="probabilities", **SCALED).score(noise(3)).probs
    np.testing.assert_allclose(told, shares / shares.sum(1, keepdim=True), atol=1e-5)
    other = target(model, outputs="logits", **SCALED).score(noise(3)).probs
    np.testing.assert_allclose(other, shares.softmax(1), atol=1e-5)
    alone = target(model, outputs="multi_label", **SCALED)
    np.testing.assert_allclose(alone.score(noise(3)).probs, shares, atol=1e-5)
    assert not alone.spec.sums_to_one


def test_an_onnx_graph_that_rounds_by_the_batch_is_computed_image_by_image(tmp_path):
    model = export_onnx(Small(), tmp_path / "floats.onnx", FLOATS)
    rounded = quantise_dynamically(model, tmp_path / "rounded.onnx")
    made = target(rounded, **SCALED)
    images = torch.cat([noise(3) // 8, noise(2)])
    alone = np.concatenate([made.score(image[None]).probs for image in images])
    np.testing.assert_array_equal(made.score(images).probs, alone)
    assert "one image at a time (the graph quantises dynamically" in made.describe()


def test_an_input_that_is_not_of_images_is_refused(tmp_path):
    network = nn.Sequential(nn.Conv2d(4, 5, 16), nn.Flatten())
    model = export_onnx(network, tmp_path / "four.onnx", torch.zeros(1, 4, 16, 16))
    with pytest.raises(TargetError, match=r"takes \[any, 4, 16, 16\]; export a classifier of"):
        target(model)
    model = export_onnx(Bytes(), tmp_path / "bytes.onnx", BYTES_LAST)
    with pytest.raises(ExperimentError, match=r"takes bytes .*scales them itself"):
        target(model, mean=[0.5])


# TFLite


def write_tflite(path, *, classes=5, kind="float32", sides=(16, 16)):
    """Write a network that looks at the mean colour; float inside, perhaps quantised outside."""
    pytest.importorskip("ai_edge_litert", reason="pip install 'neatfool[tflite]'")
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    operator, types = schema.BuiltinOperator, schema.TensorType
    code = {"float32": types.FLOAT32, "uint8": types.UINT8, "int8": types.INT8}[kind]
    lowest = -128 if kind == "int8" else 0
    buffers, tensors, operators, codes = [schema.BufferT()], [], [], []

    def tensor(name, shape, type_=types.FLOAT32, data=None, scale=None, zero=0):
        buffer = 0
        if data is not None:
            buffers.append(schema.BufferT(data=[*data.tobytes()]))
            buffer = len(buffers) - 1
        quantised = scale and schema.QuantizationParametersT(scale=[scale], zeroPoint=[zero])
        made = schema.TensorT(shape=[*shape], type=type_, buffer=buffer, name=name)
        made.quantization = quantised
        tensors.append(made)
        return len(tensors) - 1

    def apply(builtin, inputs, output, options=None, number=0):
        codes.append(schema.OperatorCodeT(deprecatedBuiltinCode=builtin, builtinCode=builtin))
        made = schema.OperatorT(opcodeIndex=len(codes) - 1, inputs=inputs, outputs=[output])
        made.builtinOptions, made.builtinOptionsType = options, number
        operators.append(made)
        return output

    image = (1, *sides, 3)
    weights, bias = colour_weights(classes)
    if kind == "float32":
        first = given = tensor("image", image)
    else:  # a byte b is (b - 127.5) / 63.75
        first = tensor("image", image, code, scale=1 / 63.75, zero=lowest + 128)
        given = apply(operator.DEQUANTIZE, [first], tensor("floats", image))
    axes = tensor("axes", [2], types.INT32, np.array([1, 2], np.int32))
    mean = schema.ReducerOptionsT(), schema.BuiltinOptions.ReducerOptions
    colour = apply(operator.MEAN, [given, axes], tensor("colour", (1, 3)), *mean)
    numbers = [tensor("w", weights.shape, data=weights), tensor("b", bias.shape, data=bias)]
    dense = schema.FullyConnectedOptionsT(), schema.BuiltinOptions.FullyConnectedOptions
    logits = tensor("logits", (1, classes))
    apply(operator.FULLY_CONNECTED, [colour, *numbers], logits, *dense)
    softmax = schema.SoftmaxOptionsT(beta=1.0), schema.BuiltinOptions.SoftmaxOptions
    last = apply(operator.SOFTMAX, [logits], tensor("probs", (1, classes)), *softmax)
    if kind != "float32":
        rounded = tensor("rounded", (1, classes), code, scale=1 / 256, zero=lowest)
        last = apply(operator.QUANTIZE, [last], rounded)
    graph = schema.SubGraphT(tensors=tensors, inputs=[first], outputs=[last], operators=operators)
    model = schema.ModelT(version=3, operatorCodes=codes, subgraphs=[graph], buffers=buffers)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())
    return f"tflite:{path}"


def colour_weights(classes):
    draw = np.random.default_rng(0)
    return draw.normal(size=(classes, 3)).astype(np.float32), np.zeros(classes, np.float32)


def colours(count):
    each = torch.randint(0, 256, (count, 3, 1, 1), generator=torch.Generator().manual_seed(1))
    return each.expand(-1, -1, 16, 16).to(torch.uint8)


def by_colour(images, classes=5):
    mean = (images.double().mean((2, 3)).numpy() - 127.5) / 63.75
    weights, _ = colour_weights(classes)
    return torch.from_numpy(mean @ weights.T).softmax(1).numpy()


def test_a_tflite_file_of_floats_says_what_it_looks_at(tmp_path):
    model = write_tflite(tmp_path / "a.tflite")
    with pytest.raises(ExperimentError, match="does not say how images are scaled; give both"):
        target(model)
    made = target(model, **SCALED)
    np.testing.assert_allclose(made.score(colours(3)).probs, by_colour(colours(3)), atol=1e-5)
    assert re.search(r"a\.tflite, by LiteRT \d", made.describe())
    assert "float32 [images, height, width, channels], one image at a time" in made.describe()
    assert "gives probabilities" in made.describe()
    assert made.networks[0].half is None, "screening would score everything twice"
    assert made.fingerprint() == target(model, **SCALED).fingerprint()
    with pytest.raises(ExperimentError, match=r"a\.tflite: LiteRT \S+ computes none; for those"):
        gradients_of(made, "leave out learn")


@pytest.mark.parametrize("kind", ["uint8", "int8"])
@pytest.mark.parametrize("options", [{}, SCALED])
def test_a_quantised_tflite_file_gets_bytes_and_gives_probabilities(tmp_path, kind, options):
    made = target(write_tflite(tmp_path / "a.tflite", kind=kind), **options)
    scores = made.score(colours(6)).probs
    np.testing.assert_allclose(scores, by_colour(colours(6)), atol=0.02)
    assert f"takes {kind} [images, height" in made.describe()
    assert ("bytes as they are" in made.describe()) == (not options)


def test_1001_classes_begin_with_the_background(tmp_path):
    made = target(write_tflite(tmp_path / "a.tflite", classes=1001, kind="uint8"))
    assert made.spec.classes[:2] == ("background", "tench")
    with pytest.raises(TargetError, match=r"a\.tflite, by LiteRT .* recognised \d of 5"):
        made.self_check()


def test_what_is_wrong_with_a_tflite_file_is_told(tmp_path):
    pytest.importorskip("ai_edge_litert", reason="pip install 'neatfool[tflite]'")
    (tmp_path / "cut.tflite").write_bytes(b"TFL3")
    with pytest.raises(TargetError, match=r"cut\.tflite: LiteRT cannot load it"):
        target(f"tflite:{tmp_path / 'cut.tflite'}")
    with pytest.raises(ExperimentError, match=r"gone\.tflite: No such file"):
        target(f"tflite:{tmp_path / 'gone.tflite'}")


# Programs of torch


def save_script(network, path, given):
    torch.jit.trace(network.eval(), (given,)).save(str(path))
    return f"torchscript:{path}", {"size": 16}


def save_exported(network, path, given):
    many = given.expand(2, -1, -1, -1).contiguous()
    shapes = ({0: torch.export.Dim.DYNAMIC},)
    torch.export.save(torch.export.export(network.eval(), (many,), dynamic_shapes=shapes), path)
    return f"export:{path}", {}


@pytest.mark.parametrize("save", [save_script, save_exported])
@pytest.mark.parametrize(("network", "given"), [(Small(), FLOATS), (ChannelsLast(), FLOATS_LAST)])
def test_a_program_of_torch_scores_and_has_gradients(tmp_path, save, network, given):
    model, needed = save(network, tmp_path / "a.pt2", given)
    made = target(model, **needed, **SCALED)
    np.testing.assert_allclose(made.score(noise(3)).probs, by_hand(noise(3)), atol=1e-5)
    np.testing.assert_allclose(made.score(noise(1)).probs, by_hand(noise(1)), atol=1e-5)
    pixels = noise(2).float().requires_grad_()
    (found,) = torch.autograd.grad(made.logits_of(pixels).sum(), pixels)
    (right,) = torch.autograd.grad(Small()((pixels / 255 - 0.5) / 0.25).sum(), pixels)
    np.testing.assert_allclose(found, right, atol=1e-6)
    from neatfool.network.network import Form, in_form

    with in_form(made.networks, Form("fp32", "frozen")):
        np.testing.assert_allclose(made.score(noise(3)).probs, by_hand(noise(3)), atol=1e-5)
    assert made.fingerprint() == target(model, **needed, **SCALED).fingerprint()


def test_a_program_that_was_exported_for_one_image_gets_one_at_a_time(tmp_path):
    program = torch.export.export(WithFeatures().eval(), (FLOATS,))
    torch.export.save(program, tmp_path / "one.pt2")
    made = target(f"export:{tmp_path / 'one.pt2'}", output="1", **SCALED)
    np.testing.assert_allclose(made.score(noise(3)).probs, by_hand(noise(3)), atol=1e-5)
    assert "one image at a time; gives logits (its output '1' of 3)" in made.describe()


def test_what_is_wrong_with_a_program_of_torch_is_told(tmp_path):
    model, _ = save_script(Small(), tmp_path / "a.pt", FLOATS)
    with pytest.raises(ExperimentError, match=r"any size; choose one with \[target\] size"):
        target(model)
    with pytest.raises(ExperimentError, match=r"is not called \.pt2"):
        target(f"export:{tmp_path / 'a.pt'}")
    torch.save(Small().state_dict(), tmp_path / "weights.pt")
    with pytest.raises(TargetError, match=r"program of TorchScript .*Weights alone are for"):
        target(f"torchscript:{tmp_path / 'weights.pt'}", size=16)
