"""Messages between the coordinator and its worker processes: pickles with their length in front."""

import pickle
import struct
from typing import IO, Any

_LENGTH = struct.Struct("<I")


def write_message(pipe: IO[bytes], message: Any) -> None:
    """Writes one message and flushes."""
    data = pickle.dumps(message, protocol=5)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> Any:
    """The next message; raises `EOFError` when the other end is gone."""
    head = _exactly(pipe, _LENGTH.size)
    return pickle.loads(_exactly(pipe, _LENGTH.unpack(head)[0]))


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = pipe.read(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data
