"""Text in and out of words: normalising, sentences, words with their punctuation, subwords.

A *word* is what a reader counts: something between spaces, without the punctuation around it. So
``$1.5``, ``U.S.``, ``Murdoch's`` and ``third-quarter`` are one word each, and every character of a
script that writes no spaces (Chinese, Japanese, Thai) is one.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

LONGEST_SENTENCE = 60  # words; what is longer is cut at its punctuation
LONGEST_WORD = 64  # characters; nothing longer is a word of a language
WORD_START = "▁"
SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>")
PAD, UNKNOWN, START, END = range(4)

SPACELESS = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)
# Quotation marks and dashes that mean the same are written the same.
SAME = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'",
        "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "«": '"', "»": '"',
        "‐": "-", "‑": "-", "‒": "–", "―": "—", "…": "...", "\u00ad": None, "\ufeff": None,
        "\u200b": None, "\u2060": None, "\u200e": None, "\u200f": None, "\ufffd": None,
    }
)  # fmt: skip
# lone surrogates too: JSON may hold them, and no file can
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\x80-\x9f\ud800-\udfff]")
PARAGRAPH = re.compile(r"\n[^\S\n]*(?:\n\s*)+")
SPACE = re.compile(r"\s+")

# Where a sentence may end: its mark, what closes with it, then space; or a mark without spaces.
SENTENCE_END = re.compile(
    r"""[.!?]{1,8}["')\]]{0,4}(?=\s)|[。！？｡।]["'」』）)]{0,4}""",
)
NEXT_WORD = re.compile(r"\s+[\"'(\[]{0,4}(\S)")
ABBREVIATED = """
    mr mrs ms dr prof sr jr st gen col lt sgt capt cmdr adm maj rev hon gov sen rep pres
    vs etc al inc corp co ltd llc plc no nos vol fig figs eq sec ch pp ed eds approx dept est
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun
    e.g i.e cf ca bros ave blvd rd mt ft
"""
ABBREVIATIONS = frozenset(ABBREVIATED.split())
# The few that do stand at the end of sentences.
ENDS_ABBREVIATED = {"inc", "corp", "co", "ltd", "llc", "plc", "etc", "al", "jr", "sr"}

CHUNK = re.compile(rf"[{SPACELESS}]|[^\s{SPACELESS}]+")
JOINT = re.compile(r"--+|[—–]|\.\.\.+|(?<=\w)[/|](?=\w)")
# What belongs to a word though it is no letter: $5, #tag, @name, 5%, C++, 5°
KEPT_BEFORE = "$£€¥₹#@&+"
KEPT_AFTER = "%°+$£€¥₹"
KEPT_JOINTS = (",", ":", ";", "–", "—")


class Word(NamedTuple):
    """A word, the punctuation after it, and whether a space stands before it."""

    text: str
    after: str = ""
    spaced: bool = True


def normalise(text: str) -> str:
    """``text`` in NFC, quotes and dashes unified, control characters gone, one kind of space.

    Paragraph breaks (blank lines) stay as two line feeds; single line breaks become spaces.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = CONTROL.sub(" ", text.translate(SAME))
    paragraphs = (SPACE.sub(" ", p).strip() for p in PARAGRAPH.split(text))
    return "\n\n".join(p for p in paragraphs if p)


def split_sentences(text: str, longest: int = LONGEST_SENTENCE) -> Iterator[str]:
    """The sentences of a normalised text, in order, none longer than ``longest`` words.

    A text without marks is cut at commas or, failing these, after ``longest`` words, so that there
    is always something to work on. Linear in the length of the text.
    """
    for paragraph in text.split("\n\n"):
        start = 0
        for mark in SENTENCE_END.finditer(paragraph):
            if _ends_sentence(paragraph, start, mark):
                yield from _cut(paragraph[start : mark.end()].strip(), longest)
                start = mark.end()
        yield from _cut(paragraph[start:].strip(), longest)


def split_words(sentence: str) -> list[Word]:
    """The words of a sentence; empty if it has none (punctuation only)."""
    words: list[Word] = []
    for chunk in CHUNK.finditer(sentence):
        spaced = chunk.start() == 0 or sentence[chunk.start() - 1].isspace()
        if chunk.group().isalnum() and len(chunk.group()) <= LONGEST_WORD:
            # most words, at a tenth of the price
            words.append(Word(chunk.group(), "", spaced))
            continue
        for text, joint in _split_joints(chunk.group()):
            core, after = _strip(text)
            if core:
                words.append(Word(core, after + joint, spaced))
            elif words and after + joint:
                words[-1] = words[-1]._replace(after=words[-1].after + after + joint)
            spaced = spaced and not core
            # A joint such as a dash parts words as a space does.
            spaced = spaced or bool(joint)
    return words


def word_texts(sentence: str) -> list[str]:
    """The words alone."""
    return [word.text for word in split_words(sentence)]


def detokenise(words: Sequence[Word], kept: Sequence[int] | None = None) -> str:
    """The words at the indices ``kept`` (default: all) as one line that begins with a capital.

    A comma, colon or dash stays where both of its neighbours do; other punctuation is dropped. The
    line has exactly as many words as ``kept``.
    """
    kept = range(len(words)) if kept is None else kept
    line = ""
    previous = None
    for index in kept:
        word = words[index]
        if previous is not None:
            joint = words[previous].after[:1] if index == previous + 1 else ""
            if joint in ("–", "—"):
                line += f" {joint} "
            elif joint in KEPT_JOINTS and joint:
                line += f"{joint} "
            elif word.spaced or index != previous + 1 or not is_spaceless(word.text):
                glue = is_spaceless(word.text) and is_spaceless(words[previous].text)
                line += "" if glue else " "
        line += word.text
        previous = index
    return capitalise(line)


def capitalise(line: str) -> str:
    """``line`` with a capital first letter, unless its first word is mixed (as in iPhone)."""
    first = line.split(" ", 1)[0]
    return line[:1].upper() + line[1:] if first.islower() else line


def count_words(text: str) -> int:
    """How many words ``text`` has."""
    return len(split_words(text))


def is_spaceless(word: str) -> bool:
    """Whether the word is a character of a script without spaces."""
    return len(word) == 1 and re.match(f"[{SPACELESS}]", word) is not None


def is_protected(word: str) -> bool:
    """Whether a summary may hold the word only if the source does: a number or a name."""
    return any(c.isdigit() or c.isupper() for c in word)


def train_subwords(lines: Iterable[str], n_vocabulary: int = 8000) -> Tokenizer:
    """A byte-pair tokenizer of lower-case words, with `SPECIAL_TOKENS` first.

    Words begin with ``▁``. Case is not its business: copied words keep theirs. Characters that
    the corpus lacks become ``<unk>``.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL_TOKENS[UNKNOWN]))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=WORD_START)
    tokenizer.decoder = decoders.Metaspace(replacement=WORD_START)
    trainer = trainers.BpeTrainer(
        vocab_size=n_vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        limit_alphabet=200,
        # what is rare could only be read back, not learnt
        min_frequency=3,
        show_progress=False,
    )
    words = (" ".join(word_texts(normalise(line))) for line in lines)
    tokenizer.train_from_iterator(words, trainer)
    return tokenizer


def _ends_sentence(paragraph: str, start: int, mark: re.Match) -> bool:
    """Whether the full stop at ``mark`` ends a sentence and not an abbreviation."""
    if not mark.group().startswith(".") or mark.group().startswith(".."):
        return True
    following = NEXT_WORD.match(paragraph, mark.end())
    if following is None:
        return True
    if following[1].islower():
        return False
    begin = max(start, paragraph.rfind(" ", start, mark.start()) + 1, mark.start() - LONGEST_WORD)
    before = paragraph[begin : mark.start()].strip("\"'([").lower()
    if before in ABBREVIATIONS:
        return before in ENDS_ABBREVIATED and following[1].isupper() and len(mark.group()) > 1
    # initials and U.S.: a name or noun usually goes on after them
    is_initial = len(before) == 1 and before.isalpha()
    return not is_initial and not re.fullmatch(r"(?:[a-z]\.)+[a-z]", before)


def _cut(sentence: str, longest: int) -> Iterator[str]:
    """The sentence, or pieces of it that have at most ``longest`` words."""
    if not sentence:
        return
    if len(sentence) <= longest:  # cheaper than counting
        yield sentence
        return
    piece: list[str] = []
    n_words = 0
    for chunk in _short_chunks(sentence):
        if n_words >= longest:
            cut = _last_comma(piece)
            yield _joined(piece[:cut])
            piece = piece[cut:]
            n_words = len(piece)
        piece.append(chunk)
        n_words += 1
    if piece:
        yield _joined(piece)


def _short_chunks(sentence: str) -> Iterator[str]:
    """Pieces of a sentence that hold about one word each, with the space before them."""
    for chunk in re.finditer(rf"\s*(?:[{SPACELESS}]|[^\s{SPACELESS}]+)", sentence):
        text = chunk.group()
        if len(text) <= LONGEST_WORD:
            # a chunk with dashes in it is several words
            yield from (p for p in re.split(r"(?<=[—–/|])|(?<=--)|(?<=\.\.\.)", text) if p)
        else:
            yield from (text[i : i + LONGEST_WORD] for i in range(0, len(text), LONGEST_WORD))


def _last_comma(piece: list[str]) -> int:
    for i in range(len(piece), len(piece) // 2, -1):
        if piece[i - 1].endswith((",", ";", ":", "，", "、", "；", "：")):
            return i
    return len(piece)


def _joined(piece: list[str]) -> str:
    return "".join(piece).strip()


def _split_joints(chunk: str) -> Iterator[tuple[str, str]]:
    """The parts of a chunk and the dash, slash or dots after each."""
    start = 0
    for joint in JOINT.finditer(chunk):
        yield chunk[start : joint.start()], "—" if joint.group()[0] in "-—" else joint.group()
        start = joint.end()
    if start < len(chunk):
        for i in range(start, len(chunk), LONGEST_WORD):
            yield chunk[i : i + LONGEST_WORD], ""


def _strip(text: str) -> tuple[str, str]:
    """The word within a chunk, and the punctuation after it."""
    start, end = 0, len(text)
    while start < end and _is_punctuation(text[start]) and not _opens(text, start):
        start += 1
    while end > start and _is_punctuation(text[end - 1]) and text[end - 1] not in KEPT_AFTER:
        end -= 1
    core, after = text[start:end], text[end:]
    if not any(c.isalnum() or not _is_punctuation(c) for c in core):
        return "", text
    if after.startswith(".") and (
        core.lower() in ABBREVIATIONS or re.fullmatch(r"(?:[^\W\d_]\.)*[^\W\d_]", core)
    ):
        # The full stop of an abbreviation is part of the word, unless it only ends the sentence.
        is_word = "." in core or core.lower() in ABBREVIATIONS or core.isupper()
        if is_word and len(core) < LONGEST_WORD:
            core, after = core + ".", after[1:]
    return core, after


def _opens(text: str, i: int) -> bool:
    return text[i] in KEPT_BEFORE and i + 1 < len(text) and text[i + 1].isalnum()


def _is_punctuation(c: str) -> bool:
    return not c.isalnum() and unicodedata.category(c)[0] in "PSCZ" and not _is_picture(c)


def _is_picture(c: str) -> bool:
    """Whether the character is an emoji or another pictogram, which stands for a word."""
    return unicodedata.category(c) == "So"
