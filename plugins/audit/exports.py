"""A card where people work: code scanning, test reports, job summaries and model cards."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

from neatfool.present import save
from neatfool.wording import level, percent, share, slug

if TYPE_CHECKING:
    from neatfool.analysis import Card

HOME: Final = "https://github.com/neatfool/neatfool"
SMALL: Final = 64
"""Pixels of the longer side of an image in SARIF: a thousand of them are four megabytes."""
DATA: Final = "images of nothing, evolved by neatfool"
AS_TEXT: Final = str.maketrans({"[": "\\[", "]": "\\]", "{": "{{", "}": "}}"})
"""What a message of SARIF would take for links and placeholders."""


def to_sarif(card: Card, experiment: Path) -> str:
    """Write SARIF 2.1.0: a result for each class that is fooled beyond the threshold.

    A result keeps its fingerprint as long as the experiment and the class have their names. By the
    fingerprint of this name, GitHub tells the results of one line apart. The image, where the card
    has it, is an artifact: a small copy, as an upload may have 10 MB.
    """
    fooled, images = [*_fooled(card)], [*_images(card)]
    places = {name: place for place, (name, _) in enumerate(images)}
    rule = {
        "id": "image-of-nothing",
        "name": "ImageOfNothing",
        "shortDescription": {"text": "An image that shows nothing is accepted as a class"},
        "helpUri": f"{HOME}/blob/main/docs/audit.md",
        "defaultConfiguration": {"level": "warning"},
    }
    file = {"uri": quote(experiment.as_posix())}
    where = {"physicalLocation": {"artifactLocation": file, "region": {"startLine": 1}}}
    results = [
        {
            "ruleId": rule["id"],
            "ruleIndex": 0,
            "message": {"text": _sentence(card, each).translate(AS_TEXT)},
            "locations": [where],
            "partialFingerprints": {"primaryLocationLineHash": _fingerprint(card, each)},
            "properties": {"class": each.index, "confidence": _surest(each)},
            **(
                {"attachments": [{"artifactLocation": {"index": places[each.name]}}]}
                if each.name in places
                else {}
            ),
        }
        for each in fooled
    ]
    artifacts = [
        {
            "location": {"uri": f"{slug(name)}-{place}.png"},
            "mimeType": "image/png",
            "contents": {"binary": base64.b64encode(_small(png)).decode()},
        }
        for place, (name, png) in enumerate(images)
    ]
    driver = {"name": "neatfool", "version": card.neatfool, "informationUri": HOME, "rules": [rule]}
    run = {"tool": {"driver": driver}, "results": results, "artifacts": artifacts}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return _json({"$schema": schema, "version": "2.1.0", "runs": [run]})


def to_junit(card: Card, experiment: Path) -> str:
    """Write JUnit XML: a test case for each kind of images of nothing, and for the median."""
    suites = ET.Element("testsuites", name="neatfool audit")
    suite = ET.SubElement(suites, "testsuite", name=card.name, errors="0", skipped="0")
    cases = [*_cases(card)] or [("the audit ran", "", "")]
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(bool(message) for _, message, _ in cases)))
    for name, message, text in cases:
        case = ET.SubElement(suite, "testcase", classname=f"neatfool.{card.name}", name=name)
        if message:
            ET.SubElement(case, "failure", message=message).text = text
    ET.SubElement(suite, "system-out").text = f"{experiment}\n" + "\n".join(_sentences(card))
    ET.indent(suites)
    text = ET.tostring(suites, encoding="unicode", xml_declaration=True)
    # XML has no control characters, which a class's name may have.
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text) + "\n"


def to_markdown(card: Card, experiment: Path) -> str:
    """Write a summary in Markdown, as ``$GITHUB_STEP_SUMMARY`` shows it."""
    mark = "❌ " if card.exit_code else "✅ " if card.checks else ""
    lines = [f"## {mark}{_plain(card.name)}: what is accepted that is nothing", ""]
    lines += [f"- {_plain(sentence)}" for sentence in _sentences(card)]
    heads = [f"at {each} ({card.acceptance.label(each)})" for each in card.acceptance.thresholds]
    lines += ["", f"| images | number | {' | '.join(heads)} |", f"|{' --- |' * (2 + len(heads))}"]
    for kind in card.acceptance.kinds:
        parts = [f"{n:,} ({share(n / kind.images)})" for n in kind.accepted]
        lines.append(f"| {_plain(kind.what)} | {kind.images:,} | {' | '.join(parts)} |")
    fooled = [each.name for each in _fooled(card)]
    fooled = [*fooled[:10], f"and {len(fooled) - 10:,} more"] if len(fooled) > 10 else fooled
    if fooled:
        lines += ["", f"An image of nothing is accepted as: {_plain(', '.join(fooled))}."]
    lines += ["", f"From {_plain(str(experiment))}, by [neatfool]({HOME}) {card.neatfool}."]
    return "\n".join(lines) + "\n"


def to_model_index(card: Card, experiment: Path) -> str:
    """Write the block ``model-index`` of a model card of Hugging Face, as YAML that is JSON."""
    del experiment
    metrics = [
        {"type": kind, "name": name, "value": value} for kind, name, value, _ in _metrics(card)
    ]
    result = {
        "task": {"type": "image-classification"},
        "dataset": {"type": "neatfool", "name": DATA},
        "metrics": metrics,
    }
    return _json({"model-index": [{"name": card.name, "results": [result]}]})


def to_ml_bom(card: Card, experiment: Path) -> str:
    """Write a CycloneDX 1.6 ML-BOM that holds the network, and what was measured."""
    metrics = []
    for kind, name, value, interval in _metrics(card):
        metric: dict[str, Any] = {"type": kind, "value": f"{value:.6g}", "slice": name}
        if interval is not None:
            low, high = (f"{end:.6g}" for end in interval)
            metric["confidenceInterval"] = {"lowerBound": low, "upperBound": high}
        metrics.append(metric)
    limits = [*_sentences(card), *card.notes]
    model = {
        "type": "machine-learning-model",
        "bom-ref": f"{card.name}-{card.classifier.fingerprint[:12]}",
        "name": card.name,
        "description": f"{card.classifier.name}, audited with {experiment.name}",
        "modelCard": {
            "modelParameters": {"task": "image classification"},
            "quantitativeAnalysis": {"performanceMetrics": metrics},
            "considerations": {"technicalLimitations": limits},
        },
    }
    tool = {"type": "application", "name": "neatfool", "version": card.neatfool}
    return _json(
        {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"tools": {"components": [tool]}},
            "components": [model],
        }
    )


EXPORTS: Final[Mapping[str, tuple[Callable[[Card, Path], str], str]]] = {
    "sarif": (to_sarif, "Write SARIF 2.1.0 for code scanning: a result for each fooled class."),
    "junit": (to_junit, "Write JUnit XML: a test case for each kind of images, if checked."),
    "markdown": (to_markdown, "Append a summary in Markdown, to $GITHUB_STEP_SUMMARY, say."),
    "model-index": (to_model_index, "Write the block model-index of a Hugging Face model card."),
    "ml-bom": (to_ml_bom, "Write a CycloneDX 1.6 ML-BOM with what was measured."),
}
"""The options that write a card in another form, each with its function and its help."""


def write_exports(card: Card, experiment: Path, files: Mapping[str, Path | None]) -> Iterator[Path]:
    """Write a card in the forms that have a file, and give each file that was written.

    Args:
        card: The card.
        experiment: The file of the experiment that was audited.
        files: A file for each form, by the name of its option with ``_`` for ``-``.
    """
    for name, (write, _) in EXPORTS.items():
        if file := files.get(name.replace("-", "_")):
            appended = name == "markdown" and file.exists()
            before = file.read_text(encoding="utf-8") if appended else ""
            yield save(file, (before + write(card, experiment)).encode())


def _cases(card: Card) -> Iterator[tuple[str, str, str]]:
    """Give the name of each test case, what failed, and as which classes images are accepted."""
    classes = "\n".join(_sentence(card, each) for each in _fooled(card))
    for check in card.checks:
        limit = level(check.above)
        if check.what == "median":
            message = str(check) if check.failed else ""
            yield f"median confidence is at most {limit}", message, classes
        elif (threshold := card.acceptance.deciding) is not None:
            for part, kind in card.acceptance.worst(threshold):
                message = f"{share(part)} of {kind.what} accepted at {threshold}, above {limit}"
                text = classes if kind.group == "evolved" else ""
                name = f"{kind.what}: at most {limit} accepted"
                yield name, message if part > check.above else "", text


def _fooled(card: Card) -> Iterator[Any]:
    """Give the classes as which an image of some seed is accepted, the first to fall first."""
    return (each for each in card.classes if any(each.accepted))


def _images(card: Card) -> Iterator[tuple[str, bytes]]:
    return (
        (each.name, card.pictures[each.name][0])
        for each in _fooled(card)
        if each.name in card.pictures
    )


def _small(png: bytes) -> bytes:
    """Write an image within SMALL pixels, in 64 colours: about three thousand bytes."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        small = image.convert("RGB")
    small.thumbnail((SMALL, SMALL))
    small.quantize(64).save(written := io.BytesIO(), "png", optimize=True)
    return written.getvalue()


def _sentence(card: Card, each: Any) -> str:
    threshold = card.acceptance.deciding
    at = "" if threshold is None else f", where {threshold} is enough"
    if threshold is not None and threshold.by_class:
        at = f", where {level(_confidence(threshold.least(each.index)))} is enough"
    return f"An image of nothing is accepted as {each.name!r} with {percent(_surest(each))}{at}."


def _surest(each: Any) -> float:
    """Give the confidence of the image that is accepted, where seeds differ."""
    return _confidence(max(odds for odds in each.log_odds if odds is not None))


def _confidence(odds: float) -> float:
    from scipy.special import expit

    return round(float(expit(odds)), 12)


def _sentences(card: Card) -> list[str]:
    advice = card.acceptance.advice()
    return [card.acceptance.headline(), card.headline(), *map(str, card.checks), *advice]


def _fingerprint(card: Card, each: Any) -> str:
    return hashlib.sha256(f"{card.name}\0{each.name}".encode()).hexdigest()[:32]


def _metrics(card: Card) -> Iterator[tuple[str, str, float, tuple[float, float] | None]]:
    """Give what was measured: a short type, a name, a value, and its interval if it has one."""
    if card.fooled is not None:
        found = card.fooled.share
        name = "share of classes that an image of nothing fools"
        yield "fooled_classes", name, found.value, (found.low, found.high)
    shares = card.top1.lowest, card.top1.highest
    yield "top1", "share of evolved images that are top-1", card.top1.median, shares
    ends = card.median.lowest, card.median.highest
    yield "median_confidence", "median confidence of evolved images", card.median.median, ends
    for place, threshold in enumerate(card.acceptance.thresholds):
        if threshold.name == "recommended" and not card.acceptance.advisable:
            continue
        for kind in card.acceptance.kinds:
            name = f"share accepted at {threshold}: {kind.what}"
            yield f"accepted_{threshold.name}", name, kind.accepted[place] / kind.images, None


def _plain(text: str) -> str:
    """Write text that Markdown shows as it is, within a cell."""
    for mark in "\\`*_[]<>|#~$&":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
