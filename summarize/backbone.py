"""A pretrained encoder–decoder (BART, T5 and their kin) in place of the pipeline's own networks.

`BackboneEncoder` writes codes and `BackboneDecoder` rebuilds documents, behind the interfaces of
`summarize.encoder.Encoder` and `summarize.decoder.Decoder`. Subwords are the backbone's own, moved
up by `N_RESERVED`, so that the four special ones of the pipeline come first everywhere.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from summarize.copying import Vocabulary, actions_of, rules_of
from summarize.encoder import END, LONGEST_CODE, START, Code, Source
from summarize.layers import PAD

UNKNOWN = 1
N_RESERVED = 4  # padding, unknown, start, end
REPEATED = 3.0  # nats off for a subword that was said before


class Specials(NamedTuple):
    """The backbone's own numbers of special subwords. ``opening`` stands before every text."""

    pad: int
    unknown: int
    end: int
    decoder_start: int
    opening: tuple[int, ...]
    others: tuple[int, ...]


class _Translator(nn.Module):
    """A backbone asked and answered in the pipeline's numbers."""

    def __init__(self, model: PreTrainedModel, specials: Specials) -> None:
        super().__init__()
        self.model = model
        self.specials = specials
        self.n_vocabulary = model.config.vocab_size + N_RESERVED
        # what no code or document holds: special subwords, and those that stand for ours
        never = {*specials[:4], *specials.opening, *specials.others}
        self.register_buffer("never", torch.zeros(model.config.vocab_size, dtype=torch.bool))
        self.never[[i for i in never if 0 <= i < len(self.never)]] = True

    @property
    def weight(self) -> Tensor:
        """The subwords' vectors (V, H) as the decoder takes them in."""
        return self.vectors(torch.arange(self.n_vocabulary, device=self.never.device))

    def bag(self, subwords: Tensor) -> Tensor:
        """The mean vector (..., H) of the subwords (..., P) that are no padding."""
        n_subwords = (subwords != PAD).sum(-1, keepdim=True).clamp(min=1)
        return (self.vectors(subwords) * (subwords != PAD)[..., None]).sum(-2) / n_subwords

    def vectors(self, subwords: Tensor) -> Tensor:
        """The vectors (..., H) of subwords."""
        return self.model.get_decoder().embed_tokens(self.to_backbone(subwords))

    def to_backbone(self, subwords: Tensor) -> Tensor:
        """The backbone's numbers; a padding is its padding, a start the decoder's start."""
        own = self.specials
        special = subwords.new_tensor([own.pad, own.unknown, own.decoder_start, own.end])
        ours = special[subwords.clamp(max=N_RESERVED - 1)]
        return torch.where(subwords < N_RESERVED, ours, subwords - N_RESERVED)

    def read(self, vectors: Tensor, mask: Tensor) -> BaseModelOutput:
        """The backbone's states of a text given as vectors (B, N, H)."""
        return self.model.get_encoder()(inputs_embeds=vectors, attention_mask=mask.long())

    def text(self, subwords: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(vectors, mask) of subwords (B, N), with what a backbone expects before and after."""
        n = len(subwords)
        after = subwords.new_full((n, 1), END)
        subwords, mask, _ = _leftmost(
            torch.cat([subwords, after], 1), F.pad(mask, (0, 1), value=True)
        )
        opening = subwords.new_tensor(self.specials.opening) + N_RESERVED
        subwords = torch.cat([opening.expand(n, -1), subwords], 1)
        return self.vectors(subwords), F.pad(mask, (len(opening), 0), value=True)

    def begin(self, n: int, device: torch.device) -> Tensor:
        """What every decoding (B, S) starts with."""
        opening = [i + N_RESERVED for i in self.specials.opening]
        return torch.tensor([START, *opening], device=device).expand(n, -1)

    def write(
        self,
        states: BaseModelOutput,
        mask: Tensor,
        vectors: Tensor,
        cache: EncoderDecoderCache | None = None,
    ) -> Tensor:
        """Logits (B, L, V) after each of the decoder's inputs (B, L, H)."""
        out = self.model(
            encoder_outputs=states,
            attention_mask=mask.long(),
            decoder_inputs_embeds=vectors,
            past_key_values=cache,
            use_cache=cache is not None,
        ).logits
        ordinary = out.masked_fill(self.never, -torch.inf)
        nothing = torch.full_like(out[..., :1], -torch.inf)
        unknown, end = (out[..., i : i + 1] for i in (self.specials.unknown, self.specials.end))
        return torch.cat([nothing, unknown, nothing, end, ordinary], dim=-1)


class BackboneEncoder(nn.Module):
    """Codes from a pretrained encoder–decoder, told how many words are left to write.

    It reads the document's words in order, without punctuation. What it may write is ruled by
    `CopyRule`; what it wrote is given as actions, one for every word that the document holds.
    """

    def __init__(self, model: PreTrainedModel, specials: Specials) -> None:
        super().__init__()
        self.embedding = _Translator(model, specials)
        self.n_vocabulary = self.embedding.n_vocabulary
        hidden_dim = model.get_input_embeddings().weight.shape[1]
        self.left = nn.Embedding(LONGEST_CODE + 1, hidden_dim)
        nn.init.zeros_(self.left.weight)  # so that it begins as it was pretrained
        for name, value in (("starts", False), ("banned", True), ("hanging", False)):
            self.register_buffer(name, torch.full((self.n_vocabulary,), value))

    def describe(self, starts: Tensor, banned: Tensor, hanging: Tensor) -> None:
        """Say of every subword (V,) whether it begins a word, must never be generated, and is a
        word that leaves a code dangling."""
        self.starts.copy_(starts)
        self.banned.copy_(banned)
        self.hanging.copy_(hanging)

    def words_begun(self, actions: Tensor) -> Tensor:
        """1 where the action begins a word, else 0; same shape."""
        generated = self.starts[actions.clamp(max=self.n_vocabulary - 1)]
        return ((actions >= self.n_vocabulary) | generated).long()

    def score(self, source: Source, actions: Tensor, lengths: Tensor) -> Tensor:
        """Log probabilities (B, L) of the actions (B, L), 0 at PAD; a copy's are its subwords'."""
        pieces = self._pieces(source, actions)
        n_pieces = pieces.shape[-1]
        first = (
            F.one_hot(torch.zeros_like(actions), n_pieces) * self.words_begun(actions)[..., None]
        )
        subwords, mask, place = _leftmost(pieces.flatten(1), pieces.flatten(1) != PAD)
        begun = first.flatten(1).gather(1, place) * mask
        states, read = self._read(source)
        start = self.embedding.begin(len(actions), actions.device)
        vectors = self.embedding.vectors(torch.cat([start, subwords[:, :-1]], 1))
        left = lengths[:, None] - begun.cumsum(1) + begun  # before the subword is written
        told = self.left(left.clamp(0, LONGEST_CODE))
        # the opening is told as the first subword is
        told = torch.cat([told[:, :1].expand(-1, start.shape[1] - 1, -1), told], 1)
        logits = self.embedding.write(states, read, vectors + told)[:, start.shape[1] - 1 :]
        taught = logits.log_softmax(-1).gather(2, subwords[..., None])[..., 0].masked_fill(~mask, 0)
        return (
            torch.zeros_like(taught, dtype=taught.dtype)
            .new_zeros(actions.shape)
            .scatter_add(1, place // n_pieces, taught)
        )

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

        ``relaxed`` samples by the Gumbel trick (Jang et al. 2017); its actions are subwords only,
        copied words included. Raises ValueError for lengths outside 1 to `LONGEST_CODE`.
        """
        if int(lengths.min()) < 1 or int(lengths.max()) > LONGEST_CODE:
            raise ValueError(
                f"lengths are {int(lengths.min())} to {int(lengths.max())} words; "
                f"a code has 1 to {LONGEST_CODE}"
            )
        vocabulary = Vocabulary(self.starts.cpu(), self.banned.cpu(), self.hanging.cpu())
        rules = rules_of(source, lengths)
        states, read = self._read(source)
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        x = self.embedding.vectors(self.embedding.begin(len(lengths), lengths.device))
        tokens, log_probs, weights = [], [], []
        while not all(rule.done for rule in rules):
            left = lengths.new_tensor([rule.left for rule in rules]).clamp(0, LONGEST_CODE)
            logits = self.embedding.write(states, read, x + self.left(left)[:, None], cache)[:, -1]
            allowed = torch.zeros(logits.shape, dtype=torch.bool)
            for row, rule in zip(allowed, rules, strict=True):
                rule.allow(row, vocabulary)
            logits = (logits / temperature).masked_fill(~allowed.to(logits.device), -torch.inf)
            if relaxed:
                soft = F.gumbel_softmax(logits, hard=False)
                token = soft.detach().argmax(-1)
                hard = F.one_hot(token, soft.shape[-1]).to(soft.dtype)
                weights.append(hard + soft - soft.detach())
                x = (weights[-1] @ self.embedding.weight)[:, None]
            else:
                token = logits.softmax(-1).multinomial(1)[:, 0] if sample else logits.argmax(-1)
                x = self.embedding.vectors(token[:, None])
            chosen = logits.log_softmax(-1).gather(1, token[:, None])[:, 0]
            done = token.new_tensor([rule.done for rule in rules], dtype=torch.bool)
            tokens.append(token.masked_fill(done, PAD))
            log_probs.append(chosen.masked_fill(done, 0.0))
            for rule, taken in zip(rules, token.tolist(), strict=True):
                rule.take(taken, vocabulary)
        if relaxed:
            # no weight is on copies: what was copied was written as subwords
            joined = F.pad(torch.stack(weights, 1), (0, source.mask.shape[1]))
            return Code(torch.stack(tokens, 1), torch.stack(log_probs, 1), joined)
        actions = actions_of(rules, self.n_vocabulary, lengths.device)
        return Code(actions, self._gathered(source, actions, torch.stack(log_probs, 1)))

    def _gathered(self, source: Source, actions: Tensor, log_probs: Tensor) -> Tensor:
        """The log probabilities (B, L) of actions from those of their subwords (B, S)."""
        pieces = self._pieces(source, actions)
        _, mask, place = _leftmost(pieces.flatten(1), pieces.flatten(1) != PAD)
        return log_probs.new_zeros(actions.shape).scatter_add(
            1, place // pieces.shape[-1], log_probs.masked_fill(~mask, 0)
        )

    def _read(self, source: Source) -> tuple[BaseModelOutput, Tensor]:
        subwords = source.subwords.flatten(1)
        vectors, mask = self.embedding.text(subwords, subwords != PAD)
        return self.embedding.read(vectors, mask), mask

    def _pieces(self, source: Source, actions: Tensor) -> Tensor:
        """The subwords (B, L, P) of each action; END is one, PAD has none."""
        copied = actions >= self.n_vocabulary
        place = (actions - self.n_vocabulary).clamp(min=0)[..., None]
        place = place.expand(-1, -1, source.subwords.shape[-1])
        generated = F.pad(actions.masked_fill(copied, PAD)[..., None], (0, place.shape[-1] - 1))
        return torch.where(copied[..., None], source.subwords.gather(1, place), generated)


class BackboneDecoder(nn.Module):
    """A pretrained encoder–decoder that rebuilds documents from the words of codes alone.

    ``word_dropout`` is the share of what it has written that is hidden from it in training.
    """

    def __init__(
        self, model: PreTrainedModel, specials: Specials, word_dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.embedding = _Translator(model, specials)
        self.word_dropout = word_dropout

    def embed(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """(vectors (B, L, H), mask (B, L)) of a code's words given as subwords (B, L, P)."""
        subwords = words.flatten(1)
        return self.embedding.text(subwords, subwords != PAD)

    def forward(self, vectors: Tensor, mask: Tensor, tokens: Tensor) -> Tensor:
        """Logits (B, N, V) of each document token (B, N) given the code and those before it."""
        mask = mask | ~mask.any(-1, keepdim=True)
        before = tokens[:, :-1]
        if self.training and self.word_dropout > 0:
            drop = torch.rand(before.shape, device=before.device) < self.word_dropout
            before = before.masked_fill(drop & (before != PAD), UNKNOWN)
        start = self.embedding.begin(len(tokens), tokens.device)
        inputs = self.embedding.vectors(torch.cat([start, before], 1))
        states = self.embedding.read(vectors, mask)
        return self.embedding.write(states, mask, inputs)[:, start.shape[1] - 1 :]

    def generate(self, vectors: Tensor, mask: Tensor, n_tokens: int) -> Tensor:
        """The likeliest document tokens (B, N <= ``n_tokens``), greedy, PAD after END.

        What was said is less likely to be said again: a greedy decoder would repeat itself.
        """
        mask = mask | ~mask.any(-1, keepdim=True)
        states = self.embedding.read(vectors, mask)
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        inputs = self.embedding.begin(len(vectors), vectors.device)
        done = torch.zeros(len(vectors), dtype=torch.bool, device=vectors.device)
        said = vectors.new_zeros(len(vectors), self.embedding.n_vocabulary)
        tokens = []
        while len(tokens) < n_tokens and not bool(done.all()):
            x = self.embedding.vectors(inputs)
            logits = self.embedding.write(states, mask, x, cache)[:, -1]
            token = (logits - said).argmax(-1).masked_fill(done, PAD)
            tokens.append(token.masked_fill(token == END, PAD))
            done = done | (token == END)
            said.scatter_(1, token[:, None], REPEATED)
            inputs = token[:, None]
        return torch.stack(tokens, 1)


def _leftmost(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(ids (B, K), mask, places they had): those of the mask moved to the left, the rest PAD."""
    place = (~mask).long().sort(dim=1, stable=True).indices
    place = place[:, : max(1, int(mask.sum(1).max()))]
    mask = mask.gather(1, place)
    return ids.gather(1, place).masked_fill(~mask, PAD), mask, place
