"""Pictures of mels: axes that tell the truth, and no figure kept alive."""

import sys

import pytest
import torch

from tests.vc.sounds import voice_and_pitch
from vc.audio import LogMel, MelSpec, mel_filters
from vc.pictures import mel_figure, mel_position


@pytest.fixture
def spoken() -> tuple[torch.Tensor, torch.Tensor]:
    waveform, f0 = voice_and_pitch(120.0, 1.0, 1.5, seed=1)
    return LogMel()(waveform[None])[0], f0


@pytest.mark.parametrize("frequency", [150.0, 440.0, 1000.0, 3000.0, 7000.0])
def test_a_frequency_lies_where_the_filters_that_hold_it_are(frequency):
    spec = MelSpec()
    bins = mel_filters(spec)[round(frequency / spec.sample_rate * spec.n_fft)]
    centre = float((bins * torch.arange(spec.n_mels)).sum() / bins.sum())
    assert mel_position(frequency, spec) == pytest.approx(centre, abs=0.5)


def test_there_is_one_panel_per_mel_with_its_name_and_a_pitch_axis_where_pitch_is_known(spoken):
    mel, f0 = spoken
    figure = mel_figure({"source": mel, "result": mel}, {"result": f0})
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["source", "result", ""]


def test_the_pitch_is_drawn_in_hz_with_gaps_where_it_is_unvoiced(spoken):
    mel, f0 = spoken
    line = mel_figure({"a": mel}, {"a": f0}).axes[1].lines[0]
    drawn = torch.tensor(line.get_ydata())
    assert torch.equal(drawn.isnan(), f0 == 0)
    assert torch.allclose(drawn[f0 > 0].float(), f0[f0 > 0])


def test_the_time_axis_ends_at_the_last_frame(spoken):
    mel, _ = spoken
    assert mel_figure({"a": mel}).axes[0].get_xlim()[1] == pytest.approx(1.51)


def test_a_recording_without_any_voice_is_drawn_all_the_same(spoken):
    mel, f0 = spoken
    figure = mel_figure({"a": mel}, {"a": torch.zeros_like(f0)})
    assert len(figure.axes) == 1


def test_a_figure_is_drawn_without_pyplot(spoken, tmp_path):
    had_pyplot = "matplotlib.pyplot" in sys.modules
    mel_figure({"a": spoken[0]}, {"a": spoken[1]}).savefig(tmp_path / "mel.png")
    assert (tmp_path / "mel.png").stat().st_size > 5000
    assert had_pyplot or "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize("mels", [{}, {"a": torch.zeros(40, 5)}, {"a": torch.zeros(1, 80, 5)}])
def test_what_is_no_mel_is_refused(mels):
    with pytest.raises(ValueError, match="mel"):
        mel_figure(mels)


def test_figures_of_a_low_and_a_high_voice_have_the_same_pitch_axis(spoken):
    mel, f0 = spoken
    low, high = (mel_figure({"a": mel}, {"a": f0 * scale}) for scale in (0.8, 1.8))
    assert low.axes[1].get_ylim() == high.axes[1].get_ylim()
