"""Voices without their recordings: what a profile holds, how it is kept, how voices are mixed."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from vc.encoders import Speaker
from vc.matching import Match

FORMAT = 2  # since 2 with how the voice is matched (vc/matching.py)
KIND = "bowtie-voice"
SUFFIX = ".voice"
# A profile is some 30 kB; a file of this size is not one, and is not read.
_LARGEST_FILE = 50_000_000


class VoiceError(ValueError):
    """A voice that cannot be used; the message says what was wrong and what to do."""


@dataclass(frozen=True)
class VoiceProfile:
    """A voice as the networks know it: numbers only, no audio can be got back from them.

    ``speaker`` has no batch axis: vector (E,), tokens (K, E), mean (M,), deviation (M,).
    ``f0_median`` is in Hz (0.0: nothing voiced was heard), ``f0_spread`` is the robust deviation of
    log-F0. ``fingerprint`` names the weights that the profile belongs to. ``match`` brings the
    decoder's rendering nearer to the voice; None leaves it as it is.
    """

    speaker: Speaker
    f0_median: float
    f0_spread: float
    name: str
    fingerprint: str
    match: Match | None = None

    @property
    def vector(self) -> Tensor:
        """How the voice sounds on the whole (E,)."""
        return self.speaker.vector


def pitch_statistics(f0: Tensor) -> tuple[float, float]:
    """Median in Hz and spread of log-F0 over the frames of ``f0`` (T,) with any pitch.

    Callers leave pauses out: the pitch of a room's noise is nobody's.
    Weak pitch (negative, see vc/harvest) counts as well: where a voice is creaky or breathy, what
    is clearly voiced alone would put the register of the whole too high or too low.
    The spread is half the distance between the 16th and the 84th percentile: a standard deviation
    that a few octave errors do not touch. (0.0, 0.0) when there is none.
    """
    found = f0[f0 != 0].abs().double().log()
    if found.numel() == 0:
        return 0.0, 0.0
    ordered = found.sort().values
    low, middle, high = (
        float(ordered[round(share * (len(ordered) - 1))]) for share in (0.16, 0.5, 0.84)
    )
    return math.exp(middle), 0.5 * (high - low)


def blend(
    profiles: Sequence[VoiceProfile], weights: Sequence[float] | None = None, name: str = "blend"
) -> VoiceProfile:
    """The weighted mean of voices; pitch is averaged on the logarithmic scale.

    ``weights`` (default: equal) are divided by their sum. Raises VoiceError for no profiles, for a
    wrong number of weights, weights below zero or all zero, and profiles of different weights.
    """
    shares = _shares(len(profiles), weights)
    if len({profile.fingerprint for profile in profiles}) > 1:
        raise VoiceError(
            "these voices were made with different weights and cannot be blended; "
            "make them again with: vc voice save"
        )
    columns = zip(*(profile.speaker for profile in profiles), strict=True)
    speaker = Speaker(
        *(sum(w * x for w, x in zip(shares, column, strict=True)) for column in columns)
    )
    match = _blended([(w, p.match) for w, p in zip(shares, profiles, strict=True)])
    # A voice that was never heard voiced (a whisper) has no say in the pitch.
    heard = [(w, p) for w, p in zip(shares, profiles, strict=True) if p.f0_median > 0 and w > 0]
    total = sum(w for w, _ in heard)
    if total == 0:
        return VoiceProfile(speaker, 0.0, 0.0, name, profiles[0].fingerprint, match)
    median = math.exp(sum(w * math.log(p.f0_median) for w, p in heard) / total)
    spread = sum(w * p.f0_spread for w, p in heard) / total
    return VoiceProfile(speaker, median, spread, name, profiles[0].fingerprint, match)


def _blended(matches: Sequence[tuple[float, Match | None]]) -> Match | None:
    """The weighted mean of those that there are."""
    found = [(w, match) for w, match in matches if match is not None and w > 0]
    total = sum(w for w, _ in found)
    if total == 0:
        return None
    columns = zip(*(match for _, match in found), strict=True)
    return Match(*(sum(w / total * x for (w, _), x in zip(found, c, strict=True)) for c in columns))


def interpolate(own: VoiceProfile, target: VoiceProfile, strength: float) -> VoiceProfile:
    """From ``own`` (strength 0) to ``target`` (1) and beyond it; deviations stay positive."""
    if strength == 1.0:
        return target
    speaker = Speaker(
        *(torch.lerp(a, b, strength) for a, b in zip(own.speaker, target.speaker, strict=True))
    )
    lowest = 0.5 * torch.minimum(own.speaker.deviation, target.speaker.deviation)
    speaker = speaker._replace(deviation=torch.maximum(speaker.deviation, lowest))
    share = min(1.0, strength)
    target = replace(target, match=_blended([(1 - share, own.match), (share, target.match)]))
    if own.f0_median <= 0 or target.f0_median <= 0:
        return replace(target, speaker=speaker)
    ratio = target.f0_median / own.f0_median
    return replace(
        target,
        speaker=speaker,
        f0_median=own.f0_median * ratio**strength,
        f0_spread=max(0.0, own.f0_spread + strength * (target.f0_spread - own.f0_spread)),
    )


def save_profile(profile: VoiceProfile, path: str | Path, *, force: bool = True) -> Path:
    """The path of the voice file, written aside and renamed.

    Raises VoiceError when its suffix is not .voice, when it exists and ``force`` is false, and when
    it cannot be written.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise VoiceError(f"{path} is no name for a voice: let it end in {SUFFIX}")
    if path.exists() and not force:
        raise VoiceError(f"{path} exists; pass --force to replace it")
    facts = {
        "kind": KIND,
        "format": FORMAT,
        "name": profile.name,
        "fingerprint": profile.fingerprint,
        "f0_median": profile.f0_median,
        "f0_spread": profile.f0_spread,
    }
    # clone: safetensors refuses tensors that share memory.
    tensors = {
        k: v.detach().cpu().float().clone(memory_format=torch.contiguous_format)
        for k, v in profile.speaker._asdict().items()
    }
    if profile.match is not None:
        # Its numbers were rounded when it was made; a blend's are now.
        tensors |= {f"match.{k}": v.cpu().half() for k, v in profile.match._asdict().items()}
    content = safetensors.torch.save(tensors, {"voice": json.dumps(facts, ensure_ascii=False)})
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(content)
        os.replace(aside, path)
    except OSError as error:
        raise VoiceError(f"{path} cannot be written ({error.strerror})") from error
    finally:
        if path.parent.is_dir():
            aside.unlink(missing_ok=True)
    return path


def load_profile(path: str | Path, fingerprint: str | None = None) -> VoiceProfile:
    """The voice in the file; ``fingerprint`` is that of the weights it is wanted for.

    Raises VoiceError when the file is missing, no voice, of another format or of other weights.
    """
    path = Path(path)
    if not path.exists():
        raise VoiceError(f"{path} does not exist")
    facts, tensors = _read(path)
    try:
        profile = VoiceProfile(
            Speaker(**{key: tensors[key] for key in Speaker._fields}),
            float(facts["f0_median"]),
            float(facts["f0_spread"]),
            str(facts["name"]),
            str(facts["fingerprint"]),
            _match(tensors),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise VoiceError(f"{path} is an incomplete voice file; save the voice again") from error
    if not all(bool(torch.isfinite(x).all()) for x in (*profile.speaker, *(profile.match or ()))):
        raise VoiceError(f"{path} holds values that are not finite; save the voice again")
    if fingerprint is not None:
        check_profile(profile, fingerprint, str(path))
    return profile


def _match(tensors: dict[str, Tensor]) -> Match | None:
    if not any(key.startswith("match.") for key in tensors):
        return None
    return Match(*(tensors[f"match.{key}"].float() for key in Match._fields))


def check_profile(profile: VoiceProfile, fingerprint: str, what: str) -> None:
    """Raise VoiceError unless the profile belongs to the weights with this fingerprint."""
    if profile.fingerprint != fingerprint:
        raise VoiceError(
            f"{what} is a voice of other weights ({profile.fingerprint}, these are {fingerprint}); "
            "save it again from its recordings: vc voice save"
        )


def _read(path: Path) -> tuple[dict, dict[str, Tensor]]:
    wrong = f"{path} is not a voice file (vc voice save makes them)"
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            raise VoiceError(wrong)
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {})["voice"])
            if not isinstance(facts, dict) or facts.get("kind") != KIND:
                raise VoiceError(wrong)
            if facts.get("format") != FORMAT:
                raise VoiceError(
                    f"{path} has voice format {facts.get('format')!r}, this version reads {FORMAT};"
                    " save the voice again"
                )
            return facts, {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, KeyError, json.JSONDecodeError, OSError) as error:
        raise VoiceError(wrong) from error


def _shares(n: int, weights: Sequence[float] | None) -> list[float]:
    if n == 0:
        raise VoiceError("a blend needs at least one voice")
    weights = [1.0] * n if weights is None else [float(w) for w in weights]
    if len(weights) != n:
        raise VoiceError(f"{n} voices need {n} weights, got {len(weights)}")
    if not all(math.isfinite(w) and w >= 0 for w in weights) or sum(weights) == 0:
        raise VoiceError(f"weights must not be below 0 nor all 0, got {weights}")
    return [w / sum(weights) for w in weights]
