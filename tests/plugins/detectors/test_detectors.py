"""The formulas of logits compute what pytorch-ood does, and its detectors fit and predict here."""

import copy
import sys

import numpy as np
import pytest
import torch
from pytorch_ood import detector as theirs
from torch import nn

from neatfool import ExperimentError
from neatfool.ood import Answers, MissingPackage, make_detector

CLASSES, SIZE, FITTED = 7, 40, 500


@pytest.fixture(scope="module")
def head():
    torch.manual_seed(0)
    return nn.Linear(SIZE, CLASSES).double()


def answers(head, count, seed):
    """Make answers of a network whose features are positive, as after a ReLU, in double."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(count, SIZE, generator=generator, dtype=torch.float64).relu()
    features *= torch.linspace(0.2, 3, SIZE)
    return Answers(head(features).detach(), features)


@pytest.fixture
def in_double():
    """Let pytorch-ood compute in double precision, so that its rounding does not matter."""
    torch.set_default_dtype(torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "float", torch.Tensor.double)
        yield
    torch.set_default_dtype(torch.float32)


def in_single(given):
    return Answers(given.logits.float(), given.features.float())


THEIRS = {
    "msp": theirs.MaxSoftmax(None),
    "max_logit": theirs.MaxLogit(None),
    "energy": theirs.EnergyBased(None),
    "entropy": theirs.Entropy(None),
    "gen": theirs.GEN(None, M=100),
}


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.usefixtures("in_double")
def test_a_formula_is_that_of_pytorch_ood(name, head):
    seen = answers(head, 200, 2)
    expected = THEIRS[name].predict_logits(seen.logits).double().numpy()
    ours = make_detector(name).score(seen)
    np.testing.assert_allclose(ours.double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "count", "expected"),
    [
        ("knn", FITTED, lambda *_: theirs.KNN(None, k=50)),
        ("knn", 60, lambda *_: theirs.KNN(None, k=6)),
        ("mahalanobis", FITTED, lambda *_: theirs.Mahalanobis(None)),
        ("vim", FITTED, lambda *weights: theirs.ViM(None, SIZE // 2, *weights)),
        ("vim", 30, lambda *weights: theirs.ViM(None, 15, *weights)),
    ],
)
def test_a_short_name_is_a_detector_of_pytorch_ood_that_few_images_can_fit(
    name, count, expected, head
):
    fitted, seen = (in_single(answers(head, *each)) for each in ((count, 1), (200, 2)))
    single = copy.deepcopy(head).float()
    ours = make_detector(name)
    ours.look_at(single)
    ours.fit(fitted)
    other = expected(single.weight.detach(), single.bias.detach())
    other.to("cpu").fit_features(fitted.features, fitted.classes)
    np.testing.assert_array_equal(
        ours.score(seen), other.predict_features(seen.features).float().numpy()
    )


def test_classes_without_an_image_do_not_hinder_the_mahalanobis_distance(head):
    fitted = answers(head, FITTED, 1)
    some = fitted.classes != fitted.classes[0]
    detector = make_detector("mahalanobis")
    detector.look_at(None)
    detector.fit(in_single(Answers(fitted.logits[some], fitted.features[some])))
    assert (detector.score(in_single(answers(head, 20, 2))) > 0).all()


def test_a_covariance_that_cannot_be_inverted_is_refused(head):
    detector = make_detector("mahalanobis")
    detector.look_at(None)
    with pytest.raises(ExperimentError, match="no inverse in single precision"):
        detector.fit(in_single(answers(head, SIZE // 2, 1)))


def test_a_missing_package_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_ood", None)
    with pytest.raises(MissingPackage, match=r"needs the package pytorch-ood; give `pip install"):
        make_detector("knn")


def test_gen_looks_at_the_hundred_likeliest_classes():
    logits = torch.randn(20, 300, generator=torch.Generator().manual_seed(3)).double()
    ours = make_detector("gen").score(Answers(logits))
    assert torch.allclose(ours, theirs.GEN(None, M=100).predict_logits(logits))


@pytest.mark.parametrize("name", ["msp", "entropy", "gen"])
def test_near_certainty_a_score_is_not_all_rounding(name):
    logits = torch.randn(200, 10, generator=torch.Generator().manual_seed(4))
    logits[:, 0] += 15
    score = make_detector(name).score
    expected = score(Answers(logits.double()))
    torch.testing.assert_close(score(Answers(logits)).double(), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", THEIRS)
def test_a_formula_has_a_gradient(name, head):
    detector = make_detector(name)
    features = answers(head, 5, 2).features.requires_grad_()
    (gradient,) = torch.autograd.grad(
        detector.score(Answers(head(features), features)).sum(), features
    )
    assert gradient.isfinite().all()
    assert gradient.any()


@pytest.mark.parametrize(
    ("name", "needs"),
    [("RMD", "features"), ("KLMatching", "logits")],
)
def test_detectors_of_pytorch_ood_say_what_they_look_at(name, needs):
    assert make_detector(f"pytorch-ood:{name}").needs == needs


@pytest.mark.parametrize("name", ["RMD", "KLMatching", "SHE", "NNGuide"])
def test_detectors_of_pytorch_ood_fit_and_predict(name, head):
    detector = make_detector(f"pytorch-ood:{name}")
    detector.look_at(copy.deepcopy(head).float())
    single = [in_single(each) for each in (answers(head, FITTED, 1), answers(head, 20, 2))]
    if detector.fits:
        detector.fit(single[0])
    scores = detector.score(single[1])
    assert scores.shape == (20,)
    assert scores.isfinite().all()
    assert not detector.differentiable


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("enrgy", "did you mean 'energy'"),
        ("pytorch-ood:RDM", "did you mean 'RMD'"),
        ("pytorch-ood:ODIN", "has no detector 'ODIN' of logits or features"),
    ],
)
def test_a_wrong_name_is_refused(name, says):
    with pytest.raises(ExperimentError, match=says):
        make_detector(name)


def test_detectors_are_listed_once_if_no_name_is_near():
    with pytest.raises(ExperimentError, match="; there are: ") as caught:
        make_detector("xyz")
    assert str(caught.value).count("mahalanobis") == 1
    assert "pytorch-ood:NAME" in str(caught.value)
