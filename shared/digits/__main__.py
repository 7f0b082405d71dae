"""The worked example's command: ``python -m shared.digits fit|validate|test|compare|report|…``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

USAGE = """\
python -m shared.digits fit --config configs/digits/base.yaml [--config configs/digits/RECIPE.yaml]
python -m shared.digits validate|test --config RUN/config.yaml --ckpt_path FILE
python -m shared.digits compare             every recipe and PCA, one table and a page of pictures
python -m shared.digits report RUN -o report.html
python -m shared.digits claims              the figures of EXPERIMENTS.md, seeds 0 to 4
"""
PROGRAM = "digits"


def main(args: Sequence[str] | None = None) -> int:
    """The exit code: 0, 2 after one line on stderr, 130 when interrupted."""
    args = list(sys.argv[1:] if args is None else args)
    try:
        if args and args[0] in ("fit", "validate", "test"):
            return _train(args)
        options = _parser().parse_args(args)
        return options.run(options)
    except KeyboardInterrupt:
        return 130
    except (ValueError, OSError, ImportError) as error:
        print(f"{PROGRAM}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _train(args: list[str]) -> int:
    from shared.autoencoders.training import LitAutoencoder
    from shared.cli import run_cli
    from shared.digits.data import ExampleData

    # An overlay alone, such as configs/digits/denoising.yaml, stands on the base beside it.
    if "--config" in args and args[0] == "fit":
        at = args.index("--config")
        base = Path(args[at + 1]).with_name("base.yaml") if at + 1 < len(args) else Path()
        if base.is_file() and base != Path(args[at + 1]):
            args = [args[0], "--config", str(base), *args[1:]]
    run_cli(LitAutoencoder, ExampleData, args, program=PROGRAM, run_folder="runs/digits")
    return 0


def _compare(options: argparse.Namespace) -> int:
    from shared.digits.compare import compare, save_pictures, table
    from shared.digits.data import read_examples, validation_split
    from shared.digits.recipes import read_recipes

    examples = read_examples()
    rows, pictures = compare(
        read_recipes(options.configs),
        validation_split(examples) if options.validation else examples,
        dimensions=options.dimensions,
        seeds=range(options.seeds),
        n_steps=options.steps,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(table(rows), flush=True)
    save_pictures(pictures, options.output)
    print(f"\nsquared error per image (kNN accuracy on codes, %); pictures: {options.output}")
    return 0


def _report(options: argparse.Namespace) -> int:
    from shared.digits.report import write_report

    print(write_report(options.run_folder, options.output, options.source))
    return 0


def _claims(options: argparse.Namespace) -> int:
    from shared.digits.claims import claims

    for line in claims(options.configs, options.seeds, options.steps, options.validation):
        print(line, flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(prog="digits", usage=USAGE, allow_abbrev=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_OneLineParser)
    compare = commands.add_parser("compare", allow_abbrev=False)
    compare.add_argument("--dimensions", type=int, nargs="+", default=[2, 4, 8, 16, 30])
    compare.add_argument("-o", "--output", default="compare.png", help="pictures (compare.png)")
    claims = commands.add_parser("claims", allow_abbrev=False)
    for command, run, n_seeds in ((compare, _compare, 1), (claims, _claims, 5)):
        command.set_defaults(run=run)
        command.add_argument("--configs", default="configs/digits", help="folder of the recipes")
        trainings = f"so many trainings of each ({n_seeds})"
        command.add_argument("--seeds", type=int, default=n_seeds, help=trainings)
        command.add_argument("--steps", type=int, default=1000, help="of every training (1000)")
        command.add_argument(
            "--validation",
            action="store_true",
            help="judge on a quarter of the training images, as settings are chosen",
        )
    report = commands.add_parser("report", allow_abbrev=False)
    report.set_defaults(run=_report)
    report.add_argument("run_folder", metavar="RUN", help="a run's folder")
    report.add_argument("-o", "--output", default="report.html", help="one HTML file")
    report.add_argument("--source", help="other data than the run's")
    return parser


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.exit(2, f"{PROGRAM}: {message}\n")


if __name__ == "__main__":
    sys.exit(main())
