"""The page as it is served: round trips through a real server, and the command's options."""

import threading
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import gradio_client
import numpy as np
import pytest
import soundfile

from demo import app, page
from demo.about import model_card
from demo.desk import Desk
from demo.studio import Studio
from demo.wording import DONE
from tests.demo.reading import tiny_summarizer
from tests.vc.serving import write_voice, write_weights
from vc.audio import SYNTHETIC_NOTE


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("uploads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        converter = write_weights(tmp_path_factory.mktemp("weights"))
        built = page.build(Studio(converter, folder, max_seconds=20), tiny_desk())
        page.launch(built, prevent_thread_lock=True, quiet=True)
        yield built.local_url
        built.close()


def visitor_of(url: str, **options: object) -> gradio_client.Client:
    """A client that waits for a busy machine."""
    return gradio_client.Client(url, verbose=False, httpx_kwargs={"timeout": 120}, **options)


def tiny_desk() -> Desk:
    """A desk with one small summarizer."""
    return Desk({"news": tiny_summarizer})


@pytest.fixture
def client(url, tmp_path) -> gradio_client.Client:
    return visitor_of(url, download_files=str(tmp_path / "downloads"))


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
    source, result = (gradio_client.handle_file(path) for path in (source, result))
    assert "own ear" in client.predict(source, result, api_name="/likeness")
    assert Path(target).is_file()


def test_a_saved_voice_can_be_used_by_another_visitor(client, url, sentence, other, tmp_path):
    path, said, *_ = client.predict("bea", "uploaded", files=[other], api_name="/save_voice")
    assert said.startswith(DONE)
    visitor = visitor_of(url, download_files=str(tmp_path / "visitor"))
    said, voices, *_ = visitor.predict(gradio_client.handle_file(path), api_name="/load_voice")
    assert said.startswith(DONE)
    assert voices["value"] == "bea"
    message, *_ = visitor.predict(
        sentence, "blended", first="bea", second="ann", api_name="/convert"
    )
    assert message.startswith(DONE)


def test_a_voice_of_one_visitor_is_not_offered_to_another(client, url, sentence, other):
    client.predict("bea", "uploaded", files=[other], api_name="/save_voice")
    visitor = visitor_of(url)
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


def test_ten_visitors_at_once_are_all_served_and_none_gets_anothers_sound(url, tmp_path):
    lengths = [round(0.8 + 0.1 * i, 1) for i in range(10)]
    heard: dict[float, int] = {}

    def visit(seconds: float) -> None:
        path = write_voice(tmp_path / f"{seconds}.wav", seconds=seconds)
        visitor = visitor_of(url, download_files=str(tmp_path / f"{seconds}"))
        *_, result = visitor.predict(
            gradio_client.handle_file(path), "listed", listed="bob", api_name="/convert"
        )
        heard[seconds] = soundfile.info(result).frames

    threads = [threading.Thread(target=visit, args=(seconds,)) for seconds in lengths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert heard == {seconds: round(seconds * 16_000) for seconds in lengths}


def test_a_program_hears_and_finds_voices_on_the_map(client, sentence, other, tmp_path):
    assert client.predict("ann", "bob", 50, api_name="/voice_map").count("<title>") == 2
    sound, said = client.predict("ann", "bob", share=25, api_name="/hear_between")
    assert said.startswith(DONE + "This is 75 % ann and 25 % bob")
    assert np.abs(soundfile.read(sound)[0]).max() > 0.01
    said, *_ = client.predict([other], api_name="/add_voices")
    assert said == f'{DONE}"b" is on the map.'
    assert client.predict("ann", "b", 50, api_name="/voice_map").count("<title>") == 3
    assert 'scope="row">' in client.predict("b", api_name="/similar_voices")
    assert "odd" in client.predict([other], api_name="/odd_recordings")[0]
    assert "no recording" in client.predict([], api_name="/add_voices")[0]
    assert "tab Convert" in client.predict("ann", "bob", 50, "own", api_name="/hear_between")[1]


def test_a_program_maps_documents(client):
    texts = "The cat sat.\n\nThe dog ran.\n\nA cat and a dog."
    assert client.predict(None, "one", api_name="/map_documents")[0].startswith("A map needs")
    said, drawn, *_ = client.predict(None, texts, api_name="/map_documents")
    assert said == DONE + "3 documents are on the map."
    assert drawn.count("<title>") == 3
    drawn, way = client.predict("The cat sat.", "The dog ran.", api_name="/document_path")
    assert way.count("<li>") == 3
    assert "A cat and a dog" in client.predict("cat dog", api_name="/search_documents")
    assert "at least 20" in client.predict(api_name="/odd_documents")


def test_a_program_looks_at_digits(client):
    digit = client.predict("4", api_name="/pick_digit")
    pictures, verdict, *_ = client.predict("deep", digit, api_name="/digit")
    assert pictures.count("<svg") == 3
    assert "for this network" in verdict
    assert "<svg" in client.predict("pca", 0.5, -0.5, api_name="/decode_place")[1]
    assert client.predict("deep", "", api_name="/digit")[1].startswith("There is no digit")


def test_inventing_a_voice_from_two_is_refused_in_a_sentence(client):
    assert "at least three" in client.predict(1, api_name="/invent_voice")[0]


def test_every_public_endpoint_has_a_name_of_ours(client):
    api = client.view_api(return_format="dict")
    assert set(api["named_endpoints"]) == {
        "/add_voices",
        "/convert",
        "/decode_place",
        "/digit",
        "/document_path",
        "/hear_between",
        "/invent_voice",
        "/likeness",
        "/load_voice",
        "/map_documents",
        "/odd_documents",
        "/odd_recordings",
        "/pick_digit",
        "/pictures",
        "/save_voice",
        "/search_documents",
        "/similar_voices",
        "/summarize",
        "/voice_map",
    }
    assert not api["unnamed_endpoints"]


def test_the_page_names_no_other_machine(url):
    import httpx

    html = httpx.get(url, timeout=60).text
    fonts = [name for name in ("fonts.googleapis", "fonts.gstatic", "cdn") if name in html]
    assert fonts == []


def test_the_page_works_without_any_ready_voice(tmp_path):
    converter = write_weights(tmp_path / "weights")
    for voice in (tmp_path / "weights" / "voices").iterdir():
        voice.unlink()
    assert isinstance(page.build(Studio(converter, tmp_path / "made"), tiny_desk()), gr.Blocks)


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
    launched, studios = {}, []
    monkeypatch.setattr(app, "launch", lambda page, **options: launched.update(options))
    monkeypatch.setattr(app, "warm_up", lambda studio: studios.append(studio))
    monkeypatch.setattr(app.signal, "signal", lambda *_: None)
    arguments = ["--checkpoint", str(tmp_path / "weights"), "--host", "0.0.0.0", "--port", "8123"]
    assert app.main([*arguments, "--auth", "me:a:b", "--max-seconds", "7", "--share"]) == 0
    assert launched == {
        "server_name": "0.0.0.0",
        "server_port": 8123,
        "share": True,
        "auth": ("me", "a:b"),
        "mcp_server": False,
    }
    assert studios[0].max_seconds == 7
    assert studios[0].converter.folder == tmp_path / "weights"


def test_visitors_without_the_password_are_kept_out(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    studio = Studio(write_weights(tmp_path / "weights"), tmp_path / "made")
    built = page.build(studio, tiny_desk())
    page.launch(built, prevent_thread_lock=True, quiet=True, auth=("me", "secret"))
    try:
        with pytest.raises(gradio_client.exceptions.AuthenticationError):
            visitor_of(built.local_url)
        visitor = visitor_of(built.local_url, auth=("me", "secret"))
        assert visitor.predict("4", api_name="/pick_digit").startswith("[")
    finally:
        built.close()


def test_mcp_without_its_extra_is_one_line_and_exit_code_2(monkeypatch, capsys):
    monkeypatch.setattr(app.importlib.util, "find_spec", lambda name: None)
    assert app.main(["--mcp"]) == 2
    error = capsys.readouterr().err
    assert "pip install 'bowtie-ae[demo,mcp]'" in error
    assert error.count("\n") == 1


def test_the_endpoints_are_tools_of_an_mcp_server(tmp_path, monkeypatch):
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    import httpx

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    studio = Studio(write_weights(tmp_path / "weights"), tmp_path / "made")
    built = page.build(studio, tiny_desk())
    page.launch(built, prevent_thread_lock=True, quiet=True, mcp_server=True)
    try:
        schema = httpx.get(f"{built.local_url}gradio_api/mcp/schema", timeout=60).json()
    finally:
        built.close()
    tools = {tool["name"].lower(): tool for tool in schema}
    assert any(name.endswith("summarize") for name in tools)
    assert any(name.endswith("convert") for name in tools)
    assert all(tool["description"].strip() for tool in tools.values())


def test_what_visitors_made_is_deleted_when_the_program_ends(tmp_path, monkeypatch):
    write_weights(tmp_path / "weights")
    folders = []
    monkeypatch.setattr(app, "warm_up", lambda studio: None)
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
