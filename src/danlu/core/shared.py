"""Growing sequences that are values: every version stays as it was, and an append costs O(1).

A history grows by one event at a time, and its earlier versions stay in use (a strategy's memo, a picture's frames).
Two ideas make that cheap:

- `Vector` cuts the items into chunks; a changed version copies one chunk and the list of chunks.
- `Index` and `Columns` let all versions of one lineage share a store that only ever grows; a version is the store and
  a length. Whoever appends to a version that is not the longest copies first, so a fork never sees the other branch;
  unless what is appended is the same, as when a decision is worked out on a history to be and then recorded.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
_CHUNK = 256  # one changed item copies 256 pointers (0.3 µs) and n / 256 chunks


class Vector(Sequence[T], Generic[T]):
    """An immutable sequence of which changed versions are cheap."""

    __slots__ = ("_chunks", "_length")

    def __init__(self, chunks: tuple[list[T], ...] = (), length: int = 0) -> None:
        self._chunks, self._length = chunks, length

    def append(self, item: T) -> "Vector[T]":
        """The sequence with one more item."""
        if self._length % _CHUNK == 0:
            return Vector((*self._chunks, [item]), self._length + 1)
        return Vector((*self._chunks[:-1], [*self._chunks[-1], item]), self._length + 1)

    def replace(self, k: int, item: T) -> "Vector[T]":
        """The sequence with another k-th item."""
        i, j = divmod(k, _CHUNK)
        chunk = self._chunks[i].copy()
        chunk[j] = item
        return Vector((*self._chunks[:i], chunk, *self._chunks[i + 1 :]), self._length)

    def is_same(self, other: "Vector[T]", count: int) -> bool:
        """Whether the first `count` items of both are the same objects; costs O(chunks) where they share those."""
        if count > min(self._length, other._length):
            return False
        pairs = zip(self._chunks, other._chunks, range(count, 0, -_CHUNK), strict=False)
        return all(a is b or all(x is y for x, y in zip(a[:rest], b[:rest], strict=True)) for a, b, rest in pairs)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, k: int) -> T: ...
    @overload
    def __getitem__(self, k: slice) -> list[T]: ...
    def __getitem__(self, k: int | slice) -> T | list[T]:
        if isinstance(k, slice):
            return [self[i] for i in range(*k.indices(self._length))]
        if k < 0:
            k += self._length
        if not 0 <= k < self._length:
            raise IndexError(k)
        return self._chunks[k // _CHUNK][k % _CHUNK]

    def __iter__(self) -> Iterator[T]:
        for chunk in self._chunks:
            yield from chunk

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vector) and list(self) == list(other)

    def __hash__(self) -> int:
        raise TypeError("a Vector can't be hashed")

    def __repr__(self) -> str:
        return f"Vector({list(self)!r})"


class Index(Generic[T]):
    """Which key came first at which number: the configs that were tried. A number may have none (None)."""

    __slots__ = ("_count", "_shared")

    def __init__(self, shared: tuple[dict[T, int], list[T | None]] | None = None, count: int = 0) -> None:
        self._shared = ({}, []) if shared is None else shared
        self._count = count

    def append(self, key: T | None) -> "Index[T]":
        """The index with one more key, numbered by how many there were."""
        numbers, keys = self._shared
        if len(keys) > self._count and keys[self._count] != key:
            numbers, keys = {k: n for k, n in numbers.items() if n < self._count}, keys[: self._count]
        if len(keys) == self._count:
            if key is not None:
                numbers.setdefault(key, self._count)
            keys.append(key)
        return Index((numbers, keys), self._count + 1)

    def get(self, key: T) -> int | None:
        """The number at which the key came first; None if it never came."""
        number = self._shared[0].get(key)
        return None if number is None or number >= self._count else number

    @property
    def distinct(self) -> int:
        """How many different keys there are."""
        numbers, keys = self._shared
        return len(numbers) if len(keys) == self._count else sum(n < self._count for n in numbers.values())


@dataclass(frozen=True)
class Row:
    """What one finished trial adds to the columns; arrays of shapes (d,), (m,), (c,)."""

    u: NDArray[np.float64]
    losses: Sequence[float]
    bounds: Sequence[float]


class _Store:
    """Numbers of the finished trials, and their rows as far as somebody asked for them."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers, self.filled = numbers, 0
        self.index = np.empty(0, dtype=np.int64)
        self.u = self.losses = self.bounds = np.empty((0, 0))
        self.memos: dict[Hashable, Any] = {}

    def fill(self, count: int, row_of: Callable[[int], Row]) -> None:
        for k in range(self.filled, count):
            row = row_of(self.numbers[k])
            if k >= len(self.u):
                self._grow(row)
            self.index[k] = self.numbers[k]
            self.u[k], self.losses[k], self.bounds[k] = row.u, row.losses, row.bounds
        self.filled = max(self.filled, count)

    def _grow(self, row: Row) -> None:
        count = len(self.u)
        self.index = grown(self.index, count, max(64, 2 * count))
        for name in ("u", "losses", "bounds"):
            old = getattr(self, name).reshape(count, len(getattr(row, name)))
            setattr(self, name, grown(old, count, max(64, 2 * count)))


class Columns:
    """The finished trials in order of finishing, as arrays that are filled when asked for, each row once."""

    __slots__ = ("_length", "_store")

    def __init__(self, store: _Store | None = None, length: int = 0) -> None:
        self._store = _Store([]) if store is None else store
        self._length = length

    def append(self, number: int) -> "Columns":
        """The columns with one more finished trial."""
        store = self._store
        if len(store.numbers) != self._length:
            store = _Store(store.numbers[: self._length])
        store.numbers.append(number)
        return Columns(store, self._length + 1)

    def __len__(self) -> int:
        return self._length

    @property
    def numbers(self) -> list[int]:
        """Numbers of the finished trials in order of finishing."""
        return self._store.numbers[: self._length]

    @property
    def memos(self) -> dict[Hashable, Any]:
        """What was worked out of these trials, or of the first of them, or of these and later ones."""
        return self._store.memos

    def read(
        self, row_of: Callable[[int], Row]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Read-only numbers (n,), u (n, d), losses (n, m), constraint losses (n, c); only new rows are computed."""
        store = self._store
        store.fill(self._length, row_of)
        views = tuple(a[: self._length] for a in (store.index, store.u, store.losses, store.bounds))
        for view in views:
            view.flags.writeable = False
        return views  # type: ignore[return-value]


def grown(array: NDArray[Any], count: int, capacity: int) -> NDArray[Any]:
    """An array of `capacity` rows, of which the first `count` are those of the given one."""
    wider = np.empty((capacity, *array.shape[1:]), dtype=array.dtype)
    wider[:count] = array[:count]
    return wider
