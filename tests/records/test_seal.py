import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.errors import StoreError
from danlu.records import seal


def sealed(data):
    file = io.BytesIO()
    sealing = seal.Sealing(file)
    for k in range(0, len(data), 7):
        sealing.write(data[k : k + 7])
    sealing.seal()
    return file.getvalue()


@given(st.binary(max_size=200))
def test_what_was_sealed_is_and_keeps_its_content_at_the_front(data):
    file = io.BytesIO(sealed(data))
    assert seal.is_sealed(file)
    assert file.read() == data + file.getvalue()[-seal.LENGTH :]


@given(st.binary(max_size=100), st.integers(0, 1000), st.integers(1, 255))
def test_any_other_byte_breaks_the_seal(data, place, change):
    changed = bytearray(sealed(data))
    changed[place % len(changed)] ^= change
    assert not seal.is_sealed(io.BytesIO(bytes(changed)))


@given(st.binary(max_size=100), st.integers(1, 100))
def test_so_does_a_byte_more_or_less(data, count):
    whole = sealed(data)
    assert not seal.is_sealed(io.BytesIO(whole[:-count]))
    assert not seal.is_sealed(io.BytesIO(b"x" * count + whole))


def test_a_seal_of_another_is_replaced_and_not_added_to(monkeypatch):
    theirs, ours = sealed(b"content"), io.BytesIO()
    monkeypatch.setenv("DANLU_KEY", "ab" * 32)
    assert not seal.is_sealed(io.BytesIO(theirs))
    seal.copy_sealed(io.BytesIO(theirs), ours)
    assert ours.getvalue() == sealed(b"content")
    assert len(ours.getvalue()) == len(theirs)


@pytest.mark.parametrize("said", ["ab", "xy" * 32, "ab" * 33])
def test_a_key_that_is_none_is_refused(monkeypatch, said):
    monkeypatch.setenv("DANLU_KEY", said)
    with pytest.raises(StoreError, match="64 hexadecimal digits"):
        seal.key()


def test_a_damaged_key_is_refused(monkeypatch, tmp_path):
    monkeypatch.delenv("DANLU_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    seal.key(make=True)
    (tmp_path / "danlu" / "key").write_bytes(b"short")
    with pytest.raises(StoreError, match="holds 5 bytes, no key of 32"):
        seal.key()
