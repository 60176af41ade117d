"""Reading and writing files so that nobody meets half a file or an encoding error."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from symrnn.errors import DataError, Location, ReadingError

LARGEST_TEXT = 10_000_000
"""Bytes; a text that somebody wrote by hand is smaller."""


def read_text(path: Path) -> str:
    """The file's UTF-8 text.

    Raises ReadingError where there is no such file, where it is no text, and where it is far too large.
    """
    try:
        if path.is_file() and path.stat().st_size > LARGEST_TEXT:
            raise ReadingError(f"the file has more than {LARGEST_TEXT:,} bytes", location=Location(str(path)))
        data = path.read_bytes()
    except FileNotFoundError:
        raise ReadingError(f'there is no file "{path}"') from None
    except (OSError, ValueError) as problem:
        raise ReadingError(f'the file "{path}" cannot be read: {_reason(problem)}') from None
    return decode(data, str(path))


def decode(data: bytes, source: str) -> str:
    """Bytes as UTF-8 text, a byte order mark dropped; raises ReadingError with the place where they are none.

    >>> decode(b"cell a", "a.cell")
    'cell a'
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise ReadingError(
            f"this is not UTF-8 text (byte {problem.start} is 0x{data[problem.start]:02x})",
            location=Location(source, line),
            hint="Save the file as UTF-8 text.",
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ReadingError("this is not a text: it holds a zero byte", location=Location(source, line))
    return text


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all: what stood there before stays until everything is written.

    Raises DataError where the place cannot be written to.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        _write(path.resolve(), data)
    except OSError as problem:
        raise DataError(f'"{path}" cannot be written: {_reason(problem)}') from None


def _write(path: Path, data: bytes) -> None:
    if path.exists() and not path.is_file():
        # A device or a pipe is written to, never replaced; a folder says so itself.
        path.write_bytes(data)
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _reason(problem: Exception) -> str:
    return (getattr(problem, "strerror", None) or str(problem)).lower()
