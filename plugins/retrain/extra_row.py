"""A class "fooling" for an EfficientNet-Lite: one more row of its last layer.

Only this row is trained. All other weights stay as they are, so the network says of an image what
it said before, unless "fooling" wins. On ImageNet's own photographs the paper trained the whole
network anew; without them, more than a row could not be told from forgetting.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from PIL import ImageOps
from safetensors.torch import load, save
from torchvision.transforms import functional as F

from neatfool import ExperimentError
from neatfool import report as pages
from neatfool_plugins.imagenet.models import EFFICIENTNET_LITE
from neatfool_plugins.imagenet.models import load as load_model
from neatfool_plugins.imagenet.photographs import with_right_answers
from neatfool_plugins.imagenet.request import Request
from neatfool_plugins.imagenet.target import ImageNetTarget
from neatfool_plugins.transfer.photographs import Photograph, photographs_in

from .learner import FOOLING, Judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from neatfool_plugins.imagenet import Options

PARTS: Final = 10
"""Of each photograph the row learns ten parts, as the paper's crops: corners, middle, mirrored."""
FOLDS: Final = 5
"""Photographs are divided into so many parts, each judged by a row that learnt the others."""
DECAY: Final = 1e-3
"""The factor of the row's L2 penalty; a few photographs are always separable without it."""
STEPS: Final = 200
_BATCH: Final = 32
_LAST: Final = "_fc"


class ExtraRow:
    """Fits the row of the class "fooling" to fooling images and photographs."""

    first_images = 2000
    more_images = 2000
    rounds = 2
    least_accuracy = 0.0

    def __init__(self, options: Options, folder: Path | None) -> None:
        """Load the network and find the photographs.

        Args:
            options: Those of the experiment's target.
            folder: Photographs; None stands for the packaged ones.

        Raises:
            ExperimentError: It is another kind of network, or there are no photographs.
            TargetError: The weights are damaged.
        """
        if options.model not in EFFICIENTNET_LITE or options.crops == "ten":
            raise ExperimentError(
                f"[target] model = {options.model}: retrain adds its class to efficientnet-lite0, "
                "-lite1 and -lite2 with crops = one; give one of these"
            )
        target = ImageNetTarget(options)
        self.classes = target.spec.classes
        if FOOLING in self.classes:
            raise ExperimentError(
                f"[target] class_names: there is a class {FOOLING!r} already; begin with a network "
                "that has none"
            )
        self._target = target
        request = Request(str(options.model), options.weights)
        self._classifier = load_model(request)
        self._device = target.networks[0].device
        self._module: Any = self._classifier.module.to(self._device).eval()
        self._photographs, self._truth = _photographs(folder, self.classes)
        self._kept: tuple[np.ndarray, np.ndarray] | None = None
        self._folder = folder

    @property
    def notes(self) -> Sequence[str]:
        """Say what could not be done without ImageNet itself."""
        return (
            f"Only the weights of {FOOLING!r} were trained, on {len(self._photographs)} "
            f"photographs{'' if self._folder else ' (those that come with neatfool)'}; the paper "
            "trained the whole network on ImageNet's 1.3 million. What the new class does to the "
            "accuracy on ImageNet is not known; the false alarms are those on photographs that the "
            "row had not seen (five-fold).",
        )

    def identity(self) -> dict[str, str | int | float]:
        """Give the photographs' hash."""
        digest = sha256()
        for photograph, truth in zip(self._photographs, self._truth, strict=True):
            digest.update(f"{photograph.name} {sorted(truth)}".encode())
        return {"photographs": digest.hexdigest()}

    def learn(
        self,
        batches: Iterable[np.ndarray],
        seed: int,
        file: Path,
        note: Callable[[str], None],
    ) -> None:
        """Fit the row, and write the whole network with it; see :class:`.learner.Learner`.

        The fit is convex, so there is no chance in it. Beside the file are the fooling images'
        features, by which :meth:`judge` fits rows of its own.

        Raises:
            StorageError: A file cannot be written.
        """
        features = []
        for batch in batches:
            features.append(self._features(torch.from_numpy(batch)))
            note(f"looking at {sum(map(len, features)):,} fooling images")
        fooling = np.concatenate(features)
        note("fitting the class")
        real = self._real(note)[0]
        row, bias = self._fit(fooling, real.reshape(-1, real.shape[-1]))
        tensors = {name: value.cpu() for name, value in self._module.state_dict().items()}
        weight, offset = f"{_LAST}.weight", f"{_LAST}.bias"
        tensors[weight] = torch.cat([tensors[weight], torch.from_numpy(row).float()[None]])
        tensors[offset] = torch.cat([tensors[offset], torch.tensor([bias])])
        names = "".join(f"{name}\n" for name in (*self.classes, FOOLING))
        pages.save(file.with_name("classes.txt"), names.encode())
        pages.save(_features_of(file), save({"fooling": torch.from_numpy(fooling)}))
        pages.save(file, save({name: value.contiguous() for name, value in tensors.items()}))

    def judge(self, file: Path | None) -> Judgement:
        """Ask about photographs, each part of them by a row that was fitted to the others."""
        real, logits = self._real(lambda _: None)
        middle = PARTS // 2 - 1  # of a photograph's ten parts, the middle cut out
        known = [number for number, truth in enumerate(self._truth) if truth]
        said = logits[:, middle].argmax(1)
        alarm = np.zeros(len(real), bool)
        if file is not None:
            fooling = load(_features_of(file).read_bytes())["fooling"].numpy()
            folds = np.arange(len(real)) % min(FOLDS, len(real))
            for fold in range(folds.max() + 1):
                seen = real[folds != fold].reshape(-1, real.shape[-1])
                row, bias = self._fit(fooling, seen)
                judged = folds == fold
                alarm[judged] = real[judged, middle] @ row + bias > logits[judged, middle].max(1)
        right = sum(
            int(said[number]) in self._truth[number] and not alarm[number] for number in known
        )
        return Judgement(len(real), len(known), right, int(alarm.sum()))

    def options(self, file: Path) -> dict[str, str]:
        """Give the options that name the weights and the classes."""
        return {
            "target.weights": str(file.absolute()),
            "target.class_names": str(file.with_name("classes.txt").absolute()),
        }

    @torch.inference_mode()
    def _features(self, images: torch.Tensor) -> np.ndarray:
        """Give what the last layer sees of images, uint8 [N, C, H, W]: float32 [N, F]."""
        preprocessing = self._classifier.preprocessing
        kept: list[torch.Tensor] = []
        hook = getattr(self._module, _LAST).register_forward_pre_hook(
            lambda _, inputs: kept.append(inputs[0].flatten(1).cpu())
        )
        try:
            for some in torch.split(images, _BATCH):
                pixels = some.to(self._device).float()
                self._module((pixels - preprocessing.mean[0]) / preprocessing.std[0])
        finally:
            hook.remove()
        features: np.ndarray = torch.cat(kept).numpy()
        return features

    def _logits(self, features: np.ndarray) -> np.ndarray:
        last = getattr(self._module, _LAST)
        weight, bias = (each.detach().cpu().numpy() for each in (last.weight, last.bias))
        logits: np.ndarray = features @ weight.T + bias
        return logits

    def _real(self, note: Callable[[str], None]) -> tuple[np.ndarray, np.ndarray]:
        """Give the features and logits of all photographs: [P, PARTS, F] and [P, PARTS, K]."""
        if self._kept is None:
            features = []
            for number, photograph in enumerate(self._photographs, 1):
                note(f"looking at photograph {number:,} of {len(self._photographs):,}")
                features.append(self._features(self._parts(photograph)))
            stacked = np.stack(features)
            self._kept = stacked, self._logits(stacked)
        return self._kept

    def _parts(self, photograph: Photograph) -> torch.Tensor:
        """Cut ten parts out of a photograph, uint8 [PARTS, 3, H, W]."""
        preprocessing = self._classifier.preprocessing
        image = ImageOps.exif_transpose(photograph.open())
        larger = preprocessing.prepare(image, uncropped=True)
        return torch.stack(F.ten_crop(larger, preprocessing.size))

    def _fit(self, fooling: np.ndarray, real: np.ndarray) -> tuple[np.ndarray, float]:
        """Fit the row by logistic regression, float64 [F], and its bias.

        With the other logits fixed, the probability of the new class is the logistic function of
        its own logit less the logarithm of the others' summed exponentials. Both kinds of images
        weigh the same.
        """
        from scipy.optimize import minimize
        from scipy.special import expit, logsumexp

        features = np.concatenate([fooling, real]).astype(float)
        others = logsumexp(self._logits(features), axis=1)
        label = np.repeat([1.0, 0.0], [len(fooling), len(real)])
        weigh = np.where(label == 1, 0.5 / len(fooling), 0.5 / len(real))

        def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
            row, bias = values[:-1], values[-1]
            odds = features @ row + bias - others
            slope = weigh * (expit(odds) - label)
            total = weigh @ np.logaddexp(0, np.where(label == 1, -odds, odds))
            gradient = np.append(features.T @ slope + DECAY * row, slope.sum())
            return float(total + DECAY / 2 * row @ row), gradient

        start = np.zeros(features.shape[1] + 1)
        start[-1] = others.mean()
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
        return found.x[:-1], float(found.x[-1])


def _features_of(file: Path) -> Path:
    return file.with_name("features.safetensors")


def _photographs(
    folder: Path | None, classes: Sequence[str]
) -> tuple[list[Photograph], list[frozenset[int]]]:
    """Find photographs, and which classes are right for each; none if it is not known."""
    if folder is None:
        packaged = with_right_answers(classes)
        if not packaged:
            raise ExperimentError(
                "[target] class_names: no packaged photograph shows one of these classes; give "
                "--photographs FOLDER"
            )
        return [Photograph(each.name, each.open) for each, _ in packaged], [
            right for _, right in packaged
        ]
    found = photographs_in(folder)
    if len(found) < 2:
        raise ExperimentError(f"--photographs {folder}: holds one image; give at least two")
    names = Counter(map(_plain, classes))
    index = {_plain(name): number for number, name in enumerate(classes)}
    truth = []
    for photograph in found:
        name = _plain(photograph.name.replace("\\", "/").rpartition("/")[0].rpartition("/")[2])
        truth.append(frozenset([index[name]]) if names[name] == 1 else frozenset())
    return found, truth


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").strip()
