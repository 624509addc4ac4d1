"""Sobol points, scrambled: fills the unit cube evenly, and every point can be had without those before it.

SciPy has a generator too; ours needs no state (point k is a pure function of k) and not the 0.9 s of importing
`scipy.stats`.

Notation
    k: index of a point; g = k ⊕ ⌊k/2⌋ its Gray code, which only changes the order within each block of 2^m points
    x: 32 binary digits of a coordinate; x_j = ⊕ over the bits i of g that are set of V[i, j], V the direction numbers
    here integers hold the digits reversed, the first binary digit of a coordinate in the lowest bit

Sources
    Direction numbers: Joe & Kuo (2008), "Constructing Sobol sequences with better two-dimensional projections", SIAM J.
    Sci. Comput. 30, 2635-2654, table "new-joe-kuo-6".
    Scrambling: Owen (1995), "Randomly permuted (t,m,s)-nets and (t,s)-sequences", by hashing as in Laine & Karras
    (2011), "Stratified sampling for stochastic transparency", and Burley (2020), "Practical hash-based Owen
    scrambling", JCGT 9(4).
    Hash: Vegdahl (2021), "Building a better LK hash"; SplitMix64: Steele, Lea & Flood (2014).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BITS = 32
MAX_DIMENSIONS = 64
"""Coordinates beyond this many are independent pseudo-random numbers: no net holds much in so many dimensions."""

# Coordinates 2 to 64, each: its primitive polynomial over GF(2) as an integer (degree s), then m_1 ... m_s.
_JOE_KUO = """
3 1; 7 1 3; 11 1 3 1; 13 1 1 1; 19 1 1 3 3; 25 1 3 5 13; 37 1 1 5 5 17; 41 1 1 5 5 5; 47 1 1 7 11 19;
55 1 1 5 1 1; 59 1 1 1 3 11; 61 1 3 5 5 31; 67 1 3 3 9 7 49; 91 1 1 1 15 21 21; 97 1 3 1 13 27 49;
103 1 1 1 15 7 5; 109 1 3 1 15 13 25; 115 1 1 5 5 19 61; 131 1 3 7 11 23 15 103; 137 1 3 7 13 13 15 69;
143 1 1 3 13 7 35 63; 145 1 3 5 9 1 25 53; 157 1 3 1 13 9 35 107; 167 1 3 1 5 27 61 31; 171 1 1 5 11 19 41 61;
185 1 3 5 3 3 13 69; 191 1 1 7 13 1 19 1; 193 1 3 7 5 13 19 59; 203 1 1 3 9 25 29 41; 211 1 3 5 13 23 1 55;
213 1 3 7 3 13 59 17; 229 1 3 1 3 5 53 69; 239 1 1 5 5 23 33 13; 241 1 1 7 7 1 61 123; 247 1 1 7 9 13 61 49;
253 1 3 3 5 3 55 33; 285 1 3 1 15 31 13 49 245; 299 1 3 5 15 31 59 63 97; 301 1 3 1 11 11 11 77 249;
333 1 3 1 11 27 43 71 9; 351 1 1 7 15 21 11 81 45; 355 1 3 7 3 25 31 65 79; 357 1 3 1 1 19 11 3 205;
361 1 1 5 9 19 21 29 157; 369 1 3 7 11 1 33 89 185; 391 1 3 3 3 15 9 79 71; 397 1 3 7 11 15 39 119 27;
425 1 1 3 1 11 31 97 225; 451 1 1 1 3 23 43 57 177; 463 1 3 7 7 17 17 37 71; 487 1 3 1 5 27 63 123 213;
501 1 1 3 5 11 43 53 133; 529 1 3 5 5 29 17 47 173 479; 539 1 3 3 11 3 1 109 9 69; 545 1 1 1 5 17 39 23 5 343;
557 1 3 1 5 25 15 31 103 499; 563 1 1 1 11 11 17 63 105 183; 601 1 1 5 11 9 29 97 231 363;
607 1 1 5 15 19 45 41 7 383; 617 1 3 7 7 31 19 83 137 221; 623 1 1 1 3 23 15 111 223 83;
631 1 1 5 13 31 15 55 25 161; 637 1 1 3 13 25 47 39 87 257
"""

_REVERSED_BYTE = np.array([int(f"{byte:08b}"[::-1], 2) for byte in range(256)], dtype=np.uint8)


def sobol(index: int | NDArray[np.integer], dimensions: int, seed: int) -> NDArray[np.float64]:
    """Points of the scrambled Sobol sequence; the first 2^m of them hit each interval of width 2^-m once.

    Args:
        index: which points, 0 <= index < 2^32: one, or an array of shape (n,).
        dimensions: d >= 1. Coordinates beyond `MAX_DIMENSIONS` are independent uniform numbers.
        seed: >= 0; each seed is another scrambling. Coordinate j does not depend on d.

    Returns:
        Coordinates in [0, 1), shape (d,) for one index, (n, d) for an array.
    """
    seeds, far_seeds = _seeds(seed, dimensions)
    near = _fractions(_scramble(_reversed_digits(index, min(dimensions, MAX_DIMENSIONS)), seeds))
    return near if far_seeds.size == 0 else np.concatenate([near, _uniform(index, far_seeds)], axis=-1)


def unscrambled_sobol(index: int | NDArray[np.integer], dimensions: int) -> NDArray[np.float64]:
    """Points of the Sobol sequence itself, in Gray code order; arguments as in `sobol`, d <= `MAX_DIMENSIONS`."""
    return _fractions(_reversed_digits(index, dimensions))


def _reversed_digits(index: int | NDArray[np.integer], dimensions: int) -> NDArray[np.uint32]:
    """Digits of the points, first digit in the lowest bit: shape (d,) or (n, d)."""
    directions = _directions(dimensions)
    if isinstance(index, (int, np.integer)):
        gray = int(index) ^ (int(index) >> 1)
        rows = [i for i in range(gray.bit_length()) if gray >> i & 1]
        point: NDArray[np.uint32] = np.bitwise_xor.reduce(directions[rows], axis=0)  # of no rows: 0, which is point 0
        return point
    gray_codes = np.asarray(index, dtype=np.uint32) ^ (np.asarray(index, dtype=np.uint32) >> np.uint32(1))
    digits = np.zeros((len(gray_codes), dimensions), dtype=np.uint32)
    for i in range(int(gray_codes.max(initial=0)).bit_length()):
        digits ^= (gray_codes >> np.uint32(i) & np.uint32(1))[:, None] * directions[i]
    return digits


def _scramble(x: NDArray[np.uint32], seeds: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Nested uniform scrambling: every digit is flipped by a hash of the seed and of the digits before it.

    Additions, and products with odd numbers or inside x ⊕ x·even, carry upwards only: with the first digit lowest, no
    digit is touched by those after it, and that keeps the net. Constants: Vegdahl (2021).
    """
    x = x ^ x * np.uint32(0x3D20ADEA)
    x += seeds
    x *= seeds >> np.uint32(16) | np.uint32(1)
    x ^= x * np.uint32(0x05526C56)
    x ^= x * np.uint32(0x53A22864)
    return x


def _fractions(reversed_digits: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Numbers in [0, 1) with these binary digits."""
    digits = _REVERSED_BYTE[reversed_digits.view(np.uint8)].view(np.uint32).byteswap()  # reverses all 32 bits
    return np.asarray(digits * 2.0**-BITS, dtype=np.float64)


@lru_cache(maxsize=64)
def _directions(dimensions: int) -> NDArray[np.uint32]:
    """Direction numbers V with digits reversed, shape (32, d): row i belongs to bit i of the Gray code."""
    rows = [[int(word) for word in row.split()] for row in _JOE_KUO.split(";")]
    columns = [[1] * BITS] + [_direction_numbers(polynomial, m) for polynomial, *m in rows[: dimensions - 1]]
    # m_i / 2^i has i digits: m_i is an integer of i bits whose highest is the first digit
    return np.array(
        [[int(f"{m:0{i}b}"[::-1], 2) for i, m in enumerate(column, start=1)] for column in columns], dtype=np.uint32
    ).T.copy()


def _direction_numbers(polynomial: int, first: list[int]) -> list[int]:
    """m_1 ... m_32 from the first s of them: m_i = ⊕_j 2^j a_j m_(i-j) ⊕ m_(i-s), a_j the polynomial's coefficients."""
    m, s = list(first), len(first)
    for i in range(s, BITS):
        value = m[i - s]
        for j in range(1, s + 1):
            value ^= (polynomial >> (s - j) & 1) * (m[i - j] << j)
        m.append(value)
    return m


@lru_cache(maxsize=256)
def _seeds(seed: int, dimensions: int) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    """A seed for each coordinate: 32 bits for those that are scrambled, 64 for those that are only hashed."""
    # the k-th word of a SeedSequence does not depend on how many are asked for
    near = np.random.SeedSequence(seed).generate_state(min(dimensions, MAX_DIMENSIONS), np.uint32)
    far_sequence = np.random.SeedSequence(seed, spawn_key=(MAX_DIMENSIONS,))
    far = far_sequence.generate_state(max(dimensions - MAX_DIMENSIONS, 0), np.uint64)
    return near.astype(np.uint32), far.astype(np.uint64)


def _uniform(index: int | NDArray[np.integer], seeds: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Independent uniform numbers in [0, 1): output number `index` of SplitMix64 from each seed."""
    counter = np.asarray(index, dtype=np.uint64)[..., None] + np.uint64(1)
    z = seeds + counter * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.asarray((z >> np.uint64(11)) * 2.0**-53, dtype=np.float64)
