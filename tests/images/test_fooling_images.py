"""The data set Fooling Images 2: a package of formulas beside the framework."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from pytorch_ood.detector import MaxSoftmax
from pytorch_ood.metrics import OODMetrics

import neatfool

PACKAGE = Path(__file__).parents[2] / "images"


@pytest.fixture(scope="module")
def images():
    """The package, which is not a part of neatfool's own installation."""
    sys.path.insert(0, str(PACKAGE))
    import neatfool_images

    yield neatfool_images
    sys.path.remove(str(PACKAGE))


def as_tensor(image):
    """float32 [C, H, W] in [0, 1]."""
    return torch.from_numpy(np.array(image, np.float32) / 255).reshape(-1, *image.size[::-1])


def test_it_holds_ten_thousand_images_of_six_networks_and_three_tiers(images):
    data = images.FoolingImages()
    assert len(data) >= 10_000
    assert len({record.id for record in data.records}) == len(data)
    assert len({record.network for record in data.records}) >= 6
    assert {record.tier for record in data.records} == {"blind", "views", "detectors"}
    assert {record.near for record in data.records} == {True, False}
    assert min(record.confidence for record in data.records) >= 0.5
    size = sum(path.stat().st_size for path in (PACKAGE / "neatfool_images").iterdir())
    assert size < 60_000_000


@pytest.mark.parametrize("network", ["LeNet", "EfficientNet-Lite0", "EfficientNet-Lite1"])
def test_each_formula_has_its_recorded_confidence(images, network, tmp_path):
    plugin = "mnist" if network == "LeNet" else f"imagenet\nmodel = {network.lower()}"
    (tmp_path / "target.ini").write_text(f"[target]\nplugin = {plugin}\n")
    data = images.FoolingImages(tier="blind", network=network)
    places = range(0, len(data), -(-len(data) // 12))
    scorer = neatfool.open_scorer(tmp_path / "target.ini")
    drawn = [(as_tensor(data[place][0]) * 255).byte() for place in places]
    if network != "LeNet":
        drawn = [torch.from_numpy(np.array(data[place][0])).permute(2, 0, 1) for place in places]
    probs = scorer.score(torch.stack(drawn)).probs
    scorer.close()
    for place, row in zip(places, probs, strict=True):
        record = data.records[place]
        assert row[record.index] == pytest.approx(record.confidence, abs=2e-3), record.id


def test_an_image_is_near_if_half_of_its_judges_name_its_class_or_a_related_one(images):
    with (PACKAGE / "neatfool_images/judges.csv").open(encoding="utf-8", newline="") as file:
        judged = {
            row.pop("id"): [int(code) for code in row.values() if code]
            for row in csv.DictReader(file)
        }
    of_both = [
        each for each in images.FoolingImages().records if each.data in {"ImageNet", "MNIST"}
    ]
    assert {each.id for each in of_both} == {*judged}
    for each in of_both:
        share = np.mean([code >= 1 for code in judged[each.id]])
        assert (each.near, each.named_by) == (share >= 0.5, pytest.approx(share, abs=6e-4))


def test_a_formula_is_drawn_at_any_size(images):
    data = images.FoolingImages(network="EfficientNet-Lite0", tier="blind")
    assert data[0][0].size == (224, 224)
    assert data.draw(0, (100, 300)).size == (300, 100)
    large = data.draw(0, (448, 448)).resize((224, 224), resample=4)
    own = np.array(data[0][0], float)
    assert np.abs(np.array(large, float) - own).mean() < 6
    assert images.FoolingImages(64, network="LeNet", mode="RGB")[0][0].mode == "RGB"


def test_parts_are_chosen_and_a_choice_that_fits_none_says_what_there_is(images):
    surest = images.FoolingImages(least=0.99, data="CIFAR-10", near=True)
    assert all(r.confidence >= 0.99 and r.data == "CIFAR-10" and r.near for r in surest.records)
    with pytest.raises(ValueError, match=r"LeNet.*there are.*EfficientNet-Lite0"):
        images.FoolingImages(network="LeNet-5")


def test_pytorch_ood_takes_it_as_an_out_of_distribution_data_set(images):
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    data = images.FoolingImages(28, data="MNIST", mode="L", transform=as_tensor)
    some = torch.utils.data.Subset(data, range(40))
    metrics, detector = OODMetrics(), MaxSoftmax(network)
    for pictures, labels in torch.utils.data.DataLoader(some, batch_size=20):
        assert (labels == -1).all()
        metrics.update(detector(pictures), labels)
        metrics.update(detector(torch.rand(20, 1, 28, 28)), torch.zeros(20))
    assert 0 <= metrics.compute()["AUROC"] <= 1


@pytest.mark.slow
def test_files_for_openood_are_written_with_their_list(images, tmp_path):
    command = [sys.executable, "-m", "neatfool_images", tmp_path, "--size", "32"]
    choice = ["--network", "ResNet-20", "--tier", "blind", "--least", "0.99999"]
    found = os.environ | {"PYTHONPATH": str(PACKAGE)}
    done = subprocess.run([*command, *choice], env=found, check=True, stdout=-1, text=True)
    lines = (tmp_path / "imglist.txt").read_text().splitlines()
    # OpenOOD's ImglistDataset parts a line at the first space, and joins the path to its folder.
    for file, label in (line.split(" ", 1) for line in lines):
        assert int(label) == -1
        assert (tmp_path / file).is_file()
    assert f"{len(lines):,} images" in done.stdout


def test_graphs_and_lineages_can_be_taken_apart(images):
    data = images.FoolingImages(network="EfficientNet-Lite0", tier="blind")
    graph = data.graph(0)
    assert isinstance(graph, nx.DiGraph)
    record = data.records[0]
    line = data.lineage(0)
    assert (line[0], line[-1]) == (record.founder, record.candidate)
    assert len(line) == record.steps + 1


def test_its_croissant_description_names_each_column_and_file(images):
    about = json.loads((PACKAGE / "neatfool_images/croissant.json").read_text())
    fields = {field["name"] for field in about["recordSet"][0]["field"]}
    assert fields == {*images.FIELDS} == {*images.Record._fields}
    for file in about["distribution"]:
        content = (PACKAGE / "neatfool_images" / file["contentUrl"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
