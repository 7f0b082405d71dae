import torch

from vc.audio import MelSpec
from vc.perturbation import Perturbation, hz_to_mel, mel_centres, mel_to_hz, warp_formants


def test_everything_switched_off_changes_nothing():
    mel = torch.randn(2, 80, 50)
    still = Perturbation(warp=0.0, tilt=0.0, noise=-float("inf"), n_masks=0)
    assert torch.equal(still(mel), mel)


def test_a_warp_of_one_changes_nothing():
    mel = torch.randn(3, 80, 10)
    assert torch.allclose(warp_formants(mel, torch.ones(3), MelSpec()), mel, atol=1e-4)


def test_a_warp_moves_a_formant_by_its_factor():
    spec = MelSpec()
    centres = mel_centres(spec)
    formant = torch.exp(-0.5 * ((centres - 1500) / 150) ** 2)[None, :, None]
    for factor in (0.8, 1.25):
        moved = warp_formants(formant, torch.tensor([factor]), spec)[0, :, 0]
        peak = float((centres * moved).sum() / moved.sum())
        assert abs(peak / (1500 * factor) - 1) < 0.04


def test_a_warp_and_its_inverse_cancel_for_smooth_spectra():
    mel = torch.cos(torch.linspace(0, 6, 80))[None, :, None].repeat(1, 1, 4)
    there = warp_formants(mel, torch.tensor([1.2]), MelSpec())
    back = warp_formants(there, torch.tensor([1 / 1.2]), MelSpec())
    assert (back - mel)[:, 5:65].abs().max() < 0.05


def test_hertz_and_mel_are_inverse():
    hz = torch.tensor([0.0, 300.0, 1000.0, 4000.0, 8000.0])
    assert torch.allclose(mel_to_hz(hz_to_mel(hz)), hz, rtol=1e-4)


def test_noise_never_makes_a_band_quieter():
    mel = torch.randn(8, 80, 50)
    noisy = Perturbation(warp=0.0, tilt=0.0, noise=0.0, n_masks=0)(mel)
    assert (noisy >= mel - 1e-5).all()
    assert (noisy > mel + 0.1).any()


def test_masks_are_no_longer_than_asked():
    mel = torch.zeros(64, 80, 100)
    masked = Perturbation(warp=0.0, tilt=0.0, noise=-float("inf"), n_masks=1, mask_frames=7)(mel)
    longest = (masked[:, 0] != 0).sum(1).max()
    assert 1 <= longest <= 7
