"""The likeliest codes of an encoder, several of each document, by beam search.

Greedy codes begin with what looks best at once; a beam keeps several beginnings until all are as
long as asked for. Deterministic, and a document's codes do not depend on what else is in the batch.
"""

import torch
from torch import Tensor

from summarize.encoder import END, START, Encoder, Rule, Source
from summarize.layers import PAD


@torch.no_grad()
def beam_codes(
    encoder: Encoder, source: Source, lengths: Tensor, width: int
) -> tuple[Tensor, Tensor]:
    """(actions (B, W, L), closed by END and then PAD; log probabilities (B, W) of the codes, nats),
    the likeliest first; -inf where a document has fewer codes than ``width``.

    Every code has exactly ``lengths`` (B,) words. What is forbidden costs no probability, as in
    `Encoder.generate`. An encoder of another kind, a backbone's, gives its greedy code alone.
    """
    if not isinstance(encoder, Encoder):
        code = encoder.generate(source, lengths)
        return code.actions[:, None], code.log_probs.sum(1, keepdim=True)
    n = len(lengths)
    vectors, states = encoder.read(source)
    hidden = encoder._first(states, source.mask)
    mask = source.mask
    source, lengths, vectors = (
        Source(*(repeated(part, width) for part in source)),
        repeated(lengths, width),
        repeated(vectors, width),
    )
    hidden = repeated(hidden[0], width)[None].contiguous()
    rule = Rule(encoder, source, lengths)
    x = encoder.embedding(lengths.new_full((n * width, 1), START))
    # all beams of a document are alike at first, so one of them counts
    scores = torch.full((n, width), -torch.inf, device=states.device)
    scores[:, 0] = 0.0
    actions = lengths.new_zeros((n * width, 0))
    base = torch.arange(n, device=states.device)[:, None] * width
    while not bool(rule.done.all()):
        out, hidden = encoder.recurrent(x + encoder.left(rule.left)[:, None], hidden)
        # the beams of a document are as many questions to the same states
        logits = encoder._logits(out.view(n, width, -1), states, mask).flatten(0, 1)
        log_probs = logits.masked_fill(rule.forbidden(), -torch.inf).log_softmax(-1)
        # a code that is done goes on as it is, at no cost
        log_probs[rule.done] = -torch.inf
        log_probs[rule.done, END] = 0.0
        total = scores[..., None] + log_probs.view(n, width, -1)
        scores, best = total.flatten(1).topk(width)
        parents = (base + best // log_probs.shape[-1]).flatten()
        action = (best % log_probs.shape[-1]).flatten()
        done = rule.done[parents]
        actions = torch.cat([actions[parents], action.masked_fill(done, PAD)[:, None]], 1)
        hidden = hidden[:, parents].contiguous()
        rule.reorder(parents)
        x = encoder._vectors_of(action[:, None], vectors)
        rule.update(action)
    return actions.view(n, width, -1), scores


def repeated(part: Tensor, n: int) -> Tensor:
    """Every row ``n`` times in a row."""
    return part.repeat_interleave(n, 0)
