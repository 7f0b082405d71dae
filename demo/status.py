"""What every tab shares: the line that says what happened, and the one place for heavy work."""

import gradio as gr

# Heavy events share one place: two conversions at once would only slow each other down.
HEAVY = {"concurrency_id": "heavy", "concurrency_limit": 1}


def status_line(elem_id: str) -> gr.HTML:
    """A line for what happened, which screen readers speak; plain text for other programs."""
    template = (
        '<p role="status" class="note ${!value ? "" : value.startsWith("✓") ? "done" '
        ': value.endsWith("…") ? "busy" : "error"}">'
        '${(value || "").replace(/&/g, "&amp;").replace(/</g, "&lt;")}</p>'
    )
    return gr.HTML(
        "", html_template=template, elem_id=elem_id, elem_classes="status", label="What happened"
    )


def waveform_options(color: str) -> gr.WaveformOptions:
    """A grey waveform that fills with ``color`` as it is played."""
    return gr.WaveformOptions(
        waveform_color="#a8a29e", waveform_progress_color=color, sample_rate=16_000
    )
