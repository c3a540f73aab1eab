"""A metric of MAITE: which share of a data set a classifier accepts at thresholds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from neatfool import ExperimentError


class AcceptedShare:
    """Says which share of a data set's images a classifier accepts at thresholds.

    It is a metric of the protocols of MAITE, for image classification. ``compute`` gives a
    dictionary: ``images``, their number; ``median_confidence``; ``accepted_at_P`` for each
    threshold, the share whose largest confidence is at least P; and ``right_at_P``, the share that
    is accepted as the class of its target.

    Attributes:
        metadata: Its name.
        thresholds: The confidences from which an image is accepted.
    """

    def __init__(self, *thresholds: float) -> None:
        """Take the thresholds, each from 0 to 1.

        Raises:
            ExperimentError: A threshold is no confidence.
        """
        self.metadata = {"id": "neatfool-accepted-share"}
        if wrong := [each for each in thresholds if not 0 <= each <= 1]:
            raise ExperimentError(
                f"{self.metadata['id']}: {wrong[0]:g} is no threshold; give numbers from 0 to 1"
            )
        self.thresholds = thresholds
        self.reset()

    def reset(self) -> None:
        """Forget all images."""
        self._confidences: list[float] = []
        self._right: list[bool] = []

    def update(self, predictions: Sequence[Any], targets: Sequence[Any], _: Sequence[Any]) -> None:
        """Add a batch: for each image K confidences, and K numbers whose largest is its class.

        Raises:
            ExperimentError: A prediction does not lie in [0, 1].
        """
        for prediction, target in zip(predictions, targets, strict=True):
            probs = np.asarray(prediction, np.float64)
            if not (probs.min() >= 0 and probs.max() <= 1 + 1e-6):
                raise ExperimentError(
                    f"{self.metadata['id']}: a prediction has numbers from {probs.min():.4g} to "
                    f"{probs.max():.4g}, which are no confidences; let the model give its softmax"
                )
            self._confidences.append(float(probs.max()))
            self._right.append(bool(probs.argmax() == np.argmax(np.asarray(target))))

    def compute(self) -> dict[str, float]:
        """Sum up what was added since the last :meth:`reset`.

        Raises:
            ExperimentError: There was no image.
        """
        if not self._confidences:
            raise ExperimentError(f"{self.metadata['id']}: there is no image; update it first")
        sure, right = np.array(self._confidences), np.array(self._right)
        found = {"images": len(sure), "median_confidence": float(np.median(sure))}
        for least in self.thresholds:
            found[f"accepted_at_{least:.12g}"] = float((sure >= least).mean())
            found[f"right_at_{least:.12g}"] = float(((sure >= least) & right).mean())
        return found
