"""Semantic recall and visual coverage of archives, as a CLIP sees them, for docs/results-search.md.

python docs/recall.py coco.ini photographs runs/imagenet-1 runs/coco-1

The first argument is an experiment whose target is a CLIP, the second a folder of photographs, in
folders or not. There follow runs; random networks are those of the first run's encoding.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import cast

import numpy as np
import torch
from PIL import Image
from scipy.spatial.distance import cdist
from scipy.stats import bootstrap

from neatfool import fit_photograph, open_run, open_scorer
from neatfool_plugins.clip.target import ClipTarget

RANDOM = 1000
CENTRES = 100
AT_ONCE = 64


def look(target: ClipTarget, images: np.ndarray) -> np.ndarray:
    """Give the vectors of images, of length 1: uint8 [N, 3, H, W] to float32 [N, D]."""
    shown = target.tower.preprocessing
    mean, std = (torch.tensor(each).view(-1, 1, 1) for each in (shown.mean, shown.std))
    parts = np.array_split(images, len(images) // AT_ONCE + 1)
    with torch.inference_mode():
        looks = [target.tower.module((torch.from_numpy(part) - mean) / std) for part in parts]
    return torch.nn.functional.normalize(torch.cat(looks).float(), dim=1).numpy()


def coverage(vectors: np.ndarray) -> float:
    """Give the distance of the farthest image from the nearest of k centres, chosen greedily."""
    nearest = np.full(len(vectors), np.inf)
    for _ in range(CENTRES):
        centre = 0 if np.isinf(nearest).any() else int(nearest.argmax())
        nearest = np.minimum(nearest, cdist(vectors[[centre]], vectors)[0])
    return float(nearest.max())


def main(experiment: str, photographs: str, *runs: str) -> None:
    """Print a row for each archive."""
    with closing(open_scorer(experiment)) as scorer:
        target = cast("ClipTarget", scorer.target)
        texts = target.vectors.numpy()

        def tell(name: str, images: np.ndarray) -> None:
            vectors = look(target, images)
            best = (vectors @ texts.T).max(0)  # of each text, the image that fits it best
            low, high = bootstrap((best,), np.mean, n_resamples=999, rng=1).confidence_interval
            recall = f"recall {best.mean():.4f} [{low:.4f}, {high:.4f}]"
            print(f"{name}: {len(images):,} images, {recall}, coverage {coverage(vectors):.3f}")

        files = sorted(each for each in Path(photographs).rglob("*.*") if each.is_file())
        fitted = [fit_photograph(Image.open(file), target) for file in files]
        tell("photographs", torch.cat(fitted).numpy())
        for place, folder in enumerate(runs):
            with closing(open_run(folder)) as run:
                if not place:
                    tell("random", run.encoding.render(run.encoding.create(range(RANDOM))).numpy())
                pictures = [np.asarray(Image.open(each.file).convert("RGB")) for each in run.elites]
                tell(folder, np.moveaxis(np.stack(pictures), 3, 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
