"""The summaries' tab: its handler by itself, and its endpoint through a real server."""

import re
import zipfile
from collections.abc import Callable, Iterator

import gradio as gr
import gradio_client
import pypdf
import pytest

from demo import desk as desks
from demo import page as pages
from demo import reading
from demo.desk import EXAMPLES, Desk, Sheet
from demo.summary import summary_tab
from demo.wording import DONE, friendly
from summarize.coverage import Document
from summarize.inference import Summarizer
from summarize.text import count_words
from tests.demo.reading import tiny_summarizer
from tests.summarize.corpus import documents


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk({"news": tiny_summarizer})


def last(desk: Desk, *arguments: object) -> Sheet:
    return list(desk.summarize(*arguments))[-1]


def said(desk: Desk, *arguments: object) -> str:
    """The sentence that the page shows for input that cannot be used."""
    with pytest.raises(ValueError, match=r"\w") as caught:
        last(desk, *arguments)
    return friendly(caught.value)


def marked(sheet: Sheet) -> list[str]:
    return [word.lower() for word in re.findall("<mark>(.*?)</mark>", sheet.document)]


@pytest.mark.parametrize("text", EXAMPLES.values())
def test_the_words_marked_in_the_document_are_those_of_the_summary(desk, text):
    sheet = last(desk, text, None, "words", 12)
    assert count_words(sheet.summary) == 12
    assert marked(sheet) == re.findall(r"[\w'-]+", sheet.summary.lower())


def test_words_beyond_the_first_sentence_of_a_short_text_are_marked(desk):
    sheet = last(desk, "Rain. The river rose above its banks on Thursday night.", None, "words", 4)
    assert len(marked(sheet)) == 4


def test_so_many_sentences_as_the_slider_says(desk):
    sheet = last(desk, " ".join(documents(60, seed=2)), None, "sentences", 4)
    assert sheet.summary.count(".") == 4


def test_a_page_is_not_filled_with_a_long_document(desk):
    sheet = last(desk, " ".join(documents(600, seed=2)), None, "words", 20)
    assert "[…]" in sheet.document
    assert count_words(sheet.document) < 1000
    assert len(marked(sheet)) == 20


def test_steps_are_told_before_the_summary(desk):
    *steps, end = desk.summarize(documents(1)[0], None, "words", 5)
    assert all(step.message.endswith("…") and not step.summary for step in steps)
    assert end.message.startswith(DONE)


def test_each_preset_is_loaded_once_and_only_when_asked_for():
    asked = []

    def loading(name: str) -> Callable[[], Summarizer]:
        def load() -> Summarizer:
            asked.append(name)
            return tiny_summarizer()

        return load

    desk = Desk({name: loading(name) for name in ("news", "papers")})
    last(desk, documents(1)[0], None, "words", 5)
    assert asked == ["news"]
    for _ in range(2):
        last(desk, documents(1)[0], None, "words", 5, "papers")
    assert asked == ["news", "papers"]
    with pytest.raises(ValueError, match="not poems"):
        last(desk, documents(1)[0], None, "words", 5, "poems")


def test_search_alone_says_so_instead_of_an_empty_box(desk):
    assert "search alone" in last(desk, documents(1)[0], None, "words", 5).rebuilt


def test_a_text_is_shown_as_text_not_run_as_html():
    document = Document("Look <script>alert(1)</script> at <b>this</b> & that.")
    made = desks.highlighted(document, {0: {1, 2}})
    assert "<script" not in made
    assert "<b>" not in made
    assert made.count("<mark>") == 2


def test_of_several_documents_it_is_the_first_and_the_page_says_so(desk, tmp_path):
    path = tmp_path / "two.jsonl"
    path.write_text('{"text": "The cat sat."}\n{"text": "The dog ran."}\n')
    sheet = last(desk, "", str(path))
    assert sheet.summary == "The cat sat."
    assert "this is the first" in sheet.message


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "  \n ", "...!", None])
def test_a_missing_text_is_asked_for(desk, text):
    assert said(desk, text, None).startswith("There is no text yet")


def test_bad_files_give_one_sentence_without_folders(desk, tmp_path):
    open_pdf, locked = pypdf.PdfWriter(), pypdf.PdfWriter()
    for writer in (open_pdf, locked):
        writer.add_blank_page(200, 200)
    locked.encrypt("secret", algorithm="RC4-128")
    open_pdf.write(tmp_path / "scan.pdf")
    locked.write(tmp_path / "locked.pdf")
    (tmp_path / "renamed.pdf").write_text("This is a text.")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\n garbage")
    (tmp_path / "latin.txt").write_bytes("Käse und Brot".encode("latin-1"))
    (tmp_path / "odd.xyz").write_text("A text.")
    (tmp_path / "empty.txt").write_text("")
    reasons = {
        "scan.pdf": "scanned",
        "locked.pdf": "password",
        "renamed.pdf": "not a PDF",
        "broken.pdf": "broken PDF",
        "latin.txt": "save it as UTF-8",
        "odd.xyz": "cannot be read",
        "empty.txt": "empty",
    }
    for name, reason in reasons.items():
        shown = said(desk, "", str(tmp_path / name))
        assert name in shown
        assert reason in shown
        assert str(tmp_path) not in shown
        assert "\n" not in shown


def test_a_file_that_is_too_large_packed_or_unpacked_is_refused(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 10_000)
    monkeypatch.setattr(reading, "MAX_UNPACKED_BYTES", 100_000)
    (tmp_path / "large.txt").write_text("word " * 5000)
    with zipfile.ZipFile(tmp_path / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", " " * 1_000_000)
    for name in ("large.txt", "bomb.docx"):
        assert "too large" in said(desk, "", str(tmp_path / name))


def test_too_many_words_are_refused(desk, monkeypatch):
    monkeypatch.setattr(desks, "MAX_WORDS", 100)
    assert "please cut it to 100" in said(desk, "word " * 101, None)


@pytest.mark.parametrize(("unit", "amount"), [("pages", 3), ("words", 0), ("words", float("nan"))])
def test_a_length_that_makes_no_sense_is_refused(desk, unit, amount):
    assert said(desk, "The cat sat.", None, unit, amount)


# --- served --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(desk, tmp_path_factory) -> Iterator[gradio_client.Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        with gr.Blocks() as page:
            summary_tab(desk)
        pages.launch(page.queue(), prevent_thread_lock=True, quiet=True)
        yield gradio_client.Client(page.local_url, verbose=False)
        page.close()


def test_a_program_summarises_a_text_and_a_file_and_bad_input_is_answered(client, tmp_path):
    def ask(**given: object) -> list[str]:
        return client.predict(**given, api_name="/summarize")[-5:]

    message, line, *_ = ask(text=documents(1, seed=4)[0], amount=6)
    assert message.startswith(DONE)
    assert count_words(line) == 6
    (tmp_path / "renamed.pdf").write_text("This is a text.")
    message, line, *_ = ask(file=gradio_client.handle_file(tmp_path / "renamed.pdf"))
    assert message.startswith("renamed.pdf is not a PDF")
    assert line == ""
    (tmp_path / "page.html").write_text("<html><body><p>The cat sat.</p></body></html>")
    assert ask(file=gradio_client.handle_file(tmp_path / "page.html"))[1] == "The cat sat."
