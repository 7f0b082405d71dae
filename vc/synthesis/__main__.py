"""Training of the synthesiser: ``python -m vc.synthesis fit | validate | export``."""

import argparse
import sys

from shared.cli import run_cli
from vc.synthesis.data import CropDataModule
from vc.synthesis.training import LitSynthesiser, export


def main(args: list[str] | None = None) -> int:
    """The exit code: 0, or 2 after one line on stderr."""
    args = sys.argv[1:] if args is None else args
    try:
        if args[:1] == ["export"]:
            _export(args[1:])
        else:
            run_cli(
                LitSynthesiser,
                CropDataModule,
                args,
                program="python -m vc.synthesis",
                run_folder="runs/synthesiser",
            )
    except ValueError as error:
        print(f"python -m vc.synthesis: {error}", file=sys.stderr)
        return 2
    return 0


def _export(args: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m vc.synthesis export")
    parser.add_argument("checkpoint", help="a Lightning checkpoint, such as last.ckpt")
    parser.add_argument("-o", "--output", required=True, help="the folder to write")
    parser.add_argument("--force", action="store_true", help="replace what the folder holds")
    options = parser.parse_args(args)
    print(export(options.checkpoint, options.output, overwrite=options.force))


if __name__ == "__main__":
    raise SystemExit(main())
