"""The rules of the house, read from the source with `ast`: nothing is imported here."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# A room and the rooms it may import from, itself included.
ALLOWED = {
    "shared": {"shared"},
    "vc": {"vc", "shared"},
    "summarize": {"summarize", "shared"},
    "demo": {"demo", "vc", "summarize", "shared"},
}
# Names of the tree that no room may import.
OUTSIDE = {"tests", "configs"}
LIGHTNING = {"pytorch_lightning", "lightning", "lightning_fabric", "lightning_utilities"}
LIGHTNING_FILES = {"training.py", "data.py", "cli.py", "__main__.py"}
# Networks: pure nn.Module, no files and no logging.
PURE_FILES = {
    "model.py",
    "layers.py",
    "encoder.py",
    "encoders.py",
    "decoder.py",
    "discriminator.py",
}
IMPURE_MODULES = {
    "io",
    "json",
    "logging",
    "os",
    "pathlib",
    "pickle",
    "safetensors",
    "shutil",
    "soundfile",
    "sys",
    "tempfile",
    "tensorboard",
    "warnings",
    "yaml",
}
IMPURE_CALLS = {
    "open",
    "print",
    "torch.load",
    "torch.save",
    "np.load",
    "np.save",
    "numpy.load",
    "numpy.save",
    "self.log",
    "self.log_dict",
}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "modules", "misc"}


def sources(root: Path = ROOT) -> dict[str, str]:
    """The source of every Python file in the rooms that exist, by its path below the root."""
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for room in ALLOWED
        for path in sorted((root / room).rglob("*.py"))
    }


def imported(path: str, source: str) -> Iterator[str]:
    """The full dotted name of everything the file imports, inside functions too."""
    package = list(Path(path).parent.parts)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            # `from vc import data` names a module, `from vc.data import X` a thing in one
            yield from (f"{base}.{alias.name}" for alias in node.names)


def top(name: str) -> str:
    return name.partition(".")[0]


def rooms_imported_upwards(files: dict[str, str]) -> list[str]:
    """Imports of a room that the importing room must not know, as `file imports name`."""
    return [
        f"{path} imports {name}"
        for path, source in files.items()
        for name in imported(path, source)
        if is_upwards(path, name)
    ]


def is_upwards(path: str, name: str) -> bool:
    """Whether the file at `path` must not know `name`."""
    room = Path(path).parts[0]
    # the worked example stands on top of its room
    is_example = room == "shared" and (name + ".").startswith("shared.digits.")
    if is_example and not path.startswith("shared/digits/"):
        return True
    return top(name) in (ALLOWED.keys() | OUTSIDE) - ALLOWED[room]


def lightning_out_of_place(files: dict[str, str]) -> list[str]:
    """Imports of Lightning in a file that is not of those that train."""
    return [
        f"{path} imports {name}"
        for path, source in files.items()
        for name in imported(path, source)
        if top(name) in LIGHTNING
        and (Path(path).name not in LIGHTNING_FILES or top(name) != "pytorch_lightning")
    ]


def reached_from(start: str, files: dict[str, str]) -> set[str]:
    """The files of the house that are imported by `start`, directly or through others."""
    reached, waiting = set(), [start]
    while waiting:
        path = waiting.pop()
        if path not in files or path in reached:
            continue
        reached.add(path)
        for name in imported(path, files[path]):
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                stem = "/".join(parts[:length])
                waiting += [f"{stem}.py", f"{stem}/__init__.py"]
    return reached


def serving_that_needs_lightning(files: dict[str, str]) -> list[str]:
    """Files that serve people and come to import Lightning through some other file."""
    return [
        f"{start} reaches {path}, which imports Lightning"
        for start in files
        if Path(start).name == "inference.py" or start.startswith("demo/")
        for path in sorted(reached_from(start, files))
        if any(top(name) in LIGHTNING for name in imported(path, files[path]))
    ]


def impure_networks(files: dict[str, str]) -> list[str]:
    """Files of networks that open a file, print, or log."""
    found = []
    for path, source in files.items():
        if Path(path).name not in PURE_FILES:
            continue
        names = (top(name) for name in imported(path, source))
        found += [f"{path} imports {name}" for name in names if name in IMPURE_MODULES]
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in IMPURE_CALLS:
                found.append(f"{path}:{node.lineno} calls {ast.unparse(node.func)}")
    return found


def badly_named(paths: list[str]) -> list[str]:
    """Files and folders named after a standard-library module, or after nothing in particular."""
    taken = (set(sys.stdlib_module_names) | VAGUE_NAMES) - {"__main__", "__init__"}
    return [
        path for path in paths if any(part in taken for part in Path(path).with_suffix("").parts)
    ]


@pytest.mark.parametrize(
    "rule",
    [
        rooms_imported_upwards,
        lightning_out_of_place,
        serving_that_needs_lightning,
        impure_networks,
        badly_named,
    ],
)
def test_the_house_keeps_the_rule(rule):
    files = sources()
    assert files, "there are no rooms to check"
    assert rule(files) == []


def test_every_package_is_listed_for_installation():
    tomllib = pytest.importorskip("tomllib", reason="reading TOML needs Python 3.11")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = project["tool"]["setuptools"]["packages"]
    folders = {Path(path).parent.as_posix() for path in sources()}
    assert {folder.replace("/", ".") for folder in folders} == set(listed)


def test_tests_are_not_named_after_the_standard_library():
    paths = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")]
    assert badly_named(paths) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("vc/model.py", "import summarize"),
        ("vc/model.py", "from summarize.text import tokens"),
        ("summarize/model.py", "import torch, vc.audio"),
        ("shared/retrieval.py", "from vc import audio"),
        ("shared/retrieval.py", "def f():\n    import demo.app"),
        ("shared/retrieval.py", "from shared.digits import data"),
        ("vc/synthesis/network.py", "from ...summarize import text"),
        ("vc/inference.py", "from demo.voice import page"),
        ("vc/metrics.py", "from tests.vc.sounds import sine"),
    ],
)
def test_an_import_upwards_or_across_is_found(path, source):
    assert len(rooms_imported_upwards({path: source})) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("demo/app.py", "import vc.inference, summarize, shared"),
        ("vc/synthesis/network.py", "from ..layers import ConvBlock\nfrom . import base"),
        ("shared/digits/data.py", "from shared.digits import images"),
        ("shared/cli.py", "import vcr, demography"),
    ],
)
def test_an_import_downwards_or_within_is_allowed(path, source):
    assert rooms_imported_upwards({path: source}) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("vc/model.py", "import pytorch_lightning as pl"),
        ("vc/inference.py", "def f():\n    from pytorch_lightning import Trainer"),
        ("vc/training.py", "import lightning as L"),
    ],
)
def test_lightning_out_of_place_is_found(path, source):
    assert len(lightning_out_of_place({path: source})) == 1


def test_lightning_is_allowed_where_training_happens():
    files = {f"vc/{name}": "import pytorch_lightning as pl" for name in LIGHTNING_FILES}
    assert lightning_out_of_place(files) == []


@pytest.mark.parametrize(
    "files",
    [
        {"vc/inference.py": "from vc.data import read"},
        {"vc/inference.py": "from vc import data"},
        {"vc/inference.py": "from . import data"},
        {"vc/inference.py": "def f():\n    import vc.voices", "vc/voices.py": "import vc.data"},
        {"demo/app.py": "from vc.voices import x", "vc/voices.py": "from vc.data import read"},
        {"demo/app.py": "import vc.voices", "vc/__init__.py": "from .data import read"},
    ],
)
def test_lightning_behind_what_serves_people_is_found(files):
    files = files | {"vc/data.py": "import pytorch_lightning as pl"}
    assert serving_that_needs_lightning(files)


@pytest.mark.parametrize(
    "source",
    [
        "weights = open('x')",
        "import torch\nstate = torch.load('x')",
        "from pathlib import Path",
        "import logging",
        "class Net:\n    def forward(self, x):\n        self.log('loss', x)",
        "print('here')",
    ],
)
@pytest.mark.parametrize("name", ["model.py", "encoders.py", "decoder.py", "layers.py"])
def test_a_network_that_opens_a_file_or_logs_is_found(name, source):
    assert impure_networks({f"vc/{name}": source})


def test_mathematics_in_a_network_is_not_taken_for_logging():
    source = "import torch\ny = torch.log(x).log()\nz = self.log_mel(x)"
    assert impure_networks({"vc/model.py": source}) == []


@pytest.mark.parametrize(
    "path", ["vc/utils.py", "shared/helpers/x.py", "vc/queue.py", "demo/code.py", "vc/common.py"]
)
def test_a_name_that_is_taken_or_says_nothing_is_found(path):
    assert badly_named([path]) == [path]


def test_names_of_the_field_are_allowed():
    paths = ["vc/audio.py", "vc/__main__.py", "shared/__init__.py", "demo/codes.py", "vc/data.py"]
    assert badly_named(paths) == []


def test_a_clone_without_some_rooms_can_be_checked(tmp_path):
    (tmp_path / "vc").mkdir()
    (tmp_path / "vc/model.py").write_text("import summarize")
    assert rooms_imported_upwards(sources(tmp_path)) == ["vc/model.py imports summarize"]
