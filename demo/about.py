"""The tab that says what this is, what it cannot do, and what not to do with it."""

import re
from pathlib import Path

import gradio as gr

CONSENT = """\
### Ask first
A voice belongs to the person who speaks with it. Convert a voice only with the consent of that
person, and tell those who listen that what they hear is synthetic. Do not use it to deceive, to
impersonate, or to get past a check of who somebody is. Every converted file says in its metadata
that it is synthetic speech."""

ABOUT = f"""\
## What this is
Bowtie takes speech apart into *what is said*, *who says it* and *how high it is*, and puts it
together again with one of the three exchanged. A text it takes down to a few of its own words, the
*code*, from which as much as possible can be rebuilt. The picture below each
sound is its mel spectrogram: time runs to the right, frequency upwards, bright is
loud, and the line is the pitch of the voice. How close a result is to B, the model says by its own
ear, which was trained together with its voice: a kind judge, though strength 0 scores about 0.

*Explore* shows the codes themselves. Voices and documents that lie near each other are alike, a
place between two of them is a mixture, and what lies far from everything is odd.

{CONSENT}

### What stays on this machine
Everything. Sounds and texts are worked on by the computer that serves this page, nothing is sent
anywhere else, and files are deleted after an hour and when the program ends. Whoever
opens the page with `--share` sends it through a server of Gradio's.

### What it cannot do
* It changes the voice, not the manner: accent, speed and emphasis remain A's.
* Music, several people at once, and strong echo confuse it.
* A whisper has no pitch, and stays a whisper.
* A summary is made of the text's own words, which can join into something the text does not say;
  what the decoder rebuilds is a guess. Check both against the document beside them.
* Short or noisy recordings of B give a rougher likeness; ten clean seconds are a good start, and
  several recordings are averaged.

### From a program
```python
from gradio_client import Client, handle_file
client = Client("http://127.0.0.1:7860")
a, b = handle_file("a.wav"), handle_file("b.wav")
client.predict(a, "uploaded", files=[b], api_name="/convert")
client.predict("A long text ...", unit="words", amount=10, api_name="/summarize")
```
The link *Use via API* below lists all endpoints: `/convert`, `/likeness`, `/pictures`,
`/save_voice`, `/load_voice`, `/invent_voice`, `/summarize`; of voices `/voice_map`,
`/hear_between`, `/add_voices`, `/similar_voices`, `/odd_recordings`; of documents
`/map_documents`, `/document_path`, `/search_documents`, `/odd_documents`; of digits `/pick_digit`,
`/digit`, `/decode_place`. With `--mcp` they are tools of an MCP server, too,
or without this page: `vc convert a.wav --voice b.wav -o out.wav`, and
`python -m summarize --help` for texts."""


def about_tab(voice: Path | None, summaries: Path | None = None) -> None:
    """Lay the tab out inside the blocks that are open; the folders hold the weights in use."""
    gr.Markdown(ABOUT, elem_classes="prose-page")
    for title, folder in (("voices", voice), ("summaries", summaries)):
        card = model_card(folder)
        if card:
            with gr.Accordion(f"Model card of the {title}", open=False):
                gr.Markdown(card, elem_classes="prose-page")


def model_card(folder: Path | None) -> str:
    """The model card beside the weights without its front matter; "" when there is none."""
    path = folder / "README.md" if folder else None
    if path is None or not path.is_file():
        return ""
    return re.sub(r"\A---\n.*?\n---\n", "", path.read_text(encoding="utf-8"), flags=re.S).strip()
