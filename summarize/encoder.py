"""The encoder: from a document's words to a code, a sentence of exactly so many words.

It is a pointer-generator (See et al. 2017) over *actions*: action v < V generates subword v,
action V + i copies the document's i-th word whole, in one step. Generated subwords hold neither
digits nor capitals, so numbers and names come by copying only, and a copied word comes unchanged.
One softmax normalises both kinds (Gu et al. 2016), so what is forbidden costs no probability.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from summarize.layers import PAD, Attention, WordEmbedding, positions

START, END = 2, 3
N_SHAPES = 4  # of a word: lower case, Capital, mixed or UPPER, with a digit
LONGEST_CODE = 30  # words
MOST_SUBWORDS = 6  # of a generated word


class Source(NamedTuple):
    """A batch of documents of N words: what a network may know about them.

    ``subwords`` (B, N, P) with zeros after the last of a word, ``shapes`` (B, N) in
    [0, `N_SHAPES`), ``dangling`` (B, N) whether a code must not end with the word, ``mask`` (B, N)
    whether there is a word.
    """

    subwords: Tensor
    shapes: Tensor
    dangling: Tensor
    mask: Tensor


class Code(NamedTuple):
    """A batch of codes: ``actions`` (B, L), closed by END and then PAD; ``log_probs`` (B, L) of
    the actions, 0 at PAD; ``weights`` (B, L, V + N), straight-through one-hot, if relaxed."""

    actions: Tensor
    log_probs: Tensor
    weights: Tensor | None = None


class Encoder(nn.Module):
    """A transformer over the document's words and a recurrent decoder of actions."""

    def __init__(
        self,
        n_vocabulary: int,
        hidden_dim: int = 256,
        n_layers: int = 3,
        n_heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.n_vocabulary = n_vocabulary
        self.embedding = WordEmbedding(n_vocabulary, hidden_dim)
        self.shape = nn.Embedding(N_SHAPES, hidden_dim)
        self.left = nn.Embedding(LONGEST_CODE + 1, hidden_dim)
        layer = nn.TransformerEncoderLayer(
            hidden_dim, n_heads, 2 * hidden_dim, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(hidden_dim)
        self.start = nn.Linear(hidden_dim, hidden_dim)
        self.recurrent = nn.GRU(hidden_dim, hidden_dim, batch_first=True)
        self.reading = Attention(hidden_dim, hidden_dim)
        self.joined = nn.Linear(2 * hidden_dim, hidden_dim)
        self.pointer = Attention(hidden_dim, hidden_dim)
        self.bias = nn.Parameter(torch.zeros(n_vocabulary))
        # Facts of the vocabulary, set by `describe`; saved with the weights.
        self.register_buffer("starts", torch.zeros(n_vocabulary, dtype=torch.bool))
        self.register_buffer("banned", torch.ones(n_vocabulary, dtype=torch.bool))
        self.register_buffer("hanging", torch.zeros(n_vocabulary, dtype=torch.bool))

    def describe(self, starts: Tensor, banned: Tensor, hanging: Tensor) -> None:
        """Say of every subword (V,) whether it begins a word, must never be generated (digits,
        marks), and is a word that leaves a code dangling."""
        self.starts.copy_(starts)
        self.banned.copy_(banned)
        self.hanging.copy_(hanging)

    def read(self, source: Source) -> tuple[Tensor, Tensor]:
        """(word vectors (B, N, H) as they went in, states (B, N, H) as they came out)."""
        vectors = self.embedding.bag(source.subwords) + self.shape(source.shapes)
        place = positions(vectors.shape[1], vectors.shape[2], vectors.device)
        states = self.layers(vectors + place, src_key_padding_mask=~source.mask)
        return vectors, self.norm(states)

    def forward(self, source: Source, actions: Tensor, lengths: Tensor) -> Tensor:
        """Log probabilities (B, L, V + N) of each action (B, L) given those before it.

        ``lengths`` (B,) are the words asked for. What `generate` forbids is not forbidden here,
        but for padding: a teacher may do what the student may not.
        """
        vectors, states = self.read(source)
        begin = actions.new_full((len(actions), 1), START)
        before = torch.cat([begin, actions[:, :-1]], dim=1)
        left = lengths[:, None] - self.words_begun(before).cumsum(1)
        x = self._vectors_of(before, vectors) + self.left(left.clamp(0, LONGEST_CODE))
        hidden, _ = self.recurrent(x, self._first(states, source.mask))
        return self._logits(hidden, states, source.mask).log_softmax(-1)

    def score(self, source: Source, actions: Tensor, lengths: Tensor) -> Tensor:
        """Log probabilities (B, L) of the actions (B, L), 0 at PAD."""
        log_probs = self(source, actions, lengths)
        return log_probs.gather(2, actions[..., None])[..., 0].masked_fill(actions == PAD, 0.0)

    def generate(
        self,
        source: Source,
        lengths: Tensor,
        *,
        sample: bool = False,
        temperature: float = 1.0,
        relaxed: bool = False,
    ) -> Code:
        """Codes of exactly ``lengths`` (B,) words, greedy or sampled; gradients pass.

        ``relaxed`` samples by the Gumbel trick and adds straight-through weights (Jang et al.
        2017): one-hot forwards, soft backwards. A document of fewer words than asked for gets
        generated ones too; ask for no more than it has. Raises ValueError for lengths outside
        1 to `LONGEST_CODE`.
        """
        if int(lengths.min()) < 1 or int(lengths.max()) > LONGEST_CODE:
            raise ValueError(
                f"lengths are {int(lengths.min())} to {int(lengths.max())} words; "
                f"a code has 1 to {LONGEST_CODE}"
            )
        vectors, states = self.read(source)
        hidden = self._first(states, source.mask)
        rule = Rule(self, source, lengths)
        x = self.embedding(lengths.new_full((len(lengths), 1), START))
        actions, log_probs, weights = [], [], []
        while not bool(rule.done.all()):
            out, hidden = self.recurrent(x + self.left(rule.left)[:, None], hidden)
            logits = self._logits(out, states, source.mask)[:, 0] / temperature
            logits = logits.masked_fill(rule.forbidden(), -torch.inf)
            if relaxed:
                soft = F.gumbel_softmax(logits, hard=False)
                action = soft.detach().argmax(-1)
                hard = F.one_hot(action, soft.shape[-1]).to(soft.dtype)
                weights.append(hard + soft - soft.detach())
                x = self.mixed(weights[-1][:, None], vectors)
            else:
                action = logits.softmax(-1).multinomial(1)[:, 0] if sample else logits.argmax(-1)
                x = self._vectors_of(action[:, None], vectors)
            chosen = logits.log_softmax(-1).gather(1, action[:, None])[:, 0]
            log_probs.append(chosen.masked_fill(rule.done, 0.0))
            actions.append(action.masked_fill(rule.done, PAD))
            rule.update(action)
        return Code(
            torch.stack(actions, 1),
            torch.stack(log_probs, 1),
            torch.stack(weights, 1) if relaxed else None,
        )

    def mixed(self, weights: Tensor, vectors: Tensor) -> Tensor:
        """The vectors (B, L, H) of weighted actions (B, L, V + N)."""
        generated, copied = weights.split([self.n_vocabulary, vectors.shape[1]], dim=-1)
        return generated @ self.embedding.weight + copied @ vectors

    def words_begun(self, actions: Tensor) -> Tensor:
        """1 where the action begins a word, else 0; same shape."""
        copied = actions >= self.n_vocabulary
        generated = self.starts[actions.clamp(max=self.n_vocabulary - 1)]
        return (copied | (generated & ~copied)).long()

    def _vectors_of(self, actions: Tensor, vectors: Tensor) -> Tensor:
        copied = actions >= self.n_vocabulary
        place = (
            (actions - self.n_vocabulary).clamp(min=0)[..., None].expand(-1, -1, vectors.shape[-1])
        )
        generated = self.embedding(actions.clamp(max=self.n_vocabulary - 1))
        return torch.where(copied[..., None], vectors.gather(1, place), generated)

    def _first(self, states: Tensor, mask: Tensor) -> Tensor:
        """What the recurrent layer begins with (1, B, H): the mean of the document."""
        weight = mask[..., None].to(states.dtype)
        mean = (states * weight).sum(1) / weight.sum(1).clamp(min=1)
        return torch.tanh(self.start(mean))[None].contiguous()

    def _logits(self, hidden: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        context, _ = self.reading(hidden, states, mask)
        joined = torch.tanh(self.joined(torch.cat([hidden, context], dim=-1)))
        generated = joined @ self.embedding.weight.T + self.bias
        _, copied = self.pointer(joined, states, mask)
        return torch.cat([generated, copied], dim=-1)


class Rule:
    """What each code of a batch may do next, so that its length is exact and it ends well."""

    def __init__(self, encoder: Encoder, source: Source, lengths: Tensor) -> None:
        self.encoder = encoder
        self.source = source
        self.left = lengths.clone()
        self.done = torch.zeros_like(lengths, dtype=torch.bool)
        self.copied = ~source.mask
        # subwords of the word being generated; 0 after a copied word or at the start
        self.n_subwords = torch.zeros_like(lengths)

    def forbidden(self) -> Tensor:
        """(B, V + N), true for what must not come next; END and nothing else when done."""
        encoder, source = self.encoder, self.source
        full = (self.left == 0)[:, None]
        last = (self.left == 1)[:, None]
        may_go_on = (self.n_subwords > 0) & (self.n_subwords < MOST_SUBWORDS) & ~self.done
        starts = encoder.starts[None]
        generated = torch.where(starts, full | (last & encoder.hanging), ~may_go_on[:, None])
        generated = generated | encoder.banned
        generated[:, END] = ~full[:, 0]
        # a word that dangles is forbidden at the end only if there is another to take
        fits = ~self.copied & ~(last & source.dangling)
        fits = torch.where(fits.any(-1, keepdim=True), fits, ~self.copied)
        copied = full | ~fits
        # all words taken and none that may be generated: take one again rather than fail
        stuck = ~full[:, 0] & copied.all(-1) & generated.all(-1)
        copied = torch.where(stuck[:, None], ~source.mask, copied)
        return torch.cat([generated, copied], dim=-1)

    def reorder(self, parents: Tensor) -> None:
        """Go on from the codes at the places ``parents`` (B,), all of the same documents."""
        for name in ("left", "done", "copied", "n_subwords"):
            setattr(self, name, getattr(self, name)[parents])

    def update(self, action: Tensor) -> None:
        """Take note of the actions (B,) that were chosen."""
        n_vocabulary = self.encoder.n_vocabulary
        is_copy = action >= n_vocabulary
        ended = ~is_copy & (action == END)
        begun = self.encoder.words_begun(action).bool() & ~ended & ~self.done
        self.left = self.left - begun.long()
        self.n_subwords = torch.where(begun, (~is_copy).long(), self.n_subwords + 1)
        self.n_subwords = self.n_subwords.masked_fill(is_copy | ended, 0)
        place = (action - n_vocabulary).clamp(min=0)[:, None]
        self.copied = self.copied.scatter(1, place, self.copied.gather(1, place) | is_copy[:, None])
        self.done = self.done | ended
