"""The page as a program: ``python -m demo.app``, or ``make demo``."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from demo.about import about_tab
from demo.summary import Desk, summary_tab
from demo.voice import ASSETS, EXAMPLES, Choice, Studio, voice_tab
from summarize.inference import Summarizer
from summarize.packaged import find
from vc.inference import VoiceConverter

# Of an upload: enough for two minutes of any usual format.
MAX_FILE_SIZE = "100mb"
# Seconds between two looks for old files, and the age at which they are deleted.
_DELETE = (300, 3600)
_MAX_WAITING = 32
_FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
_MONO = ["ui-monospace", "Menlo", "Consolas", "monospace"]
_LOGO = """\
<header class="masthead">
<svg viewBox="0 0 64 40" width="64" height="40" aria-hidden="true">
<path class="left" d="M4 4 L28 16 V24 L4 36 Z"/><path class="right" d="M60 4 L36 16 V24 L60 36 Z"/>
<rect class="knot" x="27" y="14" width="10" height="12" rx="3"/></svg>
<div><h1>Bowtie</h1><p>Say it in another voice, or in fewer words.</p></div>
</header>"""
# What lies outside the tabs, which the style sheet does not reach: Gradio keeps it inside them.
_HEAD = """\
<style>@media (max-width: 700px) {
main.fillable { padding: 0.75rem !important; } footer .divider { display: none !important; }
}</style>"""
_CONSENT = (
    "Convert a voice only with the consent of the person it belongs to. "
    "Converted files say in their metadata that they are synthetic."
)


def build(studio: Studio, desk: Desk) -> gr.Blocks:
    """The page; each tab lays out and connects itself."""
    with gr.Blocks(title="Bowtie", delete_cache=_DELETE, analytics_enabled=False) as page:
        gr.HTML(_LOGO)
        with gr.Tab("Convert", id="voice"):
            voice_tab(studio)
        with gr.Tab("Summarize", id="summary"):
            summary_tab(desk)
        with gr.Tab("About", id="about"):
            about_tab(studio.converter.folder, desk.folder)
        gr.HTML(f'<p class="consent">{_CONSENT}</p>')
    return page.queue(default_concurrency_limit=4, max_size=_MAX_WAITING)


def launch(page: gr.Blocks, **options: object) -> None:
    """Serve the page, privately unless ``options`` (those of Blocks.launch) say otherwise."""
    page.launch(
        **{
            "server_name": "127.0.0.1",
            "share": False,
            "max_file_size": MAX_FILE_SIZE,
            "allowed_paths": [],
            "run_history": False,
            "enable_monitoring": False,
            "ssr_mode": False,
            "footer_links": ["api", "settings"],
            "theme": theme(),
            "css_paths": [ASSETS / "style.css"],
            "head": _HEAD,
            "favicon_path": str(ASSETS / "favicon.svg"),
            **options,
        }
    )


def theme() -> gr.themes.Base:
    """Fonts of the visitor's own system, so that none is fetched from anywhere."""
    return gr.themes.Default(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="stone",
        radius_size="lg",
        font=_FONT,
        font_mono=_MONO,
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_600",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        # the theme's own greys are too pale to read
        body_text_color_subdued="*neutral_600",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
    )


def warm_up(studio: Studio) -> None:
    """One conversion and one picture, so that the first visitor does not wait for caches."""
    choice = Choice("uploaded", files=[str(EXAMPLES[1])])
    studio.picture(studio.convert(str(EXAMPLES[0]), choice).result)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; 2 when something was asked that cannot be."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="bowtie-") as folder:
        # Uploads and results go here, and with it.
        os.environ["GRADIO_TEMP_DIR"] = folder
        try:
            # beside the voice, which the page waits for
            summaries = find(None, "news")
            desk = Desk(lambda: Summarizer.from_pretrained(summaries), summaries)
            converter = VoiceConverter.from_pretrained(options.checkpoint)
            studio = Studio(converter, Path(folder), options.max_seconds)
            warm_up(studio)
            launch(
                build(studio, desk),
                server_name=options.host,
                server_port=options.port,
                share=options.share,
                auth=options.auth,
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
