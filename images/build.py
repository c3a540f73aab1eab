"""Make the data of neatfool-images from runs: ``python images/build.py runs.csv [--add]``.

``runs.csv`` has the columns ``run`` (a folder), ``tier``, ``network`` (its name), ``data`` (whose
classes it knows) and ``images`` (how many to take; 0: the network, perhaps an experiment's file,
only judges the others). Genomes are written with six digits, drawn, and scored again by the
network of their run; what is below 50 % is left out. With ``--add``, the images that the package
has stay. Run ``judges.py`` after it, which says what is near of ImageNet's and MNIST's images.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import lzma
from collections import defaultdict
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path
from typing import Any, Final, get_type_hints

import mlcroissant as mlc
import numpy as np
import torch
from judges import JUDGED
from neatfool_images import FIELDS, FoolingImages, Record
from PIL import Image, ImageFilter

from neatfool import ImageSpec, Run, Scorer, open_run, open_scorer
from neatfool.wording import slug
from neatfool_plugins.export.images import choose, name_runs

LEAST: Final = 0.5
PART: Final = 256
"""Images that are scored in one call."""
DIGITS: Final = 6
HERE: Final = Path(__file__).parent / "neatfool_images"


def shorten(text: str) -> Any:
    """Round a genome's numbers, and number its nodes from the outputs on."""
    genome = json.loads(text)
    keys = {key: key if key < 3 else 3 + place for place, (key, *_) in enumerate(genome["nodes"])}

    def brief(value: Any) -> Any:
        return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value

    genome["nodes"] = [[keys[key], *map(brief, rest)] for key, *rest in genome["nodes"]]
    genome["connections"] = [
        [keys.get(source, source), keys[target], *map(brief, rest)]
        for source, target, *rest in genome["connections"]
    ]
    return genome


def changed(images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Change images, uint8 [N, C, H, W]: compress, blur by 1 and move by 3 pixels of 224."""
    reach = images.shape[-1] / 224
    step = max(1, round(3 * reach))
    found: dict[str, list[torch.Tensor]] = {"jpeg": [], "blur": []}
    for each in images.permute(0, 2, 3, 1).numpy():
        picture = Image.fromarray(each.squeeze())
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=75)
        made = {"jpeg": Image.open(file), "blur": picture.filter(ImageFilter.GaussianBlur(reach))}
        for name, image in made.items():
            pixels = torch.from_numpy(np.array(image))
            found[name].append(pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1))
    moved = torch.roll(images, (step, step), (2, 3))
    moved[:, :, :step], moved[:, :, :, :step] = (
        moved[:, :, step : step + 1],
        moved[..., step : step + 1],
    )
    return {name: torch.stack(parts) for name, parts in found.items()} | {"moved": moved}


def score(scorer: Scorer, images: torch.Tensor) -> np.ndarray:
    """Give each class's probability, float64 [N, K]."""
    parts = [scorer.score(some).probs for some in images.split(PART)]
    return np.concatenate(parts)


def line_of(graph: Any, candidate: int) -> list[int]:
    """Give the ancestors of a candidate, along the fitter parents, from the founder to itself."""
    line = [candidate]
    while parents := graph.pred[line[-1]]:
        line.append(min(parents, key=lambda parent: parents[parent]["position"]))
    return line[::-1]


def take(run: Run, row: dict[str, str], looks: dict[str, Any], scorer: Scorer) -> list[Any]:
    """Take images of a run: their records without `near`, genomes and ancestors."""
    options = {
        name: value for name, value in run.experiment["encoding"].items() if name != "plugin"
    }
    spec = run.spec
    look = {"size": [spec.height, spec.width, spec.channels], "encoding": options}
    key = hashlib.sha256(json.dumps(look, sort_keys=True).encode()).hexdigest()[:8]
    looks[key] = look
    graph = run.phylogeny(kinds=False)
    chosen = choose(name_runs([run]), least=LEAST, images=int(row["images"]))
    held = [run.holder(each.index, each.candidate) for each in chosen]
    genomes = [shorten(run.encoding.dumps(each.genome)) for each in held]
    drawn = run.encoding.render([run.encoding.loads(json.dumps(each)) for each in genomes]).cpu()
    sure = score(scorer, drawn)
    sure_of = {name: score(scorer, images) for name, images in changed(drawn).items()}
    found = []
    for place, (choice, genome) in enumerate(zip(chosen, genomes, strict=True)):
        confidence = float(sure[place, choice.index])
        if confidence < LEAST:
            continue
        line = line_of(graph, choice.candidate)
        parts = (slug(run.name), run.seed, choice.index, choice.candidate)
        record = {
            "id": "-".join(map(str, parts)),
            "tier": row["tier"],
            "network": row["network"],
            "data": row["data"],
            "index": choice.index,
            "name": run.classes[choice.index],
            "confidence": round(confidence, 6),
            "near": False,
            "named_by": 0.0,
            **{name: round(float(v[place, choice.index]), 4) for name, v in sure_of.items()},
            "look": key,
            "width": spec.width,
            "height": spec.height,
            "seed": run.seed,
            "candidate": choice.candidate,
            "generation": graph.nodes[choice.candidate]["generation"],
            "founder": line[0],
            "steps": len(line) - 1,
        }
        found.append((record, {"genome": genome, "lineage": line}, drawn[place]))
    return found


def draw(held: dict[str, Any], spec: ImageSpec) -> torch.Tensor:
    """Draw a formula at a network's own size, uint8 [C, H, W]."""
    encoding = held["encoding"]
    genome = encoding.loads(json.dumps(held["genome"]))
    pixels: torch.Tensor = encoding.render_at(genome, spec.height, spec.width).cpu()
    return pixels


def name_by_others(rows: list[dict[str, str]], taken: list[Any]) -> None:
    """Write into each record how many other networks of the same classes name its class."""
    networks: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if row["tier"] == "blind" and row["data"] not in JUDGED:
            networks[row["data"]].setdefault(row["network"], row["run"])
    for data, runs in networks.items():
        own = [each for each in taken if each[0]["data"] == data]
        named: list[list[bool]] = [[] for _ in own]
        for network, folder in runs.items():
            print(f"{data}: {network} names {len(own)} images", flush=True)
            with closing(open_scorer(folder)) as scorer:
                spec = scorer.spec
                others = [place for place, each in enumerate(own) if each[0]["network"] != network]
                for start in range(0, len(others), PART):
                    part = others[start : start + PART]
                    images = torch.stack([draw(own[place][1], spec) for place in part])
                    tops = scorer.score(images).probs.argmax(1).tolist()
                    for place, top in zip(part, tops, strict=True):
                        named[place].append(top == own[place][0]["index"])
        for (record, *_), answers in zip(own, named, strict=True):
            share = sum(answers) / len(answers) if answers else 0.0
            record |= {"near": share >= 0.5, "named_by": round(share, 3)}


def read() -> tuple[list[Any], dict[str, Any]]:
    """Read the package's images, as :func:`write` takes them."""
    lines = lzma.decompress((HERE / "genomes.jsonl.xz").read_bytes()).decode().splitlines()
    records = [record._asdict() for record in FoolingImages().records]
    held = zip(records, map(json.loads, lines), (None for _ in lines), strict=True)
    return list(held), json.loads((HERE / "looks.json").read_text("utf-8"))


def write(taken: list[Any], looks: dict[str, Any]) -> None:
    """Write the package's files."""
    with (HERE / "images.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(Record._fields)
        rows.writerows(Record(**record) for record, *_ in taken)
    lines = "".join(
        json.dumps({"id": record["id"], "genome": held["genome"], "lineage": held["lineage"]},
                   separators=(",", ":")) + "\n"
        for record, held, _ in taken
    )  # fmt: skip
    (HERE / "genomes.jsonl.xz").write_bytes(
        lzma.compress(lines.encode(), preset=9 | lzma.PRESET_EXTREME)
    )
    (HERE / "looks.json").write_text(json.dumps(looks, indent=1, sort_keys=True) + "\n")


def write_croissant() -> None:
    """Describe the package's files in Croissant, for catalogues of data sets."""
    kinds = {float: mlc.DataType.FLOAT, int: mlc.DataType.INTEGER, bool: mlc.DataType.BOOL}
    formats = {
        "images.csv": "text/csv",
        "judges.csv": "text/csv",
        "genomes.jsonl.xz": "application/x-xz",
        "looks.json": "application/json",
    }
    files = [
        mlc.FileObject(
            id=name,
            name=name,
            content_url=name,
            encoding_formats=[kind],
            sha256=hashlib.sha256((HERE / name).read_bytes()).hexdigest(),
        )
        for name, kind in formats.items()
    ]
    fields = [
        mlc.Field(
            id=f"images/{name}",
            name=name,
            description=FIELDS[name],
            data_types=kinds.get(kind, mlc.DataType.TEXT),
            source=mlc.Source(file_object="images.csv", extract=mlc.Extract(column=name)),
        )
        for name, kind in get_type_hints(Record).items()
    ]
    metadata = mlc.Metadata(
        name="neatfool-images",
        description="Formulas (CPPNs) of meaningless images that image classifiers label with near "
        "certainty, drawn at any size.",
        license="https://creativecommons.org/publicdomain/zero/1.0/",
        url="https://github.com/neatfool/neatfool",
        version="2.0.0",
        date_published=date.today().isoformat(),
        cite_as="neatfool: Fooling Images 2, after Nguyen, Yosinski and Clune, CVPR 2015",
        distribution=files,
        record_sets=[mlc.RecordSet(id="images", name="images", fields=fields)],
    )
    text = json.dumps(metadata.to_json(), indent=1, default=str)
    (HERE / "croissant.json").write_text(f"{text}\n")


def main() -> None:
    """Make the data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--add", action="store_true", help="keep the images that there are")
    given = parser.parse_args()
    with given.table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    before, looks = read() if given.add else ([], {})
    known = {json.dumps(held["genome"]) for _, held, _ in before}
    taken: list[Any] = []
    with ExitStack() as ending:
        for row in rows:
            if row["images"] == "0":
                continue
            run = ending.enter_context(closing(open_run(row["run"])))
            with closing(open_scorer(run)) as scorer:
                found = take(run, row, looks, scorer)
            for _, held, _ in found:
                held["encoding"] = run.encoding
            # Two detectors that never reject leave the search the same images.
            new = {
                json.dumps(held["genome"]): (record, held, pixels) for record, held, pixels in found
            }
            taken += [each for genome, each in new.items() if genome not in known]
            known |= new.keys()
            print(f"{row['run']}: {len(found)} of {row['images']}", flush=True)
        name_by_others(rows, taken)
    taken = before + taken
    write(taken, looks)
    write_croissant()
    print(f"{len(taken)} images of {len({record['network'] for record, *_ in taken})} networks")


if __name__ == "__main__":
    main()
