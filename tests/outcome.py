"""What a command leaves behind."""

from collections.abc import Callable, Sequence


def outcome(main: Callable[[Sequence[str]], int], capsys, *args: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    capsys.readouterr()
    try:
        code = main([str(arg) for arg in args])
    except SystemExit as stop:
        code = stop.code
    return code, *capsys.readouterr()
