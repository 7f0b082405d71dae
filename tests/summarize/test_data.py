import pytest
import torch

from summarize.data import TextData
from summarize.encoder import END
from summarize.teacher import Lessons
from summarize.text import Word
from tests.summarize.corpus import prepared, sentences


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("text"))


def served(folder, **options):
    data = TextData(folder, batch_size=4, steps_per_epoch=20, n_validation=16, **options)
    data.setup("fit")
    return data


def same(a, b) -> bool:
    tensors = zip([*a.source, *a[1:5]], [*b.source, *b[1:5]], strict=True)
    return a.words == b.words and all(torch.equal(x, y) for x, y in tensors)


def test_a_batch_teaches_codes_of_the_lengths_that_were_asked_for(folder):
    data = served(folder)
    batch = next(iter(data.val_dataloader()))
    assert [data.corpus.n_words(row.tolist()) for row in batch.actions] == batch.lengths.tolist()
    assert ((batch.actions == END).sum(1) == 1).all()
    assert batch.source.mask.sum(1).tolist() == [len(words) for words in batch.words]
    assert (batch.lengths < batch.source.mask.sum(1)).all()


def test_a_batch_is_a_function_of_seed_epoch_and_index_and_of_nothing_else(folder):
    first = served(folder, noise=0.3, denoise=0.3).train_batches
    second = served(folder, noise=0.3, denoise=0.3).train_batches
    torch.manual_seed(7)
    assert all(same(first[i], second[i]) for i in (0, 3, 17))
    second.epoch = 1
    assert not same(first[0], second[0])
    assert not same(first[0], first[1])


def test_documents_of_a_batch_are_of_about_one_length(folder):
    batches = served(folder).train_batches
    spans = [
        max(map(len, b.words)) - min(map(len, b.words)) for b in map(batches.__getitem__, range(8))
    ]
    together = [len(words) for i in range(8) for words in batches[i].words]
    assert sum(spans) / len(spans) < max(together) - min(together)


def test_noise_hides_words_of_the_source_in_training_alone(folder):
    data = served(folder, noise=0.5)
    seen = next(iter(data.train_dataloader()))
    known = next(iter(data.val_dataloader()))
    share = ((seen.source.subwords[..., 0] == 1) & seen.source.mask).sum() / seen.source.mask.sum()
    assert 0.3 < share < 0.7
    assert not (known.source.subwords[..., 0] == 1).any()


def test_denoising_asks_for_a_human_sentence_back(folder):
    data = served(folder, denoise=1.0, noise=0.0)
    humans = {line.lower() for line in sentences(300)}
    found = 0
    for i in range(5):
        batch = data.train_batches[i]
        for row, words in zip(batch.actions.tolist(), batch.words, strict=True):
            text = data.subwords.text(row, [Word(word) for word in words])
            found += text.lower() in humans
    assert found >= 18  # a word that must not be generated sends an item back to the search


def test_validation_documents_are_not_trained_on(folder):
    data = served(folder)
    assert not set(data.train_batches.documents) & set(data.validation_batches.documents)


def test_lessons_can_be_exchanged_and_hold_generated_words(folder, tmp_path):
    data = served(folder, denoise=0.0)
    n = data.subwords.n_vocabulary
    word = next(i for i in range(4, n) if data.subwords.starts[i] and not data.subwords.banned[i])
    actions = {0: [n + 2, word, n + 1], 3: [n, n + 1]}
    Lessons.of_actions(actions, len(data.corpus.documents), n).save(tmp_path / "own.npz")
    data.use(Lessons.load(tmp_path / "own.npz"))
    taught = {
        tuple(a for a in row if a not in (0, END))
        for i in range(4)
        for row in data.train_batches[i].actions.tolist()
    }
    assert taught == {tuple(row) for row in actions.values()}
    assert data.train_batches[0].lengths.max() <= 3


def test_the_teacher_is_asked_once(folder, monkeypatch):
    served(folder)
    monkeypatch.setattr("summarize.teacher._searched", lambda *_: pytest.fail("asked again"))
    served(folder)


def test_a_folder_that_holds_too_little_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="n_validation"):
        TextData(folder, n_validation=10_000).setup("fit")
    with pytest.raises(ValueError, match="summarize prepare"):
        TextData(str(tmp_path)).setup("fit")
