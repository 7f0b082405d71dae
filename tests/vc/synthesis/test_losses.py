import torch

from vc.synthesis.losses import SpectralDistance, energy_distance


def noise(level: float, seed: int, n: int = 16) -> torch.Tensor:
    return level * torch.randn(n, 8000, generator=torch.Generator().manual_seed(seed))


def test_a_waveform_is_at_no_distance_from_itself():
    distance = SpectralDistance()
    spectra = distance.spectra(noise(0.1, 0))
    log_part, linear_part = distance(spectra, spectra, torch.ones(16))
    assert log_part.max() < 1e-3
    assert linear_part.max() == 0


def test_white_noise_has_about_unit_magnitude_at_every_resolution():
    for magnitude in SpectralDistance().spectra(noise(1.0, 0)):
        assert 0.8 < float(magnitude.mean()) < 1.0


def test_the_energy_distance_asks_for_all_the_noise_and_the_plain_one_for_less():
    distance = SpectralDistance()
    truth = noise(0.1, 0)

    def linear(level: float, other_seed: int) -> float:
        pair = noise(level, 1), noise(level, other_seed)
        return float(energy_distance(distance, truth, *pair)[1])

    assert linear(0.1, other_seed=2) < linear(0.07, other_seed=2)
    assert linear(0.1, other_seed=1) > linear(0.07, other_seed=1)


def test_the_slope_is_finite_at_silence():
    quiet = torch.zeros(2, 4000, requires_grad=True)
    other = 0.01 * torch.randn(2, 4000)
    log_part, linear_part = energy_distance(SpectralDistance(), other, quiet, other)
    (log_part + linear_part).backward()
    assert torch.isfinite(quiet.grad).all()
