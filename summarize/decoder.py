"""The decoder: rebuilds a document from its code alone."""

import torch
from torch import Tensor, nn

from summarize.layers import PAD, Attention, WordEmbedding, positions

UNKNOWN, START, END = 1, 2, 3
REPEATED = 3.0  # nats off for a token that was said before


class Decoder(nn.Module):
    """A recurrent language model of documents that attends to the code.

    With ``word_dropout`` most of what it has already written is hidden from it in training, so
    that it must read the code to go on (Bowman et al. 2016).
    """

    def __init__(
        self,
        n_vocabulary: int,
        hidden_dim: int = 256,
        n_heads: int = 4,
        dropout: float = 0.1,
        word_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.word_dropout = word_dropout
        self.embedding = WordEmbedding(n_vocabulary, hidden_dim)
        self.reader = nn.TransformerEncoderLayer(
            hidden_dim, n_heads, 2 * hidden_dim, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.start = nn.Linear(hidden_dim, hidden_dim)
        self.recurrent = nn.GRU(hidden_dim, hidden_dim, batch_first=True)
        self.reading = Attention(hidden_dim, hidden_dim)
        self.joined = nn.Linear(2 * hidden_dim, hidden_dim)
        self.bias = nn.Parameter(torch.zeros(n_vocabulary))

    def embed(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """(vectors (B, L, H), mask (B, L)) of a code's words given as subwords (B, L, P)."""
        return self.embedding.bag(words), (words != PAD).any(-1)

    def forward(self, vectors: Tensor, mask: Tensor, tokens: Tensor) -> Tensor:
        """Logits (B, N, V) of each document token (B, N) given the code and those before it.

        ``vectors`` and ``mask`` are those of `embed`, or of a relaxed code.
        """
        states, mask, first = self._read(vectors, mask)
        before = torch.cat([tokens.new_full((len(tokens), 1), START), tokens[:, :-1]], dim=1)
        hidden, _ = self.recurrent(self.embedding(self._hidden(before)), first)
        return self._logits(hidden, states, mask)

    def generate(self, vectors: Tensor, mask: Tensor, n_tokens: int) -> Tensor:
        """The likeliest document tokens (B, N <= ``n_tokens``), greedy, PAD after END.

        What was said is less likely to be said again: a greedy decoder would repeat itself.
        """
        states, mask, hidden = self._read(vectors, mask)
        token = torch.full((len(vectors),), START, device=vectors.device)
        done = torch.zeros_like(token, dtype=torch.bool)
        said = torch.zeros(len(vectors), len(self.bias), device=vectors.device)
        said[:, :END] = torch.inf
        tokens = []
        while len(tokens) < n_tokens and not bool(done.all()):
            out, hidden = self.recurrent(self.embedding(token)[:, None], hidden)
            token = (self._logits(out, states, mask)[:, 0] - said).argmax(-1)
            token = token.masked_fill(done, PAD)
            tokens.append(token.masked_fill(token == END, PAD))
            done = done | (token == END)
            said.scatter_(1, token[:, None], REPEATED)
        return torch.stack(tokens, 1)

    def _read(self, vectors: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(states (B, L, H) of the code, mask (B, L), what the recurrent layer begins with)."""
        # A code without a word still needs something to attend to: its padding.
        mask = mask | ~mask.any(-1, keepdim=True)
        place = positions(vectors.shape[1], vectors.shape[2], vectors.device)
        states = self.reader(vectors + place, src_key_padding_mask=~mask)
        weight = mask[..., None].to(states.dtype)
        mean = (states * weight).sum(1) / weight.sum(1)
        return states, mask, torch.tanh(self.start(mean))[None].contiguous()

    def _logits(self, hidden: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        context, _ = self.reading(hidden, states, mask)
        joined = torch.tanh(self.joined(torch.cat([hidden, context], dim=-1)))
        return joined @ self.embedding.weight.T + self.bias

    def _hidden(self, before: Tensor) -> Tensor:
        """The tokens, some of them unknown while training."""
        if not self.training or self.word_dropout == 0:
            return before
        drop = torch.rand(before.shape, device=before.device) < self.word_dropout
        return before.masked_fill(drop & (before != PAD) & (before != START), UNKNOWN)
