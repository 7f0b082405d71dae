"""The command `summarize`: summaries of files and folders, and the chain that makes them."""

import argparse
import itertools
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

USAGE = """\
summarize FILES...            summaries on stdout; - is standard input
summarize FOLDER -o OUT.jsonl a line of JSON a document; continues a file that was broken off
summarize prepare             two files of unpaired lines into a folder with tables and tokenizer
summarize evaluate            judge systems side by side on pairs
summarize bench               speed, side by side with TextRank and LexRank
summarize train               from prepared data to trained networks, all stages in one
summarize fit                 one stage: --config configs/summarize/base.yaml, ... (validate, test)
summarize export              a run into a folder of weights
summarize search "WORDS" --in FOLDER   the documents about it (screen: odd ones; map: a picture)
"""

ROW_BEGINS = '{"name": '


class Item(NamedTuple):
    """A document that was read, or why it could not be."""

    name: str
    text: str
    error: str = ""


def main(args: Sequence[str] | None = None) -> int:
    """The exit status: 0, or 2 after one line on stderr if something could not be done."""
    args = list(sys.argv[1:] if args is None else args)
    commands = {
        "prepare": _prepare,
        "train": _train,
        "export": _export,
        "evaluate": _evaluate,
        "bench": _bench,
        "search": _search,
        "screen": _screen,
        "map": _map,
    }
    try:
        if args and args[0] in ("fit", "validate", "test"):
            return _fit(args[0], args[1:])
        if args and args[0] in commands:
            return commands[args[0]](args[1:])
        return _summarize(args)
    except BrokenPipeError:
        # whoever read our output has enough; the interpreter must not complain about it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        _say(" ".join(str(error).split()))
        return 2
    except KeyboardInterrupt:
        return 130


def _summarize(args: list[str]) -> int:
    options = _summarize_parser().parse_args(args)
    budgets = ("words", "sentences", "ratio")
    budget = {name: getattr(options, name) for name in budgets}
    _check(budget)
    from summarize.inference import Summarizer

    summarizer = Summarizer.from_pretrained(options.weights, options.preset, options.method)
    items = _items(options.files, options.encoding, options.output)
    if options.output:
        return _to_file(summarizer, items, budget, Path(options.output))
    n_failed = 0
    several = len(options.files) > 1 or Path(options.files[0]).is_dir()
    for item in items:
        n_failed += not _one(summarizer, item, budget, sys.stdout, options.json, several)
    return 2 if n_failed else 0


def _summarize_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="summarize", usage=USAGE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", help="txt, md, html, pdf, docx, jsonl; folders; -")
    parser.add_argument("--words", type=int, help="exactly so many (default 10)")
    parser.add_argument("--sentences", type=int, help="so many, of at most 20 words each")
    parser.add_argument("--ratio", type=float, help="this share of the document's words")
    parser.add_argument("--json", action="store_true", help="a line of JSON with all details")
    parser.add_argument("-o", "--output", help="write lines of JSON into this file")
    parser.add_argument("--encoding", default="utf-8", help="of text files (default utf-8)")
    parser.add_argument("--weights", help="a folder of weights or a Hub id (default: packaged)")
    parser.add_argument("--preset", default="news", help="which packaged weights (default news)")
    parser.add_argument("--method", help="best (of both, the default), network or search")
    return parser


def _check(budget: dict[str, float | None]) -> None:
    """Refuse a budget before anything is read or loaded."""
    from summarize.inference import check_budget

    check_budget(**budget)


def _items(files: list[str], encoding: str, output: str | None = None) -> Iterator[Item]:
    """Every document of the files and folders; one that cannot be read stops no other, and what
    we write ourselves is none."""
    from summarize.documents import DocumentError, find_documents, read_documents

    for file in files:
        try:
            paths = find_documents(file) if file != "-" and Path(file).is_dir() else [file]
        except DocumentError as error:
            yield Item(file, "", str(error))
            continue
        for path in paths:
            if output and file != "-" and Path(path).resolve() == Path(output).resolve():
                continue
            try:
                for document in read_documents(path, encoding):
                    yield Item(document.name, document.text)
            except DocumentError as error:
                yield Item(str(path), "", str(error))


def _one(summarizer, item: Item, budget: dict, out: TextIO, as_json: bool, named: bool) -> bool:
    """Whether the document could be summarised; its summary is then in ``out``."""
    try:
        if item.error:
            raise ValueError(item.error)
        summary = summarizer.summarize(item.text, **budget, rebuild=as_json)
    except ValueError as error:
        _say(str(error))
        return False
    if summary.is_whole:
        n = summary.n_words
        _say(f"{item.name} has only {n} word{'s' * (n != 1)} and is returned whole")
    if as_json:
        print(json.dumps(_row(item.name, summary), ensure_ascii=False), file=out, flush=True)
    else:
        print(f"{item.name}: {summary.text}" if named else summary.text, file=out, flush=True)
    return True


def _row(name: str, summary) -> dict:
    return {
        "name": name,
        "summary": summary.text,
        "words": summary.n_words,
        "whole": summary.is_whole,
        "method": summary.method,
        "codes": [code._asdict() for code in summary.codes],
        "rebuilt": summary.rebuilt,
        "reconstruction": round(summary.reconstruction, 4),
        "lost": summary.lost,
        "seconds": round(summary.seconds, 4),
    }


def _to_file(summarizer, items: Iterator[Item], budget: dict, path: Path) -> int:
    """Append to the file what it does not hold yet."""
    done = _names_in(path)
    n_failed = n_done = 0
    with path.open("a", encoding="utf-8") as out:
        for item in items:
            if item.name in done:
                continue
            ok = _one(summarizer, item, budget, out, as_json=True, named=True)
            n_done, n_failed = n_done + ok, n_failed + (not ok)
            if sys.stderr.isatty():
                print(f"\r{n_done} summaries, {n_failed} failed", end="", file=sys.stderr)
    if not path.stat().st_size:
        path.unlink()  # nothing could be read
    _say(f"{path}: {n_done} new, {len(done)} already there, {n_failed} failed")
    return 2 if n_failed else 0


def _names_in(path: Path) -> set[str]:
    """The documents whose line the file holds whole; a last line that was cut off is removed."""
    if not path.exists():
        return set()
    content = path.read_bytes()
    whole, cut = content[: content.rfind(b"\n") + 1], content[content.rfind(b"\n") + 1 :]
    try:
        names = {json.loads(line)["name"] for line in whole.splitlines() if line.strip()}
    except (ValueError, KeyError, TypeError):
        names = None
    # what we cut off is ours only if it begins as our lines do
    ours = ROW_BEGINS.encode()
    if names is None or not (cut.startswith(ours) or ours.startswith(cut)):
        raise ValueError(f"{path} exists and does not hold summaries; give another file")
    if cut:
        path.write_bytes(whole)
    return names


def _prepare(args: list[str]) -> int:
    parser = _Parser(prog="summarize prepare")
    parser.add_argument("documents", help="a file of documents, one a line: txt or jsonl, or .gz")
    parser.add_argument("sentences", help="a file of short human sentences that belong to none")
    parser.add_argument("-o", "--output", required=True, help="the folder to write")
    parser.add_argument("--vocabulary", type=int, default=8000, help="subwords (default 8000)")
    parser.add_argument(
        "--weight", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
        help="of the search; for documents of many sentences: surprisal=0 repeated=1.25",
    )  # fmt: skip
    options = parser.parse_args(args)
    if options.vocabulary < 100:
        raise ValueError(f"--vocabulary is {options.vocabulary}; give at least 100")
    from summarize.prepare import prepare

    counts = prepare(
        options.documents,
        options.sentences,
        options.output,
        options.vocabulary,
        weights=_weights(options.weight),
    )
    print(
        f"{options.output}: {counts.n_documents} documents, {counts.n_sentences} sentences, "
        f"{counts.n_held_out} held out for judges"
    )
    return 0


def _weights(given: list[str]):
    """The search's weights, those that are given in the place of the usual."""
    from summarize.search import Weights

    weights = Weights()
    for part in given:
        name, _, value = part.partition("=")
        if name not in Weights._fields:
            raise ValueError(f"--weight {part}: give NAME=VALUE, of {', '.join(Weights._fields)}")
        try:
            weights = weights._replace(**{name: type(getattr(weights, name))(value)})
        except ValueError:
            raise ValueError(f"--weight {part}: {value!r} is no number") from None
    return weights


def _evaluate(args: list[str]) -> int:
    options = _evaluate_parser().parse_args(args)
    if not (options.pairs or options.long):
        raise ValueError("give --pairs, --long or both")
    if options.outputs and not options.pairs:
        raise ValueError("--outputs are scored on --pairs; give these too")
    for n_words in (options.words, *options.long_words):
        _check({"words": n_words, "sentences": None, "ratio": None})
    from summarize.inference import Summarizer

    summarizer = Summarizer.from_pretrained(options.weights, options.preset)
    if options.pairs:
        _evaluate_pairs(options, summarizer)
    if options.long:
        _evaluate_long(options, summarizer)
    return 0


def _evaluate_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="summarize evaluate")
    parser.add_argument("--pairs", help="jsonl of document and summary (or .gz)")
    parser.add_argument("--words", type=int, default=10, help="of every summary (default 10)")
    parser.add_argument("--limit", type=int, help="use the first so many pairs and articles")
    parser.add_argument("--weights", help="a folder of weights or a Hub id (default: packaged)")
    parser.add_argument("--preset", default="news", help="which packaged weights (default news)")
    parser.add_argument(
        "--outputs", action="append", default=[], metavar="NAME=FILE",
        help="score another system too: a line a pair",
    )  # fmt: skip
    parser.add_argument("--judge", metavar="FILE", help="human sentences nothing was trained on")
    parser.add_argument(
        "--full", action="store_true", help="fresh reconstructor and shuffled codes too"
    )
    parser.add_argument("--long", metavar="FILE", help="jsonl of document and title, for articles")
    parser.add_argument(
        "--long-words", type=int, nargs="+", default=[40, 80], metavar="N",
        help="of the summaries of articles (default 40 80)",
    )  # fmt: skip
    return parser


def _evaluate_pairs(options: argparse.Namespace, summarizer: Any) -> None:
    from summarize import evaluate
    from summarize.documents import read_lines
    from summarize.ngrams import train_ngrams
    from summarize.text import normalise, word_texts

    pairs = evaluate.read_pairs(options.pairs, options.limit)
    others = {}
    for output in options.outputs:
        name, equals, file = output.partition("=")
        if not equals:
            raise ValueError(f"--outputs {output}: give NAME=FILE")
        others[name] = evaluate.read_outputs(file, len(pairs))
    outside = None
    if options.judge:
        lines = (word_texts(normalise(line)) for line in read_lines(options.judge))
        outside = train_ngrams(lines, min_count=2)
    systems = evaluate.own_systems(summarizer, pairs, options.words)
    systems |= evaluate.ranked_systems(pairs, options.words) | others
    print(f"{len(pairs)} pairs of {options.pairs}; 95 % bootstrap intervals\n")
    table = evaluate.judge(pairs, systems, outside)
    print(evaluate.shown(table, evaluate.LIKENESS), end="\n\n")
    print(evaluate.shown(table, evaluate.QUALITY), flush=True)
    if options.full:
        print(f"\nA fresh reconstructor on {len(pairs) - len(pairs) * 2 // 3} unseen documents\n")
        print(evaluate.shown(evaluate.prove(pairs, systems), evaluate.PROOF), flush=True)


def _evaluate_long(options: argparse.Namespace, summarizer: Any) -> None:
    from summarize import evaluate, evaluate_long

    articles = evaluate.read_pairs(options.long, options.limit, answer="title")
    print(f"\n{len(articles)} articles of {options.long}; 95 % bootstrap intervals")
    for n_words in options.long_words:
        table = evaluate_long.judge_long(articles, summarizer, n_words)
        print("\n" + evaluate.shown(table, evaluate_long.COLUMNS), flush=True)


def _fit(subcommand: str, args: list[str]) -> int:
    """One stage by the project's LightningCLI."""
    from summarize.chain import STAGES, fit

    if args and not args[0].startswith("-"):
        stage, args = args[0], args[1:]
    else:
        stage = _stage_of(args)
    if stage not in STAGES:
        raise ValueError(f"{subcommand} needs a stage, {', '.join(STAGES)}, or the --config of one")
    fit(subcommand, stage, args)
    return 0


def _stage_of(args: list[str]) -> str:
    """The stage whose configuration is the first that is given; "" if it is none of ours."""
    from summarize.chain import STAGES

    given = [b for a, b in itertools.pairwise(args) if a == "--config"]
    given += [a.removeprefix("--config=") for a in args if a.startswith("--config=")]
    names = [stage for stage, name in STAGES.items() if given and Path(given[0]).name == name]
    return names[0] if names else ""


def _train(args: list[str]) -> int:
    from summarize.chain import MINUTES, STAGES, train

    usual = ",".join(f"{stage}={n:g}" for stage, n in MINUTES.items())
    parser = _Parser(prog="summarize train", epilog="Further options go to every stage, as in fit.")
    parser.add_argument("--stages", default="all", help="all (default), or some: distil,game")
    parser.add_argument("--data", required=True, help="the folder that summarize prepare made")
    parser.add_argument("-o", "--output", required=True, help="the folder of the run")
    parser.add_argument("--minutes", default="", help=f"wall clock of stages (default {usual})")
    parser.add_argument("--configs", default="configs/summarize", help="the folder of the YAMLs")
    options, others = parser.parse_known_args(args)
    stages = list(STAGES) if options.stages == "all" else options.stages.split(",")
    ended = train(
        options.data, options.output, stages, _minutes(options.minutes), options.configs, others
    )
    for trained in ended:
        print(
            f"{trained.stage}: {trained.checkpoint}" + f" ({trained.alarm})" * bool(trained.alarm)
        )
    if len(ended) < len(stages):
        _say("broken off; the same command goes on")
        return 130
    return 0


def _minutes(text: str) -> dict[str, float]:
    minutes = {}
    for part in filter(None, text.split(",")):
        stage, _, value = part.partition("=")
        try:
            minutes[stage] = float(value)
        except ValueError:
            minutes[stage] = 0.0
        if not minutes[stage] > 0:
            raise ValueError(f"--minutes {part}: give STAGE=MINUTES, above 0")
    return minutes


def _export(args: list[str]) -> int:
    parser = _Parser(prog="summarize export")
    parser.add_argument("run_folder", metavar="RUN", help="of train, of one stage, or a checkpoint")
    parser.add_argument("-o", "--output", required=True, help="the folder to write")
    parser.add_argument("--data", help="the prepared folder (default: the one of the run)")
    parser.add_argument("--force", action="store_true", help="write into a folder that has files")
    options = parser.parse_args(args)
    from summarize.chain import export

    trained = export(options.run_folder, options.output, options.data, options.force)
    print(f"{options.output}: weights of {trained.checkpoint}")
    return 0


def _bench(args: list[str]) -> int:
    parser = _Parser(prog="summarize bench")
    parser.add_argument("--weights", help="a folder of weights or a Hub id (default: packaged)")
    parser.add_argument("--preset", default="news", help="which packaged weights (default news)")
    options = parser.parse_args(args)
    from summarize.bench import bench

    for line in bench(options.weights, options.preset):
        print(line, flush=True)
    return 0


def _search(args: list[str]) -> int:
    parser = _Parser(prog="summarize search")
    parser.add_argument("query", nargs="?", help="words to look for")
    parser.add_argument("--in", required=True, dest="files", nargs="+", help="files or folders")
    parser.add_argument(
        "--check", action="store_true", help="how often codes and lsa find what is of one folder"
    )
    parser.add_argument("--method", default="bm25", help="bm25 (default), lsa or codes")
    parser.add_argument("-k", type=int, default=10, help="how many (default 10)")
    parser.add_argument("--dimensions", type=int, default=10, help="of lsa and codes (default 10)")
    parser.add_argument("--encoding", default="utf-8", help="of text files (default utf-8)")
    options = parser.parse_args(args)
    if min(options.k, options.dimensions) < 1:
        raise ValueError("-k and --dimensions must be at least 1")
    if options.check == (options.query is not None):
        raise ValueError("give words to look for, or --check and folders of documents of a kind")
    from summarize.search_documents import check, search

    documents, n_failed = _readable(options.files, options.encoding)
    if options.check:
        labels = [str(Path(document.name).parent) for document in documents]
        for row in check(documents, labels):
            print(
                f"{row.method:5} {row.code_dim:3} dimensions: precision@10 {row.precision:.3f}, "
                f"recall@10 {row.recall:.3f}"
            )
        return 2 if n_failed else 0
    settings = {"k": options.k, "code_dim": options.dimensions}
    for hit in search(options.query, documents, options.method, **settings):
        print(f"{hit.score:7.3f}  {hit.name}")
    return 2 if n_failed else 0


def _screen(args: list[str]) -> int:
    parser = _Parser(prog="summarize screen")
    parser.add_argument("files", nargs="+", help="files or folders, at least 20 documents")
    parser.add_argument("--rate", type=float, default=0.05, help="of false alarms (default 0.05)")
    parser.add_argument("--all", action="store_true", help="print the others, too")
    parser.add_argument("--encoding", default="utf-8", help="of text files (default utf-8)")
    options = parser.parse_args(args)
    from summarize.search_documents import screen

    documents, n_failed = _readable(options.files, options.encoding)
    for item in screen(documents, options.rate):
        if item.is_odd or options.all:
            print(f"{item.error:6.3f}  {'odd' if item.is_odd else '   '}  {item.name}")
    return 2 if n_failed else 0


def _map(args: list[str]) -> int:
    parser = _Parser(prog="summarize map")
    parser.add_argument("files", nargs="+", help="files or folders")
    parser.add_argument("-o", "--output", required=True, help="the HTML file to write")
    parser.add_argument("--encoding", default="utf-8", help="of text files (default utf-8)")
    options = parser.parse_args(args)
    from summarize.search_documents import write_map

    documents, n_failed = _readable(options.files, options.encoding)
    print(write_map(documents, options.output))
    return 2 if n_failed else 0


def _readable(files: list[str], encoding: str) -> tuple[list[Any], int]:
    """The documents that can be read, and how many cannot, each of which is said."""
    items = list(_items(files, encoding))
    failed = [item for item in items if item.error]
    for item in failed:
        _say(item.error)
    if len(failed) == len(items):
        raise ValueError("none of the documents could be read")
    return [item for item in items if not item.error], len(failed)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage."""

    def __init__(self, **options) -> None:
        # a misspelt option must not pass as the abbreviation of another
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> None:
        _say(f"{message} (summarize --help)")
        sys.exit(2)


def _say(line: str) -> None:
    print(f"summarize: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
