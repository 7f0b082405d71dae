"""Tiny random BART and T5 models saved as a user's would be, with tokenizers of each kind."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.summarize.corpus import documents

BART_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
T5_SPECIAL = ["<pad>", "</s>", "<unk>"]


def save_backbone(family: str, folder: Path) -> Path:
    """The folder, now holding a model of the family, ``"bart"`` or ``"t5"``."""
    torch.manual_seed(0)
    tokenizer = _byte_level() if family == "bart" else _metaspace()
    tokenizer.save_pretrained(folder)
    (_bart if family == "bart" else _t5)(len(tokenizer)).save_pretrained(folder)
    return folder


def _bart(n_vocabulary: int) -> BartForConditionalGeneration:
    return BartForConditionalGeneration(
        BartConfig(
            vocab_size=n_vocabulary,
            d_model=24,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=24,
            decoder_ffn_dim=24,
            max_position_embeddings=512,
            dropout=0.0,
            scale_embedding=True,
        )
    )


def _t5(n_vocabulary: int) -> T5ForConditionalGeneration:
    return T5ForConditionalGeneration(
        T5Config(
            # as the real ones, more rows than the tokenizer has subwords
            vocab_size=n_vocabulary + 5,
            d_model=24,
            d_kv=12,
            d_ff=24,
            num_layers=1,
            num_heads=2,
            dropout_rate=0.0,
            decoder_start_token_id=0,
        )
    )


def _byte_level() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=BART_SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(documents(100), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


def _metaspace() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=150, special_tokens=T5_SPECIAL, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(documents(100), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
