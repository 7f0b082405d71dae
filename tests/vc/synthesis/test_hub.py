import pytest
import torch

from vc.synthesis.hub import HubHifiGan


def save_tiny(folder, **changes) -> str:
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    torch.manual_seed(0)
    sizes = {
        "upsample_initial_channel": 16,
        "upsample_rates": [5, 4, 4, 2],
        "upsample_kernel_sizes": [11, 8, 8, 4],
        # Large enough that a random network says something.
        "initializer_range": 0.2,
    }
    SpeechT5HifiGan(SpeechT5HifiGanConfig(**{**sizes, **changes})).save_pretrained(folder)
    return str(folder)


def test_a_hifigan_from_disk_renders_a_mel_whole_and_in_pieces(tmp_path):
    vocoder = HubHifiGan(save_tiny(tmp_path))
    mel, f0 = torch.randn(1, 80, 150) - 5, torch.zeros(1, 150)
    with torch.inference_mode():
        whole = vocoder(mel, f0)
        stream = vocoder.stream()
        pieces = zip(mel.split(40, 2), f0.split(40, 1), strict=True)
        parts = [stream.push(m, f) for m, f in pieces] + [stream.finish()]
    assert whole.shape == (1, 149 * 160)
    assert whole.std() > 1e-3
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-4, rtol=0.0)


def test_decimal_logarithms_are_natural_ones_divided_by_ln_10(tmp_path):
    folder = save_tiny(tmp_path)
    mel, f0 = torch.randn(1, 80, 20) - 5, torch.zeros(1, 20)
    with torch.inference_mode():
        natural = HubHifiGan(folder)(mel / 2.302585, f0)
        decimal = HubHifiGan(folder, log10=True)(mel, f0)
    torch.testing.assert_close(natural, decimal)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"upsample_rates": [4, 4, 4, 4], "upsample_kernel_sizes": [8] * 4}, "hop of 256"),
        ({"sampling_rate": 22050}, "rate of 22050"),
        ({"model_in_dim": 100}, "bands of 100"),
    ],
)
def test_a_mel_of_other_training_is_refused_with_the_reason(tmp_path, changes, complaint):
    with pytest.raises(ValueError, match=complaint) as error:
        HubHifiGan(save_tiny(tmp_path, **changes))
    assert "\n" not in str(error.value)


def test_a_folder_without_a_model_is_one_clear_line(tmp_path):
    with pytest.raises(ValueError, match="no HiFi-GAN vocoder") as error:
        HubHifiGan(tmp_path)
    assert "\n" not in str(error.value)
