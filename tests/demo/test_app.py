"""The page as it is served: round trips through a real server, and the command's options."""

import threading
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import gradio_client
import numpy as np
import pytest
import soundfile

from demo import app
from demo.about import model_card
from demo.summary import Desk
from demo.voice import DONE, Studio
from tests.demo.reading import tiny_summarizer
from tests.vc.serving import write_voice, write_weights
from vc.audio import SYNTHETIC_NOTE


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("uploads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        converter = write_weights(tmp_path_factory.mktemp("weights"))
        page = app.build(Studio(converter, folder, max_seconds=20), Desk(tiny_summarizer))
        app.launch(page, prevent_thread_lock=True, quiet=True)
        yield page.local_url
        page.close()


@pytest.fixture
def client(url, tmp_path) -> gradio_client.Client:
    return gradio_client.Client(url, verbose=False, download_files=str(tmp_path / "downloads"))


@pytest.fixture
def sentence(tmp_path) -> dict:
    return gradio_client.handle_file(write_voice(tmp_path / "a.wav", seconds=1.5))


@pytest.fixture
def other(tmp_path) -> dict:
    return gradio_client.handle_file(write_voice(tmp_path / "b.wav", f0=220, seed=3))


def test_a_program_converts_with_recordings_and_draws_the_result(client, sentence, other):
    message, source, target, result = client.predict(
        sentence, "uploaded", files=[other], api_name="/convert"
    )
    assert message.startswith(DONE)
    with soundfile.SoundFile(result) as sound:
        assert sound.frames == 24_000
        assert sound.comment == SYNTHETIC_NOTE
        assert np.abs(sound.read()).max() > 0.01
    pictures = client.predict(
        gradio_client.handle_file(source),
        result=gradio_client.handle_file(result),
        api_name="/pictures",
    )
    assert [bool(picture) for picture in pictures] == [True, False, True]
    assert Path(target).is_file()


def test_a_saved_voice_can_be_used_by_another_visitor(client, url, sentence, other, tmp_path):
    path, said, *_ = client.predict("bea", "uploaded", files=[other], api_name="/save_voice")
    assert said.startswith(DONE)
    visitor = gradio_client.Client(url, verbose=False, download_files=str(tmp_path / "visitor"))
    said, voices, *_ = visitor.predict(gradio_client.handle_file(path), api_name="/load_voice")
    assert said.startswith(DONE)
    assert voices["value"] == "bea"
    message, *_ = visitor.predict(
        sentence, "blended", first="bea", second="ann", api_name="/convert"
    )
    assert message.startswith(DONE)


def test_a_voice_of_one_visitor_is_not_offered_to_another(client, url, sentence, other):
    client.predict("bea", "uploaded", files=[other], api_name="/save_voice")
    visitor = gradio_client.Client(url, verbose=False)
    with pytest.raises(gradio_client.exceptions.AppError, match="bea"):
        visitor.predict(sentence, "listed", listed="bea", api_name="/convert")


def test_bad_input_is_answered_with_a_sentence_and_the_page_goes_on(client, sentence, tmp_path):
    (tmp_path / "notes.wav").write_text("This is a text.")
    notes = gradio_client.handle_file(tmp_path / "notes.wav")
    message, *files = client.predict(notes, "listed", listed="ann", api_name="/convert")
    assert message.startswith("notes.wav is not a sound file")
    assert files == [None] * 3
    assert client.predict(None, api_name="/convert")[0].startswith("There is no sentence yet")
    message, *_ = client.predict(sentence, "listed", listed="ann", api_name="/convert")
    assert message.startswith(DONE)


def test_visitors_at_once_get_each_their_own_result(url, tmp_path):
    lengths = [1.0, 1.3, 1.6, 1.9]
    heard: dict[float, int] = {}

    def visit(seconds: float) -> None:
        path = write_voice(tmp_path / f"{seconds}.wav", seconds=seconds)
        visitor = gradio_client.Client(
            url, verbose=False, download_files=str(tmp_path / f"{seconds}")
        )
        *_, result = visitor.predict(
            gradio_client.handle_file(path), "listed", listed="bob", api_name="/convert"
        )
        heard[seconds] = soundfile.info(result).frames

    threads = [threading.Thread(target=visit, args=(seconds,)) for seconds in lengths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert heard == {seconds: round(seconds * 16_000) for seconds in lengths}


def test_every_public_endpoint_has_a_name_of_ours(client):
    api = client.view_api(return_format="dict")
    assert set(api["named_endpoints"]) == {
        "/convert",
        "/pictures",
        "/save_voice",
        "/load_voice",
        "/summarize",
    }
    assert not api["unnamed_endpoints"]


def test_the_page_names_no_other_machine(url):
    import httpx

    html = httpx.get(url).text
    fonts = [name for name in ("fonts.googleapis", "fonts.gstatic", "cdn") if name in html]
    assert fonts == []


def test_the_page_works_without_any_ready_voice(tmp_path):
    converter = write_weights(tmp_path / "weights")
    for voice in (tmp_path / "weights" / "voices").iterdir():
        voice.unlink()
    assert isinstance(
        app.build(Studio(converter, tmp_path / "made"), Desk(tiny_summarizer)), gr.Blocks
    )


def test_missing_weights_are_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(app.signal, "signal", lambda *_: None)
    assert app.main(["--checkpoint", str(tmp_path / "nothing")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("demo: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["--auth", "me"], ["--max-seconds", "0"], ["--max-seconds", "nan"], ["--prot", "1"]],
)
def test_a_wrong_option_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        app.main(arguments)
    assert caught.value.code == 2


def test_the_options_reach_the_server(tmp_path, monkeypatch):
    write_weights(tmp_path / "weights")
    launched = {}
    monkeypatch.setattr(app, "launch", lambda page, **options: launched.update(options))
    monkeypatch.setattr(app.signal, "signal", lambda *_: None)
    arguments = ["--checkpoint", str(tmp_path / "weights"), "--host", "0.0.0.0", "--port", "8123"]
    assert app.main([*arguments, "--auth", "me:a:b"]) == 0
    assert launched == {
        "server_name": "0.0.0.0",
        "server_port": 8123,
        "share": False,
        "auth": ("me", "a:b"),
    }


def test_what_visitors_made_is_deleted_when_the_program_ends(tmp_path, monkeypatch):
    write_weights(tmp_path / "weights")
    folders = []
    monkeypatch.setattr(app, "launch", lambda page, **_: folders.append(page.GRADIO_CACHE))
    monkeypatch.setattr(app.signal, "signal", lambda *_: None)
    app.main(["--checkpoint", str(tmp_path / "weights")])
    assert folders
    assert not Path(folders[0]).exists()


def test_the_model_card_is_shown_without_its_front_matter(tmp_path):
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# A card\n\n---\nmore", "utf-8")
    assert model_card(tmp_path) == "# A card\n\n---\nmore"
    assert model_card(tmp_path / "nowhere") == ""
    assert model_card(None) == ""
