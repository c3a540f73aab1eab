"""How the outputs of a CPPN become a picture."""

from dataclasses import dataclass
from typing import Any

from neatfool.cppn.draw.colour import ColourMap, find_colour_map
from neatfool.cppn.draw.lattice import InputKind


@dataclass(frozen=True)
class Look:
    """How the outputs of a CPPN become a picture; see :func:`~neatfool.cppn.render`.

    Attributes:
        height: Pixels of the native image, the target's, from top to bottom.
        width: Pixels of the native image from left to right.
        inputs: ``"raw"`` or ``"normalised"``.
        colour_map: One of :data:`~neatfool.cppn.COLOUR_MAPS`.
        channels: 3 repeats a grey channel three times; by default those of the colour map.
        band_limit: How far each node reaches for the mean that it shows, in native pixels.
    """

    height: int
    width: int
    inputs: InputKind = "raw"
    colour_map: str = "grey"
    channels: int | None = None
    band_limit: float = 0.0

    @property
    def colours(self) -> ColourMap:
        """The colour map.

        Raises:
            ExperimentError: There is none of that name, or it does not fit the channels.
        """
        return find_colour_map(self.colour_map, channels=self.channels)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments by which :func:`~neatfool.cppn.render` draws so, but for the channels."""
        return {
            "native": (self.height, self.width),
            "inputs": self.inputs,
            "colour_map": self.colour_map,
            "band_limit": self.band_limit,
        }
