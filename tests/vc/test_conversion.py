import pytest
import torch

from tests.vc.sounds import SAMPLE_RATE, voice
from vc.audio import LEVEL, AudioError, LogMel, MelSpec, active_level, level_of_frames
from vc.conversion import Recording, analyse, band_powers, move_pitch, read_mel
from vc.harvest import track_contour
from vc.model import mean_spectrum
from vc.pitch import track_pitch

SPEC = MelSpec()


@pytest.fixture(scope="module")
def log_mel():
    return LogMel(SPEC)


def record(waveform: torch.Tensor) -> Recording:
    return Recording(waveform.split(5000), "test")


def test_a_recording_gives_back_any_part_of_itself():
    waveform = voice(120, 1.0, 1.0, 0)
    with record(waveform) as recording:
        assert recording.n_samples == 16_000
        assert recording.peak == waveform.abs().max()
        assert torch.equal(recording.read(700, 9000), waveform[700:9000])
        assert torch.equal(recording.read(-50, 99_000), waveform)
        assert recording.read(16_000, 17_000).numel() == 0


def test_the_analysis_is_that_of_the_training_features(log_mel):
    waveform = voice(120, 1.0, 4.0, 0)
    with record(waveform) as recording:
        found = analyse(recording, log_mel)
    scaled = waveform * (LEVEL / active_level(waveform))
    assert found.level == pytest.approx(active_level(waveform), rel=0.02)
    assert (found.mean - mean_spectrum(log_mel(scaled[None]))[0]).abs().mean() < 0.1
    assert torch.equal(found.f0.clamp_min(0), track_pitch(waveform * (LEVEL / found.level)))


def test_weak_pitch_is_negative_and_only_where_there_is_no_voice(log_mel):
    waveform = voice(120, 1.0, 4.0, 0)
    with record(waveform) as recording:
        with_weak = analyse(recording, log_mel).f0
        without = analyse(recording, log_mel, weak_pitch=False).f0
    assert torch.equal(with_weak[without > 0], without[without > 0])
    assert (with_weak[without == 0] <= 0).all()
    assert (with_weak < 0).any()


def test_weak_pitch_moves_with_the_voice():
    f0 = torch.tensor([100.0, -110.0, 0.0, 120.0])
    moved = move_pitch(f0, (110.0, 0.2), (220.0, 0.2), mode="match", shift=0.0, pitch_range=1.0)
    torch.testing.assert_close(moved, 2 * f0)


@pytest.mark.parametrize("chunk_seconds", [0.5, 1.7, 100.0])
def test_the_analysis_does_not_depend_on_the_pieces(log_mel, chunk_seconds):
    with record(voice(120, 1.0, 4.3, 0)) as recording:
        a = analyse(recording, log_mel)
        b = analyse(recording, log_mel, chunk_seconds=chunk_seconds)
    assert a.level == b.level
    assert torch.equal(a.active, b.active)
    assert torch.allclose(a.mean, b.mean, atol=1e-5)


def test_pitch_in_cells_is_the_pitch_of_the_whole(log_mel, monkeypatch):
    monkeypatch.setattr("vc.conversion._PITCH_CELL", 70)
    waveform = voice(120, 1.0, 2.5, 0)
    with record(waveform) as recording:
        found = analyse(recording, log_mel)
    waveform = waveform * (LEVEL / found.level)
    voiced, contour = track_pitch(waveform), track_contour(waveform)
    assert found.f0.shape == voiced.shape
    assert torch.allclose(found.f0.clamp_min(0), voiced, atol=0.1)
    weak = (voiced == 0) & (contour > 0)
    assert torch.allclose(found.f0[weak], -contour[weak], atol=0.1)


@pytest.mark.parametrize(("start", "stop"), [(0, 40), (37, 90), (150, 201)])
def test_pieces_of_mel_are_those_of_the_whole(log_mel, start, stop):
    waveform = voice(120, 1.0, 2.0, 0)
    whole = log_mel(waveform[None] * 0.7)
    with record(waveform) as recording:
        piece = read_mel(recording, log_mel, 0.7, start, stop, torch.device("cpu"))
    assert piece.shape[-1] == stop - start
    assert torch.allclose(piece, whole[..., start:stop], atol=1e-4)


def test_silence_around_speech_changes_neither_level_nor_colour(log_mel):
    waveform = voice(120, 1.0, 3.0, 0)
    padded = torch.cat([torch.zeros(3 * SAMPLE_RATE), waveform, torch.zeros(60 * SAMPLE_RATE)])
    with record(waveform) as a, record(padded) as b:
        plain, silent = analyse(a, log_mel), analyse(b, log_mel)
    assert silent.level == pytest.approx(plain.level, rel=0.01)
    assert torch.allclose(silent.mean, plain.mean, atol=0.05)
    assert abs(int(silent.active.sum()) - int(plain.active.sum())) <= 5


def test_the_gate_is_shut_in_silence_and_open_in_speech(log_mel):
    waveform = torch.cat([voice(120, 1.0, 2.0, 0), torch.zeros(SAMPLE_RATE)])
    with record(waveform) as recording:
        found = analyse(recording, log_mel)
    assert bool((found.gate[220:] == 0).all())
    assert bool((found.gate[found.active] == 1).all())


@pytest.mark.parametrize("waveform", [torch.zeros(8000), 1e-5 * torch.randn(8000), torch.zeros(3)])
def test_only_silence_is_refused(log_mel, waveform):
    with record(waveform) as recording, pytest.raises(AudioError, match="only silence"):
        analyse(recording, log_mel)


def test_a_recording_shorter_than_a_frame_is_analysed(log_mel):
    with record(0.1 * torch.ones(100)) as recording:
        assert analyse(recording, log_mel).n_frames == 1


def test_the_level_of_a_mel_follows_that_of_its_waveform(log_mel):
    def level(waveform: torch.Tensor) -> float:
        return level_of_frames(band_powers(log_mel(waveform[None])[0], log_mel.filters))

    voiced, noise = voice(120, 1.0, 2.0, 0), 0.05 * torch.randn(32_000)
    assert level(0.3 * voiced) / level(voiced) == pytest.approx(0.3, rel=1e-3)
    # Of whatever colour, within 2 dB.
    ratio = active_level(noise) / active_level(voiced)
    assert level(noise) / level(voiced) == pytest.approx(ratio, rel=0.25)


F0 = torch.tensor([0.0, 100.0, 110.0, 125.0, 0.0, 90.0, 105.0])
OWN = (105.0, 0.1)


def move(mode: str, target=(210.0, 0.1), shift=0.0, pitch_range=1.0) -> torch.Tensor:
    return move_pitch(F0, OWN, target, mode=mode, shift=shift, pitch_range=pitch_range)


def test_matching_puts_the_median_on_the_targets_and_keeps_the_melody():
    assert torch.allclose(move("match"), 2 * F0)


def test_keeping_changes_nothing():
    assert torch.equal(move("keep"), F0)


def test_shifting_ignores_the_targets_register():
    assert torch.allclose(move("shift", shift=12.0), 2 * F0)
    assert torch.allclose(move("shift"), F0)


def test_a_range_of_zero_is_monotone_and_two_doubles_every_interval():
    assert torch.allclose(move("shift", pitch_range=0.0)[F0 > 0], torch.tensor(105.0))
    wide = move("shift", pitch_range=2.0)
    assert torch.allclose((wide[F0 > 0] / 105).log(), 2 * (F0[F0 > 0] / 105).log(), atol=1e-5)


def test_a_livelier_target_widens_the_melody_within_bounds():
    def width(spread: float) -> float:
        moved = move("match", (105.0, spread))
        return float((moved[3] / 105).log() / (F0[3] / 105).log())

    assert width(0.12) == pytest.approx(1.2, abs=1e-3)
    assert width(0.9) == pytest.approx(1.4, abs=1e-3)
    assert width(0.01) == pytest.approx(0.7, abs=1e-3)


def test_a_whispered_target_leaves_the_register():
    assert torch.allclose(move("match", (0.0, 0.0)), F0)


def test_a_click_does_not_turn_soft_speech_into_a_whisper(log_mel):
    waveform = 0.03 * voice(120, 1.0, 3.0, 0) / voice(120, 1.0, 3.0, 0).abs().max()
    clicked = waveform.clone()
    clicked[20_000] = 1.0
    with record(waveform) as plain, record(clicked) as recording:
        voiced = analyse(plain, log_mel).f0 > 0
        still_voiced = analyse(recording, log_mel).f0 > 0
    assert (voiced & still_voiced).sum() > 0.8 * voiced.sum()
