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


def steady(level: float, n: int = 16) -> torch.Tensor:
    """A sound without chance: harmonics of 125 Hz under a flat envelope."""
    t = torch.arange(8000) / 16_000
    tone = sum(torch.cos(2 * torch.pi * k * 125 * t) for k in range(1, 64))
    return (level * tone / tone.std()).expand(n, -1)


def test_the_energy_distance_to_noise_prefers_noise_and_the_plain_one_a_comb():
    distance = SpectralDistance()
    truth = noise(0.1, 0)
    models = {
        "noise": (noise(0.1, 1), noise(0.1, 2)),
        "comb": (steady(0.1), steady(0.1)),
        "quiet noise": (noise(0.07, 1), noise(0.07, 2)),
    }
    long_only = SpectralDistance(sizes=(128,))
    proper = {k: sum(energy_distance(distance, truth, *v)) for k, v in models.items()}
    plain = {k: sum(energy_distance(long_only, truth, v[0], v[0])) for k, v in models.items()}
    assert min(proper, key=proper.get) == "noise"
    assert min(plain, key=plain.get) != "noise"


def test_the_slope_is_finite_at_silence():
    quiet = torch.zeros(2, 4000, requires_grad=True)
    other = 0.01 * torch.randn(2, 4000)
    log_part, linear_part = energy_distance(SpectralDistance(), other, quiet, other)
    (log_part + linear_part).backward()
    assert torch.isfinite(quiet.grad).all()
