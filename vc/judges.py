"""The outside judges: who speaks, what is said, how high, how natural.

None of them is part of the model or of a training loss, and none is needed to convert: they come
with ``pip install 'bowtie-ae[eval]'`` and are imported on first use. Every waveform is (S,) float32
in [-1, 1] at 16 kHz; every verdict depends on that waveform alone, never on what was judged before.
"""

import hashlib
import importlib
import multiprocessing
import os
import signal
import threading
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from vc.audio import SAMPLE_RATE, read_audio

EMBEDDING_DIM = 256
F0_FLOOR, F0_CEILING = 50.0, 500.0  # Hz: creaking men to children
F0_PERIOD = 10.0  # ms between frames
N_CEPSTRA = 24
MEL_WARP = 0.42  # the all-pass constant that bends 16 kHz spectra like the mel scale
SILENCE = 1e-4  # peak amplitude (-80 dBFS) below which nobody is asked
PACKAGES = ("resemblyzer", "pocketsphinx", "speechmos", "onnxruntime", "pyworld")
# Goes up whenever the same waveform would get another verdict; cached verdicts carry it.
VERSION = 1


class JudgeError(ValueError):
    """A judge cannot be asked; the message says what to install."""


class Judgement(NamedTuple):
    """What the judges say of one waveform.

    embedding (256,) has length 1, or is all zeros where no speech was found; text is what the
    recogniser heard; f0 (T,) in Hz every 10 ms, 0 = unvoiced; p808 is NaN for silence; cepstra
    (24, T) are the mel cepstra c_1 .. c_24.
    """

    embedding: np.ndarray
    text: str
    f0: np.ndarray
    p808: float
    cepstra: np.ndarray


def judge(waveform: np.ndarray) -> Judgement:
    """All verdicts on one waveform (S,); a silent one is like nobody and says nothing."""
    waveform = np.ascontiguousarray(waveform, dtype=np.float32)
    if waveform.ndim != 1:
        raise ValueError(f"a judge hears one waveform (S,), got shape {waveform.shape}")
    if not np.isfinite(waveform).all():
        raise ValueError("the waveform holds samples that are not finite; check its system")
    f0, cepstra = pitch_and_cepstra(waveform)
    return Judgement(speaker_embedding(waveform), recognise(waveform), f0, p808(waveform), cepstra)


def speaker_embedding(waveform: np.ndarray) -> np.ndarray:
    """Resemblyzer's unit vector (256,) for the voice; zeros where it finds no speech."""
    encoder, resemblyzer = _speaker_encoder()
    if _is_silent(waveform):
        return np.zeros(EMBEDDING_DIM, dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        speech = resemblyzer.preprocess_wav(waveform, SAMPLE_RATE)
    if len(speech) == 0:
        return np.zeros(EMBEDDING_DIM, dtype=np.float32)
    return encoder.embed_utterance(speech).astype(np.float32)


def recognise(waveform: np.ndarray) -> str:
    """What pocketsphinx (US English, its packaged models) hears; may be empty."""
    decoder = _recogniser()
    if _is_silent(waveform):
        return ""
    # Without this the cepstral mean of the recording before decides what is heard in this one.
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(_pcm(waveform), no_search=False, full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""


def p808(waveform: np.ndarray) -> float:
    """DNSMOS P.808, the predicted mean opinion from 1 to 5; NaN for silence.

    As speechmos computes it (mean over 9 s windows every second, short recordings repeated), but
    without the three other networks that it runs beside.
    """
    session, melspec = _naturalness_judge()
    if _is_silent(waveform):
        return float("nan")
    window = int(9.01 * SAMPLE_RATE)
    while len(waveform) < window:
        waveform = np.concatenate([waveform, waveform])
    n_windows = int(len(waveform) // SAMPLE_RATE - 9.01) + 1
    clipped = np.clip(waveform, -1.0, 1.0)
    opinions = []
    for second in range(n_windows):
        start, end = second * SAMPLE_RATE, int((second + 9.01) * SAMPLE_RATE)
        mel = melspec(None, clipped[start : end - 160]).astype(np.float32)[None]
        opinions.append(float(session.run(None, {"input_1": mel})[0][0][0]))
    return float(np.mean(opinions))


def pitch_and_cepstra(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F0 (T,) in Hz, 0 = unvoiced, and mel cepstra (24, T) without the level, every 10 ms.

    WORLD's Harvest and its pitch-free envelope CheapTrick (Morise 2017, 2015), whose log
    amplitude is warped by an all-pass and expanded in cosines: ln|H| = c_0 + sum_d c_d cos(d w).
    """
    pyworld = _load("pyworld")
    if len(waveform) < SAMPLE_RATE // 20 or _is_silent(waveform):
        n_frames = 1 + len(waveform) // int(SAMPLE_RATE * F0_PERIOD / 1000)
        return np.zeros(n_frames, dtype=np.float32), np.zeros((N_CEPSTRA, 0), dtype=np.float32)
    x = waveform.astype(np.float64)
    f0, times = pyworld.harvest(
        x, SAMPLE_RATE, f0_floor=F0_FLOOR, f0_ceil=F0_CEILING, frame_period=F0_PERIOD
    )
    power = pyworld.cheaptrick(x, f0, times, SAMPLE_RATE, f0_floor=F0_FLOOR)
    return f0.astype(np.float32), _mel_cepstra(power).astype(np.float32)


def versions() -> dict[str, str]:
    """Version of each judge's package, for the record beside the results."""
    return {name: _version(name) for name in PACKAGES} | {"verdicts": str(VERSION)}


def check_judges() -> None:
    """Raise :class:`JudgeError` in one line if a package of the judges is missing."""
    for name in PACKAGES:
        _load(name)


# ---- loading, once per process ----


def _load(module: str) -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # webrtcvad's pkg_resources, scipy's old namespaces
            return importlib.import_module(module)
    except ImportError as error:
        raise JudgeError(
            f"evaluation needs {error.name or module}: pip install 'bowtie-ae[eval]'"
        ) from error


@lru_cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


@lru_cache(maxsize=1)
def _speaker_encoder() -> tuple[object, ModuleType]:
    resemblyzer = _load("resemblyzer")
    return resemblyzer.VoiceEncoder("cpu", verbose=False), resemblyzer


@lru_cache(maxsize=1)
def _recogniser() -> object:
    return _load("pocketsphinx").Decoder(samprate=SAMPLE_RATE, cmn="batch", loglevel="FATAL")


@lru_cache(maxsize=1)
def _naturalness_judge() -> tuple[object, object]:
    onnxruntime, dnsmos = _load("onnxruntime"), _load("speechmos.dnsmos")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the pool is the parallelism
    model = Path(dnsmos.__file__).parent / "dnsmos_models" / "model_v8.onnx"
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return session, dnsmos.DNSMOS.audio_melspec


# ---- small things ----


def _is_silent(waveform: np.ndarray) -> bool:
    return len(waveform) == 0 or float(np.abs(waveform).max()) < SILENCE


def _pcm(waveform: np.ndarray) -> bytes:
    return (np.clip(waveform, -1.0, 1.0) * 32767).astype(np.int16).tobytes()


def _mel_cepstra(power: np.ndarray) -> np.ndarray:
    """c_1 .. c_24 (24, T) of power spectra (T, F), frequencies bent by the all-pass."""
    log_amplitude = 0.5 * np.log(np.maximum(power, 1e-12))
    n_points = power.shape[1]
    warped = np.pi * (np.arange(n_points) + 0.5) / n_points
    # The inverse of an all-pass is the all-pass with the opposite sign.
    plain = warped - 2.0 * np.arctan2(MEL_WARP * np.sin(warped), 1.0 + MEL_WARP * np.cos(warped))
    at = plain / np.pi * (n_points - 1)
    left = np.minimum(at.astype(int), n_points - 2)
    share = at - left
    bent = (1.0 - share) * log_amplitude[:, left] + share * log_amplitude[:, left + 1]
    cosines = np.cos(np.outer(np.arange(1, N_CEPSTRA + 1), warped)) * 2.0 / n_points
    return cosines @ bent.T


# ---- judges at work ----


class Panel:
    """The judges in ``workers`` processes of their own, remembering the files they have heard.

    A context manager. Verdicts on files are kept in ``cache_dir`` under the file's path, size and
    time of change; equal waveforms are judged once. ``workers=0`` judges in this process.
    ``on_verdict`` is called after each fresh verdict, perhaps from another thread.
    """

    def __init__(
        self,
        judge: Callable[[np.ndarray], Judgement] = judge,
        workers: int = 2,
        cache_dir: str | Path | None = None,
        on_verdict: Callable[[], None] | None = None,
    ) -> None:
        self.judge = judge
        self.cache_dir = Path(cache_dir) if cache_dir else default_cache_dir()
        self._on_verdict = on_verdict or (lambda: None)
        self.n_asked = self.n_answered = 0  # fresh verdicts only
        self._heard: dict[Path | bytes, Future] = {}
        self._pool = None
        if workers > 0:
            # spawn: a forked copy of a process whose torch already runs threads can hang.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(workers, context, initializer=_quiet_worker)
        # A long queue of waveforms would hold them all in memory.
        self._room = threading.BoundedSemaphore(4 * max(1, workers))

    def __enter__(self) -> "Panel":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def hear_file(self, path: str | Path) -> "Future[Judgement]":
        """The verdicts to come on a sound file, of any rate; each file is heard once."""
        path = Path(path).resolve()
        if path not in self._heard:
            kept = _read_verdicts(self._cache_file(path))
            self._heard[path] = self._submit(_hear_file, path) if kept is None else _done(kept)
            if kept is None:
                self._heard[path].add_done_callback(lambda f: self._remember(path, f))
        return self._heard[path]

    def hear(self, waveform: np.ndarray) -> "Future[Judgement]":
        """The verdicts to come on a waveform (S,) at 16 kHz; waits while many are queued."""
        waveform = np.ascontiguousarray(waveform, dtype=np.float32)
        key = hashlib.sha256(waveform.tobytes()).digest()
        if key not in self._heard:
            self._room.acquire()
            self._heard[key] = self._submit(_hear, waveform)
            self._heard[key].add_done_callback(lambda _: self._room.release())
        return self._heard[key]

    def _submit(self, work: Callable, material: object) -> Future:
        self.n_asked += 1
        if self._pool is not None:
            future = self._pool.submit(work, self.judge, material)
        else:
            future = Future()
            try:
                future.set_result(work(self.judge, material))
            except Exception as error:  # as a pool would keep it, for whoever asks for the result
                future.set_exception(error)
        future.add_done_callback(self._count)
        return future

    def _count(self, _: Future) -> None:
        self.n_answered += 1
        self._on_verdict()

    def _remember(self, path: Path, future: Future) -> None:
        if not future.cancelled() and future.exception() is None:
            _write_verdicts(self._cache_file(path), future.result())

    def _cache_file(self, path: Path) -> Path:
        try:
            state = path.stat()
        except OSError as error:
            raise ValueError(f"{path} does not exist") from error
        asked = f"{self.judge.__module__}.{self.judge.__qualname__} {sorted(versions().items())}"
        key = f"{path} {state.st_size} {state.st_mtime_ns} {asked}"
        return self.cache_dir / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"


def default_cache_dir() -> Path:
    """Where verdicts on files are kept between evaluations; safe to delete."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bowtie-ae" / "judges"


def _hear(judge: Callable[[np.ndarray], Judgement], waveform: np.ndarray) -> Judgement:
    return judge(waveform)


def _hear_file(judge: Callable[[np.ndarray], Judgement], path: Path) -> Judgement:
    return judge(read_audio(path, SAMPLE_RATE).numpy())


def _quiet_worker() -> None:
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C


def _done(verdicts: Judgement) -> Future:
    future: Future = Future()
    future.set_result(verdicts)
    return future


def _read_verdicts(path: Path) -> Judgement | None:
    try:
        with np.load(path, allow_pickle=False) as kept:
            return Judgement(
                kept["embedding"],
                str(kept["text"]),
                kept["f0"],
                float(kept["p808"]),
                kept["cepstra"],
            )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None  # never heard, or its record was cut off: hear it again


def _write_verdicts(path: Path, verdicts: Judgement) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.stem}.{os.getpid()}.{threading.get_ident()}.part")
    with open(aside, "wb") as file:
        np.savez(file, **verdicts._asdict())
    os.replace(aside, path)
