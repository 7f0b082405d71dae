import pytest
import torch
from torch import Tensor

from tests.vc.features import TINY
from vc.encoders import Speaker
from vc.matching import (
    Piece,
    _shrunk_covariance,
    _transport,
    match_rendering,
    matched,
)
from vc.model import VoiceAutoencoder

EMPHASIS = 0.6


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def network() -> VoiceAutoencoder:
    """With departures about as large as those of a trained network."""
    torch.manual_seed(5)
    network = VoiceAutoencoder(TINY).eval().requires_grad_(False)
    network.decoder.head.weight.mul_(4.0)
    return network


def piece(n_frames: int, seed: int) -> Piece:
    generator = torch.Generator().manual_seed(seed)
    shape = torch.randn(1, 80, n_frames, generator=generator)
    f0 = 100 + 80 * torch.rand(1, n_frames, generator=generator)
    counts = torch.rand(n_frames, generator=generator) < 0.7
    return Piece(shape - 5.0, shape, f0, counts)


def that_count(mels: list[Tensor], pieces: list[Piece]) -> Tensor:
    return torch.cat([mel[..., p.counts] for mel, p in zip(mels, pieces, strict=True)], -1)


def heard(network: VoiceAutoencoder, pieces: list[Piece]) -> Speaker:
    mel = that_count([p.mel for p in pieces], pieces)
    relative = that_count([p.relative for p in pieces], pieces)
    return network.encode_speaker(mel, relative, torch.ones(1, mel.shape[-1], dtype=torch.bool))


def rebuilt(network: VoiceAutoencoder, speaker: Speaker, pieces: list[Piece]) -> Tensor:
    speaker = network.emphasised(speaker, EMPHASIS)
    decoded = [network.decode(network.encode_content(p.relative), speaker, p.f0) for p in pieces]
    return that_count(decoded, pieces)


def off(a: Tensor, b: Tensor) -> tuple[float, float]:
    """Mean differences of means and of log deviations of log-mels (1, M, N)."""
    means = (a.mean(-1) - b.mean(-1)).abs().mean()
    deviations = (a.std(-1).log() - b.std(-1).log()).abs().mean()
    return float(means), float(deviations)


def test_a_matched_reference_has_the_statistics_of_the_real_one(network):
    pieces = [piece(900, 1), piece(1001, 2)]
    speaker = heard(network, pieces)
    as_heard = network.emphasised(speaker, EMPHASIS)
    stretch = torch.linspace(0.7, 1.6, 80)[:, None]
    real = []
    for p in pieces:  # a voice that its renderings are flatter, duller and softer than
        made = network.decode(network.encode_content(p.relative), as_heard, p.f0)
        real.append(p._replace(mel=stretch * (made - made.mean(-1, keepdim=True)) - 4.0))
    mel = that_count([p.mel for p in real], real)
    speaker = speaker._replace(mean=mel.mean(-1))
    made = rebuilt(network, speaker, pieces)
    better = matched(made, speaker.mean, match_rendering(network, speaker, real, EMPHASIS))
    assert off(better, mel)[0] < 0.01
    assert off(better, mel)[1] < 0.3 * off(made, mel)[1]


def test_a_rendering_that_is_right_is_left_as_it_is(network):
    first = piece(600, 3)
    speaker = heard(network, [first])
    made = network.decode(
        network.encode_content(first.relative), network.emphasised(speaker, EMPHASIS), first.f0
    )
    right = first._replace(mel=made)
    match = match_rendering(network, speaker, [right], EMPHASIS)
    mean = made[..., right.counts].mean(-1)
    assert torch.allclose(matched(made, mean, match), made, atol=0.02)


def test_nothing_is_stretched_beyond_twice_or_shrunk_below_half(network):
    first = piece(300, 4)
    speaker = heard(network, [first])
    for factor in (50.0, 0.02):
        wild = first._replace(mel=first.mel * factor)
        values = torch.linalg.eigvalsh(
            match_rendering(network, speaker, [wild], EMPHASIS).transform
        )
        assert 0.49 < float(values.min()) <= float(values.max()) < 2.01


def test_three_seconds_are_believed_half_about_what_goes_together():
    cepstra = torch.randn(6, 300, dtype=torch.float64)
    shrunk, plain = _shrunk_covariance(cepstra), torch.cov(cepstra, correction=0)
    assert torch.allclose(shrunk.diagonal(), plain.diagonal())
    others = ~torch.eye(6, dtype=torch.bool)
    assert torch.allclose(shrunk[others], 0.5 * plain[others])


def test_the_map_between_covariances_is_exact_and_symmetric():
    a, b = (torch.randn(5, 5, dtype=torch.float64) / 8 + torch.eye(5) for _ in range(2))
    here, there = a @ a.T, b @ b.T
    transport = _transport(here, there)
    assert torch.allclose(transport @ here @ transport.T, there, atol=1e-6)
    assert torch.allclose(transport, transport.T)


def test_a_voice_is_matched_to_how_it_is_rendered_when_emphasised(network):
    pieces = [piece(400, 7)]
    speaker = heard(network, pieces)
    network.speaker_encoder.average_vector += 5.0
    a, b = (match_rendering(network, speaker, pieces, amount) for amount in (0.0, 1.0))
    assert not torch.allclose(a.offset, b.offset, atol=1e-3)
