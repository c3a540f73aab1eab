"""Scheme ``interactive``: a person chooses the parents of each generation by eye.

Each thing that the person does is one generation of the run: a *next generation* breeds children of
the pictures chosen; *back* and *forward* breed an earlier or a later generation again, from the
same parents and seeds, so that its pictures are the same; *keep* breeds single pictures again, to
take niches of their names. So all of it is recorded at once, and a killed session loses nothing.

Without a person, the candidate that ranks highest in any class is the parent of the next ones.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from io import BytesIO
from typing import Any, Final, Literal

import torch
from PIL import Image
from pydantic import BaseModel, Field

from neatfool import (
    Archive,
    Candidate,
    Encoding,
    ImageSpec,
    Labels,
    Replacement,
    Scheme,
    Scores,
    Target,
    derive_seeds,
    hookimpl,
    rank,
)

WEAKEST: Final = 1 / 8
"""The least factor of mutation."""
STRONGEST: Final = 8.0
VISIBLE: Final = 1.0
"""Pictures look the same if their mean difference is less than so many of 255 levels."""
PAGE_SIDE: Final = 256
"""Pixels of a picture's longer side on a page."""
QUALITY: Final = 92
"""That of JPEG, from which no eye tells the picture."""
ATTEMPTS: Final = 6
"""So often a child is bred, at most, until it is neither plain nor looks the same as a parent."""


class UserAction(BaseModel, extra="forbid", frozen=True):
    """What a person does, looking at what was shown at first by generation ``version``."""

    kind: Literal["next", "back", "forward", "keep"]
    version: int = 0
    places: list[int] = Field([], max_length=64)
    """the pictures that are chosen"""
    name: str = Field("", max_length=60)
    strength: float = Field(1.0, ge=WEAKEST, le=STRONGEST)
    structure: float = Field(1.0, ge=0, le=STRONGEST)


class Person(Target):
    """A person who breeds images, as the target: an image that was kept is one of its name."""

    names: Sequence[str] = ()
    """The names of the images that are scored next."""
    __name__ = "a person"
    beginning: str | None = None
    """The genome that a new session begins with, as JSON."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        """Take images of a size."""
        self.spec = ImageSpec(height, width, channels, kind="objective", open=True)

    def score(self, images: Any) -> Labels:
        """Give the first images, as many as there are names, the score 1 in these."""
        named: list[dict[str, float]] = [{name: 1.0} for name in self.names]
        return Labels([*named, *({} for _ in images)][: len(images)])

    def fingerprint(self) -> str:
        """Say that it is a person, who may be another one when the run goes on."""
        return "a person"

    def look(self, images: Any) -> list[str]:
        """Say in a few words what each of images, uint8 [N, C, H, W], shows; or nothing."""
        return []

    def act(self, shown: dict[str, Any]) -> UserAction | None:
        """Show pictures, and wait until the person does something; None: the session ends."""
        raise NotImplementedError


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the scheme ``interactive``."""

    batch: int = Field(16, ge=1, le=64)
    """pictures that are shown at a time, and bred from those chosen"""


@dataclass(frozen=True)
class ParentChoice:
    """What a shown generation was bred from, so that it can be bred again."""

    first: int
    """The candidate's id from which its seeds follow."""
    parents: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    """Where the parents stood among the pictures before."""
    strength: float = 1.0
    structure: float = 1.0


class InteractiveScheme(Scheme):
    """The scheme ``interactive``."""

    def __init__(
        self,
        options: Options,
        *,
        encoding: Encoding[Any],
        spec: ImageSpec,
        seed: int,
        target: Target | None = None,
    ) -> None:
        """Start a session; its target may be a :class:`Person`, who chooses."""
        self.archive, self.batch = Archive.of(spec), options.batch
        self._person = target if isinstance(target, Person) else None
        self._encoding, self._seed, self._spec = encoding, seed, spec
        self._generation = self._asked = self._best = 0
        self._shown: list[Candidate] = []
        # The generations that back and forward lead through, and which of them is shown.
        self._choices: list[ParentChoice] = []
        self._at = -1
        self._parents: dict[int, Candidate] = {}
        self._names: list[str] = []
        self._named: Sequence[str] = ()
        self._drawn = dict[int, str]()  # by the candidates' ids

    def ask(self) -> list[Candidate]:
        """Breed what the person asks for; nothing if the session ends."""
        self._name([])
        if not self._generation:
            return self._begin()
        action = self._next_action()
        if action is None:
            return []
        if action.kind == "keep":
            self._name(self._new_names(action.name, len(action.places)))
            return self._breed(action.places)
        if action.kind == "next":
            self._choose(action)
        else:
            self._at += 1 if action.kind == "forward" else -1
        return self._breed(range(self.batch))

    def _name(self, names: Sequence[str]) -> None:
        """Note the names of the candidates that are bred next, if these are to be kept."""
        self._named = names
        if self._person:
            self._person.names = names

    def _begin(self) -> list[Candidate]:
        if self._person and self._person.beginning:
            genome = self._encoding.loads(self._person.beginning)
            return [Candidate(self._new_ids(1)[0], genome)]
        self._choices, self._at = [ParentChoice(0)], 0
        return self._breed(range(self.batch))

    def _next_action(self) -> UserAction | None:
        if not self._choices:  # the genome that a session begins with is bred at once
            return UserAction(kind="next", places=[0])
        if self._person:
            shown, began = self.describe_shown(), time.perf_counter()
            action = self._person.act(shown)
            self.waited = time.perf_counter() - began
            return action
        return UserAction(kind="next", places=[self._best])

    def _choose(self, action: UserAction) -> None:
        """Note the parents of a new generation; those that *forward* led to are forgotten."""
        chosen = [self._shown[place] for place in action.places]
        ids, how = tuple(each.id for each in chosen), (action.strength, action.structure)
        self._at += 1
        choice = ParentChoice(self._asked, ids, tuple(action.places), *how)
        self._choices[self._at :] = [choice]
        needed = {id_ for each in self._choices for id_ in each.parents}
        known = self._parents | {each.id: each for each in chosen}
        self._parents = {id_: each for id_, each in known.items() if id_ in needed}

    def _breed(self, places: Sequence[int]) -> list[Candidate]:
        """Breed pictures at some places of the generation that is shown, perhaps again."""
        choice = self._choices[self._at]
        numbers = [choice.first + place for place in places]
        if not choice.parents:
            genomes = self._encoding.create(derive_seeds(self._seed, "create", ids=numbers))
            groups: list[list[Candidate]] = [[] for _ in places]
        else:
            groups = [self._group(choice.parents, place) for place in places]
            born = self._breed_visibly(choice, groups, numbers)
            genomes = [genome for genome, _ in born]
            groups = [group[:count] for group, (_, count) in zip(groups, born, strict=True)]
        return [
            Candidate(id_, genome, tuple(each.id for each in group), self._generation)
            for id_, genome, group in zip(self._new_ids(len(places)), genomes, groups, strict=True)
        ]

    def _breed_visibly(
        self, choice: ParentChoice, groups: Sequence[Sequence[Candidate]], numbers: Sequence[int]
    ) -> list[tuple[Any, int]]:
        """Breed a child of each group; again, by stronger mutation, those that are dull.

        Returns:
            For each child its genome, and how many of its group are its parents.
        """
        born = dict[int, tuple[Any, int]]()
        left = [*range(len(groups))]
        for attempt in range(ATTEMPTS):
            ids = [numbers[each] for each in left]
            seeds = derive_seeds(self._seed, "breed", attempt, ids=ids)
            strength = min(choice.strength * 2**attempt, STRONGEST)
            encoding = self._encoding.with_mutation(strength, choice.structure)
            counts = encoding.parent_counts(seeds)
            parents = [
                [each.genome for each in groups[place][:count]]
                for place, count in zip(left, counts, strict=True)
            ]
            genomes = encoding.breed(parents, seeds)
            born |= dict(zip(left, zip(genomes, counts, strict=True), strict=True))
            seen, old = (encoding.render(each) for each in (genomes, [each[0] for each in parents]))
            left = [place for place, dull in zip(left, _are_dull(seen, old), strict=True) if dull]
            if not left:
                break
        return [born[place] for place in range(len(groups))]

    def _group(self, parents: Sequence[int], place: int) -> list[Candidate]:
        """Give the parents of the child at a place: each in turn is first, with any other."""
        count = len(parents)
        pair = place % count, (place + 1 + place // count) % count
        return [self._parents[parents[each]] for each in dict.fromkeys(pair)]

    def _new_ids(self, count: int) -> range:
        self._asked += count
        return range(self._asked - count, self._asked)

    def _new_names(self, wanted: str, count: int) -> list[str]:
        """Name pictures as wanted, with a number where that name is taken."""
        visible = "".join(each for each in " ".join(wanted.split()) if each.isprintable())
        name, names = visible.strip() or "picture", list[str]()
        taken = {*self._names}
        for _ in range(count):
            new, number = name, 1
            while new in taken:
                number += 1
                new = f"{name} {number}"
            taken.add(new)
            names.append(new)
        return names

    def tell(self, candidates: Sequence[Candidate], scores: Scores) -> list[Replacement]:
        """Let what is kept take the niches of its names."""
        self._generation += 1
        if self._named:
            self._names += self._named
        else:
            self._shown = [*candidates]
            ranks = rank(scores)
            self._best = int(ranks.max(axis=1).argmax()) if ranks.shape[1] else 0
        return self.archive.offer(candidates, scores)

    def members(self) -> Sequence[Candidate]:
        """List what is shown, and the parents of all generations that one can go back to."""
        return [*({each.id: each for each in self._shown} | self._parents).values()]

    def state(self) -> dict[str, Any]:
        """Give what is shown, and how it and the generations before it were bred."""
        return {
            "generation": self._generation,
            "asked": self._asked,
            "best": self._best,
            "shown": [each.id for each in self._shown],
            "choices": [astuple(choice) for choice in self._choices],
            "at": self._at,
            "names": self._names,
        }

    def restore(self, state: dict[str, Any], candidates: Mapping[int, Candidate]) -> None:
        """Restore what :meth:`state` gave."""
        self._generation, self._asked = state["generation"], state["asked"]
        self._best, self._at, self._names = state["best"], state["at"], [*state["names"]]
        self._shown = [candidates[id_] for id_ in state["shown"]]
        self._choices = [
            ParentChoice(first, tuple(parents), tuple(places), *how)
            for first, parents, places, *how in state["choices"]
        ]
        ids = dict.fromkeys(id_ for choice in self._choices for id_ in choice.parents)
        self._parents = {id_: candidates[id_] for id_ in ids}

    def describe_shown(self) -> dict[str, Any]:
        """Give what a page shows: pictures, what was chosen of them before, and what is kept."""
        assert self._person is not None
        kept = [elite.candidate for elite in self.archive.elites()]
        on_page = {each.id: each for each in [*self._shown, *kept]}
        self._drawn = {
            id_: self._drawn.get(id_) or self._draw(each) for id_, each in on_page.items()
        }
        ahead = self._choices[self._at + 1 : self._at + 2]
        last = (ahead or [self._choices[self._at]])[0]
        images = self._encoding.render([each.genome for each in self._shown])
        return {
            "version": self._generation,
            "number": self._at,
            "pictures": [self._drawn[each.id] for each in self._shown],
            "seen": self._person.look(images),
            "chosen": [*ahead[0].places] if ahead else [],
            "strength": last.strength,
            "structure": last.structure,
            "back": self._at > 0,
            "forward": bool(ahead),
            "kept": [
                {"name": name, "picture": self._drawn[each.id]}
                for name, each in zip(self._names, kept, strict=True)
            ],
        }

    def _draw(self, candidate: Candidate) -> str:
        """Draw a picture for a page: a data URI, and JPEG, which is written and sent fast."""
        sides = self._spec.height, self._spec.width
        height, width = (max(side * PAGE_SIDE // max(sides), 1) for side in sides)
        pixels = self._encoding.render_at(candidate.genome, height, width).expand(3, -1, -1)
        image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())
        image.save(file := BytesIO(), "JPEG", quality=QUALITY, subsampling=0)
        return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"


def _are_dull(images: torch.Tensor, parents: torch.Tensor) -> list[bool]:
    """Say of each image, uint8 [N, C, H, W], whether it is plain, or looks like its parent's."""
    levels, before = (each.flatten(1).float() for each in (images, parents))
    apart = (levels - before).abs().mean(1)
    spread = (levels - levels[:, :1]).abs().mean(1)
    dull: list[bool] = (torch.minimum(apart, spread) < VISIBLE).tolist()
    return dull


@hookimpl
def neatfool_register_schemes(register: Any) -> None:
    """Register the scheme."""
    register("interactive", InteractiveScheme, options=Options)
