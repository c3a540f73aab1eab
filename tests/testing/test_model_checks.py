"""Each check of a reader of models finds the fault that it is there for."""

from pathlib import Path

import pytest
import torch
from torch import nn

from neatfool import PrefixedPath
from neatfool.models import Classifier, ClassifierFormat, Preprocessing, Tower, TowerFormat
from neatfool.testing import check_plugin, examine_plugin


def network(*more):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(nn.Flatten(), nn.Linear(12, 3), *more).eval()


class Mine(ClassifierFormat):
    forms = ("mine:FILE",)
    path = PrefixedPath("mine:")
    endings = (".shady",)
    labels = ("a", "b", "c")

    def classifier(self, name, request):
        Path(name).read_bytes()
        shown = Preprocessing(2, 2, 2, (0.0,), (255.0,))
        return Classifier(request.model, self.make(), shown, 3, self.labels, name)

    def make(self):
        return network()


class Looks(TowerFormat):
    forms = ("looks:NAME",)

    def tower(self, name, request):
        shown = Preprocessing(2, 2, 2, (0.0,), (255.0,))
        return Tower(request.model, network(), shown, 3, 1.0, None, True, name, "abc")


@pytest.fixture
def model(tmp_path):
    (tmp_path / "net").write_bytes(b"")
    return f"mine:{tmp_path / 'net'}"


def test_a_good_reader_passes(model):
    check_plugin("model", FileSaid, models=[model])
    check_plugin("model", Looks, models=["looks:any"])


class FileSaid(Mine):
    def classifier(self, name, request):
        if not Path(name).is_file():
            raise ValueError("there is no such file")
        return super().classifier(name, request)


def test_without_a_model_only_names_are_checked():
    results = examine_plugin("model", FileSaid)
    assert all(result.passed for result in results)
    assert [result.message for result in results if "row" in result.name] == [
        "no model was named to load (--set model=mine:FILE)"
    ]


class Mixing(nn.Module):
    def forward(self, rows):
        return rows - rows.mean(0)


def changing():
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).eval()


FAULTS = {
    "forms": ({"forms": "mine:FILE"}, "give a tuple of texts"),
    "path": ({"path": None}, "is_file, but path is None"),
    "check": ({"check": lambda self, model: None}, "which names no model"),
    "absent": ({"classifier": Mine.classifier}, "FileNotFoundError"),
    "training": ({"make": lambda _: network().train()}, "call eval"),
    "shape": ({"make": lambda _: network(nn.Linear(3, 2))}, r"gave \[6, 2\]; expected \[6, 3\]"),
    "labels": ({"labels": ("a", "b")}, "2 labels for 3 classes"),
    "batch": ({"make": lambda _: network(Mixing())}, "alone and among others"),
    "digest": ({"make": lambda _: changing()}, "another digest"),
    "gradients": ({"make": lambda _: network().apply(without)}, "no gradients"),
}


def without(module):
    if isinstance(module, nn.Linear):
        module.register_forward_hook(lambda *given: given[-1].detach())


@pytest.mark.parametrize(("members", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_said(model, members, said):
    spoilt = type("Spoilt", (FileSaid,), members)
    with pytest.raises(AssertionError, match=said):
        check_plugin("model", spoilt, models=[model])
