"""Uploaded documents: what is let in, and their text."""

import zipfile
from pathlib import Path

from summarize.documents import SUFFIXES, Document, read_documents

MAX_FILE_BYTES = 20_000_000
# Of a zipped document: a small file can hold a lot of nothing.
MAX_UNPACKED_BYTES = 200_000_000
MAX_WORDS = 200_000


def checked(path: str) -> Path:
    """The path of a file that may be read.

    Raises ValueError with one sentence for other kinds of files and for what is too large.
    """
    place = Path(path)
    if place.suffix.lower() not in SUFFIXES:
        kinds = ", ".join(sorted(set(SUFFIXES.values())))
        raise ValueError(f"{place} is of a kind that cannot be read; these can: {kinds}.")
    if place.stat().st_size > MAX_FILE_BYTES or _unpacked(place) > MAX_UNPACKED_BYTES:
        raise ValueError(f"{place} is too large; please keep to {MAX_FILE_BYTES // 10**6} MB.")
    return place


def read_all(path: str) -> list[Document]:
    """The documents of an upload; raises ValueError if it is too large or cannot be read."""
    place = checked(path)
    try:
        return list(read_documents(place))
    except ValueError as error:
        if isinstance(error.__cause__, UnicodeDecodeError) and "--encoding" in str(error):
            raise ValueError(f"{place} is not UTF-8 text; please save it as UTF-8.") from error
        raise


def read_file(path: str) -> tuple[str, str]:
    """(the text of an upload, what there is to remark about it); of several texts the first."""
    first, *others = read_all(path)
    return first.text, " The file holds several documents; this is the first." if others else ""


def _unpacked(path: Path) -> int:
    """Bytes of what a zip file holds; 0 for any other file, and a broken one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError):
        return 0
