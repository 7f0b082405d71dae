"""Small documents of each format, made here."""

from pathlib import Path

import docx

from summarize.paper import pdf_bytes

__all__ = ["pdf_bytes", "write_docx"]


def write_docx(path: Path, paragraphs: list[str], rows: list[list[str]] | None = None) -> Path:
    """A docx file of these paragraphs and, after them, a table."""
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    if rows:
        table = document.add_table(rows=0, cols=len(rows[0]))
        for row in rows:
            for cell, text in zip(table.add_row().cells, row, strict=True):
                cell.text = text
    document.save(str(path))
    return path
