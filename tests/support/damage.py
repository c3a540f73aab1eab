"""Damage to files: what disks, copies and cosmic rays do."""

import random
from contextlib import closing
from pathlib import Path

from neatfool.run.sqlite import connect_to_write, transaction


def flip(data: bytes, seed: int) -> bytes:
    """Flip one bit."""
    draw, changed = random.Random(seed), bytearray(data)
    changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def damage(data: bytes, seed: int) -> bytes:
    """Cut, blank, overwrite with chance, or overwrite with another part of the file."""
    draw = random.Random(seed)
    place, other = draw.randrange(len(data)), draw.randrange(len(data))
    size = draw.choice([20, 300, 5000])
    instead = draw.choice([None, bytes(size), draw.randbytes(size), data[other : other + size]])
    if instead is None:
        return data[:place]
    return (data[:place] + instead + data[place + len(instead) :])[: len(data)]


def forge(folder: Path, sql: str, *, own: bool = False) -> None:
    """Change a run's database, and make its digests right; the seal only if it is one's ``own``."""
    with closing(connect_to_write(folder / "run.db")) as connection:
        if not own:
            connection.digests._key = b"somebody else's"  # a stranger has another key
        connection.digests.adopts = True
        with transaction(connection):
            connection.execute(sql)
