"""English verbs: which present a past, a participle or a form in -ing has.

Spelling alone suggests; whether there is such a word is for a vocabulary to say.
"""

import re

# past and present of verbs that "-ed" does not explain
_PASTS = """
    said says was is were are had has won wins made makes took takes got gets told tells came comes
    rose rises fell falls saw sees left leaves became becomes began begins went goes gave gives
    found finds held holds sought seeks lost loses led leads met meets sold sells bought buys
    spent spends ran runs paid pays struck strikes drew draws grew grows broke breaks
    brought brings built builds caught catches chose chooses drove drives kept keeps sent sends
    spoke speaks stood stands thought thinks wrote writes did does felt feels fought fights
    flew flies knew knows laid lays lent lends meant means overcame overcomes rode rides rang rings
    sang sings shook shakes slid slides stole steals swept sweeps taught teaches threw throws
    understood understands woke wakes wore wears withdrew withdraws swore swears sank sinks
    arose arises ate eats bent bends bit bites blew blows bore bears bound binds bred breeds
    clung clings dealt deals drank drinks dug digs fed feeds fled flees forgave forgives
    forgot forgets froze freezes hid hides hung hangs misled misleads outdid outdoes
    overheard overhears oversaw oversees overthrew overthrows overtook overtakes rebuilt rebuilds
    retook retakes rewrote rewrites shot shoots shrank shrinks slept sleeps sped speeds
    sprang springs spun spins strove strives stuck sticks swam swims swung swings tore tears
    undertook undertakes underwent undergoes upheld upholds wept weeps withheld withholds
"""
# pasts that look like the infinitive
_UNCHANGED = """
    beat bid burst cast cost cut hit hurt let put quit read set shed shut split spread upset
"""
# participles that are not the past, too
_PARTICIPLES = """
    arisen arises beaten beats become becomes been is begun begins bitten bites blown blows
    broken breaks chosen chooses come comes done does drawn draws driven drives eaten eats
    fallen falls flown flies forgotten forgets frozen freezes given gives gone goes grown grows
    hidden hides known knows overcome overcomes overtaken overtakes ridden rides risen rises
    run runs seen sees shaken shakes shown shows spoken speaks stolen steals sung sings sunk sinks
    sworn swears taken takes thrown throws torn tears undertaken undertakes withdrawn withdraws
    worn wears written writes
"""
# The rest have a participle of the same form, which may be passive: "found", "killed".
_NEVER_PASSIVE = """
    said was were had took came rose fell saw became began went gave drew grew broke chose drove did
    flew knew rode rang sang shook stole threw woke wore withdrew swore sank wrote spoke ate bore
    froze forgot overtook undertook shrank swam tore forgave arose blew sprang oversaw overthrew
    underwent drank overcame ran
"""
_PROGRESSIVE = re.compile(r"[a-z]{3,}ing")
REGULAR_PAST = re.compile(r"[a-z]{3,}ed")


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


IRREGULAR = _pairs(_PASTS) | {verb: verb + "s" for verb in _UNCHANGED.split()}
PARTICIPLES = _pairs(_PARTICIPLES)
UNCHANGED = frozenset(_UNCHANGED.split())
NEVER_PASSIVE = frozenset(_NEVER_PASSIVE.split())


def presents(past: str) -> tuple[str, ...]:
    """What the present of this past may be, with and without -s; nothing if it is no past."""
    if past in ("was", "were"):
        return (IRREGULAR[past],)
    if past in IRREGULAR:
        return _both(IRREGULAR[past])
    return _regular(past) if REGULAR_PAST.fullmatch(past) else ()


def presents_of_participle(participle: str) -> tuple[str, ...]:
    """The same for a participle that differs from the past: given, gone, shown."""
    return _both(PARTICIPLES[participle]) if participle in PARTICIPLES else ()


def presents_of_progressive(word: str) -> list[tuple[str, str]]:
    """(without -s, with -s) that the verb of a form in -ing may have: make, makes; stop, stops."""
    if not _PROGRESSIVE.fullmatch(word):
        return []
    stem = word[:-3]
    bases = [stem, stem + "e"]
    if len(stem) > 3 and stem[-1] == stem[-2]:
        bases.append(stem[:-1])
    found = [(base, base + ending) for base in bases for ending in ("s", "es")]
    return found + [(base, base[:-1] + "ies") for base in bases if base.endswith("y")]


def _both(present: str) -> tuple[str, str]:
    """The present with -s, as given, and without: has, have."""
    if present == "has":
        return "has", "have"
    if present.endswith(("oes", "ches", "shes")):
        return present, present[:-2]
    return (present, present[:-3] + "y") if present == "flies" else (present, present[:-1])


def _regular(past: str) -> tuple[str, ...]:
    """What a verb in -ed may be in the present: announce(s), kill(s), plan(s), deny, denies."""
    stem = past[:-2]
    forms = [stem, stem + "s", stem + "es", past[:-1], past[:-1] + "s"]
    if stem.endswith("i"):
        forms += [stem[:-1] + "y", stem + "es"]
    if len(stem) > 3 and stem[-1] == stem[-2]:
        forms += [stem[:-1], stem[:-1] + "s"]
    return tuple(dict.fromkeys(forms))
