"""Search by voice and by content with tiny random weights."""

import pytest
import torch

from tests.vc.serving import make_converter, write_voice
from vc.__main__ import main
from vc.audio import find_audio
from vc.search import search
from vc.search_check import check, judged


def test_a_copy_of_the_query_comes_first_and_the_query_itself_not_at_all(tmp_path):
    converter = make_converter()
    query = write_voice(tmp_path / "query.wav", 120.0)
    for i, f0 in enumerate((210.0, 230.0, 190.0)):
        write_voice(tmp_path / f"other{i}.wav", f0, seed=i + 1)
    (tmp_path / "copy.wav").write_bytes(query.read_bytes())
    for by in ("speaker", "content"):
        hits = search(converter, query, find_audio(tmp_path), by=by)
        assert hits[0].path.name == "copy.wav"
        assert hits[0].score == pytest.approx(1.0, abs=1e-3)
        assert len(hits) == 4


def test_a_recording_that_cannot_be_used_stops_no_other(tmp_path):
    query = write_voice(tmp_path / "query.wav")
    write_voice(tmp_path / "in/good.wav", 200.0)
    (tmp_path / "in/bad.wav").write_bytes(b"not sound")
    failures = []
    hits = search(make_converter(), query, find_audio(tmp_path / "in"), failed=failures.append)
    assert [hit.path.name for hit in hits] == ["good.wav"]
    assert len(failures) == 1
    assert "bad.wav" in failures[0]


def test_what_to_search_by_is_speaker_or_content(tmp_path):
    query = write_voice(tmp_path / "query.wav")
    write_voice(tmp_path / "other.wav", 200.0)
    with pytest.raises(ValueError, match="search by speaker or content"):
        search(make_converter(), query, find_audio(tmp_path), by="smell")


def test_a_search_is_checked_by_speakers_in_folders(tmp_path, capsys):
    weights = tmp_path / "weights"
    make_converter().save_pretrained(weights)
    for i, f0 in enumerate((100.0, 150.0, 220.0)):
        for take in range(3):
            write_voice(tmp_path / "in" / f"s{i}" / f"{take}.wav", f0, seed=take)
    write_voice(tmp_path / "in" / "alone" / "0.wav", 180.0)
    args = ["search", "--in", str(tmp_path / "in"), "--weights", str(weights)]
    assert main([*args, "--check"]) == 0
    out = capsys.readouterr().out
    assert "9 recordings of 4 speakers" in out
    assert "| speaker codes |" in out
    for more in ([], ["query.wav", "--check"]):
        assert main([*args, *more]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_who_is_looked_for_is_not_found_as_himself():
    codes = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9], [-1.0, 0.2]])
    row = judged("codes", codes, torch.tensor([0, 0, 1, 1, 2]))
    assert row.first == 1.0
    assert row.recall == 1.0
    # of four others one is the same speaker
    assert row.precision == pytest.approx(0.25)
    shuffled = judged("codes", codes, torch.tensor([0, 1, 0, 1, 2]))
    assert shuffled.first == 0.0


def test_one_speaker_checks_no_search(tmp_path):
    write_voice(tmp_path / "a" / "0.wav")
    write_voice(tmp_path / "b" / "0.wav", 200.0)
    with pytest.raises(ValueError, match="two recordings of one"):
        check(make_converter(), find_audio(tmp_path))
