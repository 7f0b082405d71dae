import copy

import pytest
import torch

from summarize.beam import beam_codes
from summarize.text import word_texts
from tests.summarize.corpus import documents, random_network, small_vocabulary

ROWS = [word_texts(text)[: 9 + i % 5] for i, text in enumerate(documents(6, seed=3))]
LENGTHS = torch.tensor([3, 4, 5, 3, 6, 4])


@pytest.fixture(scope="module")
def subwords():
    return small_vocabulary()


@pytest.fixture(scope="module")
def encoder(subwords):
    return random_network(subwords).encoder


@pytest.fixture(scope="module")
def copying(encoder):
    """One that may generate nothing."""
    other = copy.deepcopy(encoder)
    other.banned[4:] = True
    return other


def test_a_beam_of_one_is_greedy(encoder, subwords):
    source = subwords.source(ROWS)
    actions, scores = beam_codes(encoder, source, LENGTHS, 1)
    greedy = encoder.generate(source, LENGTHS)
    assert torch.equal(actions[:, 0], greedy.actions)
    torch.testing.assert_close(scores[:, 0], greedy.log_probs.sum(1).detach())


def test_codes_are_distinct_of_the_length_asked_for_and_the_likeliest_comes_first(
    encoder, subwords
):
    actions, scores = beam_codes(encoder, subwords.source(ROWS), LENGTHS, 7)
    for codes, values, n in zip(actions, scores, LENGTHS.tolist(), strict=True):
        assert len({tuple(code.tolist()) for code in codes}) == 7
        assert values.tolist() == sorted(values.tolist(), reverse=True)
        assert encoder.words_begun(codes).mul((codes > 3).long()).sum(1).tolist() == [n] * 7


def test_a_beam_as_wide_as_there_are_codes_has_all_probability_and_the_likeliest_first(
    copying, subwords
):
    source, three = subwords.source([ROWS[0][:6]]), torch.tensor([3])
    _, scores = beam_codes(copying, source, three, 6 * 5 * 4)
    assert scores.exp().sum().item() == pytest.approx(1.0, abs=1e-4)
    torch.manual_seed(1)
    for _ in range(20):
        sampled = copying.generate(source, three, sample=True).log_probs.sum()
        assert (scores - sampled).abs().min() < 1e-4
        assert sampled <= scores[0, 0] + 1e-4


def test_a_documents_codes_do_not_depend_on_the_rest_of_the_batch(encoder, subwords):
    together, scores = beam_codes(encoder, subwords.source(ROWS), LENGTHS, 4)
    for i, row in enumerate(ROWS):
        alone, own = beam_codes(encoder, subwords.source([row]), LENGTHS[i : i + 1], 4)
        assert torch.equal(alone[0], together[i, :, : alone.shape[2]])
        torch.testing.assert_close(own[0], scores[i], atol=1e-4, rtol=0)


def test_where_there_are_fewer_codes_than_beams_the_rest_have_no_probability(copying, subwords):
    actions, scores = beam_codes(
        copying, subwords.source([["Anna", "opens"]]), torch.tensor([2]), 5
    )
    assert (scores[0] > -torch.inf).sum() == 2
    first = copying.n_vocabulary
    assert {tuple(code.tolist()) for code in actions[0, :2, :3]} == {
        (first, first + 1, 3),
        (first + 1, first, 3),
    }
