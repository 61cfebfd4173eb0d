"""Arrays that grow on disk while a table is read, and are then looked into as if they lay in memory."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


class Spill:
    """Appends arrays of one type and width to a file; memory: none but the operating system's cache."""

    def __init__(self, path: Path, dtype: npt.DTypeLike, width: int | None = None) -> None:
        """`width` None: a flat array; else rows of that many numbers."""
        self._path, self._dtype, self._width = path, np.dtype(dtype), width
        self._file = path.open("wb")
        self._numbers = 0

    def append(self, array: npt.NDArray[Any]) -> None:
        """Write `array` behind what was written before."""
        array.astype(self._dtype, copy=False).tofile(self._file)
        self._numbers += array.size

    def close(self) -> npt.NDArray[Any]:
        """All that was written, as an array that is read from disk where it is looked at."""
        self._file.close()
        shape = (self._numbers,) if self._width is None else (self._numbers // self._width, self._width)
        if not self._numbers:  # an empty file cannot be mapped
            return np.empty(shape, self._dtype)
        return np.memmap(self._path, self._dtype, "r", shape=shape)


def give_back(array: npt.NDArray[Any]) -> None:
    """Let the operating system have the memory that holds what was read of a spilled array; it stays readable.

    Pages that were looked at stay in the process otherwise, until all of the file is in memory after all.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
