"""Pretrained backbones obey the rules of codes, whatever their weights say: these are random."""

from pathlib import Path

import pytest
import torch

from summarize.__main__ import main
from summarize.encoder import END
from summarize.inference import Summarizer
from summarize.layers import PAD
from summarize.losses import reconstruction_loss
from summarize.model import TextConfig
from summarize.prepare import prepare
from summarize.pretrained import BackboneSubwords, backbone_autoencoder
from summarize.search import train_search
from summarize.text import Word, count_words, is_protected, word_texts
from tests.summarize.backbones import save_backbone
from tests.summarize.corpus import documents, sentences

CONFIGS = Path(__file__).parents[2] / "configs" / "summarize"
SMALL = TextConfig(hidden_dim=16, n_layers=1, n_heads=2, dropout=0.0, word_dropout=0.5)
TEXTS = [word_texts(text) for text in documents(5, seed=3)]
LENGTHS = torch.tensor([4, 6, 8, 10, 12])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    # the small corpus says "in" and "the" often enough to know that they end nothing
    train_search(map(word_texts, documents(300)), map(word_texts, sentences(400))).save(
        folder / "search"
    )
    return folder


@pytest.fixture(scope="module", params=["bart", "t5"])
def backbone(request, tmp_path_factory):
    return save_backbone(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def subwords(prepared, backbone):
    return BackboneSubwords.load(prepared, backbone)


@pytest.fixture
def network(backbone, subwords):
    network = backbone_autoencoder(SMALL, backbone, "both").eval()
    network.encoder.describe(*subwords.facts())
    return network


def lines_of(subwords, actions, texts=TEXTS):
    return [
        subwords.text(row, [Word(word) for word in words])
        for row, words in zip(actions.tolist(), texts, strict=True)
    ]


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("n_words", [1, 4, 11, 30])
def test_codes_have_exactly_the_words_asked_for(network, subwords, n_words, sample):
    source = subwords.source(TEXTS)
    lengths = torch.full((5,), n_words)
    with torch.no_grad():
        code = network.encoder.generate(source, lengths, sample=sample)
    begun = network.encoder.words_begun(code.actions).sum(1)
    assert begun.tolist() == lengths.tolist()
    for line in lines_of(subwords, code.actions):
        assert count_words(line) == n_words


def test_numbers_names_and_capitals_are_copied_and_never_made_up(network, subwords):
    source = subwords.source(TEXTS)
    for seed in range(6):
        torch.manual_seed(seed)
        with torch.no_grad():
            code = network.encoder.generate(source, LENGTHS, sample=True, temperature=3.0)
        for words, line in zip(TEXTS, lines_of(subwords, code.actions), strict=True):
            # the first word of a line is capital by its place
            assert {w for w in word_texts(line)[1:] if is_protected(w)} <= set(words)


def test_a_code_copies_no_word_more_often_than_the_document_has_it(network, subwords):
    with torch.no_grad():
        actions = network.encoder.generate(subwords.source(TEXTS), LENGTHS, sample=True).actions
    for row in actions.tolist():
        copies = [action for action in row if action >= subwords.n_vocabulary]
        assert len(copies) == len(set(copies))


def test_no_code_ends_in_a_word_that_hangs(network, subwords):
    # the copy of the last word of all may not be taken, and nothing that hangs may be made up
    source = subwords.source(TEXTS)
    dangling = torch.zeros_like(source.dangling)
    dangling[:, ::2] = True
    hanging = torch.zeros_like(network.encoder.hanging)
    hanging[::2] = True
    network.encoder.hanging.copy_(hanging)
    for seed in range(5):
        torch.manual_seed(seed)
        with torch.no_grad():
            code = network.encoder.generate(
                source._replace(dangling=dangling), LENGTHS, sample=True, temperature=5.0
            )
        for row, n_words in zip(code.actions.tolist(), LENGTHS, strict=True):
            begun = network.encoder.words_begun(torch.tensor(row)).cumsum(0)
            last = row[int((begun == n_words).nonzero()[0])]
            if last >= subwords.n_vocabulary:
                assert (last - subwords.n_vocabulary) % 2 == 1
            else:
                assert not hanging[last]


def test_a_document_of_fewer_words_than_asked_for_is_no_reason_to_fail(network, subwords):
    source = subwords.source([["20"], ["🎉", "中"]])
    with torch.no_grad():
        code = network.encoder.generate(source, torch.tensor([3, 5]))
    assert network.encoder.words_begun(code.actions).sum(1).tolist() == [3, 5]


def test_what_is_generated_has_the_log_probabilities_that_scoring_gives(network, subwords):
    # without rules in the way: everything allowed that the vocabulary has, temperature 1
    source = subwords.source(TEXTS)
    with torch.no_grad():
        code = network.encoder.generate(source, LENGTHS, sample=True)
        scores = network.encoder.score(source, code.actions, LENGTHS)
    taken = (code.actions != PAD) & (code.actions != END)
    # what is forbidden costs no probability: the rules can only raise it
    assert (code.log_probs[taken] >= scores[taken] - 1e-4).all()
    assert (scores[code.actions == PAD] == 0).all()
    assert (scores[taken] < 0).all()


def test_a_code_does_not_depend_on_the_other_documents_of_its_batch(network, subwords):
    with torch.no_grad():
        together = network.encoder.generate(subwords.source(TEXTS), LENGTHS).actions
        lines = lines_of(subwords, together)
        for words, n_words, line in zip(TEXTS, LENGTHS, lines, strict=True):
            alone = network.encoder.generate(subwords.source([words]), n_words[None]).actions
            assert lines_of(subwords, alone, [words]) == [line]


def test_the_decoder_reads_the_code_and_what_was_written_but_nothing_later(network, subwords):
    tokens = subwords.tokens(TEXTS, 20)
    words = subwords.words([row[:4] for row in TEXTS])
    with torch.no_grad():
        logits = network.decoder(*network.decoder.embed(words), tokens)
        other = network.decoder(*network.decoder.embed(words.roll(1, 0)), tokens)
        changed = tokens.clone()
        changed[:, 9] = END
        later = network.decoder(*network.decoder.embed(words), changed)
    assert logits.shape == (*tokens.shape, subwords.n_vocabulary)
    assert not torch.allclose(logits, other)
    torch.testing.assert_close(logits[:, :10], later[:, :10])
    assert not torch.allclose(logits[:, 10:], later[:, 10:])
    assert torch.isfinite(reconstruction_loss(network, words, tokens)).all()


def test_gradients_reach_encoder_and_decoder_through_scores_samples_and_relaxed_codes(
    network, subwords
):
    source = subwords.source(TEXTS)
    network.encoder.generate(source, LENGTHS, sample=True).log_probs.sum().backward()
    assert network.encoder.left.weight.grad.abs().sum() > 0
    network.zero_grad()
    relaxed = network.encoder.generate(source, LENGTHS, relaxed=True)
    assert relaxed.weights.shape[-1] == subwords.n_vocabulary + source.mask.shape[1]
    logits = network.decode(source, relaxed, subwords.tokens(TEXTS, 20))
    logits.logsumexp(-1).sum().backward()
    assert network.encoder.left.weight.grad.abs().sum() > 0
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.decoder.parameters())


def test_a_backbone_begins_as_it_was_pretrained(network, backbone, subwords):
    """Without rules, the logits are those of transformers for the same text."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(backbone)
    model = AutoModelForSeq2SeqLM.from_pretrained(backbone).eval()
    text, target = TEXTS[0], TEXTS[0][:3]
    labels = tokenizer(" " + " ".join(target), return_tensors="pt").input_ids
    with torch.no_grad():
        inputs = tokenizer(" " + " ".join(text), return_tensors="pt")
        log_probs = model(**inputs, labels=labels).logits.log_softmax(-1)
        theirs = log_probs.gather(2, labels[..., None])[0, :, 0]
        actions = torch.tensor([[subwords.n_vocabulary + i for i in range(3)] + [END]])
        ours = network.encoder.score(subwords.source([text]), actions, torch.tensor([3]))
    n_opening = len(tokenizer("").input_ids) - 1
    # the mass of the special ones is small and missing on our side, so ours is a little higher
    difference = float(ours.sum() - theirs[n_opening:].sum())
    assert 0 <= difference < 0.2


@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_a_backbone_may_take_one_part_and_leave_the_other_to_us(role, backbone, subwords):
    network = backbone_autoencoder(SMALL, backbone, role).eval()
    network.encoder.describe(*subwords.facts())
    source = subwords.source(TEXTS)
    with torch.no_grad():
        code = network.encode(source, LENGTHS)
        logits = network.decode(source, code, subwords.tokens(TEXTS, 20))
    assert logits.shape[-1] == subwords.n_vocabulary
    assert torch.isfinite(
        reconstruction_loss(
            network, network.words(source, code.actions), subwords.tokens(TEXTS, 20)
        )
    ).all()


def test_the_decoder_rebuilds_a_document_of_words_from_a_code(network, subwords):
    source = subwords.source(TEXTS)
    with torch.no_grad():
        tokens = network.rebuild(source, network.encode(source, LENGTHS), 12)
    assert tokens.shape[0] == 5
    assert 0 < tokens.shape[1] <= 12
    for row in tokens.tolist():
        text = subwords.tokenizer.decode(row)
        assert "<" not in text


def test_a_backbone_is_taught_by_the_shipped_configuration(backbone, tmp_path):
    texts = {"documents": documents(120), "sentences": sentences(200)}
    for name, lines in texts.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    prepare(tmp_path / "documents.txt", tmp_path / "sentences.txt", tmp_path / "data", 150)
    small = {
        "data.folder": tmp_path / "data",
        "data.backbone": backbone,
        "data.batch_size": 4,
        "data.steps_per_epoch": 2,
        "data.n_validation": 4,
        "model.backbone_for": "both",
        "trainer.accelerator": "cpu",
        "trainer.max_epochs": 1,
        "trainer.default_root_dir": tmp_path / "run",
        "trainer.enable_progress_bar": "false",
        "trainer.enable_model_summary": "false",
    }
    args = [part for key, value in small.items() for part in (f"--{key}", str(value))]
    configs = [part for name in ("base", "backbone") for part in ("--config", CONFIGS / name)]
    configs = [f"{part}.yaml" if isinstance(part, Path) else part for part in configs]
    assert main(["fit", *configs, *args]) == 0
    state = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    before = backbone_autoencoder(SMALL, backbone, "both").state_dict()
    name = next(n for n in before if n.startswith("encoder.embedding.model") and "weight" in n)
    assert not torch.equal(state["state_dict"][f"network.{name}"], before[name])
    # and what was taught serves, without the folder it began with
    assert main(["export", str(tmp_path / "run"), "-o", str(tmp_path / "weights")]) == 0
    backbone.rename(backbone.with_name("gone"))
    try:
        summarizer = Summarizer.from_pretrained(tmp_path / "weights")
    finally:
        backbone.with_name("gone").rename(backbone)
    text = documents(1, seed=7)[0]
    summary = summarizer.summarize(text, words=6, method="network")
    assert count_words(summary.text) == summary.n_words == 6
    assert summary.method == "network"


def test_what_is_no_backbone_is_refused_in_one_line(tmp_path):
    from transformers import BertConfig, BertModel

    with pytest.raises(ValueError, match="no such folder"):
        backbone_autoencoder(SMALL, tmp_path / "missing")
    with pytest.raises(ValueError, match="no pretrained model"):
        backbone_autoencoder(SMALL, tmp_path)
    with pytest.raises(ValueError, match="must be one of encoder, decoder, both"):
        backbone_autoencoder(SMALL, tmp_path, "discriminator")
    folder = save_backbone("bart", tmp_path / "bert")
    BertModel(
        BertConfig(vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=1)
    ).save_pretrained(folder)
    with pytest.raises(ValueError, match="no encoder–decoder") as caught:
        backbone_autoencoder(SMALL, folder)
    assert "\n" not in str(caught.value)
