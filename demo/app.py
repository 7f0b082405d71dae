"""The page as a program: ``python -m demo.app``, or ``make demo``."""

import argparse
import functools
import importlib.util
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from demo.desk import Desk
from demo.page import build, launch
from demo.studio import EXAMPLES, Choice, Studio
from summarize.inference import Summarizer
from summarize.packaged import find, presets
from vc.inference import VoiceConverter

# The usual preset first.
_FIRST_PRESET = "news"


def warm_up(studio: Studio) -> threading.Thread:
    """One conversion and what is said about it, so that the first visitor does not wait for caches.

    In a thread of its own, so that the page need not wait for it.
    """

    def convert() -> None:
        made = studio.convert(str(EXAMPLES[0]), Choice("uploaded", files=[str(EXAMPLES[1])]))
        studio.likeness(made.source, made.result, made.voice)
        studio.picture(made.result)

    thread = threading.Thread(target=convert, name="warm-up", daemon=True)
    thread.start()
    return thread


def open_desk() -> Desk:
    """The desk with the packaged summaries of every preset."""
    names = sorted(presets(), key=lambda name: name != _FIRST_PRESET)
    loads = {name: functools.partial(_summarizer, name) for name in names}
    return Desk(loads, find(None, names[0]))


def _summarizer(preset: str) -> Summarizer:
    return Summarizer.from_pretrained(preset=preset)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; 2 when something was asked that cannot be."""
    options = _parser().parse_args(arguments)
    if options.mcp and importlib.util.find_spec("mcp") is None:
        print("demo: --mcp needs an extra: pip install 'bowtie-ae[demo,mcp]'", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="bowtie-") as folder:
        # Uploads and results go here, and with it.
        os.environ["GRADIO_TEMP_DIR"] = folder
        try:
            converter = VoiceConverter.from_pretrained(options.checkpoint)
            studio = Studio(converter, Path(folder), options.max_seconds)
            page = build(studio, open_desk())
            warm_up(studio)
            launch(
                page,
                server_name=options.host,
                server_port=options.port,
                share=options.share,
                auth=options.auth,
                mcp_server=options.mcp,
            )
        except (ValueError, OSError) as error:
            print(f"demo: {error}", file=sys.stderr)
            return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo.app", description="Convert voices and summarise texts on a page."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 is all (127.0.0.1)")
    add("--port", type=int, help="port to listen at (the first free one from 7860)")
    add("--share", action="store_true", help="open a public link through Gradio's servers")
    add("--auth", type=_credentials, metavar="USER:PASSWORD", help="ask visitors for these")
    add("--max-seconds", type=_positive, default=120.0, help="longest recording to convert (120)")
    add("--checkpoint", help="folder or Hub id of the weights (those that are packaged)")
    add("--mcp", action="store_true", help="serve the endpoints as MCP tools, too (extra: mcp)")
    return parser


def _credentials(text: str) -> tuple[str, str]:
    user, _, password = text.partition(":")
    if not user or not password:
        raise argparse.ArgumentTypeError("give it as USER:PASSWORD")
    return user, password


def _positive(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, got {text!r}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
