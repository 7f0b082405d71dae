import pytest
import torch

from tests.vc.features import TINY
from vc.encoders import Speaker, dct_basis
from vc.model import VoiceAutoencoder, mean_spectrum, relative_mel, spectrum_statistics


@pytest.fixture
def network() -> VoiceAutoencoder:
    torch.manual_seed(0)
    return VoiceAutoencoder(TINY).eval()


def some_voice(network: VoiceAutoencoder, batch: int = 1) -> Speaker:
    reference = torch.randn(batch, 80, 40) - 5
    return network.encode_speaker(reference, torch.randn(batch, 80, 40))


@pytest.mark.parametrize("n_frames", [64, 65])
def test_the_mel_comes_back_with_as_many_frames_as_the_pitch(network, n_frames):
    content = network.encode_content(torch.randn(2, 80, n_frames))
    assert content.shape == (2, 4, (n_frames + 1) // 2)
    f0 = torch.full((2, n_frames), 150.0)
    assert network.decode(content, some_voice(network, 2), f0).shape == (2, 80, n_frames)


def test_forward_is_decode_after_encode(network):
    relative, reference = torch.randn(1, 80, 40), torch.randn(1, 80, 30) - 5
    relative_reference, f0 = torch.randn(1, 80, 30), torch.full((1, 40), 120.0)
    by_hand = network.decode(
        network.encode_content(relative),
        network.encode_speaker(reference, relative_reference),
        f0,
    )
    assert torch.equal(network(relative, reference, relative_reference, f0), by_hand)


def test_a_piece_with_context_gives_what_the_whole_gives(network):
    relative = torch.randn(1, 80, 400)
    f0 = torch.rand(1, 400) * 100 + 100
    speaker = some_voice(network)
    whole = network.decode(network.encode_content(relative), speaker, f0)
    start, stop, context = 160, 240, network.context_frames
    piece = slice(start - context, stop + context)
    part = network.decode(network.encode_content(relative[..., piece]), speaker, f0[:, piece])
    part = part[..., context : context + stop - start]
    assert torch.allclose(part, whole[..., start:stop], atol=1e-4)


def test_context_is_not_claimed_to_be_much_longer_than_it_is(network):
    relative = torch.randn(1, 80, 400)
    f0, speaker = torch.full((1, 400), 150.0), some_voice(network)
    whole = network.decode(network.encode_content(relative), speaker, f0)
    changed = relative.clone()
    changed[..., 200:] += 1
    other = network.decode(network.encode_content(changed), speaker, f0)
    first = int(((whole - other).abs().amax((0, 1)) > 0).nonzero()[0])
    assert 200 - network.context_frames <= first <= 200 - network.context_frames + 8


def test_content_does_not_hear_the_colour_of_the_recording(network):
    mel = torch.randn(80, 100) - 4
    colour = torch.randn(80, 1)
    codes = [
        network.encode_content(relative_mel(m[None], mean_spectrum(m)[None]))
        for m in (mel, mel + colour - colour.mean())
    ]
    assert torch.allclose(*codes, atol=1e-4)


def test_content_codes_are_noisy_only_while_training(network):
    relative = torch.randn(1, 80, 40)
    assert torch.equal(network.encode_content(relative), network.encode_content(relative))
    network.train()
    assert not torch.equal(network.encode_content(relative), network.encode_content(relative))


def test_the_average_voice_is_that_of_the_training_batches_only(network):
    encoder = network.speaker_encoder
    some_voice(network, 3)
    assert not encoder.average_vector.any()
    network.train()
    first, second = some_voice(network, 3), some_voice(network, 3)
    expected = torch.cat([first.vector, second.vector]).mean(0)
    torch.testing.assert_close(encoder.average_vector, expected.detach())
    expected = torch.cat([first.tokens, second.tokens]).mean(0)
    torch.testing.assert_close(encoder.average_tokens, expected.detach())


def test_emphasis_moves_a_voice_away_from_the_average(network):
    network.train()
    some_voice(network, 3)
    network.eval()
    voice, average = some_voice(network), network.speaker_encoder.average_vector
    assert all(map(torch.equal, network.emphasised(voice, 0.0), voice))
    more = network.emphasised(voice, 0.5)
    torch.testing.assert_close(more.vector - average, 1.5 * (voice.vector - average))
    assert torch.equal(more.mean, voice.mean)


def test_masked_reference_frames_do_not_count(network):
    mel, relative = torch.randn(1, 80, 80) - 5, torch.randn(1, 80, 80)
    mask = torch.ones(1, 80, dtype=torch.bool)
    mask[:, 40:] = False
    changed = mel.clone()
    changed[..., 60:] = 0
    a = network.encode_speaker(mel, relative, mask)
    b = network.encode_speaker(changed, relative, mask)
    assert torch.allclose(a.vector, b.vector, atol=1e-5)
    assert torch.allclose(a.tokens, b.tokens, atol=1e-5)


def test_gradients_reach_every_parameter(network):
    network.train()
    mel = network(
        torch.randn(2, 80, 40),
        torch.randn(2, 80, 40) - 5,
        torch.randn(2, 80, 40),
        torch.full((2, 40), 200.0),
    )
    mel.square().mean().backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_the_voice_changes_the_mel(network):
    content, f0 = network.encode_content(torch.randn(1, 80, 40)), torch.full((1, 40), 150.0)
    torch.manual_seed(1)
    mels = [network.decode(content, some_voice(network), f0) for _ in range(2)]
    assert (mels[0] - mels[1]).abs().max() > 1e-3


def test_cepstra_are_orthonormal():
    basis = dct_basis(20, 80)
    assert torch.allclose(basis @ basis.T, torch.eye(20), atol=1e-5)


def test_pitch_of_another_length_than_the_content_is_refused(network):
    with pytest.raises(ValueError, match="twice the content's frames"):
        network.decoder(torch.zeros(1, 4, 10), some_voice(network), torch.zeros(1, 30))


def test_the_default_model_keeps_within_its_budget():
    n_parameters = sum(p.numel() for p in VoiceAutoencoder().parameters())
    assert n_parameters <= 12_000_000


def test_silence_does_not_move_the_statistics_of_a_voice():
    mel = torch.randn(80, 200) - 4
    padded = torch.cat([mel, torch.full((80, 100), -11.5)], 1)
    for a, b in zip(spectrum_statistics(mel), spectrum_statistics(padded), strict=True):
        assert torch.allclose(a, b, atol=0.05)


def test_a_voice_of_another_colour_colours_the_output_exactly(network):
    content, f0 = network.encode_content(torch.randn(1, 80, 40)), torch.full((1, 40), 150.0)
    speaker = some_voice(network)
    colour = torch.randn(1, 80)
    plain = network.decode(content, speaker, f0)
    coloured = network.decode(content, speaker._replace(mean=speaker.mean + colour), f0)
    assert torch.allclose(coloured - plain, colour[..., None].expand_as(plain), atol=1e-4)
