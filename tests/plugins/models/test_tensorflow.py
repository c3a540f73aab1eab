"""Networks of Keras and TensorFlow.js, compared with what their own libraries answer."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tarfile

import numpy as np
import pytest
import torch
from npm_packages import npm_package
from torch.nn import functional

from neatfool import ExperimentError, TargetError
from neatfool.models import Request, load_classifier

SCALING = {"mean": (0.0,), "std": (1.0,)}
GENERATOR = np.random.default_rng(1)

UNPACK = """
const {readdirSync, writeFileSync} = require("fs");
for (const folder of readdirSync("."))
  for (const file of readdirSync(folder)) {
    const found = require(`${process.cwd()}/${folder}/${file}`), name = file.replace(".min.js", "");
    if (name == "model") writeFileSync(`${folder}/model.json`, JSON.stringify(found));
    else writeFileSync(`${folder}/${name}`, Buffer.from(found, "base64"));
  }
"""
"""nsfwjs holds its files as JavaScript."""
JUDGE = """
const tf = require(process.argv[2] + "/tf.min.js"), fs = require("fs"), path = require("path");
(async () => {
  const [file, shape] = [process.argv[3], JSON.parse(process.argv[4])];
  const bytes = (name) => fs.readFileSync(path.join(path.dirname(file), name));
  const model = JSON.parse(fs.readFileSync(file));
  const weightSpecs = model.weightsManifest.flatMap((group) => group.weights);
  const all = Buffer.concat(model.weightsManifest.flatMap((group) => group.paths.map(bytes)));
  const weightData = all.buffer.slice(all.byteOffset, all.byteOffset + all.byteLength);
  const files = tf.io.fromMemory({...model, weightSpecs, weightData});
  const load = model.modelTopology.node ? tf.loadGraphModel : tf.loadLayersModel;
  const network = await load(files);
  const pixels = new Float32Array(fs.readFileSync(0).buffer);
  const answer = network.predict(tf.tensor(pixels, shape));
  const [first] = Array.isArray(answer) ? answer : [answer];
  fs.writeSync(1, JSON.stringify(Array.from(first.dataSync())));
})();
"""


def text(value):
    return {"s": base64.b64encode(value.encode()).decode()}


def integers(*values):
    return {"list": {"i": [str(value) for value in values]}}


def write_graph(folder, nodes, weights, *, paths=("weights.bin",), size=8):
    """Write a graph model of TensorFlow.js that takes [N, size, size, 3]."""
    sides = [{"size": str(side)} for side in (-1, size, size, 3)]
    image = {"shape": {"shape": {"dim": sides}}, "dtype": {"type": "DT_FLOAT"}}
    constants = [{"name": name, "op": "Const"} for name in weights]
    taken = [{"name": "image", "op": "Placeholder", "attr": image}]
    entries = [
        {"name": name, "shape": [*each.shape], "dtype": each.dtype.name}
        for name, each in weights.items()
    ]
    model = {
        "format": "graph-model",
        "modelTopology": {"node": [*taken, *constants, *nodes]},
        "weightsManifest": [{"paths": [*paths], "weights": entries}],
    }
    (folder / "model.json").write_text(json.dumps(model))
    (folder / "weights.bin").write_bytes(b"".join(each.tobytes() for each in weights.values()))
    return folder / "model.json"


def classifier_of(folder, **changes):
    """Write a small classifier: a convolution, its means, a product and a softmax."""
    weights = {
        "filters": GENERATOR.normal(size=(3, 3, 3, 4)).astype(np.float32),
        "bias": GENERATOR.normal(size=4).astype(np.float32),
        "axes": np.array([1, 2], np.int32),
        "matrix": GENERATOR.normal(size=(4, 5)).astype(np.float32),
    }
    convolution = {
        "strides": integers(1, 2, 2, 1),
        "padding": text("SAME"),
        "fused_ops": {"list": {"s": [text(kind)["s"] for kind in ("BiasAdd", "Relu6")]}},
    }
    nodes = [
        {
            "name": "convolved",
            "op": "_FusedConv2D",
            "input": ["image", "filters", "bias"],
            "attr": convolution,
        },
        {"name": "means", "op": "Mean", "input": ["convolved", "axes"]},
        {"name": "product", "op": "MatMul", "input": ["means", "matrix"]},
        {"name": "answer", "op": "Softmax", "input": ["product"]},
    ]
    for node in nodes:
        node.update(changes.pop(node["name"], {}))
    return write_graph(folder, nodes, weights, **changes), weights


def load(path, kind="tfjs", **options):
    """Load a classifier as the target ``imagenet`` does."""
    return load_classifier(Request(f"{kind}:{path}", **{**SCALING, **options}))


def test_a_graph_answers_as_torch_does_the_same(tmp_path):
    path, weights = classifier_of(tmp_path)
    made = load(path)
    images = torch.rand(6, 3, 8, 8)
    filters = torch.tensor(weights["filters"]).permute(3, 2, 0, 1)
    # With a stride of 2, SAME pads an even side by one row, after it.
    padded = functional.pad(images, (0, 1, 0, 1))
    bias = torch.tensor(weights["bias"])
    means = functional.conv2d(padded, filters, bias, stride=2).clamp(0, 6).mean((2, 3))
    expected = (means @ torch.tensor(weights["matrix"])).log_softmax(1)
    assert torch.allclose(made.module(images), expected, atol=1e-5)
    assert (made.count, made.outputs, made.no_gradients) == (5, "logits", None)


def test_a_graph_has_gradients(tmp_path):
    images = torch.rand(2, 3, 8, 8, requires_grad=True)
    load(classifier_of(tmp_path)[0]).module(images)[:, 1].sum().backward()
    assert images.grad.abs().sum() > 0


def test_another_weight_is_another_model(tmp_path):
    first = load(classifier_of(tmp_path)[0]).digest()
    assert load(classifier_of(tmp_path)[0]).digest() != first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer": {"op": "Bucketize"}}, "operations that neatfool does not know: Bucketize"),
        ({"convolved": {"input": ["product", "filters", "bias"]}}, "it has a loop"),
        ({"means": {"input": ["convolved", "gone"]}}, "its graph cannot be read"),
        ({"paths": ["../weights.bin"]}, "names weights outside of its folder"),
        ({"paths": []}, "cannot be read as a model of TensorFlow.js"),
        ({"means": {"op": "Softplus", "input": ["convolved"]}}, r"answers .* not \[images, class"),
    ],
)
def test_what_is_wrong_with_a_graph_is_told(tmp_path, changes, message):
    path, _ = classifier_of(tmp_path, **changes)
    with pytest.raises(TargetError, match=rf"model\.json: .*{message}"):
        load(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ExperimentError, match="there is no such file"):
        load(tmp_path / "gone")


@pytest.fixture(scope="module")
def keras():
    """Keras, with PyTorch below it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        library = pytest.importorskip("keras", reason="pip install 'neatfool[keras]'")
    if library.backend.backend() != "torch":
        pytest.skip("Keras computes with another library here")
    return library


def network_of(keras):
    """Make a small network of Keras with a network inside."""
    inner = keras.Sequential(
        [
            keras.layers.Input((16, 16, 3)),
            keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
            keras.layers.DepthwiseConv2D(3),
            keras.layers.BatchNormalization(),
        ]
    )
    image = keras.layers.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inner(keras.layers.Rescaling(2.0)(image)))
    network = keras.Model(image, keras.layers.Dense(5, activation="softmax")(pooled))
    for weight in network.weights:
        weight.assign(GENERATOR.uniform(0.1, 0.3, weight.shape))
    return network


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_of_keras_answers_as_keras_does(tmp_path, keras, suffix):
    network = network_of(keras)
    network.save(tmp_path / f"network{suffix}")
    images = torch.rand(6, 3, 16, 16)
    expected = network(images.permute(0, 2, 3, 1), training=False).log()
    made = load(tmp_path / f"network{suffix}", "keras")
    assert torch.allclose(made.module(images), expected, atol=1e-5)
    images.requires_grad_()
    made.module(images)[:, 1].sum().backward()
    assert images.grad.abs().sum() > 0


def test_a_layer_that_may_run_code_is_refused_by_its_name(tmp_path, keras):
    layers = [keras.layers.Input((8, 8, 3)), keras.layers.Lambda(lambda images: images[:, 0, 0])]
    keras.Sequential(layers).save(tmp_path / "network.keras")
    with pytest.raises(TargetError, match="the layer Lambda is not known"):
        load(tmp_path / "network.keras", "keras")


@pytest.fixture(scope="module")
def packages(request, tmp_path_factory):
    """TensorFlow.js, and two packages with networks that people deploy."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node.js")
    folder = tmp_path_factory.mktemp("npm")
    wanted = {
        "@tensorflow/tfjs": ("4.22.0", "package/dist/tf.min.js"),
        "@vladmandic/human": ("3.3.6", "package/models/"),
        "nsfwjs": ("4.3.0", "package/dist/models/"),
    }
    for name, (version, part) in wanted.items():
        with tarfile.open(npm_package(request, name, version)) as archive:
            members = [each for each in archive.getmembers() if each.name.startswith(part)]
            archive.extractall(folder, members, filter="data")
    models = folder / "package" / "dist" / "models"
    (models / "package.json").unlink(missing_ok=True)
    subprocess.run([node, "-e", UNPACK], cwd=models, check=True)
    return folder / "package"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "count"),
    [
        ("models/emotion.json", 20),
        ("models/liveness.json", 100),
        ("models/antispoof.json", 20),
        ("models/faceres.json", 4),
        ("dist/models/mobilenet_v2_mid/model.json", 4),
        ("dist/models/mobilenet_v2/model.json", 4),
    ],
)
def test_a_deployed_network_answers_as_in_tensorflow_js(packages, keras, file, count):
    del keras
    from neatfool_plugins.models.tensorflow.javascript import open_javascript

    module = open_javascript(packages / file)
    shape = count, *module.input.shape[1:]
    images = np.random.default_rng(2).random(shape, dtype=np.float32)
    command = ["node", "-e", JUDGE, "-", packages / "dist", packages / file, json.dumps(shape)]
    judged = subprocess.run(command, input=images.tobytes(), capture_output=True, check=True)
    with torch.no_grad():
        answers = [*module.answer(torch.tensor(images)).values()]
    expected = torch.tensor(json.loads(judged.stdout))
    fit = [each for each in answers if each.numel() == expected.numel()]
    assert min(float((each.flatten() - expected).abs().max()) for each in fit) < 1e-4
