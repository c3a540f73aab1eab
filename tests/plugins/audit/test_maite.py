"""The share that is accepted, as a metric of MAITE."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from neatfool import ExperimentError, fool
from neatfool_plugins.audit.maite import AcceptedShare

SHAPE = (1, 6, 6)


class Halves:
    """A model of MAITE that sees whether an image is bright above or below."""

    metadata: ClassVar = {"id": "halves", "index2label": {0: "above", 1: "below"}}

    def __call__(self, images):
        stack = np.stack([np.asarray(each, float) for each in images])
        z = 8 * np.stack([stack[:, 0, :3].mean((1, 2)), stack[:, 0, 3:].mean((1, 2))], 1)
        return [*(np.exp(z) / np.exp(z).sum(1, keepdims=True))]


class Images:
    """A data set of MAITE."""

    def __init__(self, images, targets) -> None:
        self.metadata = {"id": "images"}
        self._datums = [
            (image, np.eye(2)[target], {"id": str(number)})
            for number, (image, target) in enumerate(zip(images, targets, strict=True))
        ]

    def __getitem__(self, number):
        return self._datums[number]

    def __len__(self):
        return len(self._datums)


def test_maite_evaluates_it_on_images_of_nothing(tmp_path):
    protocols = pytest.importorskip("maite.protocols.image_classification")
    from maite.tasks import evaluate

    metric, model = AcceptedShare(0.5, 0.9), Halves()
    assert isinstance(metric, protocols.Metric)
    run = fool(
        lambda images: np.stack(model([*(images / 255)])),
        image=SHAPE,
        classes=["above", "below"],
        images=200,
        encoding="direct",
        out=tmp_path,
    )
    evolved = Images([elite.saved_pixels() / 255 for elite in run], [e.index for e in run])
    found, *_ = evaluate(model=model, dataset=evolved, metric=metric, batch_size=2)
    sure = [elite.confidence for elite in run]
    assert found["images"] == 2
    assert found["median_confidence"] == pytest.approx(np.median(sure))
    for least in (0.5, 0.9):
        accepted = np.mean([each >= least for each in sure])
        assert found[f"accepted_at_{least}"] == found[f"right_at_{least}"] == accepted
    grey = Images(np.full((4, *SHAPE), 0.5), [0, 0, 1, 1])
    found, *_ = evaluate(model=model, dataset=grey, metric=metric, batch_size=3)
    assert [found["images"], found["accepted_at_0.5"], found["right_at_0.5"]] == [4, 1, 0.5]
    assert found["accepted_at_0.9"] == 0


def test_what_are_no_confidences_is_refused():
    with pytest.raises(ExperimentError, match="80 is no threshold; give numbers from 0 to 1"):
        AcceptedShare(0.5, 80)
    metric = AcceptedShare(0.5)
    with pytest.raises(ExperimentError, match="from -2 to 9, which are no confidences"):
        metric.update([[9.0, -2.0]], [[1, 0]], [{}])
    with pytest.raises(ExperimentError, match="there is no image"):
        metric.compute()
