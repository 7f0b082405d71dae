"""The ``vc`` command: ``vc --help`` lists what it does, ``vc COMMAND --help`` how."""

import argparse
import os
import sys
from collections.abc import Sequence

TRAINING = {
    "fit": "train a voice model (configs/vc/*.yaml)",
    "validate": "losses of a trained model on the validation voices",
    "test": "the same, for the record",
    "fit-synthesiser": "train the vocoder (configs/vc/synthesiser.yaml)",
}
EPILOG = "Convert a voice only with the consent of the person it belongs to."


def main(args: Sequence[str] | None = None) -> int:
    """The exit code: 0, 2 after one line on stderr, or 130 when interrupted."""
    args = list(sys.argv[1:] if args is None else args)
    try:
        if args and args[0] in TRAINING:
            return train(args)
        options = build_parser().parse_args(args)
        # Threads that wait by spinning take the cores from Harvest's own (17 against 20 times real
        # time). Read when torch is imported.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        from vc import commands

        return getattr(commands, options.run)(options) or 0
    except KeyboardInterrupt:
        print("vc: interrupted; what is finished is whole, nothing else was left", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Somebody closed the pipe, such as `vc voice list | head -1`.
        sys.stderr.close()
        return 0
    except (ValueError, OSError, ImportError) as error:
        print(f"vc: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def train(args: list[str]) -> int:
    """Hand fit, validate, test and fit-synthesiser to the LightningCLI."""
    from shared.cli import run_cli

    if args[0] == "fit-synthesiser":
        from vc.synthesis.data import CropDataModule
        from vc.synthesis.training import LitSynthesiser

        args = ["fit", *args[1:]]
        run_cli(LitSynthesiser, CropDataModule, args, program="vc", run_folder="runs/synthesiser")
        return 0
    from vc.data import VoiceData
    from vc.training import LitVoice

    run_cli(LitVoice, VoiceData, args, program="vc", run_folder="runs/vc")
    return 0


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all others of the command."""

    def error(self, message: str) -> None:
        """Print the line on stderr and exit with status 2."""
        self.exit(2, f"vc: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser; imports nothing, so that help comes at once."""
    parser = OneLineParser(
        prog="vc",
        description="Say one speaker's sentence in another speaker's voice.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=OneLineParser
    )
    _add_convert(commands)
    _add_voice(commands)
    _add_prepare(commands)
    for name, text in TRAINING.items():
        commands.add_parser(name, help=text, add_help=False)
    _add_export(commands)
    _add_evaluate(commands)
    _add_bench(commands)
    _add_search(commands)
    _add_screen(commands)
    _add_calibrate(commands)
    return parser


def _command(
    commands: argparse._SubParsersAction, name: str, text: str, run: str, **options: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=text, description=text, epilog=EPILOG, allow_abbrev=False, **options
    )
    parser.set_defaults(run=run)
    return parser


def _add_weights(parser: argparse.ArgumentParser, *, vocoder: bool = True) -> None:
    group = parser.add_argument_group("weights")
    group.add_argument(
        "--weights", metavar="FOLDER|HUB_ID", help="exported weights (default: the packaged ones)"
    )
    if vocoder:
        group.add_argument(
            "--vocoder",
            metavar="NAME",
            help="source-filter (default: the one of the weights), griffin-lim, hifigan:SOURCE, or "
            "a folder or Hub id of an exported synthesiser",
        )
        group.add_argument(
            "--fast",
            action="store_true",
            help="a quarter of the time: breath and creak lose their melody",
        )
    group.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, ...")


def _add_convert(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "convert", "convert a recording, or a folder of them", "convert")
    parser.add_argument("source", help="a sound file, or a folder with sound files")
    parser.add_argument(
        "--voice",
        required=True,
        action="append",
        nargs="+",
        metavar="VOICE",
        help="a recording, a .voice file or the name of a ready voice; several are averaged",
    )
    parser.add_argument("-o", "--output", required=True, help="the file, or the folder, to write")
    sound = parser.add_argument_group("sound")
    sound.add_argument(
        "--pitch-shift", type=float, default=0.0, metavar="SEMITONES", help="up or down (0)"
    )
    sound.add_argument(
        "--pitch-mode",
        choices=("match", "keep", "shift"),
        default="match",
        help="match the target's register (default), keep the source's pitch untouched, or shift "
        "the source's by --pitch-shift alone",
    )
    sound.add_argument(
        "--pitch-range", type=float, default=1.0, metavar="FACTOR", help="0 monotone, 1 natural"
    )
    sound.add_argument(
        "--strength",
        type=float,
        default=1.0,
        help="0 the source's voice, 1 the target's, up to 1.5",
    )
    sound.add_argument(
        "--emphasis",
        type=float,
        default=0.6,  # vc.inference.EMPHASIS, which would import torch before --help
        help="0 to 2 (default 0.6): the voice moved away from the average one; more character, "
        "less clarity",
    )
    form = parser.add_argument_group("output")
    form.add_argument("--sample-rate", type=int, metavar="HZ", help="of the result (16000)")
    form.add_argument(
        "--format",
        choices=("wav", "flac", "ogg", "opus", "mp3"),
        help="of files written into a folder (wav); a file's own suffix says it otherwise",
    )
    form.add_argument("--force", action="store_true", help="replace what exists")
    form.add_argument(
        "--chunk-seconds",
        type=float,
        default=20.0,
        help="how much is rendered at once (20): memory against speed, never the result",
    )
    _add_weights(parser)


def _add_voice(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "voice", "save, list, blend and show voices", "voice_list")
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", required=True, parser_class=OneLineParser
    )
    save = _command(actions, "save", "a reusable voice of one or more recordings", "voice_save")
    save.add_argument("sources", nargs="+", metavar="RECORDING")
    save.add_argument("-o", "--output", required=True, help="NAME.voice")
    save.add_argument("--name", help="kept in the file (default: the file's)")
    save.add_argument("--force", action="store_true", help="replace what exists")
    listing = _command(actions, "list", "the ready voices", "voice_list")
    mix = _command(actions, "blend", "a voice between voices", "voice_blend")
    mix.add_argument("voices", nargs="+", metavar="VOICE", help=".voice files or ready voices")
    # --weights are the shares here, as in the README; those of the network are --model.
    mix.add_argument("--weights", nargs="+", type=float, dest="shares", metavar="SHARE")
    mix.add_argument(
        "--model", dest="weights", metavar="FOLDER|HUB_ID", help="weights of ready ones"
    )
    mix.add_argument("-o", "--output", required=True, help="NAME.voice")
    mix.add_argument("--name", help="kept in the file (default: the file's)")
    mix.add_argument("--force", action="store_true", help="replace what exists")
    mix.set_defaults(device="cpu")
    show = _command(actions, "show", "what is in a voice file", "voice_show")
    show.add_argument("voice", help="a .voice file or the name of a ready voice")
    new = _command(actions, "invent", "a voice that nobody has", "voice_invent")
    new.add_argument("-o", "--output", required=True, help="NAME.voice")
    new.add_argument("--seed", type=int, default=0, help="another number, another voice (0)")
    new.add_argument("--name", help="kept in the file (default: the file's)")
    new.add_argument("--force", action="store_true", help="replace what exists")
    drawing = _command(actions, "map", "a picture of the space of voices", "voice_map")
    drawing.add_argument("voices", nargs="*", metavar="VOICE", help="beside the ready ones")
    drawing.add_argument("-o", "--output", required=True, help="a .png, .svg or .pdf")
    for each in (save, listing, show, new, drawing):
        _add_weights(each, vocoder=False)


def _add_prepare(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "prepare", "a corpus into features for training", "prepare")
    parser.add_argument("corpus", help="folder of speakers, LibriSpeech, VCTK, or a manifest.tsv")
    parser.add_argument("-o", "--output", required=True, help="the features folder")
    parser.add_argument("--waveforms", action="store_true", help="keep sound too (synthesiser)")
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")
    parser.add_argument("--dev-speakers", type=int, help="held out where the corpus has no splits")


def _add_export(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "export", "a training run into a folder of weights", "export")
    parser.add_argument("run_folder", metavar="RUN", help="a run's folder or a checkpoint")
    parser.add_argument("-o", "--output", required=True, help="the folder to write")
    parser.add_argument(
        "--synthesiser", metavar="FOLDER", help="exported, or a run of one (default: the packaged)"
    )
    parser.add_argument(
        "--mean-with",
        metavar="FOLDER|HUB_ID",
        help="write the mean of the run's weights and these, which it started from",
    )
    parser.add_argument("--force", action="store_true", help="write into a folder that has files")


def _add_evaluate(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "evaluate", "the table of a pairs file", "evaluate")
    parser.add_argument(
        "--pairs", required=True, help="tab-separated: source, references[, transcript, ...]"
    )
    parser.add_argument(
        "--outputs",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="recordings that another system made, as a row of the table",
    )
    parser.add_argument("-o", "--output", help="folder for results.json, table.md and table.tsv")
    parser.add_argument("--full", action="store_true", help="robustness checks and leakage probes")
    parser.add_argument("--limit", type=int, help="only the first pairs")
    parser.add_argument("--workers", type=int, default=2, help="processes that judge (2)")
    parser.add_argument("--save-audio", action="store_true", help="keep what was judged, in -o")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="list the worst pairs")
    parser.add_argument("--no-conversion", action="store_true", help="judge --outputs alone")
    _add_weights(parser)


def _add_bench(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "bench", "speed, memory and size on this machine", "bench")
    parser.add_argument("--quick", action="store_true", help="leave out the 60-minute file")
    parser.add_argument("-o", "--output", help="a JSON file for the figures")
    _add_weights(parser)


def _add_search(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "search", "recordings that sound like this one", "search")
    parser.add_argument("query", nargs="?", help="a recording")
    parser.add_argument("--in", required=True, dest="folder", help="the folder to search")
    parser.add_argument(
        "--by",
        choices=("speaker", "content"),
        default="speaker",
        help="who speaks (default), or what kind of sounds are made",
    )
    parser.add_argument("-k", type=int, default=10, help="how many (10)")
    parser.add_argument(
        "--check",
        action="store_true",
        help="without a query: how often the nearest recording is of the same folder, a speaker's",
    )
    _add_weights(parser, vocoder=False)


def _add_screen(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "screen", "recordings that are unlike clean speech", "screen")
    parser.add_argument("folder", help="the folder of recordings")
    parser.add_argument("--rate", type=float, default=0.05, help="of false alarms (0.05)")
    parser.add_argument("--all", action="store_true", help="print the others, too")
    parser.add_argument("--json", action="store_true", help="all of them, as one JSON list")
    parser.add_argument(
        "--clean",
        metavar="FOLDER",
        help="at least 20 clean recordings of your own to compare with (default: the training's)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="take the recordings for clean, spoil each in every way and say what is noticed",
    )
    _add_weights(parser, vocoder=False)


def _add_calibrate(commands: argparse._SubParsersAction) -> None:
    text = "learn from a corpus what vc screen and vc voice invent need to know beside the weights"
    parser = _command(commands, "calibrate", text, "calibrate")
    parser.add_argument("corpus", help="as for vc prepare; its dev speakers are left out")
    parser.add_argument("--force", action="store_true", help="replace what exists")
    _add_weights(parser, vocoder=False)


if __name__ == "__main__":
    raise SystemExit(main())
