"""Which activations compiled code is for: each set of custom ones has code of its own.

Numba tells functions apart by the types of their arguments, in its cache too. So a set of
activations is an argument without a value, whose type names their formulas.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from zlib import crc32

from numba.core import types
from numba.extending import NativeValue, models, register_model, typeof_impl, unbox
from numpy import ndarray as Array

from neatfool.cppn.activations import BUILT_IN, BY_CODE, Activation
from neatfool.cppn.genome.genes import COMMON

OWN: Final = range(len(BUILT_IN))


@dataclass(frozen=True)
class CustomSet:
    """Custom activations, each by its code and a hash of its formulas; beside neatfool's own."""

    formulas: tuple[tuple[int, int], ...]


class CustomSetType(types.Type):
    """Numba's type of one set."""

    def __init__(self, formulas: tuple[tuple[int, int], ...]) -> None:
        self.formulas = formulas
        super().__init__(name=f"CustomSet{formulas}")


register_model(CustomSetType)(models.OpaqueModel)


@typeof_impl.register(CustomSet)
def _type_of(value: CustomSet, _: Any) -> CustomSetType:
    return CustomSetType(value.formulas)


def _unbox(_: Any, __: Any, call: Any) -> NativeValue:
    return NativeValue(call.context.get_dummy_value())


unbox(CustomSetType)(_unbox)


def find_others(codes: Array) -> CustomSet | bool:
    """Say which activations code needs for nodes that have others than the common ones.

    True stands for neatfool's own. With custom ones among them, it is all of this process, so that
    code is compiled once.
    """
    if codes.max(initial=0) < len(OWN):
        return True
    custom = sorted(BY_CODE.keys() - OWN)
    return CustomSet(tuple((code, _hash_of(BY_CODE[code])) for code in custom))


@cache
def _hash_of(made: Activation) -> int:
    return crc32(repr((made.at_points, made.within_reach, made.backwards)).encode())


def codes_of(choice: Any) -> list[int]:
    """Give the codes of the activations that a type of ``others`` stands for."""
    if isinstance(choice, types.NoneType):
        return [*COMMON]
    custom = choice.formulas if isinstance(choice, CustomSetType) else ()
    return [*OWN, *(code for code, _ in custom)]
