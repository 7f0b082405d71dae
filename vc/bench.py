"""Speed, memory and size of the packaged converter on this machine.

Ratios of one run on one machine say more than seconds: every stage stands beside the whole, and
Griffin-Lim beside the synthesiser.
"""

import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from vc.audio import SAMPLE_RATE, AudioWriter, MelSpec, write_audio
from vc.conversion import no_clock
from vc.inference import PACKAGED, VoiceConverter
from vc.model import VoiceConfig
from vc.vocoder import GriffinLim

SECONDS = 10.0
# What the project has promised itself.
MIN_REAL_TIME = 20.0
MAX_COLD_SECONDS = 8.0
MAX_LONG_MEGABYTES = 1000.0
MAX_PARAMETERS = 12e6
MAX_MEGABYTES = 25.0
_REPEATS = 5
_TRAINING_STEPS = 3
_MEMORY_SCRIPT = """
import json, sys
from vc.bench import memory_of
print(json.dumps(memory_of(*json.loads(sys.argv[1]))))
"""


class Stopwatch:
    """Seconds per stage; give `measure` to a converter as its clock."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to ``stage``."""
        begun = self._now()
        yield
        self.seconds[stage] += self._now() - begun

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def bench(
    weights: str | Path | None = None,
    *,
    vocoder: str | Path | None = None,
    device: str = "cpu",
    fast: bool = False,
    quick: bool = False,
    long_minutes: float = 60.0,
    say: Callable[[str], object] = print,
) -> dict[str, object]:
    """All figures by name; each is also said in a line. ``quick`` leaves out the long file."""
    converter = VoiceConverter.from_pretrained(weights, vocoder=vocoder, device=device, fast=fast)
    say(f"{torch.get_num_threads()} threads, {os.cpu_count()} cores, torch {torch.__version__}")
    figures: dict[str, object] = {}
    figures |= _size(converter, weights, say)
    figures |= _speed(converter, say)
    with tempfile.TemporaryDirectory(prefix="bowtie-") as folder:
        options = _options(weights, vocoder, device, fast)
        figures |= _cold_start(Path(folder), options, say)
        if not quick:
            how = (weights, vocoder, device, fast)
            figures |= _long_file(Path(folder), how, long_minutes, say)
    figures |= _training(converter.network.config, say)
    return figures


def sample_voice(seconds: float, f0: float = 120.0, seed: int = 0) -> Tensor:
    """Something like speech (S,): syllables of harmonics with moving pitch, noise and pauses."""
    n = round(seconds * SAMPLE_RATE)
    t = torch.arange(n) / SAMPLE_RATE
    rng = torch.Generator().manual_seed(seed)
    pitch = f0 * (1 + 0.15 * torch.sin(2 * math.pi * 0.7 * t))
    phase = 2 * math.pi * torch.cumsum(pitch.double() / SAMPLE_RATE, 0).float()
    voiced = sum(torch.sin(k * phase) / k for k in range(1, 24))
    syllables = torch.sin(2 * math.pi * 1.6 * t).clamp_min(0).sqrt()
    noise = torch.randn(n, generator=rng)
    hiss = torch.sin(2 * math.pi * 1.6 * t + math.pi).clamp_min(0.6) - 0.6
    return 0.1 * voiced * syllables + 0.1 * hiss * noise + 1e-4 * noise


def _size(
    converter: VoiceConverter, weights: str | Path | None, say: Callable[[str], object]
) -> dict[str, object]:
    parts = {
        "content encoder": converter.network.content_encoder,
        "speaker encoder": converter.network.speaker_encoder,
        "decoder": converter.network.decoder,
        "vocoder": converter.vocoder,
    }
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    total = sum(counts.values())
    folder = converter.folder or Path(weights or PACKAGED)
    megabytes = sum(f.stat().st_size for f in folder.rglob("*.safetensors")) / 1e6
    each = ", ".join(f"{name} {n / 1e6:.2f} M" for name, n in counts.items())
    say(f"parameters       {total / 1e6:.2f} M ({each})  {_verdict(total <= MAX_PARAMETERS)}")
    say(f"weights          {megabytes:.1f} MB  {_verdict(megabytes <= MAX_MEGABYTES)}")
    return {"parameters": counts, "megabytes": round(megabytes, 2)}


def _speed(converter: VoiceConverter, say: Callable[[str], object]) -> dict[str, object]:
    """One utterance, end to end: both files read, the result written."""
    own = _stages(converter)
    vocoder = converter.vocoder
    converter.vocoder = GriffinLim(converter.spec).to(converter.device)
    floor = _stages(converter)
    converter.vocoder = vocoder
    total, total_floor = sum(own.values()), sum(floor.values())
    speed, speed_floor = SECONDS / total, SECONDS / total_floor
    say(f"10 s, loaded     {speed:.1f} x real time  {_verdict(speed >= MIN_REAL_TIME)}")
    for name, seconds in own.items():
        say(f"  {name:15}{1000 * seconds:6.0f} ms {100 * seconds / total:5.1f} %")
    say(
        f"with Griffin-Lim {speed_floor:.1f} x real time "
        f"(vocoder {1000 * floor['vocoder']:.0f} ms against {1000 * own['vocoder']:.0f})"
    )
    return {"real_time": speed, "stages": own, "real_time_griffin_lim": speed_floor}


def _stages(converter: VoiceConverter) -> dict[str, float]:
    """Median seconds of every stage over some runs, after one to warm up."""
    with tempfile.TemporaryDirectory(prefix="bowtie-") as folder:
        source, voice, out = (Path(folder) / name for name in ("a.wav", "b.wav", "c.wav"))
        write_audio(source, sample_voice(SECONDS), SAMPLE_RATE)
        write_audio(voice, sample_voice(5.0, 210.0, 1), SAMPLE_RATE)
        runs = []
        for _ in range(_REPEATS + 1):
            watch = Stopwatch(converter.device)
            converter.clock = watch.measure
            with watch.measure("whole"):
                converter.convert_file(source, out, voice, force=True)
            runs.append(dict(watch.seconds))
    converter.clock = no_clock
    stages = {name: statistics.median(run[name] for run in runs[1:]) for name in runs[0]}
    whole = stages.pop("whole")
    stages["writing, rest"] = max(0.0, whole - sum(stages.values()))
    return stages


def _cold_start(
    folder: Path, options: list[str], say: Callable[[str], object]
) -> dict[str, object]:
    source, voice, out = (folder / name for name in ("a.wav", "b.wav", "c.wav"))
    write_audio(source, sample_voice(SECONDS), SAMPLE_RATE)
    write_audio(voice, sample_voice(5.0, 210.0, 1), SAMPLE_RATE)
    command = [sys.executable, "-m", "vc", "convert", str(source), "--voice", str(voice)]
    begun = time.perf_counter()
    _run([*command, "-o", str(out), *options])
    seconds = time.perf_counter() - begun
    verdict = _verdict(seconds <= MAX_COLD_SECONDS)
    say(f"cold process     {seconds:.1f} s to a file of 10 s  {verdict}")
    return {"cold_seconds": seconds}


def _long_file(
    folder: Path,
    how: tuple[str | Path | None, str | Path | None, str, bool],
    minutes: float,
    say: Callable[[str], object],
) -> dict[str, object]:
    source = folder / "long.wav"
    with AudioWriter(source, SAMPLE_RATE) as writer:
        for i in range(max(1, round(minutes))):
            writer.write(sample_voice(60.0 * min(1.0, minutes), seed=i))
    weights, vocoder, device, fast = how
    places = [None if x is None else str(x) for x in (weights, vocoder)]
    arguments = json.dumps([str(source), str(folder / "long.flac"), *places, device, fast])
    result = json.loads(_run([sys.executable, "-c", _MEMORY_SCRIPT, arguments]).splitlines()[-1])
    above = result["peak_megabytes"] - result["loaded_megabytes"]
    say(
        f"{minutes:.0f} minutes       {above:.0f} MB above the loaded model "
        f"({result['loaded_megabytes']:.0f} MB), {60 * minutes / result['seconds']:.1f} x real "
        f"time  {_verdict(above <= MAX_LONG_MEGABYTES)}"
    )
    return {"long_megabytes": above, "long_real_time": 60 * minutes / result["seconds"]}


def memory_of(
    source: str, out: str, weights: str | None, vocoder: str | None, device: str, fast: bool
) -> dict[str, float]:
    """Peak resident memory of this process once loaded and after converting ``source``."""
    converter = VoiceConverter.from_pretrained(weights, vocoder=vocoder, device=device, fast=fast)
    loaded = _peak_megabytes()
    begun = time.perf_counter()
    converter.convert_file(source, out, (sample_voice(5.0, 210.0, 1), SAMPLE_RATE), force=True)
    return {
        "loaded_megabytes": loaded,
        "peak_megabytes": _peak_megabytes(),
        "seconds": time.perf_counter() - begun,
    }


def _peak_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, kilobytes elsewhere.
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def _training(config: VoiceConfig, say: Callable[[str], object]) -> dict[str, object]:
    """Seconds of speech per second of training, with the losses of configs/vc/base.yaml."""
    plain = _throughput(config, adversarial=False)
    playing = _throughput(config, adversarial=True)
    say(
        f"training         {plain:.0f} s of speech per second, {playing:.0f} once the "
        "discriminator plays (batch of 24 x 1.92 s, bf16, cpu)"
    )
    return {"training_seconds_per_second": plain, "training_adversarial": playing}


def _throughput(config: VoiceConfig, adversarial: bool) -> float:
    # Imported here: training brings Lightning, which the other figures should not pay for.
    from vc.data import VoiceBatch
    from vc.training import LitVoice

    n, n_frames, m = 24, 192, config.n_mels
    sizes = {"f0": (n_frames,), "valid": (n_frames,), "speaker": ()}
    sizes |= dict.fromkeys(("mel", "relative", "heard"), (m, n_frames))
    sizes |= dict.fromkeys(("reference", "relative_reference"), (m, 256))
    tensors = {name: torch.rand(n, *sizes.get(name, (m,))) for name in VoiceBatch._fields}
    tensors |= {"f0": 100 + tensors["f0"], "valid": tensors["valid"] >= 0}
    tensors |= {"speaker": torch.zeros(n, dtype=torch.long)}
    model = LitVoice(
        config, speaker_adversary_weight=0.03, adversarial_from_step=0 if adversarial else -1
    ).train()
    # The step as it is in training, without the trainer around it.
    optimizers = model.configure_optimizers()
    model._optimizers = lambda: optimizers
    model.manual_backward = lambda loss: loss.backward()
    model._log = lambda *arguments: None
    seconds = []
    for i in range(_TRAINING_STEPS + 1):
        begun = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            model.training_step(VoiceBatch(**tensors), i)
        seconds.append(time.perf_counter() - begun)
    return n * n_frames / MelSpec().frames_per_second / statistics.median(seconds[1:])


def _options(
    weights: str | Path | None, vocoder: str | Path | None, device: str, fast: bool
) -> list[str]:
    given = {"--weights": weights, "--vocoder": vocoder, "--device": device}
    options = [
        text for name, value in given.items() if value is not None for text in (name, str(value))
    ]
    return [*options, *(["--fast"] if fast else [])]


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise ValueError(f"a process of the benchmark failed: {last}")
    return done.stdout


def _verdict(passed: bool) -> str:
    return "ok" if passed else "NOT MET"
