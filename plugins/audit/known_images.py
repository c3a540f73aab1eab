"""Which in-distribution images an audit saw: their hashes, and how many are named rightly."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from pydantic import TypeAdapter

from neatfool.present import Facts
from neatfool.wording import percent, share

from .confidence import ConfidenceRecord

SIGNIFICANCE_LEVEL: Final = 0.001
"""Images are out of line if so large a difference were rarer by chance."""
RESTS: Final = "Easier images make a classifier look harder to fool than it is."


class KnownImages(Facts):
    """The in-distribution images, one by one."""

    images: list[str]
    """of each, the first 16 digits of the SHA-256 of its pixels in RGB; an entry of FoolBench has
    them in a file beside it"""
    sha256: str
    """of their list, sorted, one a line: the name of that file"""
    number: int
    """how many there are"""
    right: int | None
    """how many are named rightly; null without labels"""

    @classmethod
    def of(cls, hashes: Sequence[str], known: ConfidenceRecord) -> Self:
        """Describe images that were scored."""
        right = int(known.right.sum()) if known.own else None
        made = cls(images=sorted(hashes), sha256="", number=len(hashes), right=right)
        return made.model_copy(update={"sha256": sha256(made.lines()).hexdigest()})

    @property
    def file_name(self) -> str:
        """The name of the file beside an entry that lists them."""
        return f"{self.sha256}.txt"

    def lines(self) -> bytes:
        """Write what that file holds."""
        return "".join(f"{each}\n" for each in self.images).encode()


class UsualImages(KnownImages):
    """What a network that comes with neatfool says of the images that it is usually shown."""

    sha256: str = ""
    name: str
    fingerprint: str
    median: float


def read_usual_images() -> list[UsualImages]:
    """Read what is known of the networks that come with neatfool."""
    file = Path(__file__).with_name("known_networks.json")
    return TypeAdapter(list[UsualImages]).validate_json(file.read_bytes())


def left_out(known: KnownImages, other: KnownImages) -> int:
    """Count the images of another audit that were left out, if most of these are from there."""
    both = len({*known.images} & {*other.images})
    return other.number - both if 2 * both > known.number else 0


def check_known_images(
    known: KnownImages, log_odds: Sequence[float], fingerprint: str, accuracy: float | None
) -> Iterator[str]:
    """Say how in-distribution images differ from the usual ones.

    A network is compared with itself, so that only images can differ: by the share that it names
    rightly (the exact binomial test against ``accuracy``, or Fisher's against the usual images) and
    by how many have a confidence above the usual median (the binomial test against one half).
    """
    from scipy.special import logit
    from scipy.stats import binomtest, fisher_exact

    for usual in read_usual_images():
        found = []
        if usual.fingerprint == fingerprint:
            rights = [(each.right or 0, each.number) for each in (known, usual)]
            table = [(right, number - right) for right, number in rights]
            told = known.right is not None and usual.right is not None
            if told and fisher_exact(table).pvalue < SIGNIFICANCE_LEVEL:
                ours, theirs = (share(right / number, 1) for right, number in rights)
                found.append(f"{ours} of them, rather than {theirs}, are classified correctly")
            surer = sum(each > logit(usual.median) for each in log_odds)
            if binomtest(surer, len(log_odds)).pvalue < SIGNIFICANCE_LEVEL:
                part, median = share(surer / len(log_odds)), percent(usual.median)
                found.append(
                    f"{part} of them, rather than half, are above the usual median, {median}"
                )
        if missing := left_out(known, usual):
            found.append(f"{missing:,} of these were left out")
        if found:
            yield (
                f"The in-distribution images differ from the usual {usual.number:,} of "
                f"{usual.name}: {'; '.join(found)}. {RESTS}"
            )
    if accuracy is not None and known.right is not None:
        ours = share(known.right / known.number, 1)
        if binomtest(known.right, known.number, accuracy).pvalue < SIGNIFICANCE_LEVEL:
            yield (
                f"The in-distribution images do not fit the accuracy that [about] gives: {ours} of "
                f"them are classified correctly, rather than {share(accuracy, 1)}. {RESTS}"
            )
