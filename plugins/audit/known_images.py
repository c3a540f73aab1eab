"""Which in-distribution images an audit saw: their hashes, and how many are named rightly."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Self

from pydantic import Field

from neatfool.present import Facts

from .confidence import ConfidenceRecord


class KnownImages(Facts):
    """The in-distribution images, one by one."""

    images: list[str] = Field(
        description="of each, the first 16 digits of the SHA-256 of its pixels in RGB; an entry of "
        "FoolBench has them in a file beside it"
    )
    sha256: str = Field(description="of their list, sorted, one a line: the name of that file")
    number: int = Field(description="how many there are")
    right: int | None = Field(description="how many are named rightly; null without labels")

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
