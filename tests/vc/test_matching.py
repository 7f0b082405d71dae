import pytest
import torch

from tests.vc.features import TINY
from vc.encoders import Speaker
from vc.matching import Piece, matched
from vc.model import VoiceAutoencoder, spectrum_statistics

EMPHASIS = 0.6


@pytest.fixture
def network() -> VoiceAutoencoder:
    torch.manual_seed(5)
    return VoiceAutoencoder(TINY).eval().requires_grad_(False)


def piece(n_frames: int, seed: int, spread: float = 1.0) -> Piece:
    generator = torch.Generator().manual_seed(seed)
    shape = torch.randn(1, 80, n_frames, generator=generator)
    f0 = 100 + 80 * torch.rand(1, n_frames, generator=generator)
    counts = torch.rand(n_frames, generator=generator) < 0.7
    return Piece(spread * shape - 5.0, shape, f0, counts)


def heard(network: VoiceAutoencoder, pieces: list[Piece]) -> Speaker:
    mel = torch.cat([p.mel[..., p.counts] for p in pieces], -1)
    relative = torch.cat([p.relative[..., p.counts] for p in pieces], -1)
    return network.encode_speaker(mel, relative, torch.ones(1, mel.shape[-1], dtype=torch.bool))


def rebuilt(network: VoiceAutoencoder, speaker: Speaker, pieces: list[Piece]) -> torch.Tensor:
    speaker = network.emphasised(speaker, EMPHASIS)
    made = [
        network.decode(network.encode_content(p.relative), speaker, p.f0)[..., p.counts]
        for p in pieces
    ]
    return torch.cat(made, -1)


def lively(network: VoiceAutoencoder) -> VoiceAutoencoder:
    """With departures about as large as those of a trained network."""
    network.decoder.head.weight.mul_(4.0)
    return network


def test_a_rebuilt_reference_has_the_statistics_of_the_real_one(network):
    pieces = [piece(120, 1), piece(77, 2)]
    network, before = lively(network), heard(network, pieces)
    made = rebuilt(network, before, pieces)
    off = (spectrum_statistics(made, torch.ones(1, made.shape[-1]))[1] - before.deviation).abs()
    assert float(off.mean()) > 0.05, "there must be something to mend"
    after = matched(network, before, pieces, EMPHASIS)
    made = rebuilt(network, after, pieces)
    within = (after.deviation / before.deviation).squeeze(0)
    free = (within > 0.51) & (within < 1.99)  # elsewhere the factor is at its bound
    assert int(free.sum()) > 40
    mean, deviation = made[0].mean(-1), made[0].std(-1, correction=0)
    assert torch.allclose(mean, before.mean[0], atol=1e-3)
    assert torch.allclose(deviation[free], before.deviation[0][free], rtol=1e-3)


def test_what_was_heard_of_a_voice_stays(network):
    pieces = [piece(90, 3)]
    before = heard(network, pieces)
    after = matched(network, before, pieces, EMPHASIS)
    assert torch.equal(before.vector, after.vector)
    assert torch.equal(before.tokens, after.tokens)


def test_no_band_is_stretched_beyond_twice_its_deviation(network):
    pieces = [piece(90, 4, spread=50.0)]
    before = heard(network, pieces)
    after = matched(network, before, pieces, EMPHASIS)
    ratio = after.deviation / before.deviation
    assert float(ratio.max()) <= 2.0 + 1e-6
    assert float(ratio.min()) >= 0.5 - 1e-6


def test_the_average_voice_is_matched_to_itself_however_emphasised(network):
    pieces = [piece(90, 6)]
    speaker = heard(network, pieces)
    encoder = network.speaker_encoder
    speaker = speaker._replace(
        vector=encoder.average_vector[None].clone(), tokens=encoder.average_tokens[None].clone()
    )
    a, b = (matched(network, speaker, pieces, amount) for amount in (0.0, 1.0))
    assert torch.allclose(a.mean, b.mean)
    assert torch.allclose(a.deviation, b.deviation)
