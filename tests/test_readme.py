"""What the README tells people to type is there: commands, options, configurations, targets."""

import ast
import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
COMMANDS = sorted(
    {
        line.split("#")[0].strip()
        for language, block in BLOCKS
        if language in ("", "bash", "sh")
        for line in block.splitlines()
        if line.startswith(("vc ", "summarize ", "python -m ", "make "))
    }
)
# They are Lightning's: their options are those of the configurations.
BY_LIGHTNING = ("fit", "fit-synthesiser", "validate", "test")


def words_of(command: str) -> tuple[str, list[str]]:
    """(module, arguments) of a command that runs Python."""
    words = shlex.split(command)
    return (words[2], words[3:]) if words[0] == "python" else (words[0], words[1:])


def help_of(module: str, subcommand: list[str]) -> str:
    """What the command says of itself."""
    main = __import__(f"{module}.__main__", fromlist=["main"]).main
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main([*subcommand, "--help"])
    return out.getvalue()


def test_the_readme_has_commands_to_try():
    assert len(COMMANDS) > 15


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_exists_with_its_options(command):
    if command.startswith("make "):
        target = command.split()[1]
        assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return
    module, args = words_of(command)
    for path in re.findall(r"configs/\S+\.yaml", command):
        assert (ROOT / path).is_file()
    if args[0] in BY_LIGHTNING:
        return
    known = ("voice", "list", "save", "blend", "invent", "map", "space")
    n = 2 if args[0] == "voice" else 1
    subcommand = [word for word in args[:n] if re.fullmatch(r"[a-z-]+", word) and word != "-"]
    if n == 2:
        assert subcommand[1] in known
    said = help_of(module, subcommand)
    assert subcommand == [] or "usage" in said
    for option in (word for word in args if word.startswith("--")):
        assert option in said, f"{command}: {option} is not in its help"


@pytest.mark.parametrize("code", [block for language, block in BLOCKS if language == "python"])
def test_python_of_the_readme_imports_what_there_is(code):
    for node in ast.parse(code).body:
        if isinstance(node, ast.ImportFrom):
            module = __import__(node.module, fromlist=["x"])
            assert all(hasattr(module, alias.name) for alias in node.names)


def test_files_and_folders_the_readme_names_exist():
    named = re.findall(r"`((?:configs|vc|summarize|shared|demo|tests)/[\w/.-]+)`", README)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
