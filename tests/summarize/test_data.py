import pytest
import torch

from summarize.data import TextData
from summarize.encoder import END
from summarize.prepare import prepare
from tests.summarize.corpus import documents, sentences


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("text")
    (root / "documents.txt").write_text("\n".join(documents(200)))
    (root / "sentences.txt").write_text("\n".join(sentences(300)))
    prepare(root / "documents.txt", root / "sentences.txt", root / "data", n_vocabulary=150)
    return str(root / "data")


def served(folder, **options):
    data = TextData(folder, batch_size=4, n_validation=16, num_workers=0, **options)
    data.setup("fit")
    return data


def test_a_batch_teaches_codes_of_the_lengths_that_humans_use(folder):
    data = served(folder)
    batch = next(iter(data.val_dataloader()))
    n_vocabulary = data.subwords.n_vocabulary
    copies = batch.actions >= n_vocabulary
    assert copies.sum(1).tolist() == batch.lengths.tolist()
    assert ((batch.actions == END).sum(1) == 1).all()
    assert (batch.human != 0).any(-1).sum(1).tolist() == batch.lengths.tolist()
    assert batch.source.mask.sum(1).tolist() == [len(words) for words in batch.words]
    assert (batch.lengths < batch.source.mask.sum(1)).all()


def test_an_item_is_a_function_of_epoch_and_index(folder):
    first, second = served(folder).train_lines, served(folder).train_lines
    assert [first[i] for i in range(5)] == [second[i] for i in range(5)]
    second.epoch = 1
    assert [first[i] for i in range(5)] != [second[i] for i in range(5)]


def test_noise_hides_words_of_the_source_in_training_alone(folder):
    torch.manual_seed(0)
    data = served(folder, noise=0.5)
    seen = next(iter(data.train_dataloader()))
    known = next(iter(data.val_dataloader()))
    share = ((seen.source.subwords[..., 0] == 1) & seen.source.mask).sum() / seen.source.mask.sum()
    assert 0.3 < share < 0.7
    assert not (known.source.subwords[..., 0] == 1).any()


def test_validation_documents_are_not_trained_on(folder):
    data = served(folder)
    assert not set(data.train_lines.documents) & set(data.validation_lines.documents)


def test_a_folder_that_holds_too_little_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="more documents"):
        TextData(folder, n_validation=10_000).setup("fit")
    with pytest.raises(ValueError, match="summarize prepare"):
        TextData(str(tmp_path)).setup("fit")
