import gzip
import json

import pytest
from tokenizers import Tokenizer

from summarize.__main__ import main
from summarize.prepare import prepare
from summarize.search import Search
from tests.summarize.corpus import documents, sentences


def write(tmp_path):
    texts = tmp_path / "documents.txt.gz"
    texts.write_bytes(gzip.compress("\n".join(documents(200)).encode()))
    humans = tmp_path / "sentences.jsonl"
    rows = [json.dumps({"text": line}) for line in [*sentences(300), "too short", "a " * 99]]
    humans.write_text("\n".join(rows))
    return texts, humans


def test_a_prepared_folder_holds_lines_tokenizer_and_tables(tmp_path):
    counts = prepare(*write(tmp_path), tmp_path / "data", n_vocabulary=200)
    read = {
        name: (tmp_path / "data" / f"{name}.txt").read_text().splitlines()
        for name in ("documents", "sentences", "held_out")
    }
    assert tuple(map(len, read.values())) == counts
    assert not set(read["sentences"]) & set(read["held_out"])
    assert all(3 <= len(line.split()) <= 30 for line in read["sentences"])
    assert Tokenizer.from_file(str(tmp_path / "data" / "tokenizer.json")).get_vocab_size() <= 200
    assert Search.load(tmp_path / "data" / "search").code(["a", "b", "c"], 2)


def test_equal_lines_count_once(tmp_path):
    texts, humans = write(tmp_path)
    doubled = tmp_path / "doubled.txt"
    doubled.write_text("\n".join(documents(200) * 2))
    assert prepare(doubled, humans, tmp_path / "a") == prepare(texts, humans, tmp_path / "b")


def test_nothing_is_half_written_when_a_file_is_refused(tmp_path):
    texts, humans = write(tmp_path)
    with pytest.raises(ValueError, match="no such file"):
        prepare(texts, tmp_path / "missing.txt", tmp_path / "data")
    empty = tmp_path / "empty.txt"
    empty.write_text("one two\n")
    with pytest.raises(ValueError, match="no usable line"):
        prepare(texts, empty, tmp_path / "data")
    assert not (tmp_path / "data").exists()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").write_text("x")
    with pytest.raises(ValueError, match="not empty"):
        prepare(texts, humans, tmp_path / "data")
    assert not list(tmp_path.glob(".data-*"))


def test_weights_of_the_search_can_be_given_and_are_kept(tmp_path, capsys):
    texts, humans = map(str, write(tmp_path))
    options = ["--weight", "surprisal=0", "repeated=1.25", "position_cap=9"]
    assert main(["prepare", texts, humans, "-o", str(tmp_path / "a"), *options]) == 0
    weights = Search.load(tmp_path / "a" / "search").weights
    assert (weights.surprisal, weights.repeated, weights.position_cap) == (0.0, 1.25, 9)
    for wrong in ("repeat=1", "gap=wide", "gap"):
        assert main(["prepare", texts, humans, "-o", str(tmp_path / "b"), "--weight", wrong]) == 2
        assert f"--weight {wrong}" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
