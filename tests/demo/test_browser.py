"""The page as a person meets it: in a browser, with a microphone, by mouse and by keyboard.

Needs Debian's chromium (or Chrome) and Playwright; skipped with a message where they are missing.
Pictures of all tabs are left in build/screenshots.
"""

import os
import shutil
import threading
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
import gradio_client
import numpy as np
import pypdf
import pytest
import soundfile

from demo import page as pages
from demo.desk import Desk
from demo.studio import EXAMPLES, Studio
from tests.demo.reading import tiny_summarizer
from tests.vc.serving import write_voice, write_weights

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt install chromium")

SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
LOCAL = {"127.0.0.1", "localhost"}
MAX_SECONDS = 60.0
# A busy machine is slow; one that hangs is found all the same.
PATIENCE = 1000 * float(os.environ.get("BOWTIE_BROWSER_SECONDS", "30"))
DESKTOP, PHONE = (1280, 900), (390, 844)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]
# What has no name for somebody who cannot see it. Gradio's own hidden inputs do not count.
NAMELESS = """() => [...document.querySelectorAll(
  'button, input, select, textarea, canvas, svg[role], [role=tab], [role=slider], [role=combobox]')]
  .filter((e) => e.checkVisibility({ opacityProperty: false, visibilityProperty: true })
    && !e.closest('[aria-hidden=true]') && !['hidden', 'file'].includes(e.type)
    && e.offsetParent !== null)
  .filter((e) => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.title
    || e.textContent.trim() || [...(e.labels || [])].some((l) => l.textContent.trim())
    || e.closest('label')?.textContent.trim()))
  .map((e) => e.outerHTML.slice(0, 160))"""


class Served:
    """A page with a tiny converter, and what a test may want to look at behind it."""

    def __init__(self, studio: Studio, url: str, requests: list[str]) -> None:
        self.studio, self.url, self.strangers = studio, url, requests


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("uploads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        studio = Studio(write_weights(tmp_path_factory.mktemp("weights")), folder, MAX_SECONDS)
        built = pages.build(studio, Desk({"news": tiny_summarizer, "papers": tiny_summarizer}))
        pages.launch(built, prevent_thread_lock=True, quiet=True)
        yield Served(studio, built.local_url, [])
        built.close()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory) -> Iterator[sync_api.Browser]:
    heard = write_voice(tmp_path_factory.mktemp("microphone") / "a.wav", seconds=6.0)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                *FLAGS,
                f"--use-file-for-fake-audio-capture={heard}",
                # what the test does not see, such as the browser's own requests, finds no address
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(served, chromium) -> Iterator[Callable[..., sync_api.Page]]:
    """A function that opens the page; no request may have gone elsewhere when the test ends."""
    contexts, strangers = [], []

    def open_page(size: tuple[int, int] = DESKTOP, scheme: str = "light") -> sync_api.Page:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)

        def guard(route: sync_api.Route) -> None:
            if urlsplit(route.request.url).hostname in LOCAL:
                route.continue_()
            else:
                strangers.append(route.request.url)
                route.abort()

        context.route("**/*", guard)
        page = context.new_page()
        page.on("websocket", lambda socket: strangers.append(socket.url))
        page.on("pageerror", lambda error: strangers.append(f"script error: {error}"))
        page.goto(served.url)
        page.wait_for_selector("#convert")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert strangers == []


def tab(page: sync_api.Page, *names: str) -> None:
    for name in names:
        page.get_by_role("tab", name=name, exact=True).click()


def said(page: sync_api.Page, line: str, kind: str) -> str:
    """What a status line says once it is of that kind: done or error."""
    page.wait_for_selector(f"#{line} .note.{kind}")
    return page.inner_text(f"#{line} .note.{kind}")


def loudness(page: sync_api.Page, served: Served, sound: str) -> float:
    """The root mean square of what a player plays."""
    page.wait_for_selector(f"#{sound} a[download]")
    link = page.get_attribute(f"#{sound} a[download]", "href")
    path = SHOTS.parent / "heard.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(page.request.get(link).body())
    samples, _ = soundfile.read(path)
    path.unlink()
    return float(np.sqrt(np.mean(samples**2)))


def test_a_stranger_records_converts_and_hears_something(visit, served):
    page = visit()
    page.locator("#source").get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2500)
    page.locator("#source").get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_selector("#source a[download]")
    page.click("#convert")
    assert "of speech converted in" in said(page, "message", "done")
    assert loudness(page, served, "result-sound") > 0.01
    page.wait_for_selector("#likeness .verdict:not(:empty)")
    assert "own ear" in page.inner_text("#likeness")
    page.wait_for_selector(".sound-result .picture img")
    page.screenshot(path=shot("desktop-light-converted"), full_page=True)


def test_who_waits_sees_the_queue_and_both_who_waits_and_who_converts_can_cancel(
    visit, served, monkeypatch
):
    started, ended, released = [], [], threading.Event()

    def slow(source: str, out: str, voice: object, *, progress: Callable, **knobs: object) -> None:
        started.append(source)
        try:
            while not released.wait(0.05):
                progress(1, 100)
        finally:
            ended.append(source)
        raise ValueError("released")

    monkeypatch.setattr(served.studio.converter, "convert_file", slow)
    page = visit()
    page.get_by_role("button", name="A low computer voice").click()
    page.wait_for_selector("#source a[download]")
    other = gradio_client.Client(served.url, verbose=False, httpx_kwargs={"timeout": 120})
    sentence = gradio_client.handle_file(EXAMPLES[0])
    job = other.submit(sentence, "listed", listed="ann", api_name="/convert")
    wait_until(page, lambda: started)
    page.click("#convert")
    page.wait_for_selector("#message :text('queue')")
    press(page, "cancel")
    assert said(page, "message", "error").startswith("Stopped")
    released.set()
    assert job.result(timeout=PATIENCE / 1000)[0] == "Released."
    released.clear()
    page.click("#convert")
    wait_until(page, lambda: len(started) == 2)
    press(page, "cancel")
    wait_until(page, lambda: len(ended) == 2)
    assert said(page, "message", "error").startswith("Stopped")
    # who cancelled while waiting was never converted
    assert len(started) == 2


def test_a_text_is_summarised_and_its_words_are_marked(visit):
    page = visit()
    tab(page, "Summarize")
    page.get_by_role("button", name="A market that moved").click()
    page.wait_for_function("document.querySelector('#document-text textarea').value.length > 100")
    page.click("#summarize")
    assert "words became 10" in said(page, "summary-note", "done")
    assert page.locator("#sheet mark").count() == 10
    page.screenshot(path=shot("desktop-light-summarized"), full_page=True)


def test_two_voices_are_picked_on_the_map_and_heard(visit, served):
    page = visit()
    tab(page, "Explore", "Voices")
    for name in ("bob", "ann"):
        page.click(f"#voice-map [data-name={name}] circle")
        page.wait_for_function(f"document.querySelector('[aria-label=To]').value === '{name}'")
    page.click("#hear")
    assert "50 % bob and 50 % ann" in said(page, "between-note", "done")
    assert loudness(page, served, "between-sound") > 0.01


def test_two_documents_are_picked_on_the_map_and_the_way_is_read(visit):
    page = visit()
    tab(page, "Explore", "Documents")
    for name in ("The quiet star", "The coach goes"):
        page.click(f"#document-map [data-name='{name}'] circle", force=True)
        page.wait_for_selector(f".stops li:last-child:has-text('{name}')")
    assert page.locator(".stops li:visible").first.inner_text().startswith("The quiet star")


def test_a_digit_is_drawn_and_the_plane_is_dragged_through(visit):
    page = visit()
    tab(page, "Explore", "Digits")
    page.wait_for_selector("#digit-note .note:not(:empty)")
    picked = page.inner_html("#plane")
    page.get_by_role("button", name="Empty the sheet").click()
    page.locator("#sheet-of-paper canvas").scroll_into_view_if_needed()
    box = page.locator("#sheet-of-paper canvas").bounding_box()
    page.mouse.move(box["x"] + 110, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 110, box["y"] + 200, steps=12)
    page.mouse.up()
    page.wait_for_function(
        "(old) => document.querySelector('#plane').innerHTML !== old", arg=picked
    )
    slider = page.locator("#across input[type=number]")
    page.locator("#plane svg").scroll_into_view_if_needed()
    box = page.locator("#plane svg").bounding_box()
    page.mouse.move(box["x"] + 80, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 90, steps=8)
    page.mouse.up()
    left, right, *_ = map(float, page.get_attribute("#plane svg", "data-box").split())
    there = left + 0.82 * (right - left)
    wait_until(page, lambda: abs(float(slider.input_value()) - there) < 0.05 * (right - left))
    page.screenshot(path=shot("desktop-light-drawn"), full_page=True)


def test_bad_input_gets_one_sentence_in_place_and_the_page_goes_on(visit, tmp_path):
    page = visit()
    page.click("#convert")
    assert said(page, "message", "error") == "There is no sentence yet: record or upload A first."
    (tmp_path / "notes.wav").write_text("This is a text.")
    with wave.open(str(tmp_path / "silence.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    with wave.open(str(tmp_path / "hours.wav"), "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", ""))
        sound.writeframes(bytes([128]) * (8000 * 1800))
    for name, words in (
        ("notes.wav", "not a sound file"),
        ("silence.wav", "silence"),
        ("hours.wav", "lasts 30 minutes; please cut it to 1 minute or less"),
    ):
        upload(page, "source", tmp_path / name)
        page.click("#convert")
        page.wait_for_selector(f"#message .error:has-text('{words}')")
    tab(page, "Summarize")
    page.click("#summarize")
    assert said(page, "summary-note", "error").startswith("There is no text yet")
    locked = pypdf.PdfWriter()
    locked.add_blank_page(200, 200)
    locked.encrypt("secret", algorithm="RC4-128")
    locked.write(tmp_path / "locked.pdf")
    upload(page, "document", tmp_path / "locked.pdf")
    page.click("#summarize")
    page.wait_for_selector("#summary-note .error:has-text('password')")
    tab(page, "Convert")
    upload(page, "source", write_voice(tmp_path / "a.wav", seconds=1.5))
    page.click("#convert")
    assert said(page, "message", "done")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_tab_fits_has_names_for_its_controls_and_is_pictured(visit, size, scheme):
    page = visit(size, scheme)
    for names in (
        ["Convert"],
        ["Summarize"],
        ["Explore", "Voices"],
        ["Explore", "Documents"],
        ["Explore", "Digits"],
        ["About"],
    ):
        tab(page, *names)
        if names[-1] == "Digits":
            page.wait_for_selector("#digit-note .note:not(:empty)")
        page.wait_for_timeout(300)
        name = f"{'phone' if size == PHONE else 'desktop'}-{scheme}-{names[-1].lower()}"
        page.screenshot(path=shot(name), full_page=True)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= size[0], names
        assert page.evaluate(NAMELESS) == [], names


def test_the_keyboard_reaches_the_button_and_converts(visit):
    page = visit()
    page.get_by_role("button", name="A low computer voice").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#source a[download]")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "convert":
            break
    else:
        pytest.fail("thirty steps did not reach the button Convert")
    page.keyboard.press("Enter")
    assert said(page, "message", "done")


def upload(page: sync_api.Page, part: str, path: Path) -> None:
    """Choose a file for a part of the page, in place of what was there."""
    remove = page.locator(f"#{part}").get_by_role("button", name="Clear")
    if remove.count():
        remove.first.click()
    if not page.locator(f"#{part} input[type=file]").count():
        page.locator(f"#{part} [data-testid=source-select] button").first.click()
    page.set_input_files(f"#{part} input[type=file]", str(path))
    page.wait_for_selector(f"#{part} :is(a[download], .file-preview)")


def press(page: sync_api.Page, button: str) -> None:
    """Press a button by the keyboard, which does not wait for the page to stand still."""
    page.focus(f"#{button}")
    page.keyboard.press("Enter")


def shot(name: str) -> Path:
    """Where the picture of that name lies."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS / f"{name}.png"


def wait_until(page: sync_api.Page, is_so: Callable[[], object]) -> None:
    """Return as soon as it is so; fail when patience ends. The page goes on meanwhile."""
    end = time.monotonic() + PATIENCE / 1000
    while not is_so():
        assert time.monotonic() < end, "this did not happen in time"
        page.wait_for_timeout(50)


def test_gradio_reports_nothing_to_anyone():
    assert not gr.analytics.analytics_enabled()
