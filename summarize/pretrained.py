"""Backbones from a folder or the Hub: their networks, and words in their subwords."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from shared.checkpoint import resolve
from summarize.backbone import N_RESERVED, BackboneDecoder, BackboneEncoder, Specials
from summarize.model import TextAutoencoder, TextConfig
from summarize.search import Search
from summarize.subwords import Subwords
from summarize.text import UNKNOWN, WORD_START

ROLES = ("encoder", "decoder", "both")
BYTE_START = "Ġ"  # what byte-level vocabularies write for a space


class BackboneSubwords(Subwords):
    """A backbone's subwords, with what the search's tables know about words. Case is kept."""

    @classmethod
    def load(cls, folder: str | Path, source: str | Path = "") -> "BackboneSubwords":
        """The subwords of the backbone ``source``, with the tables of a folder that
        `summarize prepare` made. Raises ValueError if one of the two is missing."""
        tokenizer, config = _tokenizer(source)
        search = Search.load(Path(folder) / "search")
        subwords = cls(MovedTokenizer(tokenizer, config.vocab_size), search)
        subwords.backbone_files = _files(tokenizer, config)
        return subwords


class MovedTokenizer:
    """A backbone's tokenizer with every number moved up by `N_RESERVED`.

    A subword that a code may hold only as part of a copied word (with a digit, a capital, a mark)
    has no text here.
    """

    def __init__(self, tokenizer: Any, n_backbone: int) -> None:
        self.backend = tokenizer.backend_tokenizer
        self.n_backbone = n_backbone
        self.special = frozenset(tokenizer.all_special_ids)

    def get_vocab_size(self) -> int:
        """The reserved numbers included."""
        return self.n_backbone + N_RESERVED

    def id_to_token(self, number: int) -> str:
        """The subword, beginning with ``▁`` if it begins a word; empty if it must be copied."""
        own = number - N_RESERVED
        if own < 0 or own in self.special:
            return ""
        piece = (self.backend.id_to_token(own) or "").replace(BYTE_START, WORD_START)
        letters = piece.removeprefix(WORD_START)
        # of a byte-level vocabulary, what is not ASCII may be part of a character
        return piece if letters.isascii() and letters.islower() else ""

    def encode(self, word: str) -> "Encoded":
        """The numbers of a word within a text."""
        ids = self.backend.encode(f" {word}", add_special_tokens=False).ids
        return Encoded([UNKNOWN if i in self.special else i + N_RESERVED for i in ids])

    def decode(self, numbers: Sequence[int]) -> str:
        """The text that the numbers stand for; reserved ones are left out."""
        own = [i - N_RESERVED for i in numbers if i >= N_RESERVED]
        return self.backend.decode(own, skip_special_tokens=True).strip()

    def to_str(self) -> str:
        """The backbone's tokenizer as JSON."""
        return self.backend.to_str()


class Encoded(NamedTuple):
    """What `MovedTokenizer.encode` gives."""

    ids: list[int]


def backbone_autoencoder(
    config: TextConfig, source: str | Path, role: str = "encoder", pretrained: bool = True
) -> TextAutoencoder:
    """An autoencoder whose encoder, decoder, or both are the pretrained backbone ``source``.

    The other one, if any, is the pipeline's own, over the backbone's subwords; so ``config``'s
    ``n_vocabulary`` is not used. Without ``pretrained`` weights are random, to be loaded. Raises
    ValueError for an unknown role, or if ``source`` is no folder or Hub id of a pretrained
    encoder–decoder.
    """
    if role not in ROLES:
        raise ValueError(f"a backbone's role must be one of {', '.join(ROLES)}, not {role!r}")
    tokenizer, backbone = _tokenizer(source)
    specials = _specials(tokenizer, backbone)
    config = replace(config, n_vocabulary=backbone.vocab_size + N_RESERVED)
    make = partial(_model, source) if pretrained else partial(_unlearnt, backbone)
    encoder = decoder = None
    if role != "decoder":
        encoder = BackboneEncoder(make(), specials)
    if role != "encoder":
        decoder = BackboneDecoder(make(), specials, config.word_dropout)
    return TextAutoencoder(config, encoder, decoder)


def role_of(network: TextAutoencoder) -> str:
    """Which part of the network is a backbone: encoder, decoder or both."""
    if not isinstance(network.decoder, BackboneDecoder):
        return "encoder"
    return "both" if isinstance(network.encoder, BackboneEncoder) else "decoder"


def _files(tokenizer: Any, config: Any) -> dict[str, str]:
    """What `AutoConfig` and `AutoTokenizer` need, by name."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        config.save_pretrained(folder)
        return {p.name: p.read_text(encoding="utf-8") for p in Path(folder).glob("*.json")}


def _unlearnt(config: Any) -> Any:
    from transformers import AutoModelForSeq2SeqLM

    return AutoModelForSeq2SeqLM.from_config(config)


def _tokenizer(source: str | Path) -> tuple[Any, Any]:
    """(tokenizer, configuration) of an encoder–decoder."""
    from transformers import AutoConfig, AutoTokenizer

    folder = resolve(source, Path(), "backbone")
    try:
        config = AutoConfig.from_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{source} is no pretrained model: {_first_line(error)}") from error
    if not config.is_encoder_decoder or not hasattr(config, "vocab_size"):
        raise ValueError(
            f"{source} is a {config.model_type}, which is no encoder–decoder; "
            "give one of the BART or T5 family"
        )
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise ValueError(f"{source} has no tokenizer.json; save it with a current transformers")
    return tokenizer, config


def _model(source: str | Path) -> Any:
    from transformers import AutoModelForSeq2SeqLM
    from transformers.utils import logging

    folder = resolve(source, Path(), "backbone")
    was_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        # transformers gives it in evaluation mode, which Lightning would leave as it is
        return AutoModelForSeq2SeqLM.from_pretrained(folder, use_safetensors=True).train()
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"{source} cannot be loaded: {_first_line(error)}") from error
    finally:
        if was_shown:
            logging.enable_progress_bar()


def _specials(tokenizer: Any, config: Any) -> Specials:
    # an empty text shows what the tokenizer puts around every text
    opening = tuple(tokenizer("").input_ids[:-1])
    return Specials(
        pad=config.pad_token_id,
        unknown=tokenizer.unk_token_id if tokenizer.unk_token_id is not None else -1,
        end=config.eos_token_id,
        decoder_start=config.decoder_start_token_id,
        opening=opening,
        others=tuple(tokenizer.all_special_ids),
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
