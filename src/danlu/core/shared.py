"""Growing sequences that are values: every version stays as it was, and an append costs O(1).

A history grows by one event at a time, and its earlier versions stay in use (a strategy's memo, a picture's frames).
Three ideas make that cheap:

- `Vector` cuts the items into chunks; a changed version copies one chunk and the list of chunks.
- `Numbers` is a set of small numbers as the bits of an int.
- `Index` and `Columns` let all versions of one lineage share a store that only ever grows; a version is the store and
  a length. Whoever appends to a version that is not the longest copies first, so a fork never sees the other branch;
  unless what is appended is the same, as when a decision is worked out on a history to be and then recorded.
"""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
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

    def updated(self, items: Mapping[int, T]) -> "Vector[T]":
        """The sequence with these items at these places, each chunk copied once; places beyond its end follow it."""
        chunks, length = list(self._chunks), self._length
        copied: set[int] = set()
        for k in sorted(items):
            i, j = divmod(k, _CHUNK)
            if i == len(chunks):
                chunks.append([])
            elif i not in copied:
                chunks[i] = chunks[i].copy()
            copied.add(i)
            if k < length:
                chunks[i][j] = items[k]
            else:
                chunks[i].append(items[k])
                length += 1
        return Vector(tuple(chunks), length)

    def changes(self, since: "Vector[T]") -> list[int]:
        """Places of the items that are not the same objects in an earlier version, ascending; chunks are told alike.

        Costs O(chunks), and 256 comparisons for each chunk that changed.
        """
        found: list[int] = []
        for i, chunk in enumerate(self._chunks):
            old = since._chunks[i] if i < len(since._chunks) else []
            if chunk is not old:
                begin = i * _CHUNK
                found += [begin + j for j, (a, b) in enumerate(zip(chunk, old, strict=False)) if a is not b]
                found += range(begin + len(old), begin + len(chunk))
        return found

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


class Numbers:
    """An immutable set of numbers from 0 on, in ascending order. A change copies 2.5 KB for numbers up to 20,000."""

    __slots__ = ("_bits",)

    def __init__(self, bits: int = 0) -> None:
        self._bits = bits

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "Numbers":
        """The set of some numbers."""
        bits = bytearray()
        for k in numbers:
            bits.extend(bytes(max(k // 8 + 1 - len(bits), 0)))
            bits[k // 8] |= 1 << k % 8
        return cls(int.from_bytes(bits, "little"))

    def plus(self, k: int) -> "Numbers":
        """With one more."""
        return Numbers(self._bits | 1 << k)

    def minus(self, k: int) -> "Numbers":
        """Without one."""
        return Numbers(self._bits & ~(1 << k))

    def __or__(self, other: "Numbers") -> "Numbers":
        return Numbers(self._bits | other._bits)

    def __contains__(self, k: int) -> bool:
        return bool(self._bits >> k & 1)

    def __len__(self) -> int:
        return self._bits.bit_count()

    def __iter__(self) -> Iterator[int]:
        return iter(self._array().tolist())

    def last(self, count: int) -> list[int]:
        """The largest of them, ascending."""
        array = self._array()
        found: list[int] = array[max(len(array) - count, 0) :].tolist()
        return found

    def __repr__(self) -> str:
        return f"Numbers({list(self)})"

    def _array(self) -> NDArray[np.int64]:
        # what runs is among the newest trials, so of 100,000 only those from the first of them on are looked at
        first = max((self._bits & -self._bits).bit_length() - 1, 0)
        bits = self._bits >> first
        packed = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
        return np.unpackbits(np.frombuffer(packed, dtype=np.uint8), bitorder="little").nonzero()[0] + first


class Index(Generic[T]):
    """Which key came first at which number: the configs that were tried. A number may have none (None)."""

    __slots__ = ("_count", "_shared")

    def __init__(self, shared: tuple[dict[T, int], list[T | None], list[int]] | None = None, count: int = 0) -> None:
        self._shared = (
            ({}, [], []) if shared is None else shared
        )  # first numbers, keys, numbers of keys that came again
        self._count = count

    def append(self, key: T | None) -> "Index[T]":
        """The index with one more key, numbered by how many there were."""
        numbers, keys, again = self._shared
        if len(keys) > self._count and keys[self._count] != key:
            numbers, keys = {k: n for k, n in numbers.items() if n < self._count}, keys[: self._count]
            again = [n for n in again if n < self._count]
        if len(keys) == self._count:
            if key is not None and numbers.setdefault(key, self._count) != self._count:
                again.append(self._count)
            keys.append(key)
        return Index((numbers, keys, again), self._count + 1)

    def get(self, key: T) -> int | None:
        """The number at which the key came first; None if it never came."""
        number = self._shared[0].get(key)
        return None if number is None or number >= self._count else number

    @property
    def distinct(self) -> int:
        """How many different keys there are."""
        numbers, keys, _ = self._shared
        return len(numbers) if len(keys) == self._count else sum(n < self._count for n in numbers.values())

    @property
    def again(self) -> list[int]:
        """Numbers whose key had come before, ascending."""
        again = self._shared[2]
        return again[: bisect_left(again, self._count)]


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

    def without(self, numbers: Set[int]) -> "Columns":
        """The columns without some of the trials. The rows of the others are kept, what was worked out of them not."""
        old = self._store
        kept = [k for k in range(self._length) if old.numbers[k] not in numbers]
        store = _Store([old.numbers[k] for k in kept])
        store.filled = bisect_left(kept, old.filled)
        rows = kept[: store.filled]
        store.index = old.index[rows]
        store.u, store.losses, store.bounds = old.u[rows], old.losses[rows], old.bounds[rows]
        return Columns(store, len(kept))

    @property
    def last(self) -> int | None:
        """Number of the trial that finished last."""
        return self._store.numbers[self._length - 1] if self._length else None

    def __len__(self) -> int:
        return self._length

    def latest(self, count: int) -> list[int]:
        """Numbers of the trials that finished last, at most so many, in order of finishing; O(count)."""
        return self._store.numbers[max(self._length - count, 0) : self._length]

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
