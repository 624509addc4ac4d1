"""Records: the framing of TensorFlow's record files, and the wire format of protocol buffers, as far as scalars need.

A record is its length (8 bytes), a checksum of the length (4), its data, and a checksum of the data (4). A message is a
row of fields, each a key (its number and how it is written) and a value.

Reading them here takes no import; that of TensorBoard's own reader takes 0.2 to 0.8 s in every process.
Source: tensorflow/core/lib/io/record_writer.h; protobuf.dev/programming-guides/encoding.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Field = int | bytes
_LONGEST = 1 << 20  # bytes of a record that is read; images and graphs may be longer
_AT_ONCE = 1 << 16  # bytes; most records have 50


@dataclass
class Records:
    """The records of one file that grows, each told once; the last is told when all of it is there.

    What the file held when it was first looked at is passed over, unless it is `fresh`.
    """

    path: Path
    fresh: bool = False

    def __post_init__(self) -> None:
        self._position, self._is_broken = 0, False
        self._old = 0 if self.fresh else self._size()

    def new(self) -> Iterator[bytes]:
        """The records that have come since the last call."""
        size = self._size()
        if self._is_broken or size <= max(self._position, self._old):
            return
        try:
            with self.path.open("rb") as file:
                yield from self._from(file.fileno(), size)
        except OSError:
            return  # it is moved or removed just now

    def _from(self, file: int, size: int) -> Iterator[bytes]:
        window, start = b"", self._position
        while self._position + 16 <= size:
            at = self._position - start
            if at < 0 or at + 12 > len(window):
                window, start, at = os.pread(file, _AT_ONCE, self._position), self._position, 0
            if len(window) - at < 12:
                return
            length, check = struct.unpack_from("<QI", window, at)
            if check != checksum(window[at : at + 8]):
                self._is_broken = True  # there is no way to find the next one
                return
            if self._position + 16 + length > size:
                return
            data = window[at + 12 : at + 12 + length] if length <= _LONGEST else b""
            if len(data) < min(length, _LONGEST) and length <= _LONGEST:
                data = os.pread(file, length, self._position + 12)
            self._position += 16 + length
            if self._position > self._old and data:
                yield data

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except (OSError, ValueError):
            return 0


def fields(message: bytes) -> Iterator[tuple[int, Field]]:
    """(number, value) of each field; numbers as their bits, 4 and 8 byte ones as bytes.

    Raises:
        ValueError: it is no message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == 2:
            length, at = _varint(message, at)
        else:
            length = {1: 8, 5: 4}.get(kind, -1)
        if length < 0 or at + length > len(message):
            raise ValueError(f"no field of a message at byte {at}")
        yield number, message[at : at + length]
        at += length


def varints(packed: bytes) -> Iterator[int]:
    """The whole numbers of a packed field."""
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError(f"no number at byte {at}")


def checksum(data: bytes) -> int:
    """The masked CRC-32C of a record's part."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # Castagnoli's polynomial, reflected
    return byte


_TABLE = [_entry(byte) for byte in range(256)]
