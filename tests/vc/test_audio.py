"""Reading and writing sound, mel analysis, levels."""

import struct
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from tests.vc.sounds import voice
from vc.audio import (
    LEVEL,
    SYNTHETIC_NOTE,
    AudioError,
    AudioWriter,
    LogMel,
    MelSpec,
    active_level,
    duration,
    find_audio,
    frame_count,
    level_of_frames,
    mel_filters,
    read_audio,
    stream_audio,
    write_audio,
)

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")


@pytest.fixture(scope="module")
def speech() -> Tensor:
    return voice(120.0, 1.0, 2.0, seed=1)


def relative_error(x_hat: Tensor, x: Tensor) -> float:
    return float((x_hat - x).norm() / x.norm())


# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_16", 1e-3),
        ("a.wav", "PCM_24", 1e-5),
        ("a.wav", "PCM_32", 1e-6),
        ("a.wav", "FLOAT", 1e-7),
        ("a.wav", "DOUBLE", 1e-7),
        ("a.wav", "PCM_U8", 0.2),
        ("a.flac", "PCM_16", 1e-3),
        ("a.flac", "PCM_24", 1e-5),
        ("a.ogg", "VORBIS", 0.15),
        ("a.opus", "OPUS", 0.15),
        ("a.mp3", "MPEG_LAYER_III", 0.15),
        ("a.aiff", "PCM_16", 1e-3),
    ],
)
def test_every_format_reads_back_as_what_was_written(
    tmp_path: Path, speech: Tensor, name: str, subtype: str, tolerance: float
) -> None:
    container = "OGG" if name.endswith(".opus") else None
    soundfile.write(tmp_path / name, speech.numpy(), 16_000, subtype=subtype, format=container)
    x = read_audio(tmp_path / name)
    assert x.dtype == torch.float32
    assert x.shape == speech.shape
    assert relative_error(x, speech) < tolerance


def test_stereo_is_mixed_down_to_the_mean_of_its_channels(tmp_path: Path) -> None:
    left, right = voice(110, 1.0, 1.0, 0), voice(210, 1.2, 1.0, 1)
    path = tmp_path / "stereo.wav"
    soundfile.write(path, torch.stack([left, right], 1).numpy(), 16_000, subtype="FLOAT")
    torch.testing.assert_close(read_audio(path), (left + right) / 2)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_a_tone_keeps_its_pitch_length_and_level_at_any_rate(tmp_path: Path, rate: int) -> None:
    t = np.arange(2 * rate) / rate
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 1000 * t), rate)
    x = read_audio(tmp_path / "tone.wav")
    assert abs(len(x) - 32_000) <= 1
    expected = 0.5 * torch.sin(2 * torch.pi * 1000 * torch.arange(len(x)) / 16_000)
    assert (x - expected)[500:-500].abs().max() < 2e-3


def test_resampling_down_removes_what_lies_above_the_new_band(tmp_path: Path) -> None:
    t = np.arange(48_000) / 48_000
    soundfile.write(tmp_path / "high.wav", 0.5 * np.sin(2 * np.pi * 11_000 * t), 48_000)
    assert read_audio(tmp_path / "high.wav")[500:-500].abs().max() < 1e-3


@pytest.mark.parametrize("rate", [11_025, 16_000, 44_100])
@pytest.mark.parametrize("block_seconds", [0.0, 0.003, 0.37, 100.0])
def test_blocks_of_any_size_join_to_the_whole(
    tmp_path: Path, speech: Tensor, rate: int, block_seconds: float
) -> None:
    soundfile.write(tmp_path / "a.wav", speech[:8000].numpy(), rate)
    blocks = list(stream_audio(tmp_path / "a.wav", 16_000, max(block_seconds, 20 / rate)))
    assert torch.equal(torch.cat(blocks), read_audio(tmp_path / "a.wav"))


def test_duration_is_read_from_the_header(tmp_path: Path, speech: Tensor) -> None:
    soundfile.write(tmp_path / "a.flac", speech.numpy(), 8_000)
    assert duration(tmp_path / "a.flac") == pytest.approx(4.0)


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_sample_that_is_not_finite_is_refused(tmp_path: Path, bad: float) -> None:
    x = np.zeros(16_000, dtype=np.float32)
    x[9_000] = bad
    soundfile.write(tmp_path / "a.wav", x, 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match="not finite"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_breaks_off_is_refused(tmp_path: Path, speech: Tensor, suffix: str) -> None:
    whole, half = tmp_path / f"whole{suffix}", tmp_path / f"half{suffix}"
    write_audio(whole, speech, 16_000)
    content = whole.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError) as caught:
        read_audio(half)
    assert str(half) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_from_a_pipe_that_does_not_know_its_size_is_read(
    tmp_path: Path, speech: Tensor, size: int
) -> None:
    path = tmp_path / "piped.wav"
    soundfile.write(path, speech.numpy(), 16_000, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", size)
    content[4:8] = struct.pack("<I", size)
    path.write_bytes(content)
    assert abs(len(read_audio(path)) - len(speech)) <= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"This was a text before somebody renamed it.\n" * 50, "not a sound file"),
        (b"\x00" * 4096, "not a sound file"),
    ],
)
def test_what_is_no_sound_is_refused_with_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=message) as caught:
        read_audio(path)
    assert "\n" not in str(caught.value)


def test_a_header_without_samples_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 16_000)
    with pytest.raises(AudioError, match="no samples"):
        read_audio(tmp_path / "a.wav")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="does not exist"):
        read_audio(tmp_path / "none.wav")
    with pytest.raises(AudioError, match="is a folder"):
        read_audio(tmp_path)


def test_find_audio_lists_sounds_of_all_depths_and_nothing_else(
    tmp_path: Path, speech: Tensor
) -> None:
    wanted = [tmp_path / "a.wav", tmp_path / "b" / "c" / "d.FLAC"]
    for path in (*wanted, tmp_path / "notes.txt", tmp_path / ".hidden.wav"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert find_audio(tmp_path) == wanted
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match="no sound files"):
        find_audio(tmp_path / "empty")
    with pytest.raises(AudioError, match="not a folder"):
        find_audio(tmp_path / "a.wav")


# --- writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_note_that_speech_is_synthetic_survives_in_every_format(
    tmp_path: Path, speech: Tensor, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, speech, 16_000, note=SYNTHETIC_NOTE)
    with soundfile.SoundFile(path) as sound:
        assert sound.comment == SYNTHETIC_NOTE
    assert len(read_audio(path)) == len(speech)


def test_blocks_written_one_by_one_are_the_whole(tmp_path: Path, speech: Tensor) -> None:
    with AudioWriter(tmp_path / "blocks.wav", 16_000) as writer:
        for block in speech.split(777):
            writer.write(block)
    write_audio(tmp_path / "whole.wav", speech, 16_000)
    assert (tmp_path / "blocks.wav").read_bytes() == (tmp_path / "whole.wav").read_bytes()


def test_samples_beyond_full_scale_are_clipped_and_do_not_wrap(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", torch.tensor([2.0, -2.0, 0.0] * 100), 16_000)
    x = read_audio(tmp_path / "a.wav")
    assert x[0] > 0.99
    assert x[1] < -0.99


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_error_while_writing_leaves_nothing_behind(
    tmp_path: Path, speech: Tensor, suffix: str
) -> None:
    def write_half() -> None:
        with AudioWriter(tmp_path / f"a{suffix}", 16_000) as writer:
            writer.write(speech)
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_the_old_file_stays_whole_until_the_new_one_is_complete(
    tmp_path: Path, speech: Tensor
) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, speech, 16_000)
    before = path.read_bytes()

    def write_half() -> None:
        with AudioWriter(path, 16_000) as writer:
            writer.write(speech * 0.5)
            assert path.read_bytes() == before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == before
    write_audio(path, speech * 0.5, 16_000)
    assert path.read_bytes() != before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_exists_is_kept_unless_forced(tmp_path: Path, speech: Tensor) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"precious")
    with pytest.raises(AudioError, match="--force"):
        write_audio(path, speech, 16_000, force=False)
    assert path.read_bytes() == b"precious"


def test_an_output_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AudioError, match="cannot be written"):
        write_audio(tmp_path / "file" / "a.wav", torch.zeros(10), 16_000)
    with pytest.raises(AudioError, match=r"choose one of .*\.wav"):
        write_audio(tmp_path / "a.xyz", torch.zeros(10), 16_000)
    with pytest.raises(AudioError, match="cannot be written"):
        write_audio(tmp_path / "a.opus", torch.zeros(10), 22_050)  # Opus knows five rates only
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


# --- mel ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 16_000, 16_079])
def test_the_mel_has_one_frame_more_than_whole_hops(n_samples: int) -> None:
    mel = LogMel()(torch.randn(2, n_samples))
    assert mel.shape == (2, 80, frame_count(n_samples, MelSpec()))
    assert mel.shape[2] == 1 + n_samples // 160


def test_mel_filters_are_librosas_slaney_filters() -> None:
    spec = MelSpec()
    reference = librosa.filters.mel(
        sr=16_000, n_fft=1024, n_mels=80, fmin=0.0, fmax=8000.0, htk=False, norm="slaney"
    )
    filters = mel_filters(spec)
    assert filters.shape == (513, 80)
    np.testing.assert_allclose(filters.numpy().T, reference, atol=1e-6)


def test_the_log_mel_is_librosas(speech: Tensor) -> None:
    reference = librosa.feature.melspectrogram(
        y=speech.numpy(), sr=16_000, n_fft=1024, win_length=640, hop_length=160, power=1.0,
        n_mels=80, fmin=0.0, fmax=8000.0, pad_mode="constant",
    )  # fmt: skip
    expected = np.log(np.maximum(reference, 1e-5))
    np.testing.assert_allclose(LogMel()(speech[None])[0].numpy(), expected, atol=2e-3)


def test_silence_lies_on_the_floor_and_gain_adds_its_logarithm(speech: Tensor) -> None:
    log_mel = LogMel()
    assert torch.all(log_mel(torch.zeros(1, 1600)) == torch.tensor(1e-5).log())
    quiet, loud = log_mel(speech[None] * 0.5), log_mel(speech[None])
    above = quiet > np.log(1e-5)
    torch.testing.assert_close((loud - quiet)[above], torch.full_like(quiet[above], np.log(2.0)))


def test_a_waveform_without_batch_axis_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(B, S\)"):
        LogMel()(torch.zeros(1600))


# --- level --------------------------------------------------------------------------------------


def in_db(ratio: float) -> float:
    return 20 * np.log10(ratio)


@pytest.mark.parametrize("gain", [1e-3, 0.1, 7.0])
def test_the_active_level_scales_with_gain(speech: Tensor, gain: float) -> None:
    assert active_level(speech * gain) == pytest.approx(gain * active_level(speech), rel=1e-4)


@pytest.mark.parametrize("seconds", [0.5, 2.0])
def test_added_silence_changes_the_active_level_by_less_than_half_a_decibel(
    speech: Tensor, seconds: float
) -> None:
    silence = torch.zeros(int(seconds * 16_000))
    longer = torch.cat([silence, speech, silence, speech])
    assert abs(in_db(active_level(longer) / active_level(speech))) < 0.5


def test_a_click_does_not_raise_the_active_level(speech: Tensor) -> None:
    clicked = speech.clone()
    clicked[100] = 1.0
    assert abs(in_db(active_level(clicked) / active_level(speech))) < 0.5


def test_scaling_to_the_level_reaches_it(speech: Tensor) -> None:
    assert active_level(speech * (LEVEL / active_level(speech))) == pytest.approx(LEVEL, rel=1e-4)


def test_the_level_of_nothing_is_zero() -> None:
    assert active_level(torch.zeros(16_000)) == 0.0
    assert level_of_frames(torch.zeros(0)) == 0.0
    assert active_level(torch.zeros(10)) == 0.0
    assert active_level(torch.full((10,), 0.5)) == pytest.approx(0.5)


def test_a_tone_has_its_root_mean_square_as_active_level() -> None:
    tone = 0.3 * torch.sin(2 * torch.pi * 200 * torch.arange(16_000) / 16_000)
    assert active_level(tone) == pytest.approx(0.3 / 2**0.5, rel=1e-3)
