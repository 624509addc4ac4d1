import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.programs.records import Records, checksum, fields, varints


def framed(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", checksum(length)) + data + struct.pack("<I", checksum(data))


def test_checksum_is_that_of_the_specification() -> None:
    # CRC-32C of nine digits is e3069283 (RFC 3720, appendix B.4 uses the same polynomial), masked as TensorFlow does
    crc = 0xE3069283
    assert checksum(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def test_record_is_told_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    path, data = tmp_path / "events", framed(b"one") + framed(b"two") + framed(b"x" * 100_000)
    records, told = Records(path), []
    for end in (0, 5, 19, 20, 38, 50, 90_000, len(data)):
        path.write_bytes(data[:end])
        told.append([record[:3] for record in records.new()])
    assert told == [[], [], [b"one"], [], [b"two"], [], [], [b"xxx"]]


def test_what_the_file_held_before_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(framed(b"old"))
    records, fresh = Records(path), Records(path, fresh=True)
    assert list(records.new()) == []
    path.write_bytes(framed(b"old") + framed(b"new"))
    assert list(records.new()) == [b"new"]
    assert list(fresh.new()) == [b"old", b"new"]


def test_image_is_passed_over_without_being_read(tmp_path: Path) -> None:
    length = struct.pack("<Q", 3 << 20)
    image = length + struct.pack("<I", checksum(length)) + bytes((3 << 20) + 4)
    (tmp_path / "events").write_bytes(framed(b"a") + image + framed(b"b"))
    assert list(Records(tmp_path / "events", fresh=True).new()) == [b"a", b"b"]


def test_damaged_file_ends_where_the_damage_is(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(framed(b"a") + b"garbage that is no record" + framed(b"b"))
    records = Records(tmp_path / "events", fresh=True)
    assert list(records.new()) == [b"a"]
    assert list(records.new()) == []


@given(st.binary())
def test_no_bytes_raise_anything_but_value_error(data: bytes) -> None:
    for parse in (fields, varints):
        try:
            list(parse(data))
        except ValueError:
            continue


def test_fields_are_numbers_and_bytes() -> None:
    assert list(fields(b"\x08\x96\x01\x12\x03abc\x1d\x00\x00\x80\x3f")) == [
        (1, 150),
        (2, b"abc"),
        (3, b"\x00\x00\x80\x3f"),
    ]
    with pytest.raises(ValueError, match="byte"):
        list(fields(b"\x12\x7fabc"))
