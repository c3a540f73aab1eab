"""Says in a sentence what a run found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.wording import among, counted, level, percent

if TYPE_CHECKING:
    from neatfool.run.run import Run


def target_name(run: Run) -> str:
    """Name what a run's images were evolved for: its model, or the plugin."""
    target = run.experiment.get("target", {})
    return str(target.get("model") or target.get("plugin") or run.name)


def summarize_run(run: Run) -> str:
    """Say in a sentence what a run found, as the title of a page about it.

    Of a classifier it counts the classes that pass the highest of the run's confidence thresholds
    that at least half of them pass, or, if there is none, the lowest threshold.
    """
    target, searched, history = target_name(run), len(run.searched), run.history
    if not history or not len(run):
        return f"Images evolved for {target}: none yet"
    last, best = history[-1], run.best()
    if run.spec.is_objective:
        score = run.spec.format_score(best.score)
        if searched == 1:
            images = counted(run.evaluations, "image", "images")
            return f"The best of {images} scores {score} in {target}"
        niches = among(last.filled, searched, "niche", "niches").capitalize()
        has = "has" if last.filled == 1 else "have"
        return f"{niches} of {target} {has} an image, and the best one scores {score}"
    classifier = f"The classifier {target} labels"
    passed = {
        at: count for at, count in zip(last.thresholds, last.classes_ge, strict=True) if count
    }
    if not passed:
        reached = f"the highest is {percent(best.confidence)}"
        return f"{classifier} no evolved image with 50 % confidence yet: {reached}"
    threshold = max([min(passed), *(at for at, count in passed.items() if 2 * count >= searched)])
    count = passed[threshold]
    sure = f"with at least {level(threshold)} confidence"
    if searched == 1:
        return f"{classifier} an evolved image “{best.name}” {sure}"
    images = among(count, searched, "evolved image", "evolved images")
    return f"{classifier} {images} {sure}"
