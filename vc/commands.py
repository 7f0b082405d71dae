"""What each subcommand of ``vc`` does with its options, once it is known which one it is."""

import argparse
import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from vc.audio import find_audio
from vc.voices import SUFFIX, VoiceError, blend, load_profile, save_profile


def convert(options: argparse.Namespace) -> int:
    """0, or 2 when files of a folder failed."""
    from vc.batch import Batch, convert_folder, output_path
    from vc.inference import Knobs, VoiceConverter

    source, output = Path(options.source), options.output
    knobs = Knobs(
        options.pitch_shift,
        options.pitch_mode,
        options.pitch_range,
        options.strength,
        options.emphasis,
    )
    if not source.is_dir():
        output = output_path(source, output, options.format)
        if output.exists() and not options.force:
            raise ValueError(f"{output} exists; pass --force to replace it")
    converter = VoiceConverter.from_pretrained(
        options.weights, vocoder=options.vocoder, device=options.device, fast=options.fast
    )
    converter.chunk_seconds = options.chunk_seconds
    voice = converter.profile([item for group in options.voice for item in group])
    settings = {**asdict(knobs), "sample_rate": options.sample_rate, "force": options.force}
    if source.is_dir():
        batch = Batch(source, Path(output), options.format or "wav", options.force)
        return 2 if convert_folder(converter, batch, voice, settings) else 0
    converter.convert_file(source, output, voice, **settings, progress=_show_progress)
    if sys.stderr.isatty():
        print(file=sys.stderr, end="\r\033[K")
    print(output)
    return 0


def _show_progress(done: float, total: float) -> None:
    if sys.stderr.isatty():
        print(f"\r{done:.0f} of {total:.0f} s", end="", file=sys.stderr, flush=True)


def voice_save(options: argparse.Namespace) -> None:
    """Write a profile of recordings."""
    output = Path(options.output)
    _check_output(output, options.force)
    converter = _converter(options)
    profile = converter.profile(options.sources, options.name or output.stem)
    print(_line(save_profile(profile, output, force=options.force).name, profile))


def voice_list(options: argparse.Namespace) -> None:
    """Print the ready voices with their pitch."""
    converter = _converter(options)
    for name in converter.voices():
        print(_line(name, converter.profile(name)))
    if not converter.voices():
        print("no ready voices come with these weights", file=sys.stderr)


def voice_blend(options: argparse.Namespace) -> None:
    """Write a mixture of profiles; the model is loaded only if a ready voice is named."""
    output = Path(options.output)
    _check_output(output, options.force)
    if all(Path(voice).suffix == SUFFIX for voice in options.voices):
        profiles = [load_profile(voice) for voice in options.voices]
    else:
        converter = _converter(options)
        profiles = [converter.profile(voice) for voice in options.voices]
    mixed = blend(profiles, options.shares, options.name or output.stem)
    print(_line(save_profile(mixed, output, force=options.force).name, mixed))


def voice_show(options: argparse.Namespace) -> None:
    """Print what a profile holds."""
    if Path(options.voice).suffix == SUFFIX:
        profile = load_profile(options.voice)
    else:
        profile = _converter(options).profile(options.voice)
    print(f"name         {profile.name}")
    print(f"pitch        {_pitch(profile)}")
    print(f"weights      {profile.fingerprint}")
    for name, value in profile.speaker._asdict().items():
        print(f"{name:12} {' x '.join(map(str, value.shape))} numbers")


def voice_invent(options: argparse.Namespace) -> None:
    """Write a voice of the space that lies beside the weights, else of that of the ready voices."""
    from vc.voice_space import invent_for, nearest

    output = Path(options.output)
    _check_output(output, options.force)
    converter = _converter(options)
    voice = invent_for(converter, options.seed, options.name or output.stem)
    saved = save_profile(voice, output, force=options.force)
    known = _ready_voices(converter)
    beside = f", nearest ready voice {nearest(voice, known):.2f}" if len(known) > 2 else ""
    print(f"{_line(saved.name, voice)}{beside}")


def voice_map(options: argparse.Namespace) -> None:
    """Draw the ready voices and those that are named."""
    from vc.voice_space import save_map

    converter = _converter(options)
    voices = [*_ready_voices(converter), *(converter.profile(v) for v in options.voices)]
    print(save_map(voices, options.output))


def _ready_voices(converter: "object") -> list:
    return [converter.profile(name) for name in converter.voices()]


def search(options: argparse.Namespace) -> int:
    """Print the nearest recordings; 2 when some could not be used."""
    from vc.search import search as run

    if options.k < 1:
        raise ValueError(f"-k must be at least 1, got {options.k}")
    if (options.query is None) != options.check:
        raise ValueError("vc search wants a recording to look for, or --check alone")
    recordings, failures = find_audio(options.folder), []
    converter = _converter(options)
    settings = {"by": options.by, "failed": failures.append, "progress": _count}
    if options.check:
        from vc.search_check import check

        print(_after_progress(check(converter, recordings, **settings)))
    else:
        hits = run(converter, options.query, recordings, k=options.k, **settings)
        for hit in _after_progress(hits):
            print(f"{hit.score:6.3f}  {hit.path}")
    return _told(failures)


def screen(options: argparse.Namespace) -> int:
    """Print the odd recordings; 2 when some could not be used."""
    from vc.listening import usable
    from vc.screen import FOLDER, Screen, listen
    from vc.screen import screen as run

    if options.check and options.json:
        raise ValueError("--check prints a table; leave out --json")
    recordings, failures = find_audio(options.folder), []
    converter = _converter(options)
    fitted = Screen.of(converter)
    if fitted is None:
        raise ValueError(
            f"{converter.folder} has no {FOLDER}/; make it with: vc calibrate CORPUS --weights "
            f"{converter.folder}"
        )
    if options.clean:
        clean = usable(find_audio(options.clean), partial(listen, converter), failures.append)
        fitted = fitted.refitted([evidence for _, evidence in clean])
    settings = {"rate": options.rate, "failed": failures.append, "progress": _count}
    if options.check:
        from vc.screen_check import check

        print(_after_progress(check(converter, fitted, recordings, **settings)))
        return _told(failures)
    found = _after_progress(run(converter, fitted, recordings, **settings))
    if options.json:
        rows = [
            {"path": str(x.path), "score": round(x.score, 4), "odd": x.is_odd, "reason": x.reason}
            for x in found
        ]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        for item in found:
            if item.is_odd or options.all:
                mark = "odd" if item.is_odd else "   "
                print(f"{item.score:7.2f}  {mark}  {item.reason:10}  {item.path}")
    return _told(failures)


def calibrate(options: argparse.Namespace) -> int:
    """What clean speech is like to the weights, written beside them; 2 when some failed."""
    from vc.calibrate import calibrate as run

    failures = []
    converter = _converter(options)
    done = run(
        converter,
        options.corpus,
        converter.folder,
        force=options.force,
        failed=failures.append,
        progress=_count,
    )
    print(_after_progress(done))
    return _told(failures)


def _count(done: int, total: int) -> None:
    _say(f"{done} of {total} recordings")


def _after_progress(result: object) -> object:
    """The result, with the line of progress wiped away."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return result


def _told(failures: list[str]) -> int:
    """The exit code, after a line for each recording that could not be used."""
    for failure in failures:
        print(f"vc: {failure}", file=sys.stderr)
    return 2 if failures else 0


def prepare(options: argparse.Namespace) -> int:
    """Features of a corpus; 2 when some recordings could not be used."""
    from vc.prepare import prepare as run

    terminal = sys.stderr.isatty()

    def show(progress: object) -> None:
        if terminal:
            print(f"\r{progress}\033[K", end="", file=sys.stderr, flush=True)

    done = run(
        options.corpus,
        options.output,
        waveforms=options.waveforms,
        workers=options.workers,
        dev_speakers=options.dev_speakers,
        progress=show,
    )
    if terminal:
        print(file=sys.stderr)
    print(done)
    return 2 if done.n_failed else 0


def export(options: argparse.Namespace) -> None:
    """Weights from a run."""
    from vc.export import export as run

    converter = run(
        options.run_folder,
        options.output,
        synthesiser=options.synthesiser,
        mean_with=options.mean_with,
        overwrite=options.force,
    )
    print(f"{options.output}: weights {converter.fingerprint}")
    for name in converter.voices():
        try:
            converter.profile(name)
        except VoiceError as error:
            print(f"vc: {error}", file=sys.stderr)


def evaluate(options: argparse.Namespace) -> None:
    """Print, and with -o save, the table of a pairs file."""
    from vc.evaluate import evaluate as run
    from vc.evaluate import read_pairs
    from vc.inference import VoiceConverter

    outputs = {}
    for text in options.outputs:
        name, _, folder = text.partition("=")
        if not name or not folder:
            raise ValueError(f"--outputs takes NAME=FOLDER, got {text}")
        outputs[name] = folder
    if options.no_conversion and options.full:
        raise ValueError("--full checks the conversion; leave out --no-conversion")
    pairs = read_pairs(options.pairs)
    converter = None
    if not options.no_conversion:
        converter = VoiceConverter.from_pretrained(
            options.weights, vocoder=options.vocoder, device=options.device, fast=options.fast
        )
    evaluation = run(
        options.pairs,
        converter,
        outputs=outputs,
        out_dir=options.output,
        limit=options.limit,
        workers=options.workers,
        save_audio=options.save_audio,
    )
    print(evaluation.report(options.worst))
    if options.full:
        from vc.robustness import checks_table, run_checks

        pairs = pairs[: options.limit]
        table = checks_table(run_checks(converter, pairs, progress=_say))
        print(f"\n{table}", flush=True)
        probes = "\n".join(f"{name}  {result}" for name, result in _probes(converter, pairs))
        print(f"\n{probes}")
        if options.output:
            text = f"{table}\n\n{probes}\n"
            (Path(options.output) / "checks.txt").write_text(text, encoding="utf-8")


def _probes(converter: object, pairs: list) -> list[tuple[str, object]]:
    """Leakage probes on the recordings that the pairs name; a speaker is a folder."""
    from vc.probe import leakage

    def encode(file: Path) -> tuple:
        _say(f"probe: {file.name}")
        return converter.content_codes(file), converter.profile(file).vector

    files = [file for pair in pairs for file in (pair.source, *pair.references)]
    return list(leakage(files, encode).items())


def bench(options: argparse.Namespace) -> None:
    """Print, and with -o save, speed, memory and size."""
    from vc.bench import bench as run

    figures = run(
        options.weights,
        vocoder=options.vocoder,
        device=options.device,
        fast=options.fast,
        quick=options.quick,
        say=print,
    )
    if options.output:
        Path(options.output).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _converter(options: argparse.Namespace) -> "object":
    from vc.inference import VoiceConverter

    # No sound is made, so no synthesiser is needed.
    return VoiceConverter.from_pretrained(
        options.weights, vocoder="griffin-lim", device=options.device
    )


def _check_output(path: Path, force: bool) -> None:
    """Before the work rather than after it."""
    if path.suffix != SUFFIX:
        raise VoiceError(f"{path} is no name for a voice: let it end in {SUFFIX}")
    if path.exists() and not force:
        raise VoiceError(f"{path} exists; pass --force to replace it")


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)


def _line(name: str, profile: object) -> str:
    return f"{name:16} {_pitch(profile)}"


def _pitch(profile: object) -> str:
    if profile.f0_median <= 0:
        return "no pitch heard"
    semitones = 12 / 0.6931 * profile.f0_spread
    return f"{profile.f0_median:5.0f} Hz ± {semitones:.1f} semitones"
