"""The map of documents: the examples, ways between documents, search, and the odd one."""

import re

import pytest

from demo import library, reading
from summarize.documents import Document


@pytest.fixture(scope="module")
def shelf() -> library.Shelf:
    return library.read_examples()


def test_the_examples_are_enough_to_be_screened_and_have_names_of_their_own(shelf):
    assert len(shelf.documents) >= 20
    assert len(set(shelf.names)) == len(shelf.names)
    assert not any("jsonl" in name for name in shelf.names)


def test_a_way_begins_and_ends_where_it_should_and_passes_nothing_twice(shelf):
    way, text = library.path(shelf, "Harbour storm", "Apple cake")
    assert (way[0], way[-1]) == ("Harbour storm", "Apple cake")
    assert len(way) > 2
    assert len(set(way)) == len(way)
    assert text.count("<li>") == len(way)


@pytest.mark.parametrize(
    "pair", [("Apple cake", "Apple cake"), ("Apple cake", "no such"), (None,) * 2]
)
def test_a_way_needs_two_documents(shelf, pair):
    with pytest.raises(ValueError, match=r"^Please choose two"):
        library.path(shelf, *pair)


@pytest.mark.parametrize("method", library.METHODS)
def test_an_example_finds_documents_about_the_same(shelf, method):
    table = library.found(
        shelf, "a comet and planets, seen by astronomers with a telescope", method
    )
    first = re.search(r'<th scope="row">(.*?)</th>', table)[1]
    assert first in ("Moons of the giant", "A comet returns", "The quiet star")


@pytest.mark.parametrize(("query", "method"), [("", "bm25"), (None, "lsa"), ("ice", "magic")])
def test_a_search_for_nothing_or_by_nothing_is_refused(shelf, query, method):
    with pytest.raises(ValueError, match=r"\.$"):
        library.found(shelf, query, method)


def test_the_letter_about_a_cat_is_the_odd_one_of_the_examples(shelf):
    table = library.oddest(shelf, 10)
    assert re.search(r'odd-one"><th scope="row">(.*?)</th>', table)[1] == "A letter about a cat"


def test_few_documents_cannot_be_screened_but_mapped():
    few = library.read_shelf(None, "The cat sat.\n\nThe dog ran.\n\nA cat and a dog.")
    assert len(few.names) == 3
    assert "<svg" in library.drawn(few, few.names[:2])
    assert library.path(few, few.names[0], few.names[2])[0][1] == few.names[1]
    with pytest.raises(ValueError, match="at least 20"):
        library.oddest(few, 10)


def test_files_and_pasted_texts_are_mapped_together(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(f"The river and the boat of {name}.")
    made = library.read_shelf([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")], "A third river.")
    assert made.names == ["a.txt", "b.txt", "A third river."]


def test_documents_of_one_name_are_told_apart():
    made = library.shelve(Document("same", f"The river number {i} floods.") for i in range(3))
    assert made.names == ["same", "same (2)", "same (3)"]


def test_what_cannot_be_mapped_is_refused_in_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "renamed.pdf").write_text("This is a text.")
    for files, text, words in (
        (None, "", "no documents yet"),
        (None, "one\n\ntwo", "at least 3"),
        ([str(tmp_path / "renamed.pdf")], "", "not a PDF"),
        (None, "\n\n".join(["...", "!", "?"]), "no words"),
    ):
        with pytest.raises(ValueError, match=words):
            library.read_shelf(files, text)
    monkeypatch.setattr(library, "MAX_DOCUMENTS", 3)
    with pytest.raises(ValueError, match="keep to 3"):
        library.read_shelf(None, "a river\n\nb river\n\nc river\n\nd river")
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 3)
    with pytest.raises(ValueError, match="too large"):
        library.read_shelf([str(tmp_path / "renamed.pdf")], "")


def test_a_text_is_shown_as_text_on_the_map_and_on_the_way():
    texts = ["<script>alert(1)</script> river", "a <b>river</b>", "a river & a boat"]
    made = library.read_shelf(None, "\n\n".join(texts))
    shown = library.drawn(made) + library.path(made, made.names[0], made.names[2])[1]
    assert "<script" not in shown
    assert "<b>" not in shown
