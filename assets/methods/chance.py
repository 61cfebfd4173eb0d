"""Random numbers that belong to ids: a row draws the same one whatever other rows there are and in whatever order.

So a pool that grows by a few rows does not deal all numbers anew. A purpose keeps draws for different ends apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

_BITS = 52  # so that the middle of the highest step is below 1, too


def uniform(ids: Iterable[str], seed: int, purpose: str) -> npt.NDArray[np.float64]:
    """(n,) float64, evenly spread over 0 to 1, both excluded: the first bits of the keyed BLAKE2b of each id.

    The same for an id, seed and purpose everywhere. Cost: about 1 microsecond an id.
    """
    key = hashlib.blake2b(f"{seed}\0{purpose}".encode(), digest_size=32).digest()
    start = hashlib.blake2b(digest_size=8, key=key)
    digests = []
    for name in ids:
        hashed = start.copy()
        hashed.update(name.encode("utf-8", "surrogatepass"))
        digests.append(hashed.digest())
    numbers = np.frombuffer(b"".join(digests), dtype="<u8") >> np.uint64(64 - _BITS)
    return (numbers.astype(np.float64) + 0.5) / 2.0**_BITS


def gumbel(ids: Iterable[str], seed: int, purpose: str) -> npt.NDArray[np.float64]:
    """(n,) float64 from the standard Gumbel distribution, -log(-log u), by id as in `uniform`.

    Added to log weights, the highest k are a draw of k without replacement in proportion to the weights.
    """
    return as_gumbel(uniform(ids, seed, purpose))


def as_gumbel(uniforms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Numbers between 0 and 1, both excluded, as numbers from the standard Gumbel distribution; it rises with them."""
    found: npt.NDArray[np.float64] = -np.log(-np.log(uniforms))
    return found
