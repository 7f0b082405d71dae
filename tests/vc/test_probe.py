from pathlib import Path

import pytest
import torch
from torch import Tensor

from vc.probe import content_from_speaker, leakage, sentences_by_clustering, speaker_from_content

N_SPEAKERS, N_UTTERANCES = 4, 9
SPEAKERS = [f"s{i}" for i in range(N_SPEAKERS) for _ in range(N_UTTERANCES)]
SENTENCES = [f"u{i}" for _ in range(N_SPEAKERS) for i in range(N_UTTERANCES)]


def noise_codes(channels: int = 6) -> list[Tensor]:
    return [torch.randn(channels, int(torch.randint(50, 160, ()))) for _ in SPEAKERS]


def test_a_speaker_planted_in_the_mean_is_found() -> None:
    offsets = torch.randn(N_SPEAKERS, 6, 1)
    codes = [c + 0.7 * offsets[int(s[1:])] for c, s in zip(noise_codes(), SPEAKERS, strict=True)]
    result = speaker_from_content(codes, SPEAKERS, n_steps=40)
    assert result.accuracy > 0.9
    assert result.probes["linear on statistics"] > 0.9


def test_a_speaker_planted_in_the_order_of_frames_is_found_by_the_frame_probe() -> None:
    # The mean is the same for all, so statistics tell little.
    def wave(speaker: str, n: int) -> Tensor:
        period = 6.0 + 6.0 * int(speaker[1:])
        phase = 2 * torch.pi * torch.rand(())
        return torch.sin(2 * torch.pi * torch.arange(n) / period + phase)

    codes = [2 * wave(s, c.shape[1]) + c for c, s in zip(noise_codes(), SPEAKERS, strict=True)]
    result = speaker_from_content(codes, SPEAKERS, n_steps=150)
    assert result.probes["convolutional on frames"] > 0.85
    assert result.probes["linear on statistics"] < 0.6


def test_codes_of_noise_are_at_chance() -> None:
    result = speaker_from_content(noise_codes(), SPEAKERS, n_steps=40)
    assert result.chance == pytest.approx(1 / N_SPEAKERS)
    assert result.n == len(SPEAKERS)
    assert result.accuracy < result.chance + 0.25  # 36 utterances: three standard errors


def test_the_probe_is_repeatable_and_leaves_the_global_generator_alone() -> None:
    codes = noise_codes()
    torch.manual_seed(5)
    first = speaker_from_content(codes, SPEAKERS, n_steps=5)
    after = torch.rand(())
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(()))
    assert speaker_from_content(codes, SPEAKERS, n_steps=5) == first


def test_speakers_with_one_utterance_cannot_be_probed() -> None:
    with pytest.raises(ValueError, match="two speakers with two utterances"):
        speaker_from_content([torch.randn(2, 80)] * 3, ["a", "a", "b"])


def test_content_planted_in_speaker_vectors_is_found_across_speakers() -> None:
    voices, contents = torch.randn(N_SPEAKERS, 24), torch.randn(N_UTTERANCES, 24)
    vectors = [
        5 * voices[int(s[1:])] + contents[int(u[1:])] + 0.2 * torch.randn(24)
        for s, u in zip(SPEAKERS, SENTENCES, strict=True)
    ]
    assert content_from_speaker(vectors, SENTENCES, SPEAKERS).accuracy > 0.9


def test_vectors_that_know_only_the_voice_tell_no_content() -> None:
    voices = torch.randn(N_SPEAKERS, 24)
    vectors = [voices[int(s[1:])] + 0.2 * torch.randn(24) for s in SPEAKERS]
    result = content_from_speaker(vectors, SENTENCES, SPEAKERS)
    assert result.chance == pytest.approx(1 / N_UTTERANCES)
    assert result.accuracy < result.chance + 0.2


def test_speech_without_parallel_sentences_cannot_be_probed_for_content() -> None:
    with pytest.raises(ValueError, match="two sentences that two speakers read"):
        content_from_speaker([torch.randn(3)] * 2, ["x", "y"], ["a", "b"])


def test_clustering_labels_utterances_by_what_they_have_most_of() -> None:
    kinds = [0, 1, 0, 1, 0, 1]
    means = torch.randn(2, 4, 1) * 4
    voices = [9 * torch.randn(4, 1)] * 2 + [9 * torch.randn(4, 1)] * 2 + [torch.zeros(4, 1)] * 2
    codes = [means[k] + v + torch.randn(4, 60) / 9 for k, v in zip(kinds, voices, strict=True)]
    labels = sentences_by_clustering(codes, ["ann", "ann", "bob", "bob", "cat", "cat"], 2)
    assert [labels[0] == label for label in labels] == [k == 0 for k in kinds]


@pytest.mark.parametrize("parallel", [True, False])
def test_recordings_in_speaker_folders_are_probed_both_ways(parallel: bool) -> None:
    files = [
        Path(f"{s}/{u if parallel else s + u}.wav")
        for s, u in zip(SPEAKERS, SENTENCES, strict=True)
    ]
    offsets = torch.randn(N_SPEAKERS, 6, 1)

    def encode(file: Path) -> tuple[Tensor, Tensor]:
        return torch.randn(6, 70) + offsets[int(file.parent.name[1:])], torch.randn(12)

    speaker, content = leakage(files, encode, n_steps=30).items()
    assert speaker[1].accuracy > 0.9
    assert content[0].startswith("sentence" if parallel else "content cluster")
    assert content[1].accuracy < content[1].chance + 0.35
