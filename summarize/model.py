"""The text autoencoder: document, sentence, document."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from summarize.decoder import Decoder
from summarize.encoder import END, Code, Encoder, Source
from summarize.layers import PAD, WordEmbedding


@dataclass(frozen=True)
class TextConfig:
    """What rebuilds a `TextAutoencoder`: plain numbers."""

    n_vocabulary: int = 8000
    hidden_dim: int = 256
    n_layers: int = 3
    n_heads: int = 4
    dropout: float = 0.1
    word_dropout: float = 0.5


class TextAutoencoder(nn.Module):
    """An `Encoder` and a `Decoder`, which share nothing but the words of the code.

    Either may be given instead, such as one around a pretrained backbone.
    """

    def __init__(
        self,
        config: TextConfig,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder or Encoder(
            config.n_vocabulary, config.hidden_dim, config.n_layers, config.n_heads, config.dropout
        )
        self.decoder = decoder or Decoder(
            config.n_vocabulary,
            config.hidden_dim,
            config.n_heads,
            config.dropout,
            config.word_dropout,
        )

    def encode(self, source: Source, lengths: Tensor) -> Code:
        """The greedy codes of exactly ``lengths`` (B,) words."""
        return self.encoder.generate(source, lengths)

    def decode(self, source: Source, code: Code, tokens: Tensor) -> Tensor:
        """Logits (B, N, V) of the document tokens (B, N), from the words of the code alone.

        ``source`` says what the copied words are; nothing else of it is used. A relaxed code
        passes gradients on to the encoder.
        """
        if code.weights is None:
            vectors, mask = self.decoder.embed(self.words(source, code.actions))
        else:
            vectors, mask = self.relaxed(self.decoder.embedding, source, code)
        return self.decoder(vectors, mask, tokens)

    def rebuild(self, source: Source, code: Code, n_tokens: int) -> Tensor:
        """The document's subwords (B, N), at most ``n_tokens``, as `decode` would have them, one
        after the other."""
        vectors, mask = self.decoder.embed(self.words(source, code.actions))
        return self.decoder.generate(vectors, mask, n_tokens)

    def forward(self, source: Source, lengths: Tensor, tokens: Tensor) -> Tensor:
        """What `decode` makes of `encode`."""
        return self.decode(source, self.encode(source, lengths), tokens)

    def words(self, source: Source, actions: Tensor) -> Tensor:
        """The words (B, L', P) of codes as subwords, the pieces of a generated word joined."""
        pieces = self._pieces(source, actions)
        begun = self.encoder.words_begun(actions)
        word = (begun.cumsum(1) - 1).clamp(min=0)
        n_words, n_subwords = max(1, int(begun.sum(1).max())), pieces.shape[-1]
        # how many steps after the beginning of its word
        step = torch.arange(actions.shape[1], device=actions.device).expand_as(actions)
        first = torch.where(begun.bool(), step, 0).cummax(1).values
        slot = (step - first)[..., None] + torch.arange(n_subwords, device=actions.device)
        fits = slot < n_subwords
        place = word[..., None] * n_subwords + slot.clamp(max=n_subwords - 1)
        out = pieces.new_zeros(len(pieces), n_words * n_subwords)
        # places that are taken once: adding to zero is setting
        out.scatter_add_(1, place.flatten(1), pieces.masked_fill(~fits, PAD).flatten(1))
        return out.view(len(pieces), n_words, n_subwords)

    def relaxed(
        self, embedding: WordEmbedding, source: Source, code: Code
    ) -> tuple[Tensor, Tensor]:
        """(vectors (B, L, H), mask (B, L)) of a relaxed code in another network's embedding."""
        generated, copied = code.weights.split(
            [self.config.n_vocabulary, source.mask.shape[1]], dim=-1
        )
        vectors = generated @ embedding.weight + copied @ embedding.bag(source.subwords)
        return vectors, (code.actions != PAD) & (code.actions != END)

    def _pieces(self, source: Source, actions: Tensor) -> Tensor:
        """The subwords (B, L, P) that each action adds; END and PAD add none."""
        n_vocabulary = self.config.n_vocabulary
        copied = actions >= n_vocabulary
        n_subwords = source.subwords.shape[-1]
        place = (actions - n_vocabulary).clamp(min=0)[..., None].expand(-1, -1, n_subwords)
        generated = torch.zeros_like(place)
        generated[..., 0] = actions.masked_fill(copied | (actions == END), PAD)
        return torch.where(copied[..., None], source.subwords.gather(1, place), generated)
