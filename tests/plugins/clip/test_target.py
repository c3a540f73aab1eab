"""The target ``clip`` with small networks: it says what the libraries say."""

import json
import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file
from towers import save_vectors

from neatfool import Network, TargetError, fit_photograph, open_run
from neatfool.cli import main
from neatfool.testing import check_plugin
from neatfool_plugins.clip import Options
from neatfool_plugins.clip.target import ClipTarget

TEXTS = ["cat", "dog", "fish", "house", "tree"]
TEMPLATES = ["a photo of a {}", "a drawing of a {}"]


def target(images, **options):
    options = {"device": "cpu", "check_photographs": False, **options}
    return ClipTarget(Options(images=images, **options))


def from_open_clip(folder, **options):
    return target(f"open_clip:local-dir:{folder}", **{"texts": TEXTS, **options})


def from_onnx(file, vectors, **options):
    return target(f"onnx:{file}", vectors=vectors, **options)


def images(count=6):
    draw = torch.Generator().manual_seed(2)
    coarse = torch.rand(count, 3, 4, 4, generator=draw)
    return (255 * F.interpolate(coarse, (32, 32), mode="bilinear")).byte()


def pictures():
    return [Image.fromarray(each.permute(1, 2, 0).numpy()) for each in images()]


def test_open_clip_keeps_the_contract_of_targets(open_clip_folder):
    check_plugin("target", lambda: from_open_clip(open_clip_folder))


def test_texts_against_others_keep_the_contract(open_clip_folder):
    options = {"texts": TEXTS[:3], "against": TEXTS[3:]}
    check_plugin("target", lambda: from_open_clip(open_clip_folder, **options))


def test_a_quantised_file_keeps_the_contract_of_targets(quantised_file, vectors_file):
    check_plugin("target", lambda: from_onnx(quantised_file, vectors_file))


def test_open_clip_is_scored_as_open_clip_scores(open_clip_folder):
    import open_clip

    name = f"local-dir:{open_clip_folder}"
    model, _, prepare = open_clip.create_model_and_transforms(name)
    model.eval()
    tokens = open_clip.get_tokenizer(name)([f"a photo of a {text}" for text in TEXTS])
    with torch.inference_mode():
        seen = model.encode_image(torch.stack([prepare(each) for each in pictures()]), True)
        scale = model.logit_scale.exp()
        expected = scale * seen @ model.encode_text(tokens, True).t()
    found = from_open_clip(open_clip_folder, templates=TEMPLATES[:1])
    scores = found.score(images())
    np.testing.assert_allclose(scores.logits / scale.numpy(), (expected / scale).numpy(), atol=1e-5)
    np.testing.assert_allclose(scores.probs, expected.softmax(1).numpy(), atol=1e-4)
    assert found.temperature == pytest.approx(1 / float(scale))


@pytest.mark.parametrize("resize_mode", ["shortest", "squash", "longest"])
def test_open_clip_is_shown_photographs_as_open_clip_does(open_clip_folder, tmp_path, resize_mode):
    import open_clip

    shutil.copytree(open_clip_folder, tmp_path / "tower")
    file = tmp_path / "tower" / "open_clip_config.json"
    config = json.loads(file.read_text())
    config["preprocess_cfg"] |= {"resize_mode": resize_mode}
    file.write_text(json.dumps(config))
    _, _, theirs = open_clip.create_model_and_transforms(f"local-dir:{file.parent}")
    mean, std = (
        torch.tensor(config["preprocess_cfg"][key])[:, None, None] for key in ("mean", "std")
    )
    found = from_open_clip(file.parent)
    for size in ((90, 60), (41, 70)):
        photograph = pictures()[0].resize(size, Image.Resampling.BICUBIC)
        expected = (255 * (theirs(photograph) * std + mean)).round().byte()
        assert torch.equal(fit_photograph(photograph, found)[0], expected)


def test_a_text_is_the_mean_of_its_templates(open_clip_folder):
    def vectors(templates) -> torch.Tensor:
        found = from_open_clip(open_clip_folder, templates=templates)
        return F.normalize(found.networks[0].module.vectors.t(), dim=-1)

    one, other = (vectors([template]) for template in TEMPLATES)
    torch.testing.assert_close(
        vectors(TEMPLATES), F.normalize(one + other, dim=-1), atol=1e-6, rtol=0
    )


def test_gradients_are_those_of_finite_differences(open_clip_folder):
    direction = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(3)) - 0.5
    for options in ({}, {"texts": TEXTS[:2], "against": TEXTS[2:]}):
        logits_of = from_open_clip(open_clip_folder, temperature=0.1, **options).logits_of
        point = images(2).float().requires_grad_(True)
        (slope,) = torch.autograd.grad(logits_of(point)[:, 0].sum(), point)
        with torch.no_grad():
            change = (logits_of(point + direction) - logits_of(point - direction))[:, 0] / 2
        found = (slope * direction).sum((1, 2, 3))
        torch.testing.assert_close(found, change, rtol=0.01, atol=1e-5)
        assert change.abs().min() > 1e-4


def test_texts_that_compete_take_probability_and_have_no_niche(onnx_file, vectors_file):
    every = from_onnx(onnx_file, vectors_file)
    some = from_onnx(onnx_file, vectors_file, texts=["cat", "fish"], against=["dog", "tree"])
    assert (every.spec.classes, every.spec.sums_to_one) == (tuple(TEXTS), True)
    assert (some.spec.classes, some.spec.sums_to_one) == (("cat", "fish"), False)
    odds = np.exp(every.score(images()).logits)
    expected = odds[:, [0, 2]] / odds[:, [0, 2, 1, 4]].sum(1, keepdims=True)
    np.testing.assert_allclose(some.score(images()).probs, expected, atol=1e-5)


def test_rows_of_an_npy_file_are_named_by_another_file(onnx_file, vectors_file, tmp_path):
    vectors = load_file(vectors_file)
    np.save(tmp_path / "rows.npy", torch.stack([vectors[text] for text in TEXTS]).half().numpy())
    (tmp_path / "names.txt").write_text("# in order\n" + "\n".join(TEXTS), encoding="utf-8")
    rows = from_onnx(
        onnx_file,
        tmp_path / "rows.npy",
        vector_names=tmp_path / "names.txt",
        texts=["tree", "cat"],
    )
    named = from_onnx(onnx_file, vectors_file, texts=["tree", "cat"])
    assert rows.spec == named.spec
    np.testing.assert_allclose(rows.score(images()).probs, named.score(images()).probs, atol=0.01)


def test_a_quantised_graph_scores_images_one_by_one(onnx_file, quantised_file, vectors_file):
    whole = from_onnx(onnx_file, vectors_file, temperature=1.0)
    one_by_one = from_onnx(quantised_file, vectors_file, temperature=1.0)
    alone = np.concatenate([one_by_one.score(images()[at : at + 1]).logits for at in range(6)])
    np.testing.assert_array_equal(one_by_one.score(images()).logits, alone)
    apart = np.abs(one_by_one.score(images()).logits - whole.score(images()).logits).max()
    assert 1e-6 < apart < 0.1
    assert "computed image by image" in one_by_one.describe()
    assert one_by_one.fingerprint() != whole.fingerprint()


def test_only_a_tower_that_torch_computes_has_gradients_and_is_made_faster(
    open_clip_folder, onnx_file, vectors_file
):
    differentiable = from_open_clip(open_clip_folder)
    assert hasattr(differentiable, "logits_of")
    assert [type(each) for each in differentiable.networks] == [Network]
    other = from_onnx(onnx_file, vectors_file)
    assert not hasattr(other, "logits_of")
    assert not other.networks


def test_the_fingerprint_covers_tower_texts_and_temperature(
    open_clip_folder, onnx_file, vectors_file, tmp_path
):
    other = shutil.copy(onnx_file, tmp_path / "other.onnx")
    prints = [
        from_open_clip(open_clip_folder, **options).fingerprint()
        for options in (
            {},
            {"templates": TEMPLATES},
            {"texts": TEXTS[::-1]},
            {"texts": TEXTS[:4], "against": TEXTS[4:]},
            {"temperature": 1.0},
        )
    ]
    prints.append(from_onnx(onnx_file, vectors_file).fingerprint())
    assert len({*prints}) == len(prints)
    assert from_open_clip(open_clip_folder).fingerprint() == prints[0]
    assert from_onnx(other, vectors_file).fingerprint() == prints[-1]


def test_a_network_that_recognises_nothing_fails_the_check(open_clip_folder):
    found = from_open_clip(open_clip_folder, check_photographs=True)
    assert "Checked on photographs" in found.describe()
    with pytest.raises(TargetError, match=r"recognised [0-3] of 5 photographs; at least 4 are"):
        found.self_check()
    from_open_clip(open_clip_folder).self_check()


def test_vectors_of_other_texts_fail_the_check(onnx_file, tmp_path):
    names = ("cat", "cup", "rocket", *map(str, range(60)))
    vectors = save_vectors(tmp_path / "texts.safetensors", names)
    found = from_onnx(onnx_file, vectors, check_photographs=True)
    assert {*found.photographs()} == {"cat", "coffee", "rocket"}
    with pytest.raises(TargetError, match=r"of 3 photographs.*those of another network's texts"):
        found.self_check()


def test_with_vectors_a_network_that_reads_is_checked_by_them_too(open_clip_folder, tmp_path):
    vectors = save_vectors(tmp_path / "texts.safetensors", TEXTS, width=16)
    found = from_open_clip(open_clip_folder, vectors=vectors, texts=[], check_photographs=True)
    assert found.spec.classes == tuple(TEXTS)
    assert "Not checked on photographs: its texts are not" in found.describe()
    found.self_check()


EXPERIMENT = """
[experiment]
name = {name}
generations = 4
seed = 1
[target]
plugin = clip
device = cpu
check_photographs = no
{target}
[encoding]
plugin = cppn
preset = patterns
[scheme]
{scheme}
"""
MAP_ELITES = "plugin = map_elites\nbatch = 10\ninitial = 20\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Write an experiment, run it and verify its images."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, target: str, scheme: str = MAP_ELITES) -> None:
        text = EXPERIMENT.format(name=name, target=target, scheme=scheme)
        (tmp_path / "experiment.ini").write_text(text, encoding="utf-8")
        for arguments in (["run", "experiment.ini", "--no-report"], ["verify", f"runs/{name}-1"]):
            result = CliRunner().invoke(main, arguments, catch_exceptions=False)
            assert result.exit_code == 0, result.output

    return run


@pytest.mark.parametrize(
    "scheme", [MAP_ELITES + "learn = 0.5", "plugin = single_class\npopulation = 10"]
)
def test_other_ways_to_search_for_texts(run, open_clip_folder, scheme):
    target = (
        f"images = open_clip:local-dir:{open_clip_folder}\n"
        "texts = cat, dog\nagainst = fish, house, tree\ntemplates = a photo of a {}"
    )
    run("some", target, scheme)
    assert 0 < open_run("runs/some-1").elites[0].confidence <= 1
