"""What happens with the models that people have: a test for each row of docs/models.md."""

import copy
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from commands import neatfool as command
from torch import nn

import neatfool
from neatfool import ExperimentError, TargetError
from neatfool.evolution.python_target import target_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

IMAGE, CLASSES = (1, 12, 10), 4
FEATURES = 6 * 10 * 8


class Flattens(nn.Module):
    """As in many a tutorial: a convolution, and what it gives in a row."""

    def __init__(self, classes=CLASSES):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.convolution = nn.Conv2d(1, 6, 3)
            self.dense = nn.Linear(FEATURES, classes)
            self.dense.weight.data *= 8

    def forward(self, images):
        return self.dense(self.convolution(images).relu().view(-1, 6 * 10 * 8))


class Strides(Flattens):
    """Reads memory as if its layout were contiguous: no error in channels-last, other numbers."""

    def forward(self, images):
        hidden = self.convolution(images).relu()
        return self.dense(hidden.as_strided((len(images), FEATURES), (FEATURES, 1)))


class ChannelsLastIsFine(Flattens):
    def forward(self, images):
        return self.dense(self.convolution(images).relu().flatten(1))


class OneImage(Flattens):
    """Forgets that there may be several images."""

    def forward(self, images):
        return self.dense(self.convolution(images).relu().flatten())


class Gives(Flattens):
    """Gives what a function makes of logits."""

    def __init__(self, make, classes=CLASSES):
        super().__init__(classes)
        self.make = make

    def forward(self, images):
        return self.make(super().forward(images))


@dataclass
class ModelOutput:
    logits: torch.Tensor
    loss: None = None


class Uncopyable(Flattens):
    def __deepcopy__(self, _):
        raise TypeError("there is only one")


def exported(examples):
    shapes = ({0: torch.export.Dim("n")},) if examples > 1 else None
    program = torch.export.export(
        Flattens().eval(), (torch.rand(examples, *IMAGE),), dynamic_shapes=shapes
    )
    return program.module()


def frozen():
    program: nn.Module = torch.jit.freeze(torch.jit.script(ChannelsLastIsFine().eval()))
    return program


def quantised():
    made: nn.Module = torch.ao.quantization.quantize_dynamic(Flattens().eval(), {nn.Linear})
    return made


def with_compiled_part():
    model = Flattens()
    model.dense = torch.compile(model.dense)
    return model


def fool(model, folder, **more):
    how: dict[str, Any] = {"image": IMAGE, "classes": CLASSES, "images": 40, "progress": False}
    scheme = {"scheme_options": {"batch": 20}}
    return neatfool.fool(model, out=folder / "run", **how | scheme | more)


def saved(run):
    images = [neatfool.decode_png(elite.file.read_bytes()) for elite in run]
    return torch.from_numpy(np.stack(images) / 255).float()


WORK = {
    "view after a convolution": (Flattens, "contiguous layout"),
    "as_strided": (Strides, "contiguous layout"),
    "flatten": (ChannelsLastIsFine, ""),
    "one image at a time": (OneImage, "one image at a time"),
    "double": (lambda: Flattens().double(), ""),
    "half": (lambda: Flattens().half(), ""),
    "ModelOutput": (lambda: Gives(ModelOutput), "in its output 'logits'"),
    "dict": (
        lambda: Gives(lambda z: {"features": z[:, :0], "logits": z}),
        "in its output 'logits'",
    ),
    "dict without logits": (lambda: Gives(lambda z: OrderedDict(out=z)), "its output 'out'"),
    "tuple": (lambda: Gives(lambda z: (z.mean(), z, z)), "its output 1"),
    "torch.export, any batch": (lambda: exported(2), ""),
    "torch.export, one image": (lambda: exported(1), "one image at a time"),
    "torch.jit.script": (lambda: torch.jit.script(Flattens().eval()), ""),
    "torch.jit.freeze": (frozen, ""),
    "dynamically quantised": (quantised, "one image at a time"),
    "DataParallel": (lambda: nn.DataParallel(Flattens()), ""),
    "torch.compile": (lambda: torch.compile(Flattens()), ""),
    "torch.compile in part": (with_compiled_part, ""),
    "not copyable": (Uncopyable, "contiguous layout"),
}


@pytest.mark.parametrize("name", WORK)
def test_it_scores_what_the_module_says(tmp_path, name):
    make, words = WORK[name]
    model: Any = make()
    if not name.startswith("torch.export"):
        model.eval()
    run = fool(model, tmp_path)
    plain = {"DataParallel": lambda: model.module, "torch.compile": lambda: model._orig_mod}
    called = plain.get(name, lambda: model)()
    dtype = {"double": torch.float64, "half": torch.float16}.get(name, torch.float32)
    for elite, image in zip(run, saved(run), strict=True):
        with torch.no_grad():
            answer = called(image[None].to(dtype)) if name != "torch.compile in part" else None
        if answer is None:
            answer = Flattens()(image[None])
        answer = getattr(answer, "logits", answer)
        answer = {**answer}.popitem()[1] if isinstance(answer, dict) else answer
        answer = answer[1] if isinstance(answer, tuple) else answer
        wanted = answer.detach().reshape(1, -1).double().softmax(1)[0, elite.index]
        assert elite.confidence == pytest.approx(
            float(wanted), abs=1e-3 if name == "half" else 1e-5
        )
    assert run.verify().wrong == []
    assert run.experiment["target"]["model"] not in {"DataParallel", "OptimizedModule"}
    described = target_of(model, run.spec).describe()
    assert words in described


# --- the module stays as it is


class Breaks(Flattens):
    def forward(self, images):
        raise RuntimeError("broken")


class Counting(ChannelsLastIsFine):
    """Writes to a buffer of its own."""

    def __init__(self):
        super().__init__()
        self.calls: torch.Tensor
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, images):
        self.calls += 1
        return super().forward(images)


def state_of(model):
    """Give everything that must not change."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return [
        [(name, each.clone().detach().tolist()) for name, each in tensors.items()],
        [(id(each), each.data_ptr(), each.stride(), each.device) for each in tensors.values()],
        [(each.requires_grad, each.dtype) for each in tensors.values()],
        [(name, each.training, id(each)) for name, each in model.named_modules()],
        [[*each._forward_hooks, *each._forward_pre_hooks] for each in model.modules()],
    ]


@pytest.mark.parametrize("make", [Flattens, ChannelsLastIsFine, Counting, Uncopyable, Breaks])
def test_the_module_stays_as_it_is_in_success_and_in_failure(tmp_path, make):
    model = make().eval()
    model.register_forward_hook(lambda *_: None)
    before = state_of(model)
    if make is Breaks:
        with pytest.raises(TargetError, match="RuntimeError: broken"):
            fool(model, tmp_path)
    else:
        fool(model, tmp_path, scheme_options={"batch": 20, "learn": 0.5, "learn_after": 1})
    assert state_of(model) == before
    for tensor in (*model.parameters(), *model.buffers()):
        assert tensor.is_contiguous()


def test_a_copy_shares_the_memory_of_the_weights_that_need_no_other_layout():
    model = ChannelsLastIsFine().eval()
    network = neatfool.Network(model, device="cpu")
    network(torch.zeros(2, *IMAGE, dtype=torch.uint8))
    copied: Any = network.module
    assert copied is not model
    assert copied.dense.weight.data_ptr() == model.dense.weight.data_ptr()


# --- what numbers mean


def sigmoids(logits):
    return logits.sigmoid()


MEAN = {
    "logits": (lambda z: z, {}, "softmax", "gives logits"),
    "log-probabilities": (lambda z: z.log_softmax(1), {}, "softmax", "gives logits"),
    "probabilities": (lambda z: z.softmax(1), {}, "softmax", "gives probabilities"),
    "percents": (lambda z: 100 * z.softmax(1), {}, "softmax", "gives percents, divided by 100"),
    "sigmoids": (sigmoids, {}, "sigmoid", "a confidence for each class by itself"),
    "sigmoids, said": (sigmoids, {"outputs": "multi_label"}, "sigmoid", "a confidence for each"),
    "multi-label logits": (lambda z: z, {"outputs": "multi_label"}, "sigmoid", "a logit for each"),
}


@pytest.mark.parametrize("name", MEAN)
def test_nothing_is_soft_maxed_twice(tmp_path, caplog, name):
    make, said, kind, words = MEAN[name]
    model = Gives(make).eval()
    run = fool(model, tmp_path, **said)
    logits = Flattens()(saved(run)).detach().double()
    wanted = logits.softmax(1) if kind == "softmax" else logits.sigmoid()
    for elite, row in zip(run, wanted, strict=True):
        assert elite.confidence == pytest.approx(float(row[elite.index]), abs=1e-5)
        if name == "multi-label logits":
            assert elite.rank == pytest.approx(float(logits[elite.index, elite.index]), abs=1e-4)
    assert run.spec.sums_to_one == (kind == "softmax")
    assert run.verify(model).wrong == []
    target = target_of(model, run.spec, **said)
    assert words in target.describe()
    guessed = any('say outputs = "logits"' in each for each in caplog.messages)
    assert guessed == (name == "sigmoids")


def test_multi_label_classes_are_learnt_by_their_own_logits(tmp_path):
    learn = {"batch": 20, "learn": 0.5, "learn_after": 1}
    run = fool(Flattens().eval(), tmp_path, outputs="multi_label", scheme_options=learn)
    assert run.verify().wrong == []
    target: Any = target_of(Flattens().eval(), SPEC, outputs="multi_label")
    images, classes = np.full((4, *IMAGE), 100, np.uint8), [0, 1, 2, 3]
    odds, gradients = neatfool.network.odds_and_gradients(
        target.logits_of, images, classes, at_once="", spec=target.spec
    )
    logits = target.score(torch.from_numpy(images)).logits
    assert odds == pytest.approx(logits[classes, classes], abs=1e-4)
    assert gradients.any()


def test_multi_label_logits_of_several_views_are_those_of_each_class(tmp_path):
    views = {"light": 30, "number": 3}
    run = fool(Flattens().eval(), tmp_path, outputs="multi_label", views=views)
    for elite in run:
        confidence = 1 / (1 + np.exp(-elite.rank))
        assert elite.confidence == pytest.approx(confidence, abs=1e-6)
    assert run.verify().wrong == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda z: z, "gives one logit"),
        (sigmoids, "gives one probability"),
        (lambda z: z.squeeze(1), "gives one logit"),
    ],
)
def test_one_number_stands_for_two_classes(tmp_path, make, words):
    model = Gives(make, classes=1).eval()
    run = fool(model, tmp_path, classes=["no", "yes"])
    yes = Flattens(1)(saved(run)).sigmoid()[:, 0].tolist()
    assert run["yes"].confidence == pytest.approx(yes[1], abs=1e-5)
    assert run["no"].confidence == pytest.approx(1 - yes[0], abs=1e-5)
    assert words in target_of(model, run.spec).describe()


@pytest.mark.parametrize(
    ("outputs", "make"),
    [
        ("logits", lambda z: z),
        ("probabilities", lambda z: z.softmax(1)),
        ("multi_label", sigmoids),
    ],
)
def test_a_function_says_what_it_gives(tmp_path, outputs, make):
    module = Gives(make)

    def function(images):
        return module(torch.from_numpy(images / 255).float())

    run = fool(function, tmp_path, outputs=outputs)
    answers = module(saved(run)).detach()
    probs = answers.softmax(1) if outputs == "logits" else answers
    for elite, row in zip(run, probs, strict=True):
        assert elite.confidence == pytest.approx(float(row[elite.index]), abs=1e-6)
    assert run.verify(function).wrong == []


def of_pictures(images):
    return Flattens()(torch.from_numpy(images / 255).float()).detach().numpy()


def test_a_functions_multi_label_logits_have_a_sigmoid_each(tmp_path):
    run = fool(of_pictures, tmp_path, outputs="multi_label", target_options={"batch_size": 3})
    for elite, logits in zip(run, Flattens()(saved(run)).detach(), strict=True):
        assert elite.rank == pytest.approx(float(logits[elite.index]), abs=1e-4)
        assert elite.confidence == pytest.approx(1 / (1 + np.exp(-elite.rank)))
    assert run.verify(of_pictures).wrong == []


@pytest.mark.parametrize("outputs", ["logits", "probabilities", None])
def test_a_functions_one_number_stands_for_two_classes(tmp_path, outputs):
    def function(images):
        logits = Flattens(1)(torch.from_numpy(images / 255).float()).detach().numpy()
        return logits if outputs == "logits" else 1 / (1 + np.exp(-logits))

    run = fool(function, tmp_path, classes=["no", "yes"], outputs=outputs)
    yes = Flattens(1)(saved(run)).detach().sigmoid()[:, 0].tolist()
    assert run["yes"].confidence == pytest.approx(yes[1], abs=1e-5)
    assert run["no"].confidence == pytest.approx(1 - yes[0], abs=1e-5)


def with_channels_last(images):
    if images.shape[1:] != (12, 10, 1):
        raise ValueError(f"expected shape=(None, 12, 10, 1), found shape={images.shape}")
    return of_pictures(images.transpose(0, 3, 1, 2))


def test_a_function_of_images_with_channels_last_is_adapted(tmp_path):
    model, line = neatfool.channels_last(with_channels_last), r"neatfool.channels_last\(model\)"
    run = fool(model, tmp_path, outputs="logits")
    plain = fool(of_pictures, tmp_path / "plain", outputs="logits")
    assert run.name == "with-channels-last"
    assert [elite.rank for elite in run] == [elite.rank for elite in plain]
    with pytest.raises(TargetError, match=rf"failed on images of shape .*{line}"):
        fool(with_channels_last, tmp_path / "1")
    with pytest.raises(ExperimentError, match=rf"not \(12, 10, 1\); .*{line}"):
        fool(with_channels_last, tmp_path / "1", image=(12, 10, 1))
    with pytest.raises(TargetError, match=r"of shape \(20, 10, 12, 1\): .*height, width\)"):
        fool(model, tmp_path / "1", image=(1, 10, 12))


def test_a_threshold_is_kept_and_counted(tmp_path):
    least = {"cat": 0.0, "dog": 1.0}
    names = ["cat", "dog", "cow", "owl"]
    run = fool(Flattens().eval(), tmp_path, classes=names, outputs="multi_label", threshold=least)
    certain = sum(elite.confidence == 1 for elite in run if elite.name == "dog")
    assert run.above_threshold == (1 + certain, 2)
    assert run.summary()["above_threshold"] == run.above_threshold
    assert f"{1 + certain} of 2" in run.report().read_text(encoding="utf-8")
    assert f"their threshold: {1 + certain} of 2 classes" in command("show", run.path).stdout
    assert fool(Flattens().eval(), tmp_path / "none").above_threshold is None
    numbered = fool(Flattens().eval(), tmp_path / "1", classes=names, threshold={"1": 0.0})
    assert numbered.above_threshold == (1, 1)
    with pytest.raises(ExperimentError, match=r"^threshold: there is no class 'dgo'.*'dog'"):
        fool(Flattens().eval(), tmp_path / "x", classes=names, threshold={"dgo": 0.5})


# --- what cannot be fooled, and the line that helps


class Estimator:
    """Has the methods of scikit-learn's classifiers."""

    def predict_proba(self, rows):
        if rows.ndim != 2:
            raise ValueError(f"Found array with dim {rows.ndim}. Estimator expected <= 2.")
        bright = rows.mean(1)
        return np.stack([bright, 1 - bright], 1)


def on_meta():
    with torch.device("meta"):
        return nn.Sequential(nn.Flatten(), nn.Linear(120, CLASSES)).eval()


REFUSED = {
    "weights": (lambda: Flattens().state_dict(), r"is not a model.*load_state_dict\(wei"),
    "meta": (on_meta, r"Sequential has weights on the device 'meta'.*assign=True"),
    "training": (lambda: Flattens().train(), r"in training mode.*\.eval\(\)"),
    "sklearn": (Estimator, r"An estimator takes rows.*model.predict_proba\(images.resha"),
    "predict_proba": (lambda: Estimator().predict_proba, r"model.predict_proba\(images.reshape"),
    "boxes": (
        lambda: Gives(lambda z: {"boxes": [z]}).eval(),
        r"Gives gives dict for 2 images.*`ret",
    ),
    "maps": (lambda: Gives(lambda z: z[..., None, None].expand(-1, -1, 3, 3)).eval(), "a tensor"),
    "a path": (lambda: "net.pt", "model: 'net.pt' is not a model"),
    "other classes": (lambda: Flattens(7).eval(), "here .*; give the names of all its classes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_the_line_that_helps(tmp_path, name):
    make, words = REFUSED[name]
    with pytest.raises((TargetError, ExperimentError), match=words) as caught:
        fool(make(), tmp_path)
    assert len(str(caught.value)) < 500
    assert not any(tmp_path.iterdir())


def test_the_line_for_an_estimator_works(tmp_path):
    model = Estimator()
    run = fool(
        lambda images: model.predict_proba(images.reshape(len(images), -1) / 255),
        tmp_path,
        classes=2,
    )
    assert len(run) == 2


@pytest.mark.parametrize(
    ("make", "outputs", "words"),
    [
        (sigmoids, "probabilities", r"numbers sum to .*, not to 1; say outputs = \"multi_label\""),
        (lambda z: z, "probabilities", "not to 1"),
        (lambda z: z, "softmax", "outputs: must be 'logits', 'probabilities' or 'multi_label'"),
    ],
)
def test_what_is_said_must_be_true(tmp_path, make, outputs, words):
    with pytest.raises((TargetError, ExperimentError), match=words):
        fool(Gives(make).eval(), tmp_path, outputs=outputs)


def test_the_copy_is_a_copy_of_the_module_in_data_parallel():
    wrapped = nn.DataParallel(Flattens()).eval()
    plain = target_of(copy.deepcopy(wrapped.module), SPEC)
    assert target_of(wrapped, SPEC).fingerprint() == (plain.fingerprint())


SPEC = neatfool.ImageSpec(12, 10, 1, (*"abcd",))


def test_the_file_of_a_decorated_function_is_its_own():
    without_gradients = torch.no_grad()(of_pictures)
    prints = {target_of(each, SPEC).fingerprint() for each in (without_gradients, of_pictures)}
    assert len(prints) == 1


@pytest.mark.parametrize("make", [frozen, quantised, Flattens])
def test_other_weights_have_another_fingerprint(make):
    one, again = (make().eval() if make is not frozen else make() for _ in range(2))
    prints = [target_of(each, SPEC).fingerprint() for each in (one, again)]
    assert prints[0] == prints[1]
    other = Flattens()
    other.dense.weight.data[0, 0] += 1
    changed: Any = other.eval()
    if make is frozen:
        changed = ChannelsLastIsFine().eval()
        changed.dense.weight.data[0, 0] += 1
        changed = torch.jit.freeze(torch.jit.script(changed))
    elif make is quantised:
        changed = torch.ao.quantization.quantize_dynamic(changed, {nn.Linear}).eval()
    assert target_of(changed, SPEC).fingerprint() != prints[0]


class Keeps(Flattens):
    """Keeps other numbers."""

    def __init__(self, kept, name="kept", *, persistent=True):
        super().__init__()
        self.register_buffer(name, kept, persistent=persistent)


@pytest.mark.parametrize(
    ("name", "persistent"), [("kept", False), ("mean", True), ("std", False), ("code", True)]
)
def test_other_buffers_have_another_fingerprint(name, persistent):
    made = [Keeps(torch.ones(n), name, persistent=persistent).eval() for n in (3, 3, 4)]
    prints = [target_of(each, SPEC).fingerprint() for each in made]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize("kept", [torch.arange(6.0)[::2], torch.ones(1).expand(3)])
def test_buffers_may_lie_anyhow_in_memory(kept):
    prints = {target_of(Keeps(each).eval(), SPEC).fingerprint() for each in (kept, kept.clone())}
    assert len(prints) == 1


class OfMaite:
    """An image classifier as MAITE describes one."""

    metadata: ClassVar = {"id": "linear", "index2label": {0: "dark", 1: "bright"}}

    def __call__(self, batch):
        assert all(image.shape == (3, 8, 8) and image.max() <= 1 for image in batch)
        bright = [float(np.mean(image)) for image in batch]
        return [np.array([1 - each, each]) for each in bright]


def test_a_model_of_maite_is_fooled_in_one_line(tmp_path):
    maite = pytest.importorskip("maite.protocols.image_classification")
    model = OfMaite()
    assert isinstance(model, maite.Model)
    run = neatfool.fool(
        lambda images: np.stack(model(list(images / 255))),
        image=(3, 8, 8),
        classes=[*model.metadata["index2label"].values()],
        images=60,
        out=tmp_path / "run",
    )
    assert {elite.name for elite in run} == {"dark", "bright"}


def test_a_network_of_pytorch_ood_is_fooled_in_one_line(tmp_path):
    models = pytest.importorskip("pytorch_ood.model")
    torch.manual_seed(1)
    network = models.WideResNet(depth=10, widen_factor=1, num_classes=3).eval()
    run = neatfool.fool(
        network, image=(3, 32, 32), classes=3, images=40, out=tmp_path / "run", progress=False
    )
    assert len(run) == 3
    assert run.verify(network).wrong == []
