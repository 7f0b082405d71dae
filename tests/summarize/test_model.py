import pytest
import torch
from torch.nn import functional as F

from summarize.discriminator import Discriminator
from summarize.encoder import END, MOST_SUBWORDS, Code, Source
from summarize.layers import PAD, CausalConv, WordEmbedding
from summarize.model import TextAutoencoder, TextConfig

V, N, P, B = 40, 12, 3, 5
SMALL = TextConfig(n_vocabulary=V, hidden_dim=16, n_layers=1, n_heads=2, dropout=0.0)
STARTS = torch.arange(V) >= 20  # 4 to 19 continue a word
BANNED = (torch.arange(V) < 4) & (torch.arange(V) != END) | (torch.arange(V) >= 36)
HANGING = (torch.arange(V) >= 30) & (torch.arange(V) < 33)


def batch(seed: int = 0) -> Source:
    generator = torch.Generator().manual_seed(seed)
    subwords = torch.randint(4, V, (B, N, P), generator=generator)
    subwords[..., 2] = PAD
    mask = torch.arange(N) < torch.tensor([N, N, 9, 7, 6])[:, None]
    return Source(
        subwords.masked_fill(~mask[..., None], PAD),
        torch.randint(0, 4, (B, N), generator=generator),
        (torch.rand(B, N, generator=generator) < 0.3) & mask,
        mask,
    )


@pytest.fixture
def model():
    model = TextAutoencoder(SMALL).eval()
    model.encoder.describe(STARTS, BANNED, HANGING)
    return model


def begun(model, code):
    return model.encoder.words_begun(code.actions).sum(1)


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_a_code_has_exactly_the_words_asked_for_and_ends(model, sample, seed):
    torch.manual_seed(seed)
    lengths = torch.tensor([1, 6, 3, 7, 2])
    code = model.encoder.generate(batch(seed), lengths, sample=sample)
    assert begun(model, code).tolist() == lengths.tolist()
    assert ((code.actions == END).sum(1) == 1).all()
    assert not code.log_probs[code.actions == PAD].any()


def test_banned_subwords_are_never_generated_and_padding_never_copied(model):
    source = batch()
    for seed in range(10):
        torch.manual_seed(seed)
        actions = model.encoder.generate(source, torch.full((B,), 5), sample=True).actions
        generated = actions[(actions < V) & (actions != PAD)]
        assert not BANNED[generated].any()
        for row, mask in zip(actions, source.mask, strict=True):
            copied = row[row >= V] - V
            assert mask[copied].all()
            assert len(copied) == len(set(copied.tolist()))


def test_no_code_ends_in_a_dangling_word(model):
    source = batch()
    for seed in range(10):
        torch.manual_seed(seed)
        lengths = torch.full((B,), 4)
        actions = model.encoder.generate(source, lengths, sample=True).actions
        for i, row in enumerate(actions):
            last = row[model.encoder.words_begun(row).bool()][-1]
            assert not (source.dangling[i, last - V] if last >= V else HANGING[last])


def test_a_generated_word_has_an_end(model):
    with torch.no_grad():
        model.encoder.bias[4:20] = 100.0  # it wants nothing but to go on
    actions = model.encoder.generate(batch(), torch.full((B,), 3)).actions
    assert actions.shape[1] <= 3 * MOST_SUBWORDS + 1


def test_a_document_shorter_than_the_code_fails_at_nothing(model):
    model.encoder.describe(STARTS, (torch.arange(V) != END), HANGING)  # copying only
    source = batch()
    lengths = torch.full((B,), 10)
    assert begun(model, model.encoder.generate(source, lengths)).tolist() == [10] * B


def test_lengths_out_of_range_are_refused(model):
    for length in (0, 31):
        with pytest.raises(ValueError, match="1 to 30"):
            model.encoder.generate(batch(), torch.full((B,), length))


def test_teacher_forcing_gives_the_probabilities_of_generating(model):
    model.encoder.describe(STARTS, (torch.arange(V) != END), HANGING)  # copying only
    source = batch()._replace(dangling=torch.zeros(B, N, dtype=torch.bool))
    lengths = torch.full((B,), 4)
    code = model.encoder.generate(source, lengths, sample=True)
    logs = model.encoder(source, code.actions, lengths)
    taken = torch.zeros(B, N, dtype=torch.bool)
    for step in range(4):
        copies = logs[:, step, V:].masked_fill(taken, -torch.inf).log_softmax(-1)
        place = code.actions[:, step, None] - V
        assert torch.allclose(copies.gather(1, place)[:, 0], code.log_probs[:, step], atol=1e-5)
        taken = taken.scatter(1, place, True)


def test_other_documents_of_a_batch_and_padding_change_nothing(model):
    source = batch()
    lengths = torch.full((B,), 4)
    alone = Source(*(x[3:4, :7] for x in source))
    together = model.encoder.generate(source, lengths)
    single = model.encoder.generate(alone, lengths[3:4])
    n = single.actions.shape[1]
    assert torch.equal(together.actions[3, :n], single.actions[0])


def test_relaxed_codes_are_one_hot_forwards_and_pass_gradients_back(model):
    source = batch()
    code = model.encoder.generate(source, torch.full((B,), 4), relaxed=True)
    assert torch.allclose(code.weights.sum(-1), torch.ones(code.weights.shape[:2]), atol=1e-5)
    tokens = torch.randint(4, V, (B, 9))
    logits = model.decode(source, code, tokens)
    F.cross_entropy(logits.flatten(0, 1), tokens.flatten()).backward()
    assert model.encoder.pointer.query.weight.grad.abs().sum() > 0
    assert model.encoder.recurrent.weight_hh_l0.grad.abs().sum() > 0


def test_log_probabilities_of_samples_have_gradients_for_a_policy(model):
    code = model.encoder.generate(batch(), torch.full((B,), 4), sample=True)
    code.log_probs.sum().backward()
    assert model.encoder.joined.weight.grad.abs().sum() > 0


def test_the_words_of_a_code_join_the_pieces_of_generated_words(model):
    source = batch()
    actions = torch.tensor([[25, 5, 6, V + 2, 21, END, PAD]])
    words = model.words(Source(*(x[:1] for x in source)), actions)
    assert words[0].tolist() == [[25, 5, 6], source.subwords[0, 2].tolist(), [21, 0, 0]]


def test_a_human_sentence_and_the_same_code_look_alike_to_a_discriminator(model):
    source = batch()
    words = model.words(source, torch.full((B, 3), V) + torch.arange(3))
    assert torch.equal(words, source.subwords[:, :3])


def test_the_decoder_uses_nothing_of_the_source_but_the_code(model):
    source, other = batch(0), batch(1)
    tokens = torch.randint(4, V, (B, 9))
    code = Code(torch.tensor([[V, V + 1, END]] * B), torch.zeros(B, 3))
    changed = source._replace(
        subwords=torch.cat([source.subwords[:, :2], other.subwords[:, 2:]], dim=1)
    )
    assert torch.equal(model.decode(source, code, tokens), model.decode(changed, code, tokens))
    first = source._replace(subwords=other.subwords)
    assert not torch.allclose(model.decode(source, code, tokens), model.decode(first, code, tokens))


def test_the_decoder_sees_only_what_it_has_written(model):
    source = batch()
    tokens = torch.randint(4, V, (B, 9))
    changed = tokens.clone()
    changed[:, 5:] = 4
    code = model.encode(source, torch.full((B,), 4))
    assert torch.allclose(
        model.decode(source, code, tokens)[:, :6], model.decode(source, code, changed)[:, :6]
    )


def test_forward_is_decode_of_encode(model):
    source, lengths = batch(), torch.full((B,), 4)
    tokens = torch.randint(4, V, (B, 9))
    assert torch.equal(
        model(source, lengths, tokens), model.decode(source, model.encode(source, lengths), tokens)
    )


def test_word_dropout_hides_words_in_training_alone(model):
    source = batch()
    tokens = torch.randint(4, V, (B, 9))
    code = model.encode(source, torch.full((B,), 4))
    kept = model.decode(source, code, tokens)
    assert torch.equal(kept, model.decode(source, code, tokens))
    assert not torch.equal(kept, model.train().decode(source, code, tokens))


def test_the_full_size_trains_on_two_cores():
    n_parameters = sum(p.numel() for p in TextAutoencoder(TextConfig()).parameters())
    assert n_parameters < 9_000_000


def test_a_pair_is_learnt_by_heart(model):
    model.train()
    source = batch()
    actions = torch.tensor([[V + 1, V + 3, 25, END]] * B)
    optimizer = torch.optim.Adam(model.encoder.parameters(), lr=0.02)
    for _ in range(60):
        logs = model.encoder(source, actions, torch.full((B,), 3))
        loss = -logs.gather(2, actions[..., None]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    free = source._replace(dangling=torch.zeros(B, N, dtype=torch.bool))
    assert torch.equal(model.encode(free, torch.full((B,), 3)).actions, actions)


def test_the_decoder_learns_to_read_the_code(model):
    torch.manual_seed(0)
    decoder = model.decoder.train()
    words = torch.arange(20, 24)[:, None, None]  # four codes of one word
    tokens = torch.randint(4, V, (4, 6))
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.02)

    def loss(code):
        logits = decoder(*decoder.embed(code), tokens)
        return F.cross_entropy(logits.flatten(0, 1), tokens.flatten())

    for _ in range(60):
        optimizer.zero_grad()
        loss(words).backward()
        optimizer.step()
    assert loss(words.roll(1, 0)) > loss(words) + 0.5


def test_a_prefix_is_judged_without_what_follows():
    critic = Discriminator(V, hidden_dim=8).eval()
    words = torch.randint(4, V, (B, 6, P))
    changed = words.clone()
    changed[:, 4:] = 5
    first, second = (critic(*critic.embed(x)) for x in (words, changed))
    assert torch.allclose(first[:, :4], second[:, :4])
    assert not torch.allclose(first[:, 4:], second[:, 4:])


def test_a_critic_does_not_see_padding():
    critic = Discriminator(V, hidden_dim=8).eval()
    words = torch.randint(4, V, (B, 6, P))
    padded = torch.cat([words, torch.zeros(B, 3, P, dtype=torch.long)], dim=1)
    one, two = (critic.critic(*critic.embed(x)) for x in (words, padded))
    assert torch.allclose(one, two)


def test_a_gradient_penalty_reaches_the_weights():
    critic = Discriminator(V, hidden_dim=8)
    human, mask = critic.embed(torch.randint(4, V, (B, 6, P)))
    produced, _ = critic.embed(torch.randint(4, V, (B, 6, P)))
    penalty = critic.gradient_penalty(human, produced, mask)
    penalty.backward()
    assert penalty > 0
    assert critic.layers[0].conv.weight.grad.abs().sum() > 0


def test_a_discriminator_learns_the_order_of_words():
    torch.manual_seed(0)
    critic = Discriminator(V, hidden_dim=16)
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.01)
    forwards = torch.arange(4, 10)[None, :, None].repeat(32, 1, 1)
    shuffled = torch.stack([row[torch.randperm(6)] for row in forwards])
    for _ in range(40):
        human, produced = (critic(*critic.embed(x)) for x in (forwards, shuffled))
        loss = F.softplus(-human).mean() + F.softplus(produced).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert critic(*critic.embed(forwards))[:, -1].mean() > 1
    assert critic(*critic.embed(shuffled))[:, -1].mean() < -1


def test_a_word_is_the_mean_of_its_subwords_whatever_the_padding():
    embedding = WordEmbedding(V, 8)
    one = embedding.bag(torch.tensor([[7, 0, 0]]))
    assert torch.equal(one[0], embedding.weight[7])
    assert not embedding.bag(torch.tensor([[0, 0, 0]])).any()


def test_a_causal_layer_keeps_the_length():
    x = torch.randn(2, 1, 8)
    assert CausalConv(8)(x).shape == x.shape
