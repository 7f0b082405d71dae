import torch

from vc.audio import LogMel, MelSpec
from vc.synthesis.network import SourceFilter, overlap_add


def small() -> SourceFilter:
    torch.manual_seed(0)
    return SourceFilter(width=16, dilations=(1, 2)).eval()


def voice(n_frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    mel = torch.randn(2, 80, n_frames) - 5
    f0 = 150 + 40 * torch.sin(torch.arange(n_frames) / 15).expand(2, -1).clone()
    f0[:, n_frames // 3 : n_frames // 2] = 0
    return mel, f0


def test_frames_that_are_not_changed_add_up_to_the_waveform():
    waveform = torch.randn(1, 50 * 160 + 320)
    window = torch.hann_window(320)
    frames = torch.nn.functional.pad(waveform.unfold(1, 320, 160) * window, (320, 320))
    again = overlap_add(frames, 160)
    torch.testing.assert_close(again[:, 160:-160], waveform[:, 320:-320])


def test_silence_in_the_mel_is_silence_in_the_sound():
    mel = torch.full((1, 80, 100), MelSpec().floor).log()
    for f0 in (torch.zeros(1, 100), torch.full((1, 100), 120.0)):
        assert small()(mel, f0).abs().max() < 10 ** (-60 / 20)


def test_noise_filtered_by_its_own_mel_has_that_mel():
    model = small()
    with torch.no_grad():
        model.gains.weight.zero_()
        model.gains.bias.view(2, -1)[0] = -20
        model.gains.bias.view(2, -1)[1] = 0
    mel = (-4 + torch.sin(torch.arange(80) / 12))[None, :, None].expand(1, 80, 400)
    again = LogMel()(model(mel, torch.zeros(1, 400)))
    assert (again[0, 3:, 10:-10].mean(1) - mel[0, 3:, 0]).abs().max() < 0.45


def test_a_weak_pitch_is_heard_at_its_fundamental_and_above_as_the_network_says():
    model = small()
    with torch.no_grad():  # nothing but noise
        model.gains.weight.zero_()
        model.gains.bias.view(2, -1)[0] = -20
        model.gains.bias.view(2, -1)[1] = 0
    mel = torch.full((1, 80, 800), -4.0)

    def repeats(f0, low, high):
        """Correlation of the band with itself a period of 125 Hz (128 samples) later."""
        with torch.inference_mode():
            waveform = model(mel, torch.full((1, 800), f0))[0, 1600:-1600]
        hz = torch.fft.rfftfreq(len(waveform), 1 / 16_000)
        band = torch.fft.irfft(torch.fft.rfft(waveform) * ((hz > low) & (hz < high)))
        return torch.corrcoef(torch.stack([band[:-128], band[128:]]))[0, 1]

    assert repeats(-125.0, 60, 190) > repeats(0.0, 60, 190) + 0.2
    assert repeats(-125.0, 1500, 7000) < 0.2


def test_the_network_is_told_that_a_pitch_is_weak_and_which():
    model = small()
    torch.nn.init.normal_(model.gains.weight)
    mel = torch.full((1, 80, 20), -4.0)
    with torch.inference_mode():
        told = [
            model.responses(mel, torch.full((1, 20), f0)) for f0 in (-100.0, -200.0, 100.0, 0.0)
        ]
    above = [response[..., 300:] for response in told]  # where no rule holds
    for i, one in enumerate(above):
        for other in above[:i]:
            assert (one.log() - other.log()).abs().max() > 0.05


def test_weak_pitch_changes_no_voiced_frame_beyond_the_overlap():
    model = small()
    mel, f0 = voice(300)
    weak = torch.where(f0 > 0, f0, -150.0)
    with torch.inference_mode():
        plain, other = model(mel, f0), model(mel, weak)
    quiet = slice((100 - 8) * 160)
    torch.testing.assert_close(other[:, quiet], plain[:, quiet], atol=1e-5, rtol=0.0)
    assert (other[:, 110 * 160 : 140 * 160] - plain[:, 110 * 160 : 140 * 160]).abs().max() > 1e-3


def test_pieces_sound_like_the_whole():
    model = small()
    mel, f0 = voice(400)
    f0[0, 350:] *= -1
    with torch.inference_mode():
        whole = model(mel, f0)
        for size in (9, 150, 399):
            stream = model.stream()
            pieces = zip(mel.split(size, 2), f0.split(size, 1), strict=True)
            parts = [stream.push(m, f) for m, f in pieces] + [stream.finish()]
            torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-4 * 0.05, rtol=0.0)


def test_no_sample_depends_on_frames_beyond_the_context():
    model = small()
    mel, f0 = voice(200)
    later = mel.clone()
    later[:, :, 120:] += 1
    same = (120 - model.context) * 160
    with torch.inference_mode():
        assert torch.equal(model(mel, f0)[:, :same], model(later, f0)[:, :same])


def test_a_wrong_octave_of_f0_leaves_the_level_alone():
    model = small()
    mel, f0 = voice(200)
    with torch.inference_mode():
        right = model(mel, f0)
        for factor in (0.5, 2.0):
            wrong = model(mel, f0 * factor)
            assert torch.isfinite(wrong).all()
            assert 0.4 < float(wrong.std() / right.std()) < 2.5


def test_gradients_reach_every_parameter_and_the_mel():
    model = small().train()
    mel, f0 = voice(60)
    mel.requires_grad_()
    model(mel, f0).square().mean().backward()
    assert mel.grad.abs().sum() > 0
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_the_default_synthesiser_stays_within_two_million_parameters():
    assert sum(p.numel() for p in SourceFilter().parameters()) <= 2_000_000
