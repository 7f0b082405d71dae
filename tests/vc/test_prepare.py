"""Corpora in every layout become features, once, safely and without a speaker in two splits."""

import json
import os
import shutil
from pathlib import Path

import pytest
import soundfile
import torch
from safetensors.torch import load_file

import vc.prepare
from tests.vc.sounds import voice, write_corpus
from vc.audio import LEVEL, LogMel, MelSpec, active_level, read_audio
from vc.harvest import track_contour
from vc.pitch import track_pitch
from vc.prepare import (
    Prepared,
    Progress,
    Utterance,
    mark_parallel,
    prepare,
    read_corpus,
    split_speakers,
    trim_silence,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four speakers with two utterances each; do not change it."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, 4, 2, seconds=1.0)
    return folder


def run(corpus: Path, out: Path, **choices: object) -> tuple[Prepared, list[str]]:
    said: list[str] = []
    done = prepare(corpus, out, **{"workers": 1, "say": said.append, **choices})
    return done, said


def index(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "index.jsonl").read_text().splitlines()]


def write(path: Path, hz: float = 120.0, seconds: float = 1.0, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, voice(hz, hz / 120, seconds, seed).numpy(), 16_000)
    return path


def manifest(folder: Path, rows: list[dict[str, str]]) -> Path:
    """A manifest of ``rows``; the recordings are written beside it."""
    columns = list(rows[0])
    lines = ["\t".join(columns), *("\t".join(row[c] for c in columns) for row in rows)]
    for i, row in enumerate(rows):
        write(folder / row["file"], hz=100.0 + 20 * i)
    path = folder / "manifest.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


# --- what is written ----------------------------------------------------------------------------


def test_a_feature_file_holds_mel_f0_and_waveform_of_the_scaled_recording(
    corpus: Path, tmp_path: Path
) -> None:
    run(corpus, tmp_path, waveforms=True)
    row = index(tmp_path)[0]
    features = load_file(tmp_path / f"{row['id']}.safetensors")
    assert {k: v.dtype for k, v in features.items()} == {
        "mel": torch.float16,
        "f0": torch.float32,
        "waveform": torch.int16,
        "weak_f0": torch.float32,
    }
    waveform = features["waveform"].float() / 32767
    assert active_level(waveform) == pytest.approx(LEVEL, rel=0.01)
    assert features["mel"].shape == (80, row["frames"])
    assert features["f0"].shape == (row["frames"],)
    assert row["frames"] == 1 + len(waveform) // 160
    assert row["seconds"] == pytest.approx(len(waveform) / 16_000, abs=0.02)
    source = trim_silence(read_audio(corpus / row["source"]))
    source = source * (LEVEL / active_level(source))
    mel = LogMel()(source[None])[0]
    assert (mel - features["mel"].float()).abs().max() < 0.02
    torch.testing.assert_close(track_pitch(source), features["f0"])
    torch.testing.assert_close(track_contour(source), features["weak_f0"])


def test_waveforms_are_left_out_unless_asked_for(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path)
    assert set(load_file(tmp_path / "s00" / "u00.safetensors")) == {"mel", "f0"}


def test_config_and_index_describe_the_folder(corpus: Path, tmp_path: Path) -> None:
    done, said = run(corpus, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["format"] == 1
    assert MelSpec(**config["mel"]) == MelSpec()
    assert config["level"] == LEVEL
    rows = index(tmp_path)
    assert [row["id"] for row in rows] == [f"s{s:02d}/u{u:02d}" for s in range(4) for u in range(2)]
    assert set(rows[0]) == {
        "id", "speaker", "split", "corpus", "seconds", "frames", "transcript", "source", "parallel",
    }  # fmt: skip
    assert (done.n_made, done.n_cached, done.n_failed, done.n_short) == (8, 0, 0, 0)
    assert any("speaker folders, 8 utterances of 4 speakers" in line for line in said)
    assert not list(tmp_path.rglob("*.part"))


def test_two_processes_write_what_one_writes(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path / "one")
    run(corpus, tmp_path / "two", workers=2)
    assert index(tmp_path / "one") == index(tmp_path / "two")
    for row in index(tmp_path / "one"):
        a, b = (load_file(tmp_path / w / f"{row['id']}.safetensors") for w in ("one", "two"))
        assert torch.equal(a["mel"], b["mel"])
        torch.testing.assert_close(a["f0"], b["f0"])


def test_progress_ends_at_the_number_of_files(corpus: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    run(corpus, tmp_path, progress=seen.append)
    assert (seen[-1].n_done, seen[-1].n_total) == (8, 8)
    assert seen[-1].seconds_left == 0
    assert "8/8 files" in str(seen[-1])
    assert "\n" not in str(seen[-1])


def test_loudness_of_the_recording_does_not_show_in_the_features(tmp_path: Path) -> None:
    for speaker, gain in (("loud", 1.0), ("soft", 0.05)):
        (tmp_path / "c" / speaker).mkdir(parents=True)
        soundfile.write(
            tmp_path / "c" / speaker / "u.wav", gain * voice(120, 1.0, 1.0, 0).numpy(), 16_000,
            subtype="FLOAT",
        )  # fmt: skip
    run(tmp_path / "c", tmp_path / "out")
    loud = load_file(tmp_path / "out" / "loud" / "u.safetensors")["mel"]
    soft = load_file(tmp_path / "out" / "soft" / "u.safetensors")["mel"]
    assert (loud.float() - soft.float()).abs().max() < 0.02


# --- cache and failures -------------------------------------------------------------------------


def test_a_second_run_makes_nothing_and_a_changed_recording_is_made_again(tmp_path: Path) -> None:
    paths = write_corpus(tmp_path / "c", 2, 2, seconds=1.0)
    out = tmp_path / "out"
    run(tmp_path / "c", out)
    first = index(out)
    again, _ = run(tmp_path / "c", out)
    assert (again.n_made, again.n_cached) == (0, 4)
    assert index(out) == first
    write(paths[0], hz=150.0, seconds=1.5)
    changed, _ = run(tmp_path / "c", out)
    assert (changed.n_made, changed.n_cached) == (1, 3)
    os.utime(paths[1], (1, 1))
    assert run(tmp_path / "c", out)[0].n_made == 1


def test_another_analysis_another_tracker_or_missing_waveforms_are_made_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(corpus, tmp_path)[0].n_made == 8
    assert run(corpus, tmp_path, waveforms=True)[0].n_made == 8
    assert run(corpus, tmp_path, waveforms=False)[0].n_cached == 8
    assert run(corpus, tmp_path, spec=MelSpec(n_mels=40))[0].n_made == 8
    assert run(corpus, tmp_path)[0].n_made == 8
    monkeypatch.setattr(vc.prepare, "TRACKER_VERSION", -1)
    assert run(corpus, tmp_path)[0].n_made == 8


def test_an_interrupted_run_goes_on_where_it_stopped(corpus: Path, tmp_path: Path) -> None:
    def stop_soon(path: Path, spec: MelSpec, waveforms: bool) -> dict | None:
        if len(list(tmp_path.rglob("*.safetensors"))) == 3:
            raise KeyboardInterrupt
        return analyse(path, spec, waveforms)

    analyse = vc.prepare.analyse
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vc.prepare, "analyse", stop_soon)
        with pytest.raises(KeyboardInterrupt):
            run(corpus, tmp_path)
    assert not (tmp_path / "index.jsonl").exists()
    done, _ = run(corpus, tmp_path)
    assert (done.n_cached, done.n_made) == (3, 5)
    assert len(index(tmp_path)) == 8


def test_a_damaged_feature_file_is_made_again(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path)
    victim = tmp_path / "s01" / "u01.safetensors"
    victim.write_bytes(victim.read_bytes()[:50])
    assert run(corpus, tmp_path)[0].n_made == 1
    assert "mel" in load_file(victim)


def test_a_change_of_analysis_takes_the_old_index_away_first(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path)

    def stop(path: Path, spec: MelSpec, waveforms: bool) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vc.prepare, "analyse", stop)
        with pytest.raises(KeyboardInterrupt):
            run(corpus, tmp_path, spec=MelSpec(n_mels=40))
    assert not (tmp_path / "index.jsonl").exists()


def test_bad_short_and_silent_files_are_counted_and_do_not_stop_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    write_corpus(folder, 2, 1, seconds=1.0)
    (folder / "s00" / "bad.wav").write_text("not sound at all " * 20)
    (folder / "s00" / "empty.wav").write_bytes(b"")
    soundfile.write(folder / "s01" / "silent.wav", torch.zeros(16_000).numpy(), 16_000)
    write(folder / "s01" / "short.wav", seconds=0.3)
    done, said = run(folder, tmp_path / "out")
    assert (done.n_made, done.n_short, done.n_failed) == (2, 1, 3)
    assert len(done.failures) == 3
    for name in ("bad.wav", "empty.wav", "silent.wav"):
        assert sum(name in line for line in said) == 1
    assert "3 failed" in str(done)
    assert len(index(tmp_path / "out")) == 2


def test_a_row_without_a_file_fails_alone(tmp_path: Path) -> None:
    rows = [{"file": f"{s}.wav", "speaker": s} for s in "abc"]
    path = manifest(tmp_path / "c", rows)
    (tmp_path / "c" / "b.wav").unlink()
    done, said = run(path, tmp_path / "out")
    assert (done.n_made, done.n_failed) == (2, 1)
    assert any("b.wav does not exist" in line for line in said)


def test_utterances_that_a_new_run_no_longer_lists_are_told(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus, tmp_path / "c")
    run(tmp_path / "c", tmp_path / "out")
    shutil.rmtree(tmp_path / "c" / "s03")
    _, said = run(tmp_path / "c", tmp_path / "out")
    assert any(line.startswith("2 utterances of an earlier run") for line in said)
    assert len(index(tmp_path / "out")) == 6


# --- layouts ------------------------------------------------------------------------------------


def librispeech(root: Path, speaker: str, chapter: str, texts: list[str]) -> None:
    folder = root / speaker / chapter
    lines = []
    for i, text in enumerate(texts):
        name = f"{speaker}-{chapter}-{i:04d}"
        write(folder / f"{name}.flac")
        lines.append(f"{name} {text}")
    (folder / f"{speaker}-{chapter}.trans.txt").write_text("\n".join(lines) + "\n")


def test_librispeech_is_read_with_transcripts_and_its_own_splits(tmp_path: Path) -> None:
    librispeech(tmp_path / "train-clean-100", "19", "198", ["ONE TWO", "THREE"])
    librispeech(tmp_path / "train-clean-100", "26", "495", ["FOUR"])
    librispeech(tmp_path / "dev-clean", "84", "121", ["FIVE"])
    librispeech(tmp_path / "test-clean", "61", "70", ["SIX"])
    found = read_corpus(tmp_path)
    assert found.layout == "LibriSpeech"
    assert [(u.id, u.split, u.transcript) for u in found.utterances] == [
        ("19/19-198-0000", "train", "ONE TWO"),
        ("19/19-198-0001", "train", "THREE"),
        ("26/26-495-0000", "train", "FOUR"),
        ("84/84-121-0000", "dev", "FIVE"),
    ]
    assert found.remarks == ["1 test utterances left out"]


def test_one_subset_of_librispeech_has_no_splits_of_its_own(tmp_path: Path) -> None:
    for speaker in ("19", "26"):
        librispeech(tmp_path / "dev-clean", speaker, "1", ["ONE"])
    for root in (tmp_path, tmp_path / "dev-clean"):
        found = read_corpus(root)
        assert {u.speaker for u in found.utterances} == {"19", "26"}
        assert {u.split for u in found.utterances} == {None}


def test_vctk_prefers_the_first_microphone_and_reads_the_texts(tmp_path: Path) -> None:
    sounds = tmp_path / "wav48_silence_trimmed"
    for name in ("p225/p225_001_mic1", "p225/p225_001_mic2", "p226/p226_001_mic2"):
        write(sounds / f"{name}.flac")
    (tmp_path / "txt" / "p225").mkdir(parents=True)
    (tmp_path / "txt" / "p225" / "p225_001.txt").write_text("Please call Stella.\n")
    found = read_corpus(tmp_path)
    assert found.layout == "VCTK"
    assert [(u.id, u.path.name, u.transcript) for u in found.utterances] == [
        ("p225/p225_001", "p225_001_mic1.flac", "Please call Stella."),
        ("p226/p226_001", "p226_001_mic2.flac", None),
    ]


def test_an_older_vctk_one_folder_down_is_found(tmp_path: Path) -> None:
    for speaker in ("p225", "p226"):
        write(tmp_path / "VCTK-Corpus" / "wav48" / speaker / f"{speaker}_001.wav")
    found = read_corpus(tmp_path)
    assert found.layout == "VCTK"
    assert [u.id for u in found.utterances] == ["p225/p225_001", "p226/p226_001"]


def test_a_manifest_is_read_with_all_its_columns(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        [
            {"file": "x/a.wav", "speaker": "ann", "split": "train", "corpus": "x",
             "transcript": 'He said "no', "parallel": "p1"},
            {"file": "x/b.wav", "speaker": "bob", "split": "dev", "corpus": "x",
             "transcript": "", "parallel": "p1"},
            {"file": "x/c.wav", "speaker": "cyd", "split": "test", "corpus": "x",
             "transcript": "", "parallel": ""},
        ],
    )  # fmt: skip
    for given in (path, tmp_path):
        found = read_corpus(given)
        assert found.layout == "a manifest"
        assert [(u.id, u.split, u.corpus, u.transcript, u.parallel) for u in found.utterances] == [
            ("ann/a", "train", "x", 'He said "no', "p1"),
            ("bob/b", "dev", "x", None, "p1"),
        ]
        assert found.utterances[0].source == "x/a.wav"


def test_a_manifest_may_put_other_sentences_of_a_speaker_into_dev(tmp_path: Path) -> None:
    rows = [
        {"file": f"{s}{i}.wav", "speaker": s, "split": split}
        for s in "ab"
        for i, split in enumerate(("train", "dev"))
    ]
    done, _ = run(manifest(tmp_path / "c", rows), tmp_path / "out")
    assert done.n_speakers_in_both == 2
    assert "2 speakers in both splits" in str(done)


def test_speakers_of_one_name_in_two_corpora_are_two_speakers(tmp_path: Path) -> None:
    rows = [{"file": f"{c}/1.wav", "speaker": "1", "corpus": c} for c in ("x", "y")]
    found = read_corpus(manifest(tmp_path, rows))
    assert [u.speaker for u in found.utterances] == ["x-1", "y-1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\tsplit\na.wav\ttrain\n", "no column speaker"),
        ("", "no column file and no column speaker"),
        ("file\tspeaker\tsplit\na.wav\ts\ttrian\n", "line 2: split is trian"),
        ("file\tspeaker\tsplit\na.wav\ts\ttrain\nb.wav\tt\t\n", "line 3: split is empty"),
        ("file\tspeaker\na.wav\t\n", "line 2: file and speaker"),
        ("file\tspeaker\na.wav\ts\na.wav\ts\nb.wav\tt\n", "s/a.* is listed twice"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_one_clear_line(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "manifest.tsv").write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_corpus(tmp_path)
    assert "\n" not in str(caught.value)


def test_folders_below_a_speaker_belong_to_the_speaker(tmp_path: Path) -> None:
    write(tmp_path / "ann" / "monday" / "u.wav")
    write(tmp_path / "ann" / "tuesday" / "u.wav")
    write(tmp_path / "bob" / "u.wav")
    (tmp_path / "bob" / "u.txt").write_text("hello\n")
    write(tmp_path / "loose.wav")
    found = read_corpus(tmp_path)
    assert [(u.id, u.transcript) for u in found.utterances] == [
        ("ann/monday-u", None),
        ("ann/tuesday-u", None),
        ("bob/u", "hello"),
    ]
    assert found.remarks == ["1 sound files outside of a speaker's folder left out"]


def test_train_and_dev_folders_are_splits_and_not_speakers(tmp_path: Path) -> None:
    for split, speaker in (("train", "ann"), ("train", "bob"), ("dev", "cyd")):
        write(tmp_path / split / speaker / "u.wav")
    found = read_corpus(tmp_path)
    assert [(u.id, u.split) for u in found.utterances] == [
        ("ann/u", "train"),
        ("bob/u", "train"),
        ("cyd/u", "dev"),
    ]


def test_names_that_are_no_file_names_get_safe_and_different_ids(tmp_path: Path) -> None:
    rows = [
        {"file": f"{i}.wav", "speaker": name}
        for i, name in enumerate(("Ann B", "Ann/B", "ann b", "..", "çeşme"))
    ]
    found = read_corpus(manifest(tmp_path, rows))
    speakers = [u.speaker for u in found.utterances]
    assert len({s.lower() for s in speakers}) == 5
    assert "çeşme" in speakers
    assert not any("/" in s or " " in s or s.startswith(".") for s in speakers)


def test_two_files_of_one_stem_are_two_utterances(tmp_path: Path) -> None:
    for path in ("ann/u.wav", "ann/u.flac", "bob/u.wav"):
        write(tmp_path / path)
    assert len({u.id for u in read_corpus(tmp_path).utterances}) == 3


# --- corpora that cannot be used ----------------------------------------------------------------


def test_one_speaker_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    write_corpus(tmp_path / "c", 1, 2, seconds=0.6)
    with pytest.raises(ValueError, match="at least two") as caught:
        run(tmp_path / "c", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert "s00" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_one_usable_speaker_is_refused_and_no_index_is_written(tmp_path: Path) -> None:
    write_corpus(tmp_path / "c", 2, 1, seconds=0.8)
    (tmp_path / "c" / "s01" / "u00.wav").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"fewer than two speakers .* \(1 files failed"):
        run(tmp_path / "c", tmp_path / "out")
    assert not (tmp_path / "out" / "index.jsonl").exists()


def test_missing_empty_and_wrong_corpora_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        run(tmp_path / "none", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no sound files"):
        run(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(ValueError, match=r"not a folder or a \.tsv manifest"):
        run(write(tmp_path / "a.wav"), tmp_path / "out")
    with pytest.raises(ValueError, match="workers must be at least 1"):
        run(tmp_path, tmp_path / "out", workers=0)
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_written_is_one_clear_line(
    corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be written"):
        run(corpus, tmp_path / "file")


# --- splits, parallel texts, trimming -----------------------------------------------------------


def utterances(n_speakers: int, transcript: str | None = None) -> list[Utterance]:
    return [
        Utterance(Path("x.wav"), "x.wav", f"s{i}", f"u{j}", "c", transcript=transcript)
        for i in range(n_speakers)
        for j in range(3)
    ]


@pytest.mark.parametrize(("n_speakers", "n_dev"), [(2, 0), (3, 1), (10, 1), (60, 3), (1000, 20)])
def test_whole_speakers_are_held_out_and_two_stay(n_speakers: int, n_dev: int) -> None:
    result = split_speakers(utterances(n_speakers))
    dev = {u.speaker for u in result if u.split == "dev"}
    train = {u.speaker for u in result if u.split == "train"}
    assert len(dev) == n_dev
    assert len(train) == n_speakers - n_dev
    assert not dev & train


def test_the_held_out_speakers_depend_on_names_alone() -> None:
    given = utterances(30)
    dev = {u.speaker for u in split_speakers(given, 4) if u.split == "dev"}
    assert {u.speaker for u in split_speakers(given[::-2], 4) if u.split == "dev"} == dev
    assert dev != {f"s{i}" for i in range(4)}


def test_a_corpus_of_two_says_that_nobody_is_held_out() -> None:
    said: list[str] = []
    split_speakers(utterances(2), say=said.append)
    assert said == ["only two speakers: none is held out for validation"]


@pytest.mark.parametrize("n_dev", [-1, 9, 10])
def test_a_number_of_dev_speakers_that_leaves_no_two_is_refused(n_dev: int) -> None:
    with pytest.raises(ValueError, match="must be 0 to 8"):
        split_speakers(utterances(10), n_dev)


def test_the_splits_of_a_corpus_are_not_overruled(tmp_path: Path) -> None:
    rows = [{"file": f"{s}.wav", "speaker": s, "split": "train"} for s in "abc"]
    with pytest.raises(ValueError, match="own splits"):
        run(manifest(tmp_path / "c", rows), tmp_path / "out", dev_speakers=1)


def test_equal_words_make_utterances_parallel_whatever_the_spelling() -> None:
    texts = ["Please, call  Stella!", "please call stella", "PLEASE CALL STELLA", "Don't.", "DONT"]
    given = [
        Utterance(Path("x"), "x", speaker, f"u{i}", "c", transcript=text)
        for i, (speaker, text) in enumerate(zip("abbcd", texts, strict=True))
    ]
    keys = [u.parallel for u in mark_parallel(given)]
    assert keys[0] == keys[1] == keys[2] is not None
    assert keys[3] == keys[4] is not None
    assert keys[0] != keys[3]


def test_a_text_that_one_speaker_reads_twice_is_not_parallel() -> None:
    assert {u.parallel for u in mark_parallel(utterances(1, "hello"))} == {None}
    assert {u.parallel for u in mark_parallel(utterances(3, "..."))} == {None}
    assert None not in {u.parallel for u in mark_parallel(utterances(2, "hello"))}


def test_silence_at_the_ends_is_trimmed_to_margins() -> None:
    speech = voice(120, 1.0, 2.0, 0)
    alone = trim_silence(speech)
    padded = torch.cat([1e-5 * torch.randn(16_000), speech, 1e-5 * torch.randn(24_000)])
    trimmed = trim_silence(padded)
    assert len(alone) <= len(trimmed) <= len(speech) + 2 * 0.2 * 16_000 + 160
    loud = (trimmed.abs() > 0.05).nonzero()
    assert loud[0] >= 0.2 * 16_000 - 160
    assert loud[0] <= 0.3 * 16_000


def test_pauses_inside_and_soft_ends_within_the_margin_are_kept() -> None:
    speech = voice(120, 1.0, 1.0, 0)
    joined = torch.cat([speech, torch.zeros(16_000), speech])
    assert len(trim_silence(joined)) > 16_000 * 2.5
    assert torch.equal(trim_silence(torch.zeros(8_000)), torch.zeros(8_000))
