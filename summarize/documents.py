"""Documents of several formats as plain text, or one line that says why not."""

import gzip
import io
import json
import logging
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SUFFIXES = {
    ".txt": "txt",
    ".text": "txt",
    ".md": "md",
    ".markdown": "md",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
# What is recognised and cannot be read, with what to do about it.
REFUSED = {
    ".doc": "save it as .docx",
    ".odt": "save it as .docx",
    ".rtf": "save it as .docx",
    ".epub": "convert it to .html",
    ".pptx": "save it as .pdf",
    ".ppt": "save it as .pdf",
    ".xlsx": "save it as .txt",
    ".xls": "save it as .txt",
    ".json": "give .jsonl, one object a line",
}
TEXT_KEYS = ("document", "text", "article", "content", "body", "abstract")
NAME_KEYS = ("id", "name", "title")
NOT_TEXT = ("script", "style", "nav", "header", "footer", "aside", "form", "noscript", "template")
SHORTEST_FULL_PAGE = 6  # lines; a shorter page may be all text
BLOCKS = re.compile(
    "^(?:p|h[1-6]|li|div|section|article|main|blockquote|tr|td|th|dt|dd|pre|figcaption|br)$"
)


class DocumentError(ValueError):
    """A document that cannot be read; the message is one line."""


class Document(NamedTuple):
    """A text, and the name its summary is reported under."""

    name: str
    text: str


def read_documents(path: str | Path, encoding: str = "utf-8") -> Iterator[Document]:
    """The documents in a file, or in standard input if ``path`` is ``-``.

    A file is one document, but for jsonl, where each line is one: an object with the text under
    one of `TEXT_KEYS`. Raises DocumentError, at the first document that is concerned, if the file
    is missing, damaged, of an unknown kind, not text in ``encoding``, or empty.
    """
    if str(path) == "-":
        yield from _read("-", sys.stdin.buffer.read(), None, encoding)
        return
    path = Path(path)
    if path.is_dir():
        raise DocumentError(f"{path} is a folder; give the files in it")
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in REFUSED:
        raise DocumentError(f"{path}: {suffixes[-1]} is not supported; {REFUSED[suffixes[-1]]}")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DocumentError(f"{path}: no such file") from None
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}") from error
    if suffixes and suffixes[-1] == ".gz":
        content = _unzipped(path, content)
        suffixes.pop()
    kind = SUFFIXES.get(suffixes[-1]) if suffixes else None
    yield from _read(str(path), content, kind, encoding)


def find_documents(folder: str | Path) -> list[Path]:
    """The files below ``folder`` that have a suffix of ours, sorted; hidden ones are left out.

    Raises DocumentError if there is none.
    """
    folder = Path(folder)
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise DocumentError(f"{folder} holds no {', '.join(sorted(SUFFIXES))} file")
    return found


def read_lines(path: str | Path, encoding: str = "utf-8") -> Iterator[str]:
    """The non-empty lines of a txt or jsonl file, gzipped or not, one after the other.

    Of a jsonl line it is the text. The file is never in memory as a whole. Raises DocumentError
    for a file that cannot be read or a broken line, with its number.
    """
    path = Path(path)
    suffixes = [s.lower() for s in path.suffixes]
    opened = gzip.open if suffixes[-1:] == [".gz"] else open
    if opened is gzip.open:
        suffixes.pop()
    is_jsonl = bool(suffixes) and SUFFIXES.get(suffixes[-1]) == "jsonl"
    try:
        with opened(path, "rt", encoding=encoding) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _from_json(str(path), number, line).text if is_jsonl else line.strip()
    except FileNotFoundError:
        raise DocumentError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}: {_wrong_encoding(error, encoding)}") from error
    except (OSError, EOFError) as error:
        raise DocumentError(f"{path} cannot be read: {error}") from error


def _read(name: str, content: bytes, kind: str | None, encoding: str) -> Iterator[Document]:
    if not content.strip():
        raise DocumentError(f"{name}: the document is empty")
    if kind == "jsonl":
        yield from _read_jsonl(name, content, encoding)
        return
    sniffed = _sniff(content)
    if kind is None or (sniffed and kind in ("txt", "md")):
        kind = sniffed or kind or "txt"
    if kind == "pdf":
        text = _read_pdf(name, content)
    elif kind == "docx":
        text = _read_docx(name, content)
    else:
        text = _decode(name, content, encoding)
        text = {"html": _from_html, "md": _from_markdown, "txt": str}[kind](text)
    if not text.strip():
        raise DocumentError(f"{name}: the document holds no text")
    yield Document(name, text)


def _sniff(content: bytes) -> str | None:
    """The kind that the first bytes show, for standard input and files of another suffix."""
    if content.lstrip()[:5] == b"%PDF-":
        return "pdf"
    if content[:4] == b"PK\x03\x04":
        return "docx"
    if re.match(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html)\b", content[:1000], re.I):
        return "html"
    return None


def _read_pdf(name: str, content: bytes) -> str:
    from pypdf import PdfReader
    from pypdf.errors import FileNotDecryptedError

    # it reports every oddity of a file; ours is one line, at the end
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    if b"%PDF-" not in content[:1024]:
        raise DocumentError(f"{name} is not a PDF (it does not begin with %PDF-)")
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError(f"{name} is protected by a password; save an open copy")
        pages = [page.extract_text() for page in reader.pages]
    except FileNotDecryptedError:
        raise DocumentError(f"{name} is protected by a password; save an open copy") from None
    except DocumentError:
        raise
    except ImportError as error:
        raise DocumentError(f"{name} is encrypted in a way that needs {error.name}") from error
    # a damaged file raises PyPdfError or whatever its broken objects lead to
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DocumentError(f"{name} is a broken PDF: {reason[:120]}") from error
    if not any(page.strip() for page in pages):
        raise DocumentError(
            f"{name} holds {len(pages)} page(s) without text: it seems scanned; run OCR on it first"
        )
    return _joined_pages(pages)


def _joined_pages(pages: list[str]) -> str:
    """The text of pages, without page numbers and running heads, words mended at line ends."""
    lines = [[line.strip() for line in page.splitlines() if line.strip()] for page in pages]
    # digits may count pages: "Report 2026 - 17" is one running head
    long = [page for page in lines if len(page) >= SHORTEST_FULL_PAGE]
    heads = Counter(key for page in long for key in {_head(x) for x in page[:2] + page[-2:]})
    repeated = {key for key, n in heads.items() if n > 2 and n > len(pages) / 3}
    text = "\n".join(
        line
        for page in lines
        for i, line in enumerate(page)
        if not (_head(line) in repeated and (i < 2 or i >= len(page) - 2))
        and not re.fullmatch(r"[\divxlc.\-– ]{1,8}", line)
    )
    return re.sub(r"(?<=[^\W\d_])-\n(?=[a-z])", "", text)


def _head(line: str) -> str:
    return re.sub(r"\d+", "0", line)


def _read_docx(name: str, content: bytes) -> str:
    import docx
    from docx.table import Table

    try:
        document = docx.Document(io.BytesIO(content))
        blocks = []
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                blocks += [" ".join(_cells(row)) for row in block.rows]
            else:
                blocks.append(block.text)
    except zipfile.BadZipFile as error:
        raise DocumentError(f"{name} is a broken docx: {error}") from error
    # python-docx raises KeyError, ValueError and its own for a zip file that is something else
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DocumentError(f"{name} is not a readable docx: {reason[:120]}") from error
    return "\n\n".join(block for block in blocks if block.strip())


def _cells(row: object) -> list[str]:
    """The texts of a row, a merged cell once."""
    texts = (cell.text.strip() for cell in row.cells)
    return list(dict.fromkeys(text for text in texts if text))


def _from_html(text: str) -> str:
    import warnings

    from bs4 import BeautifulSoup, Comment, XMLParsedAsHTMLWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        soup = BeautifulSoup(text, "lxml")
    for tag in soup(NOT_TEXT):
        tag.decompose()
    for comment in soup.find_all(string=lambda s: isinstance(s, Comment)):
        comment.extract()
    articles = soup.find_all("article")
    root = articles[0] if len(articles) == 1 else soup.find("main") or soup.body or soup
    for tag in root.find_all(BLOCKS):
        tag.insert_before("\n\n")
        tag.insert_after("\n\n")
    return re.sub(r"\n\s*\n\s*", "\n\n", root.get_text()).strip()


def _from_markdown(text: str) -> str:
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)  # front matter
    text = re.sub(r"^(```|~~~).*?^\1[^\n]*$", "\n", text, flags=re.S | re.M)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"!\[([^\]]*)\]\([^)]*\)", "", text)
    text = re.sub(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])", r"\1", text)
    text = re.sub(r"</?[a-zA-Z][^<>]{0,200}>", "", text)
    text = re.sub(r"^[ \t]*(?:=+|-+|[-*_ ]{3,}|[|: -]{3,})[ \t]*$", "\n", text, flags=re.M)
    # headings, items and rows of tables stand alone
    text = re.sub(r"^[ \t]*#{1,6}[ \t]*(.*?)[ \t#]*$", r"\n\1\n", text, flags=re.M)
    text = re.sub(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]+", "\n", text, flags=re.M)
    text = re.sub(r"^[ \t]*>[ \t]?", "", text, flags=re.M)
    text = re.sub(r"^[ \t]*\|(.*)\|[ \t]*$", lambda m: m[1].replace("|", " "), text, flags=re.M)
    text = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    text = re.sub(r"(?<!\w)([*_])(?=\S)(.+?)(?<=\S)\1(?!\w)", r"\2", text)
    return re.sub(r"`+([^`]*)`+", r"\1", text).strip()


def _read_jsonl(name: str, content: bytes, encoding: str) -> Iterator[Document]:
    for number, line in enumerate(_decode(name, content, encoding).splitlines(), start=1):
        if line.strip():
            yield _from_json(name, number, line)


def _from_json(name: str, number: int, line: str) -> Document:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DocumentError(f"{name}, line {number}: not JSON ({error})") from error
    if isinstance(row, str):
        row = {"text": row}
    key = next((k for k in TEXT_KEYS if isinstance(row, dict) and isinstance(row.get(k), str)), "")
    if not key:
        raise DocumentError(
            f"{name}, line {number}: no text; give an object with one of {', '.join(TEXT_KEYS)}"
        )
    if not row[key].strip():
        raise DocumentError(f"{name}, line {number}: the document is empty")
    label = next((str(row[k]) for k in NAME_KEYS if row.get(k)), str(number))
    return Document(f"{name}:{label}", row[key])


def _decode(name: str, content: bytes, encoding: str) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif b"\0" in content[:65536]:
        raise DocumentError(f"{name} is binary, not text")
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except LookupError:
        raise DocumentError(f"no such encoding: {encoding}") from None
    except UnicodeDecodeError as error:
        sample = content[:65536]
        odd = sum(byte < 9 or 13 < byte < 32 for byte in sample)
        if odd > len(sample) / 50:
            raise DocumentError(f"{name} is binary, not text") from error
        raise DocumentError(f"{name}: {_wrong_encoding(error, encoding)}") from error
    return text


def _wrong_encoding(error: UnicodeDecodeError, encoding: str) -> str:
    return (
        f"not {encoding} (byte 0x{error.object[error.start]:02x} at {error.start}); "
        "give its --encoding, such as latin-1, or convert it"
    )


def _unzipped(path: Path, content: bytes) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise DocumentError(f"{path} is a broken gz file: {error}") from error
