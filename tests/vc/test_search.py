"""Search by voice and by content with tiny random weights."""

import pytest

from tests.vc.serving import make_converter, write_voice
from vc.search import find_recordings, search


def test_a_copy_of_the_query_comes_first_and_the_query_itself_not_at_all(tmp_path):
    converter = make_converter()
    query = write_voice(tmp_path / "query.wav", 120.0)
    for i, f0 in enumerate((210.0, 230.0, 190.0)):
        write_voice(tmp_path / f"other{i}.wav", f0, seed=i + 1)
    (tmp_path / "copy.wav").write_bytes(query.read_bytes())
    for by in ("speaker", "content"):
        hits = search(converter, query, find_recordings(tmp_path), by=by)
        assert hits[0].path.name == "copy.wav"
        assert hits[0].score == pytest.approx(1.0, abs=1e-3)
        assert len(hits) == 4


def test_a_recording_that_cannot_be_used_stops_no_other(tmp_path):
    query = write_voice(tmp_path / "query.wav")
    write_voice(tmp_path / "in/good.wav", 200.0)
    (tmp_path / "in/bad.wav").write_bytes(b"not sound")
    failures = []
    hits = search(make_converter(), query, find_recordings(tmp_path / "in"), failed=failures.append)
    assert [hit.path.name for hit in hits] == ["good.wav"]
    assert len(failures) == 1
    assert "bad.wav" in failures[0]


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no sound files"):
        find_recordings(tmp_path)
    with pytest.raises(ValueError, match="not a folder"):
        find_recordings(tmp_path / "nowhere")
