"""Sentences that code puts together read well for no thing, one, two and a thousand.

``pytest tests/promises/test_sentences.py -s`` prints all of them.
"""

import re
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from neatfool import ImageSpec
from neatfool.measure import Estimate, RunFacts
from neatfool.present import Headline, Note, summarize_run
from neatfool.run.statistics import CONFIDENCE_THRESHOLDS
from neatfool.wording import among, counted, duration, left_out, spending
from neatfool_plugins.ablate.finding import (
    TILES,
    WITH_HALF,
    WITH_ONE,
    WITHOUT_COPY,
    WITHOUT_TILE,
    Ablation,
    EliteAblation,
    Score,
)
from neatfool_plugins.ancestry.diversity import Diversity
from neatfool_plugins.ancestry.measure import Lineage, RunLikeness
from neatfool_plugins.ancestry.relations import ChanceTest
from neatfool_plugins.audit.acceptance import sum_up
from neatfool_plugins.audit.bootstrap import Shares
from neatfool_plugins.audit.card import Check, ClassifierFacts, FooledShare, ReportCard
from neatfool_plugins.audit.confidence import EVOLVED, KNOWN, ConfidenceRecord
from neatfool_plugins.audit.known_images import (
    KnownImages,
    check_known_images,
    read_usual_images,
)
from neatfool_plugins.compare.measure import _notes as compare_notes
from neatfool_plugins.detect.measure import DetectorResult, InDistributionFacts, RunDetection
from neatfool_plugins.quiz.answers import QuizAnswer
from neatfool_plugins.quiz.recognition import KINDS, Agreement, AnswerSummary, Recognition
from neatfool_plugins.survive.finding import ChangeSurvival, SurvivalPoint, SurvivalResult
from neatfool_plugins.transfer.finding import RunTransfer

NUMBERS = (0, 1, 2, 1000)
RUN = {"name": "mnist", "seed": 1, "evaluations": 40_000, "path": "runs/mnist-1"}


class RunStandIn(SimpleNamespace):
    """A run as far as its title needs one."""

    def __len__(self) -> int:
        return len(self.searched)


def titles(count: int) -> Iterator[str]:
    """Give the titles of runs of so many classes."""
    for passed in sorted({0, 1, count // 2, count} & {*range(count + 1)}):
        sure = [passed] * len(CONFIDENCE_THRESHOLDS)
        yield summarize_run(
            RunStandIn(
                experiment={"target": {"plugin": "mnist"}},
                searched=range(count),
                history=[SimpleNamespace(thresholds=CONFIDENCE_THRESHOLDS, classes_ge=sure)],
                spec=ImageSpec(28, 28, 1, ("a", "b")),
                best=lambda: SimpleNamespace(name="4", confidence=0.31),
            )
        )


def ancestors(count: int) -> Iterator[str]:
    for founders in {1, count} if count else ():
        for alike in {0, count}:
            yield Diversity.model_construct(
                **RUN,
                elites=count,
                founders=founders,
                most_fruitful=1 / founders,
                look_alikes=alike / count,
            ).headline()


def survival(count: int) -> Iterator[str]:
    point = SurvivalPoint.model_construct(
        median=0.9, kept=0.5, strength=1.0, first=(True,) * count, top1=1.0
    )
    kinds = [
        ChangeSurvival.model_construct(
            name=name, what=what, unit=unit, signed=False, usual=1.0, points=(point,)
        )
        for name, what, unit in (("move", "moved", "pixels"), ("jpeg", "saved", "quality"))
    ]
    for changes in kinds[:1], kinds:
        yield from SurvivalResult.model_construct(
            **RUN, elites=count, own_target=True, target="x", as_saved=point, kinds=changes
        ).headlines()


def detectors(count: int) -> Iterator[str]:
    found = DetectorResult.of("energy", "", np.arange(100.0), np.arange(float(max(count, 1))))
    for known in (count, 100):
        images = InDistributionFacts(fitted=0, held_out=known, text="")
        yield RunDetection.model_construct(
            **RUN, elites=max(count, 1), in_distribution=images, detectors=(found,)
        ).headline()


def transfers(count: int) -> Iterator[str]:
    share = None if count == 0 else 0.25
    yield RunTransfer.model_construct(
        **RUN, others=count, fool_any_other=share, fool_all_others=share
    ).headline()


def recognition(count: int) -> Iterator[str]:
    facts = {"kind": "evolved", "class": "a", "choice_1": "a", "design": "five-choices"}
    answers = [QuizAnswer.model_validate({**facts, "answer": "a", "player": f"model {count}"})]
    agreement = Agreement.of("all", answers)
    kinds = [f"{kind}{asked}" for kind in KINDS.values() for asked in ("", ", model one")]
    for kind in kinds if count else ():
        found = AnswerSummary.of(kind, answers * count)
        counts = dict.fromkeys(("by_network", "repeated", "skipped", "planned"), count)
        result = Recognition.model_construct(
            kinds=(found,), runs=(), agreement=(agreement,), rows=(), **counts
        )
        yield from (block.text for block in result.story() if isinstance(block, Headline | Note))


def acceptance(count: int) -> Iterator[str]:
    def record(kind: str, odds: np.ndarray) -> ConfidenceRecord:
        named = [0] * len(odds)
        return ConfidenceRecord(kind=kind, group=kind, what=kind, named=named, log_odds=[*odds])

    rng = np.random.default_rng(1)
    for height in (-4.0, 6.0, 100.0):
        records = [record(EVOLVED, rng.normal(height, 1, max(count, 1)))]
        records += [record(KNOWN, rng.normal(4, 1, count))] if count else []
        found = sum_up(records, "photographs" if count else None, yours=None, most=0.01)
        yield from (found.verdict(), found.headline(), found.advice())


def ablation(count: int) -> Iterator[str]:
    kept = dict.fromkeys((WITHOUT_TILE, TILES, WITHOUT_COPY, WITH_HALF, WITH_ONE), 0.5)
    found = Ablation.model_construct(
        tiles=8, repeated=count, medians=kept, elites=(Score,) * max(count, 1)
    )
    yield from found._headlines()

    yield (
        EliteAblation.model_construct(
            name="4",
            strip=(),
            repeats=SimpleNamespace(copies=max(count, 2), steps=((0, 12), (9, 0))),
        )
        .panel()
        .text
    )


def cards(count: int) -> Iterator[str]:
    """Give the other sentences of an audit's card."""
    rng, shares = np.random.default_rng(1), Shares.of([0.5, 0.6][: 1 + (count > 1)])
    evolved = rng.normal(6, 1, max(count, 1))
    evolved = ConfidenceRecord(
        kind=EVOLVED, group=EVOLVED, what="evolved", named=[0] * len(evolved), log_odds=[*evolved]
    )
    for yours in 0.8, {0: 0.8}, None:
        found = sum_up([evolved], None, yours=yours, most=0.01, seeds=range(count or 1))
        fooled = FooledShare.model_construct(share=Estimate(value=1, low=1, high=1), classes=count)
        for share in fooled, None:
            card = ReportCard.model_construct(
                acceptance=found,
                fooled=share,
                images=count,
                median=shares,
                rejected=shares if share else None,
                seeds=[*range(1, max(count, 1) + 1)],
                known=SimpleNamespace(right=count) if share else None,
                classifier=ClassifierFacts.model_construct(
                    name="target 'mnist'", classes=count, nothing=["none"], height=28, width=28
                ),
            )
            yield from (found.headline(), card.headline(), card._subject())
    words = "the largest share accepted at 80 % is 3 % (uniform noise)"
    for failed in True, False:
        yield str(Check(above=0.01, found=0.03, failed=failed, words=words))


def in_distribution(count: int) -> Iterator[str]:
    for usual in read_usual_images():
        known = KnownImages.model_construct(right=count // 2, number=max(count, 1), images=())
        odds = [9.0] * max(count, 1)
        yield from check_known_images(known, odds, usual.fingerprint, 0.99)


def comparisons(count: int) -> Iterator[str]:
    def group(label: str, fingerprint: str) -> SimpleNamespace:
        runs = [
            SimpleNamespace(seed=seed, finished=False, ended=True, path=f"{label}-{seed}")
            for seed in range(1, max(count, 1) + 1)
        ]
        first = SimpleNamespace(
            target=f"target {label!r}", fingerprint=fingerprint, statistics={"filled": 0}
        )
        return SimpleNamespace(
            label=label,
            first=first,
            runs=runs,
            left_out=runs[:2],
            classes=frozenset([*range(count), label]),
        )

    yield from compare_notes([group("Mine", "a"), group("Other", "b")])


def lineages(count: int) -> Iterator[str]:
    test = ChanceTest(observed=0.2, by_chance=0.1, p=0.001)
    spaces = dict.fromkeys(("layout", "texture", "colour"), test)
    flows = SimpleNamespace(of_kinds=True, total=count, within=lambda: (0.25, 0.125))
    yield from Lineage.model_construct(
        **RUN,
        elites=max(count, 1),
        founders=max(count, 1),
        most_fruitful=1.0,
        look_alikes=0.0,
        flows=flows,
        related_classes=spaces,
    ).headlines()
    nearer = dict.fromkeys(spaces, 0.5)
    yield RunLikeness.model_construct(classes=(), same_class=spaces, nearer=nearer).headline()


def objectives(count: int) -> Iterator[str]:
    """Give the titles of runs of an objective."""
    for filled in sorted({min(count, 1), count}):
        yield summarize_run(
            RunStandIn(
                experiment={"target": {"plugin": "stripes"}},
                searched=range(count),
                evaluations=40_000,
                history=[SimpleNamespace(filled=filled)],
                spec=ImageSpec(28, 28, 1, ("a", "b"), kind="objective"),
                best=lambda: SimpleNamespace(score=-0.31),
            )
        )


def words(count: int) -> Iterator[str]:
    yield f"{among(count, count, 'image', 'images')}".capitalize()
    yield f"{among(0, count, 'image', 'images')}".capitalize()
    yield RunFacts.model_construct(**RUN, elites=count, elites_of_run=1000).subject
    yield counted(count, "image", "images")
    yield left_out(count)
    yield spending({"answered": (count, count)})
    yield duration(count)


@pytest.mark.parametrize("count", NUMBERS)
def test_sentences_read_well_for_each_number(count: int) -> None:
    kinds = titles, objectives, ancestors, lineages, survival, detectors, transfers, recognition
    kinds += acceptance, cards, in_distribution, ablation, comparisons, words
    told = [text for kind in kinds for text in kind(count)]
    print(*told, sep="\n")
    for text in told:
        things = "(image|answer|ancestor|query|request|pair)"
        assert not re.search(rf"(?<!of )\b(1 {things}s|\d+[02-9] {things})\b", text), text
        assert not re.search(r"  |\bnan\b|None(?! of)|[a-z]\(s\)|\.\.|\s[,.;]", text), text
        assert text[0].isupper() or text[0].isdigit() or text[0] in "<>m", text
