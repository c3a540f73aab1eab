"""A classifier's report card, as JSON with a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import Iterable

Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel, extra="forbid", frozen=True):
    """A part of the card: it has the keys below, and no others."""


class Shares(Part):
    """A share or a confidence, from 0 to 1, for each seed."""

    median: Share = Field(description="the median over seeds")
    lowest: Share
    highest: Share
    by_seed: list[Share] = Field(description="a value for each seed, in the order of `seeds`")

    @classmethod
    def of(cls, values: Iterable[float]) -> Shares:
        """Sum up a value for each seed, at least one."""
        each = [float(value) for value in values]
        return cls(median=float(np.median(each)), lowest=min(each), highest=max(each), by_seed=each)


class Counts(Part):
    """A number of images for each seed; `null` where it was not reached within the budget."""

    median: float | None = Field(description="the median over seeds")
    lowest: int | None
    highest: int | None
    by_seed: list[int | None]

    @classmethod
    def of(cls, values: Iterable[int | None]) -> Counts:
        """Sum up a value for each seed, at least one."""
        each = [*values]
        numbers = sorted(np.inf if value is None else value for value in each)
        lowest, highest = (None if np.isinf(end) else int(end) for end in (numbers[0], numbers[-1]))
        middle = (numbers[(len(numbers) - 1) // 2] + numbers[len(numbers) // 2]) / 2
        median = None if np.isinf(middle) else float(middle)
        return cls(median=median, lowest=lowest, highest=highest, by_seed=each)


class Classifier(Part):
    """What was audited."""

    name: str = Field(description="what messages call the target")
    options: dict[str, Any] = Field(description="the section `[target]`")
    fingerprint: str = Field(description="changes when the target scores differently")
    classes: int = Field(description="the number of classes that were searched")
    nothing: list[str] = Field(
        [], description="the classes that mean that nothing is there; they were not searched"
    )
    height: int
    width: int
    channels: int


class Searched(Part):
    """A run."""

    seed: int
    path: str = Field(description="its folder")
    images: int = Field(description="the images that it scored")


class Until(Part):
    """Images until half of the classes, of ten the fifth, had a confidence."""

    confidence: Share
    images: Counts


class Moment(Part):
    """How far the search had come after so many images: medians over seeds, and their range."""

    images: int
    median: Share = Field(description="the median confidence over classes")
    lowest: Share
    highest: Share
    shares: list[Share] = Field(description="the share of classes at or above 50, 90 and 99 %")


class OfClass(Part):
    """How a class fell."""

    name: str
    index: int
    until_half: float | None = Field(
        description="images until it had 50 %, the median over seeds; null if it had not"
    )
    confidence: Share = Field(description="its confidence at the end, the median over seeds")


class Surviving(Part):
    """What is left after a change of the images."""

    kind: str = Field(description="as in `neatfool survive --kinds`")
    what: str = Field(description="the change in words, with its strength")
    strength: float
    kept: Shares = Field(
        description="of the images that are top-1 as saved, the share that keep it"
    )
    confidence: Shares = Field(description="the median confidence of all that were looked at")


class Survival(Part):
    """How much survives."""

    sample: int = Field(description="how many images of each run were looked at")
    saved: Shares = Field(description="their median confidence as saved, scored again")
    changes: list[Surviving]


class Asked(Part):
    """How another network sees the images."""

    label: str
    experiment: str | None = Field(description="the file that names it")
    images: int = Field(description="how many images of all runs have a class that it knows")
    top1: Shares = Field(description="the share that is top-1 there")
    confidence: Shares = Field(description="the median confidence there")
    agreement: Share | None = Field(
        description="the share of photographs for which it names the same class first as the "
        "audited network; null if there are none"
    )


class Transfer(Part):
    """Which other networks are fooled."""

    sample: int = Field(description="how many images of each run were shown")
    photographs: int
    networks: list[Asked]


class Detector(Part):
    """What an OOD detector tells of the fooling images."""

    name: str
    auroc: Shares = Field(description="1: it tells them from the in-distribution ones, 0.5: chance")
    passing_95: Shares | None = Field(
        description="the share of fooling images that pass where 95 % of the in-distribution ones "
        "do: the false-positive rate at 95 % true positives; null if fewer than 20 are known"
    )
    passing_99: Shares | None = Field(
        description="the same where 99 % of the in-distribution ones pass; null if fewer than 100 "
        "are"
    )


class Defence(Part):
    """What a defence would have caught."""

    in_distribution: str = Field(description="the in-distribution images, in words")
    few: bool = Field(
        description="whether there are too few in-distribution images to set a threshold"
    )
    detectors: list[Detector]
    left_out: dict[str, str] = Field(description="detectors that do not work here, and why")


class Beside(Part):
    """The card of a known network beside this one, at an equal number of images."""

    name: str
    images: int = Field(description="the number of images for each seed at which they are compared")
    seeds: int = Field(description="how many seeds the known network was audited with")
    theirs: Share = Field(description="the known network's median confidence there")
    lowest: Share
    highest: Share
    ours: Share = Field(description="the audited network's there")
    differs: list[str] = Field(
        description="in what the two audits differ, so that the figures are not comparable; empty "
        "if they are"
    )


class Check(Part):
    """The threshold of `--fail-if-median-above`."""

    above: Share
    failed: bool


class Card(Part):
    """The report card of a classifier: how easily is it fooled?"""

    format: Literal["neatfool audit 1"] = "neatfool audit 1"
    neatfool: str = Field(description="the version that ran the search")
    name: str = Field(description="the experiment's name")
    classifier: Classifier
    images: int = Field(description="the budget: images for each seed")
    seeds: list[int]
    search: dict[str, dict[str, Any]] = Field(
        description="the sections of the experiment that say how it was searched"
    )
    runs: list[Searched]
    median: Shares = Field(
        description="the one number: the median confidence over classes at the end of the budget; "
        "of ten, the mean of the fifth and the sixth"
    )
    rejected: Shares | None = Field(
        None,
        description="the share of the images that the classifier is surest show nothing, so that "
        "it rejects them; null if it has no class for that",
    )
    until: list[Until]
    first: list[OfClass] = Field(description="the classes that fell first")
    last: list[OfClass] = Field(description="the classes that resist most, the most stubborn last")
    course: list[Moment]
    survival: Survival
    transfer: Transfer | None = Field(description="null if no other network was named")
    defence: Defence | None = Field(
        description="null if there is nothing in-distribution to compare with"
    )
    beside: list[Beside]
    check: Check | None = Field(description="null if no threshold was given")
    notes: list[str] = Field(description="what to bear in mind")


def schema() -> dict[str, Any]:
    """Give the card's JSON schema (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Card.model_json_schema(mode="serialization"),
    }
