import io
import json
import sys

import pytest

from summarize.__main__ import main
from summarize.coverage import USUAL_CODE
from summarize.search import train_search
from summarize.text import count_words, word_texts
from tests.summarize.corpus import documents, sentences
from tests.summarize.files import pdf_bytes


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    search = train_search(map(word_texts, documents(300)), map(word_texts, sentences(400)))
    return str(search.save(tmp_path_factory.mktemp("weights") / "search"))


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.txt"
    path.write_text(" ".join(documents(20)))
    return path


def test_a_file_becomes_one_line_of_the_words_asked_for(report, weights, capsys):
    assert main([str(report), "--words", "12", "--weights", weights]) == 0
    out = capsys.readouterr().out
    assert count_words(out) == 12
    assert out.count("\n") == 1


def test_help_says_how_long_the_codes_of_sentences_are(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert f"at most {USUAL_CODE} words each" in " ".join(capsys.readouterr().out.split())


def test_standard_input_gives_json(weights, capsys, monkeypatch):
    text = documents(1)[0]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["-", "--json", "--weights", weights]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["words"] == count_words(row["summary"]) == 10
    assert row["codes"][0]["score"] < 0 or row["codes"][0]["score"] >= 0
    assert row["lost"]


def test_one_bad_file_does_not_stop_the_rest(report, weights, capsys, tmp_path):
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"no pdf")
    assert main([str(bad), str(report), "--weights", weights]) == 2
    captured = capsys.readouterr()
    assert captured.out.startswith(str(report))
    assert "not a PDF" in captured.err
    assert captured.err.count("\n") == 1


def test_a_folder_is_continued_where_it_was_broken_off(report, weights, capsys, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out.jsonl"
    folder.mkdir()
    for i, text in enumerate(documents(4)):
        (folder / f"{i}.txt").write_text(text)
    (folder / "4.pdf").write_bytes(pdf_bytes([[documents(1)[0]]]))
    args = [str(folder), "-o", str(out), "--weights", weights]
    assert main(args) == 0
    whole = out.read_text()
    assert len(whole.splitlines()) == 5
    # the second run finds two whole lines and half of the third
    lines = whole.splitlines(keepends=True)
    out.write_text("".join(lines[:2]) + lines[2][:30])
    assert main(args) == 0
    again = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["summary"] for row in again] == [json.loads(x)["summary"] for x in lines]
    assert "3 new, 2 already there" in capsys.readouterr().err


def test_what_is_written_into_the_folder_is_not_read_from_it(weights, tmp_path, capsys):
    (tmp_path / "a.txt").write_text(documents(1)[0])
    args = [str(tmp_path), "-o", str(tmp_path / "out.jsonl"), "--weights", weights]
    for said in ("1 new, 0 already there, 0 failed", "0 new, 1 already there, 0 failed"):
        assert main(args) == 0
        assert said in capsys.readouterr().err


def test_no_file_is_left_where_no_document_could_be_read(weights, tmp_path, capsys):
    (tmp_path / "empty.txt").write_text("")
    out = tmp_path / "out.jsonl"
    args = [str(tmp_path / "empty.txt"), str(tmp_path / "missing.txt"), "--weights", weights]
    assert main([*args, "-o", str(out)]) == 2
    assert "2 failed" in capsys.readouterr().err
    assert not out.exists()


def test_an_output_that_is_something_else_is_not_touched(report, weights, capsys):
    before = report.read_text()
    assert main([str(report), "-o", str(report), "--weights", weights]) == 2
    assert report.read_text() == before


def test_a_short_document_is_returned_whole_with_a_note(tmp_path, weights, capsys):
    path = tmp_path / "a.txt"
    path.write_text("Nobody was hurt.")
    assert main([str(path), "--weights", weights]) == 0
    captured = capsys.readouterr()
    assert captured.out == "Nobody was hurt.\n"
    assert "returned whole" in captured.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["missing.txt"], "no such file"),
        (["x.txt", "--words", "0"], "words is 0"),
        (["x.txt", "--words", "3", "--ratio", "0.1"], "one budget"),
        (["x.txt", "--preset", "poetry"], "no preset"),
        (["x.txt", "--weights", "/nowhere"], "no such folder"),
        (["prepare", "missing.txt", "x.txt", "-o", "data"], "no such file"),
        (["evaluate", "--pairs", "missing.jsonl"], "no such file"),
        (["evaluate", "--long", "missing.jsonl"], "no such file"),
        (["evaluate"], "give --pairs, --long or both"),
        (["evaluate", "--long", "x.txt", "--outputs", "a=b"], "--outputs"),
    ],
)
def test_bad_options_are_one_line_and_exit_2(args, said, weights, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.txt").write_text("Some text to be read here.")
    if "--weights" not in args and "--preset" not in args and args[0].endswith(".txt"):
        args = [*args, "--weights", weights]
    assert main(args) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize("args", [["--wrods", "3", "x.txt"], [], ["x.txt", "--words", "many"]])
def test_options_that_do_not_exist_exit_2_with_one_line(args, capsys):
    with pytest.raises(SystemExit) as caught:
        main(args)
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_prepare_and_evaluate_work_from_files(tmp_path, capsys):
    pytest.importorskip("rouge_score", reason="rouge-score is in the eval extra")
    pytest.importorskip("sumy", reason="sumy is in the eval extra")
    (tmp_path / "documents.txt").write_text("\n".join(documents(200)))
    (tmp_path / "sentences.txt").write_text("\n".join(sentences(300)))
    data = tmp_path / "data"
    paths = [str(tmp_path / "documents.txt"), str(tmp_path / "sentences.txt")]
    assert main(["prepare", *paths, "-o", str(data), "--vocabulary", "200"]) == 0
    rows = zip(documents(30, seed=1), sentences(30, seed=1), strict=True)
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("\n".join(json.dumps({"document": d, "summary": s}) for d, s in rows))
    outputs = tmp_path / "other.txt"
    outputs.write_text("\n".join(sentences(30, seed=2)))
    args = ["evaluate", "--pairs", str(pairs), "--words", "5", "--weights", str(data)]
    args += ["--outputs", f"other={outputs}", "--judge", str(data / "held_out.txt")]
    assert main(args) == 0
    out = capsys.readouterr().out
    for name in ("lead-5", "search-5", "TextRank-5", "other", "human"):
        assert f"| {name} |" in out
    assert main([*args, "--full"]) == 0
    assert "| random words |" in capsys.readouterr().out


def test_articles_are_evaluated_at_each_length(weights, tmp_path, capsys):
    pytest.importorskip("rouge_score", reason="rouge-score is in the eval extra")
    pytest.importorskip("sumy", reason="sumy is in the eval extra")
    articles = tmp_path / "articles.jsonl"
    rows = [
        {"document": " ".join(documents(6, seed=i)), "title": sentences(1, seed=i)[0]}
        for i in range(8)
    ]
    articles.write_text("\n".join(map(json.dumps, rows)))
    args = ["evaluate", "--long", str(articles), "--long-words", "20", "30", "--weights", weights]
    assert main(args) == 0
    out = capsys.readouterr().out
    for name in ("search-20", "lead-30", "LexRank-20", "TextRank-30"):
        assert f"| {name} |" in out
