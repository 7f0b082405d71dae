"""The tab that shows what codes are good for: maps of voices and documents, and the digits."""

import gradio as gr

from demo import library
from demo.digit_gallery import DigitGallery
from demo.explore_digits import digits_part
from demo.explore_documents import documents_part
from demo.explore_voices import VoicesTab, voices_part
from demo.voice_gallery import VoiceGallery


def explore_tab(gallery: VoiceGallery) -> VoicesTab:
    """Lay the tab out inside the blocks that are open; voices are connected by the page."""
    with gr.Tab("Voices", id="explore-voices"):
        voices = voices_part(gallery)
    with gr.Tab("Documents", id="explore-documents"):
        documents_part(library.read_examples())
    with gr.Tab("Digits", id="explore-digits") as tab:
        digits_part(DigitGallery(), tab)
    return voices
