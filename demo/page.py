"""The page as a whole: its tabs, its looks, and how it is served."""

import gradio as gr

from demo.about import about_tab
from demo.convert import connect_convert, connect_voices, convert_tab
from demo.desk import Desk
from demo.explore import explore_tab
from demo.explore_voices import connect_voice_map
from demo.studio import ASSETS, Studio
from demo.summary import summary_tab
from demo.voice_gallery import VoiceGallery

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
    """The page; the tabs that share voices are connected here, the others connect themselves."""
    with gr.Blocks(title="Bowtie", delete_cache=_DELETE, analytics_enabled=False) as page:
        gr.HTML(_LOGO)
        # the visitor's own voices by name, until the page is closed
        mine = gr.State({}, time_to_live=3600)
        gallery = VoiceGallery(studio)
        with gr.Tab("Convert", id="voice"):
            convert = convert_tab(studio)
        with gr.Tab("Summarize", id="summary"):
            summary_tab(desk)
        with gr.Tab("Explore", id="explore"):
            explore = explore_tab(gallery)
        with gr.Tab("About", id="about"):
            about_tab(studio.converter.folder, desk.folder)
        lists = [*convert.picker.lists, *explore.lists]
        connect_convert(studio, mine, convert)
        connect_voices(studio, mine, convert, lists)
        connect_voice_map(gallery, mine, convert.source, explore, lists)
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
            "mcp_server": False,
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
