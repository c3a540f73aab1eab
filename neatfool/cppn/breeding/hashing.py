"""Ids of new nodes in compiled code: those of :mod:`neatfool.cppn.genome.markings`.

The hash is BLAKE2b (RFC 7693) of one block. Where breeding is not compiled, Python's own is much
faster.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.cppn.breeding.compiling import COMPILED, inner
from neatfool.cppn.genome.markings import marking

SPLIT: Final = 0
GRAFT: Final = 1
BLOCK: Final = 32
"""The words of scratch: the message, and the state."""

_KINDS = ("split", "graft")
_TEXTS = np.array([list(kind.encode()) for kind in _KINDS], np.uint64)
_START = np.array(
    [
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ],
    np.uint64,
)
_ORDERS = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.int64,
)
# The digest of 8 bytes, without a key.
_PARAMETERS: Final = np.uint64(0x01010008)
_ALL: Final = np.uint64(2**64 - 1)
_BYTE: Final = np.uint64(0xFF)
_1, _16, _24, _32 = np.uint64(1), np.uint64(16), np.uint64(24), np.uint64(32)
_40, _48, _63 = np.uint64(40), np.uint64(48), np.uint64(63)


@inner
def _put(byte: int, length: int, block: np.ndarray) -> int:
    """Append a byte to the message; give its new length."""
    block[length >> 3] |= np.uint64(byte) << np.uint64(8 * (length & 7))
    return length + 1


@inner
def _put_number(number: int, length: int, block: np.ndarray) -> int:
    """Append a space and a number, as text."""
    length = _put(32, length, block)
    if number < 0:
        length, number = _put(45, length, block), -number
    unit = 1
    while number // unit >= 10:
        unit *= 10
    while unit > 0:
        length = _put(48 + number // unit % 10, length, block)
        unit //= 10
    return length


@inner
def _mix(state: np.ndarray, a: int, b: int, c: int, d: int, x: np.uint64, y: np.uint64) -> None:
    """Mix two words of the message into four words of the state."""
    va, vb, vc, vd = state[a], state[b], state[c], state[d]
    va = va + vb + x
    vd ^= va
    vd = (vd >> _32) | (vd << _32)
    vc += vd
    vb ^= vc
    vb = (vb >> _24) | (vb << _40)
    va = va + vb + y
    vd ^= va
    vd = (vd >> _16) | (vd << _48)
    vc += vd
    vb ^= vc
    vb = (vb >> _63) | (vb << _1)
    state[a], state[b], state[c], state[d] = va, vb, vc, vd


@inner
def _digest(length: int, block: np.ndarray) -> int:
    """Hash the message; give the digest's upper 52 bits, its first byte first."""
    state = block[16:]
    for place in range(8):
        state[place] = state[place + 8] = _START[place]
    state[0] ^= _PARAMETERS
    state[12] ^= np.uint64(length)
    state[14] ^= _ALL
    for order in _ORDERS:
        _mix(state, 0, 4, 8, 12, block[order[0]], block[order[1]])
        _mix(state, 1, 5, 9, 13, block[order[2]], block[order[3]])
        _mix(state, 2, 6, 10, 14, block[order[4]], block[order[5]])
        _mix(state, 3, 7, 11, 15, block[order[6]], block[order[7]])
        _mix(state, 0, 5, 10, 15, block[order[8]], block[order[9]])
        _mix(state, 1, 6, 11, 12, block[order[10]], block[order[11]])
        _mix(state, 2, 7, 8, 13, block[order[12]], block[order[13]])
        _mix(state, 3, 4, 9, 14, block[order[14]], block[order[15]])
    word = _START[0] ^ _PARAMETERS ^ state[0] ^ state[8]
    swapped = np.uint64(0)
    for _ in range(8):
        swapped = (swapped << np.uint64(8)) | (word & _BYTE)
        word >>= np.uint64(8)
    return int(np.int64(swapped >> np.uint64(12)))


@inner
def _hash(kind: int, first: int, second: int, again: int, block: np.ndarray) -> int:
    for place in range(16):
        block[place] = np.uint64(0)
    length = 0
    for byte in _TEXTS[kind]:
        length = _put(byte, length, block)
    length = _put_number(first, length, block)
    if kind == SPLIT:
        length = _put_number(second, length, block)
    return _digest(_put_number(again, length, block), block)


def _ask_python(kind: int, first: int, second: int, again: int, block: np.ndarray) -> int:
    numbers = (first, second, again) if kind == SPLIT else (first, again)
    return marking(_KINDS[kind], *map(int, numbers))


new_id = _hash if COMPILED else _ask_python
"""Gives the id of a new node.

Args:
    kind: ``SPLIT`` or ``GRAFT``.
    first: The source of the connection that the node splits, or the key of the grafted node.
    second: The connection's target; it does not count for a grafted node.
    again: How many ids of that kind and those numbers are taken.
    block: uint64 [BLOCK], scratch.
"""
