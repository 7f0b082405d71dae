from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.vc.sounds import voice
from vc import judges
from vc.judges import JudgeError, Judgement, Panel
from vc.metrics import cosine_similarity, mel_cepstral_distortion

RATE = judges.SAMPLE_RATE
calls: list[int] = []


def plain_judge(waveform: np.ndarray) -> Judgement:
    calls.append(len(waveform))
    return Judgement(np.ones(4), "höhö", np.full(3, 99.0), 3.5, np.ones((24, 2)))


def speech(f0: float = 120.0, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return voice(f0, scale, 2.0, seed).numpy()


# ---- without the judges' packages ----


def test_a_missing_judge_is_one_line_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judges, "PACKAGES", ("a_judge_that_is_not_there",))
    with pytest.raises(JudgeError, match=r"pip install 'bowtie-ae\[eval\]'") as error:
        judges.check_judges()
    assert "a_judge_that_is_not_there" in str(error.value)
    assert "\n" not in str(error.value)


def test_verdicts_on_a_file_survive_the_panel(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", speech(), RATE)
    for expected in (1, 1):
        with Panel(plain_judge, workers=0, cache_dir=tmp_path / "cache") as panel:
            found = panel.hear_file(tmp_path / "a.wav").result()
        assert calls.count(len(speech())) == expected
        assert found.text == "höhö"
        np.testing.assert_array_equal(found.cepstra, np.ones((24, 2)))
        assert found.p808 == 3.5


def test_another_judge_does_not_get_the_first_ones_verdicts(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", speech(), RATE)

    def other_judge(waveform: np.ndarray) -> Judgement:
        return plain_judge(waveform)._replace(text="other")

    texts = []
    for judge in (plain_judge, other_judge):
        with Panel(judge, workers=0, cache_dir=tmp_path / "cache") as panel:
            texts.append(panel.hear_file(tmp_path / "a.wav").result().text)
    assert texts == ["höhö", "other"]


def test_an_unreadable_file_is_an_error_of_that_file_alone(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no")
    soundfile.write(tmp_path / "good.wav", speech(), RATE)
    with Panel(plain_judge, workers=0, cache_dir=tmp_path / "cache") as panel:
        with pytest.raises(ValueError, match=r"bad\.wav is not a sound file"):
            panel.hear_file(tmp_path / "bad.wav").result()
        assert panel.hear_file(tmp_path / "good.wav").result().text == "höhö"
        with pytest.raises(ValueError, match="does not exist"):
            panel.hear_file(tmp_path / "none.wav")


def test_equal_waveforms_are_heard_once(tmp_path: Path) -> None:
    with Panel(plain_judge, workers=0, cache_dir=tmp_path) as panel:
        for _ in range(3):
            panel.hear(speech(seed=1)).result()
        assert panel.n_asked == panel.n_answered == 1
    assert not list(tmp_path.iterdir())


def test_infinite_samples_are_refused_before_any_judge_is_asked() -> None:
    with pytest.raises(ValueError, match="not finite"):
        judges.judge(np.array([0.0, np.inf], dtype=np.float32))
    with pytest.raises(ValueError, match=r"one waveform \(S,\)"):
        judges.judge(np.zeros((2, 100), dtype=np.float32))


# ---- each judge, where it is installed ----


def test_the_speaker_judge_knows_a_voice_again() -> None:
    pytest.importorskip("resemblyzer")
    ann, again, bob = (
        judges.speaker_embedding(x)
        for x in (speech(200, 0, 1.17), speech(200, 1, 1.17), speech(100, 0))
    )
    assert np.linalg.norm(ann) == pytest.approx(1.0, abs=1e-4)
    assert cosine_similarity(ann, again) > cosine_similarity(ann, bob)


def test_the_recogniser_does_not_remember_what_it_heard_before() -> None:
    pytest.importorskip("pocketsphinx")
    rng = np.random.default_rng(0)
    first = judges.recognise(speech(seed=3))
    judges.recognise(0.9 * rng.standard_normal(RATE).clip(-1, 1))
    judges.recognise(speech(250, seed=5))
    assert judges.recognise(speech(seed=3)) == first


def test_the_naturalness_judge_agrees_with_speechmos() -> None:
    dnsmos = pytest.importorskip("speechmos.dnsmos")
    for seconds in (2, 10.5):
        x = np.tile(speech(), 6)[: int(seconds * RATE)]
        expected = dnsmos.run(x, RATE)["p808_mos"]
        assert judges.p808(x) == pytest.approx(float(expected), abs=1e-4)


def test_the_pitch_judge_finds_a_tone_and_its_octave() -> None:
    pytest.importorskip("pyworld")
    low, _ = judges.pitch_and_cepstra(speech(110))
    high, _ = judges.pitch_and_cepstra(speech(220))
    octaves = np.log2(np.median(high[high > 0]) / np.median(low[low > 0]))
    assert octaves == pytest.approx(1.0, abs=0.05)
    assert len(low) == 1 + 2 * 100


def test_cepstra_hear_the_mouth_and_not_the_level() -> None:
    pytest.importorskip("pyworld")
    _, cepstra = judges.pitch_and_cepstra(speech(110))
    _, softer = judges.pitch_and_cepstra(0.25 * speech(110))
    _, another = judges.pitch_and_cepstra(speech(110, scale=1.2))
    assert cepstra.shape[0] == judges.N_CEPSTRA
    assert mel_cepstral_distortion(softer, cepstra) < 0.1
    assert mel_cepstral_distortion(another, cepstra) > 1.0


def test_silence_is_like_nobody_and_says_nothing() -> None:
    for name in judges.PACKAGES:
        pytest.importorskip(name)
    for seconds in (0.0, 0.01, 2.0):
        verdicts = judges.judge(np.zeros(int(seconds * RATE), dtype=np.float32))
        assert verdicts.text == ""
        assert not verdicts.embedding.any()
        assert not verdicts.f0.any()
        assert np.isnan(verdicts.p808)


def test_a_click_is_judged_without_an_error() -> None:
    for name in judges.PACKAGES:
        pytest.importorskip(name)
    click = np.zeros(RATE // 10, dtype=np.float32)
    click[100] = 0.9
    verdicts = judges.judge(click)
    assert verdicts.embedding.shape == (judges.EMBEDDING_DIM,)
