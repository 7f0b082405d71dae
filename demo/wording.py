"""How the page says things: times, names of files, and what went wrong."""

import re

# What begins so went well; the status line shows everything else that ends a job as a problem.
DONE = "✓ "


def spoken_time(seconds: float) -> str:
    """Seconds as people say them: "45 seconds", "30 minutes", "2:05 minutes"."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} seconds"
    if rest == 0:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{minutes}:{rest:02d} minutes"


def file_name(name: str) -> str:
    """``name`` without what a file's name cannot hold anywhere; "voice" when nothing is left."""
    return " ".join(re.sub(r"[^\w +-]", " ", name).split())[:40].strip() or "voice"


def friendly(error: ValueError) -> str:
    """The error's sentence without the folders of this server, as a sentence."""
    original = str(error).strip()
    text = re.sub(r"(?:[A-Za-z]:)?[/\\](?:[^/\\\n]+[/\\])+(?=[^/\\\s])", "", original)
    # A sentence that began with a path now begins with the name of a file, which stays as it is.
    if text[:1] == original[:1]:
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."
