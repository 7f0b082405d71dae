"""The index against a slow reference."""

import pytest
import torch

from shared.retrieval import METRICS, CodeIndex, precision_at, recall_at


@pytest.mark.parametrize("metric", METRICS)
def test_a_code_finds_itself_first(metric):
    codes = torch.randn(30, 16)
    found = CodeIndex(codes, metric).search(codes, 1)
    assert torch.equal(found.index[:, 0], torch.arange(30))


def test_neighbours_are_those_of_a_slow_search():
    codes, query = torch.randn(50, 4), torch.randn(4)
    slow = sorted(range(50), key=lambda i: float((codes[i] - query).norm()))[:5]
    found = CodeIndex(codes, "euclidean").search(query[None], 5)
    assert found.index[0].tolist() == slow
    assert (found.score[0].diff() <= 0).all()


def test_cosine_does_not_see_the_length_of_a_code():
    codes = torch.randn(20, 5)
    index = CodeIndex(codes)
    torch.testing.assert_close(index.search(codes * 7, 3), index.search(codes, 3))


def test_hamming_counts_the_bits_that_differ():
    codes = torch.tensor([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    score, index = CodeIndex(codes, "hamming").search(codes[:1], 3)
    bits = codes > codes.median(0).values
    assert score[0].tolist() == [-float((bits[0] != bits[i]).sum()) for i in index[0]]


def test_precision_and_recall_count_labels():
    labels, index = torch.tensor([0, 0, 1, 1, 1]), torch.tensor([[0, 2], [3, 4]])
    wanted = torch.tensor([0, 1])
    assert precision_at(index, labels, wanted).tolist() == [0.5, 1.0]
    torch.testing.assert_close(recall_at(index, labels, wanted), torch.tensor([0.5, 2 / 3]))


def test_more_neighbours_than_codes_are_all_codes():
    assert CodeIndex(torch.randn(3, 2)).search(torch.randn(1, 2), 10).index.shape == (1, 3)


def test_codes_of_another_width_or_of_other_weights_are_refused():
    index = CodeIndex(torch.randn(4, 3), weights="abc")
    with pytest.raises(ValueError, match=r"must be \(Q, 3\)"):
        index.search(torch.randn(1, 2))
    with pytest.raises(ValueError, match="other weights"):
        index.search(torch.randn(1, 3), weights="def")
    assert len(index.search(torch.randn(1, 3), weights="abc").index) == 1


@pytest.mark.parametrize(
    "codes", [torch.zeros(0, 3), torch.zeros(3), torch.full((2, 2), torch.nan)]
)
def test_codes_that_cannot_be_indexed_are_refused(codes):
    with pytest.raises(ValueError, match="codes"):
        CodeIndex(codes)


def test_faiss_finds_what_the_exact_search_finds():
    pytest.importorskip("faiss")
    codes = torch.randn(200, 8)
    for metric in METRICS[:2]:
        exact = CodeIndex(codes, metric).search(codes[:9], 3)
        fast = CodeIndex(codes, metric, backend="faiss").search(codes[:9], 3)
        assert torch.equal(fast.index, exact.index)
        torch.testing.assert_close(fast.score, exact.score, atol=2e-3, rtol=1e-3)
