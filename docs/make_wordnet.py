"""Write WordNet's tree over ImageNet's 1000 classes, for `neatfool ancestry`.

    apt-get download wordnet-base && dpkg -x wordnet-base_*.deb wordnet   # WordNet 3.0
    python docs/make_wordnet.py wordnet/usr/share/wordnet/data.noun SYNSETS

SYNSETS names ImageNet's classes in their order, one number a line (n01440764 …); timm has it as
`timm/data/_info/imagenet_synsets.txt`. ImageNet's numbers are places in WordNet 3.0's file.
"""

import sys
from pathlib import Path

from neatfool_plugins.imagenet import imagenet_labels

TABLE = Path(__file__).parents[1] / "plugins" / "ancestry" / "wordnet.tsv"


def read_nouns(path: Path) -> dict[str, tuple[str, list[str]]]:
    """Give (first word, numbers of the kinds that it is of) of each synset."""
    nouns = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        if line.startswith("  "):  # the licence
            continue
        number, _, _, count, *rest = line.split(" | ", 1)[0].split()
        pointers = rest[2 * int(count, 16) + 1 :]
        pairs = zip(pointers[::4], pointers[1::4], strict=False)
        kinds = [f"n{to}" for of, to in pairs if of in ("@", "@i")]
        nouns[f"n{number}"] = rest[0].replace("_", " "), kinds
    return nouns


def main(nouns_file: Path, synsets_file: Path) -> None:
    nouns, classes = read_nouns(nouns_file), synsets_file.read_text().split()
    names = dict(zip(classes, imagenet_labels(), strict=True))
    rows, waiting = {}, [*classes]
    while waiting:
        if (number := waiting.pop(0)) not in rows:
            word, kinds = nouns[number]
            rows[number] = names.get(number, word), kinds
            waiting += kinds
    lines = ["\t".join([number, name, *kinds]) for number, (name, kinds) in rows.items()]
    TABLE.write_text("\n".join(["synset\tname\tkinds", *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
