import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from vc.audio import read_audio
from vc.evaluate import (
    ANOTHER_UTTERANCE,
    CONVERSION,
    COPY_SYNTHESIS,
    RECONSTRUCTION,
    SOURCE_UNCHANGED,
    Pair,
    System,
    another_utterance,
    evaluate,
    figures,
    find_outputs,
    read_pairs,
    score_pairs,
)
from vc.judges import Judgement

RATE = 16_000
PITCHES = {"ann": 220.0, "bob": 110.0, "cat": 330.0}
heard_files: list[int] = []


class Sound(NamedTuple):
    waveform: Tensor
    sample_rate: int = RATE


def tone(hertz: float, sentence: int, rate: int = RATE) -> Tensor:
    """A voice is a pitch and a sentence is a length, in tenths of a second."""
    return 0.3 * torch.sin(2 * torch.pi * hertz * torch.arange(sentence * rate // 10) / rate)


def tone_judge(waveform: np.ndarray) -> Judgement:
    """Hears pitch by zero crossings and the sentence by its length; a toy with real arithmetic."""
    heard_files.append(len(waveform))
    hertz = float((np.diff(np.sign(waveform)) > 0).sum() * RATE / max(1, len(waveform)))
    embedding = np.exp(-((np.arange(50) * 10 - hertz) ** 2) / 5000.0)
    sentence = round(len(waveform) * 10 / RATE)
    f0 = hertz * (1 + 0.01 * np.sin(np.arange(40) / 3.0))
    cepstra = np.full((24, 20), hertz / 1000)
    return Judgement(embedding, "word " * sentence, f0, 3.0 + hertz / 1000, cepstra)


class ToneConverter:
    """Says the source's sentence at the references' pitch, a little too high."""

    def __init__(self, error: float = 1.02) -> None:
        self.error, self.calls = error, []

    def _pitch(self, path: Path) -> float:
        return PITCHES[Path(path).parent.name]

    def convert(self, source: Path, voice: list[Path]) -> Sound:
        self.calls.append("convert")
        n = len(read_audio(source)) * 10 // RATE
        # At another rate, as a converter may serve.
        return Sound(tone(self._pitch(voice[0]) * self.error, n, 24_000), 24_000)

    def copy_synthesis(self, source: Path) -> Sound:
        self.calls.append("copy")
        return Sound(read_audio(source))

    def reconstruct(self, source: Path) -> Sound:
        self.calls.append("reconstruct")
        return Sound(read_audio(source) * 0.5)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three speakers with four sentences each and a pairs file of four pairs."""
    for speaker, hertz in PITCHES.items():
        for sentence in (5, 6, 7, 8):
            path = tmp_path / speaker / f"{sentence}.wav"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, tone(hertz, sentence).numpy(), RATE)
    write_pairs(
        tmp_path / "pairs.tsv",
        ["ann/5.wav", "bob/6.wav,bob/7.wav", "word word word word word", "bob/5.wav"],
        ["bob/6.wav", "ann/7.wav", "", ""],
        ["ann/7.wav", "cat/5.wav", "", ""],
        ["cat/8.wav", "bob/5.wav", "", ""],
    )
    return tmp_path


def write_pairs(path: Path, *rows: list[str], header: str = "") -> Path:
    lines = [header or "source\treferences\ttranscript\tparallel_truth"]
    path.write_text("\n".join([*lines, *("\t".join(row) for row in rows)]) + "\n")
    return path


def run(corpus: Path, converter: ToneConverter | None = None, **options: object):
    options = {"workers": 0, "progress": False, "judge": tone_judge} | options
    return evaluate(corpus / "pairs.tsv", converter, cache_dir=corpus / "cache", **options)


# ---- pairs ----


def test_paths_are_relative_to_the_pairs_file(corpus: Path) -> None:
    pairs = read_pairs(corpus / "pairs.tsv")
    assert [pair.number for pair in pairs] == [1, 2, 3, 4]
    assert pairs[0].references == (corpus / "bob/6.wav", corpus / "bob/7.wav")
    assert pairs[0].parallel_truth == corpus / "bob/5.wav"
    assert pairs[1].parallel_truth is None
    assert pairs[0].transcript.startswith("word")


def test_a_quote_in_a_transcript_does_not_swallow_lines(corpus: Path) -> None:
    path = write_pairs(
        corpus / "quotes.tsv",
        ["ann/5.wav", "bob/6.wav", '"he said', ""],
        ["ann/6.wav", "bob/6.wav", "", ""],
    )
    assert len(read_pairs(path)) == 2


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("source\ttranscript", ["ann/5.wav", ""], "no column references"),
        ("", ["ann/5.wav", "bob/9.wav", "", ""], r"line 2: reference .*9\.wav does not exist"),
        ("", ["ann/9.wav", "bob/6.wav", "", ""], r"line 2: source .*9\.wav does not exist"),
        ("", ["ann/5.wav", " , ", "", ""], "line 2: no references"),
        ("", ["", "bob/6.wav", "", ""], "line 2: no source"),
    ],
)
def test_unusable_pairs_are_named_in_one_line(
    corpus: Path, header: str, row: list[str], message: str
) -> None:
    path = write_pairs(corpus / "bad.tsv", row, header=header)
    with pytest.raises(ValueError, match=message) as error:
        read_pairs(path)
    assert "\n" not in str(error.value)


def test_a_missing_or_empty_pairs_file_is_refused(corpus: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        read_pairs(corpus / "none.tsv")
    with pytest.raises(ValueError, match="names no pairs"):
        read_pairs(write_pairs(corpus / "empty.tsv"))


# ---- another utterance ----


def test_another_utterance_is_no_reference_and_another_sentence(corpus: Path) -> None:
    pairs = read_pairs(corpus / "pairs.tsv")
    for pair in pairs:
        other = another_utterance(pair, pairs)
        assert other is not None
        assert other.parent == pair.references[0].parent
        assert other not in pair.references
        assert other.stem != pair.source.stem
        assert other == another_utterance(pair, pairs)


def test_the_same_sentence_is_taken_when_nothing_else_is_left(corpus: Path) -> None:
    references = tuple(corpus / "bob" / f"{i}.wav" for i in (6, 7, 8))
    pair = Pair(1, corpus / "ann/5.wav", references)
    assert another_utterance(pair, [pair]) == corpus / "bob/5.wav"


def test_a_folder_shared_with_the_source_tells_nothing_about_its_speakers(corpus: Path) -> None:
    pair = Pair(1, corpus / "ann/5.wav", (corpus / "ann/6.wav",))
    assert another_utterance(pair, [pair]) is None


# ---- the table ----


def test_every_row_has_the_figures_its_definition_demands(corpus: Path) -> None:
    result = run(corpus, ToneConverter())
    assert list(result.scores) == [
        SOURCE_UNCHANGED,
        ANOTHER_UTTERANCE,
        COPY_SYNTHESIS,
        RECONSTRUCTION,
        CONVERSION,
    ]
    source = result.scores[SOURCE_UNCHANGED][0]
    assert source["similarity_source"] == pytest.approx(1.0)
    assert source["cer"] == source["wer"] == 0.0
    assert source["f0_error"] == pytest.approx(12.0, abs=0.3)
    assert source["mcd"] > 1.0
    other = result.scores[ANOTHER_UTTERANCE][0]
    assert other["similarity_target"] > 0.99
    assert math.isnan(other["cer"])
    copied = result.scores[COPY_SYNTHESIS][0]
    assert copied["cer"] == 0.0
    assert copied["mcd"] == pytest.approx(0.0, abs=1e-6)
    assert math.isnan(copied["wer"])
    ours = result.scores[CONVERSION][0]
    assert ours["similarity_margin"] > 0.3
    assert ours["f0_error"] == pytest.approx(12 * np.log2(1.02), abs=0.3)
    assert ours["cer"] == 0.0
    assert result.failures == []


def test_one_recording_is_made_and_read_once_however_many_pairs_ask_for_it(corpus: Path) -> None:
    converter = ToneConverter()
    heard_files.clear()
    result = run(corpus, converter)
    others = {another_utterance(pair, result.pairs) for pair in result.pairs}
    assert converter.calls.count("convert") == 4
    assert converter.calls.count("copy") == len(others)
    files = {f for p in result.pairs for f in (p.source, *p.references, p.parallel_truth)} | others
    assert len(list((corpus / "cache").glob("*.npz"))) == len(files - {None})
    heard_files.clear()
    assert run(corpus, ToneConverter()).table() == result.table()
    # Only what the converter made: conversions, copies and reconstructions.
    assert len(heard_files) == 4 + 2 * len(others)


def test_a_file_that_changed_is_heard_again(corpus: Path) -> None:
    run(corpus)
    soundfile.write(corpus / "ann/5.wav", tone(150.0, 9).numpy(), RATE)
    heard_files.clear()
    result = run(corpus)
    assert len(heard_files) == 1
    assert result.texts[SOURCE_UNCHANGED][0].split() == ["word"] * 9


def test_a_cut_off_record_is_heard_again(corpus: Path) -> None:
    before = run(corpus)
    for record in (corpus / "cache").glob("*.npz"):
        record.write_bytes(record.read_bytes()[:100])
    assert run(corpus).table() == before.table()


def test_other_systems_files_are_found_by_number_and_by_name(corpus: Path) -> None:
    pairs = read_pairs(corpus / "pairs.tsv")
    for name, files in {
        "one": ["1", "002", "3", "4"],
        "zero": ["000", "001", "002", "003"],
        "named": [pair.name for pair in pairs],
    }.items():
        (corpus / name).mkdir()
        for pair, file in zip(pairs, files, strict=True):
            hertz = 100.0 + pair.number
            soundfile.write(corpus / name / f"{file}.wav", tone(hertz, 5).numpy(), RATE)
    found = {name: find_outputs(pairs, corpus / name) for name in ("one", "zero", "named")}
    assert all(list(files) == [1, 2, 3, 4] for files in found.values())
    assert found["zero"][1].stem == "000"
    result = run(corpus, outputs={"theirs": corpus / "one", "numbered": corpus / "zero"})
    for theirs, numbered in zip(result.scores["theirs"], result.scores["numbered"], strict=True):
        np.testing.assert_equal(theirs, numbered)


def test_a_folder_without_any_pairs_output_is_refused(corpus: Path) -> None:
    with pytest.raises(ValueError, match="no pair's output; name its files by pair number"):
        find_outputs([Pair(1, corpus / "x.wav", (corpus / "y.wav",))], corpus / "ann")


def test_a_further_column_is_a_system_and_may_have_gaps(corpus: Path) -> None:
    write_pairs(
        corpus / "pairs.tsv",
        ["ann/5.wav", "bob/6.wav", "bob/7.wav"],
        ["cat/5.wav", "bob/6.wav", ""],
        header="source\treferences\tTheirVC",
    )
    result = run(corpus)
    assert result.interval("TheirVC", "similarity_target").n == 1
    assert result.interval("TheirVC", "similarity_target").mean > 0.99


def test_a_pair_that_fails_is_reported_and_does_not_stop_the_rest(corpus: Path) -> None:
    class Stumbling(ToneConverter):
        def convert(self, source: Path, voice: list[Path]) -> Sound:
            if source.parent.name == "cat":
                raise ValueError("no speech in it")
            return super().convert(source, voice)

    result = run(corpus, Stumbling())
    assert result.failures == ["conversion, pair 4: no speech in it"]
    assert result.interval(CONVERSION, "cer").n == 3
    assert "no speech in it" in result.report()


def test_an_unreadable_reference_stops_the_evaluation_with_its_name(corpus: Path) -> None:
    (corpus / "bob/7.wav").write_text("not audio")
    with pytest.raises(ValueError, match=r"7\.wav is not a sound file"):
        run(corpus)


def test_results_are_saved_whole_and_say_who_judged(corpus: Path) -> None:
    out = corpus / "out"
    result = run(corpus, ToneConverter(), out_dir=out, save_audio=True)
    saved = json.loads((out / "results.json").read_text())
    assert saved["judges"].keys() >= {"resemblyzer", "pocketsphinx", "pyworld"}
    assert saved["means"][CONVERSION]["cer"]["mean"] == 0.0
    assert saved["means"][ANOTHER_UTTERANCE]["cer"]["mean"] is None
    assert saved["pairs"][0]["systems"][SOURCE_UNCHANGED]["heard"].startswith("word")
    assert (out / "table.md").read_text().count("\n") == 2 + len(result.scores)
    assert not list(out.glob("*.part"))
    assert len(list((out / "audio" / "conversion").glob("*.wav"))) == 4
    rescored = run(corpus, outputs={"again": out / "audio" / "conversion"})
    ours = result.interval(CONVERSION, "similarity_target").mean
    assert rescored.interval("again", "similarity_target").mean == pytest.approx(ours, abs=1e-3)


def test_the_table_is_aligned_and_leaves_out_what_nobody_has(corpus: Path) -> None:
    write_pairs(corpus / "pairs.tsv", ["ann/5.wav", "bob/6.wav", "", ""])
    lines = run(corpus).table().splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "MCD" not in lines[0]
    assert "CER" in lines[0]


def test_the_limit_takes_the_first_pairs_and_the_same_other_utterances(corpus: Path) -> None:
    whole, part = run(corpus), run(corpus, limit=2)
    assert len(part.scores[ANOTHER_UTTERANCE]) == 2
    for few, all_pairs in zip(part.scores.values(), whole.scores.values(), strict=True):
        assert [row["similarity_target"] for row in few] == [
            row["similarity_target"] for row in all_pairs[:2]
        ]
    with pytest.raises(ValueError, match="at least 1"):
        run(corpus, limit=0)


def test_the_worst_pairs_come_first(corpus: Path) -> None:
    result = run(corpus, ToneConverter(error=1.3))
    worst = result.worst(CONVERSION, "similarity_target", 2)
    every = [row["similarity_target"] for row in result.scores[CONVERSION]]
    assert [row["similarity_target"] for _, row in worst] == sorted(every)[:2]
    assert "worst by sim. target" in result.report(worst=2)


def test_systems_need_names_of_their_own(corpus: Path) -> None:
    pairs = read_pairs(corpus / "pairs.tsv")
    twice = [System("same", lambda pair: pair.source)] * 2
    with pytest.raises(ValueError, match="one name"):
        score_pairs(pairs, twice, judge=tone_judge, workers=0, progress=False)


def test_several_references_count_as_one_target() -> None:
    a, b = (tone_judge(tone(hertz, 5).numpy()) for hertz in (200.0, 240.0))
    between = tone_judge(tone(220.0, 5).numpy())
    both = figures(between, between, [a, b], between)["similarity_target"]
    assert both > figures(between, between, [a], between)["similarity_target"]


@pytest.mark.slow
def test_a_pool_of_processes_finds_the_same_figures(corpus: Path) -> None:
    alone = run(corpus, ToneConverter())
    pooled = evaluate(
        corpus / "pairs.tsv",
        ToneConverter(),
        workers=2,
        progress=False,
        judge=tone_judge,
        cache_dir=corpus / "another cache",
    )
    assert pooled.table() == alone.table()
