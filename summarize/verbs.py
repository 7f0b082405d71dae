"""English verbs: the present that belongs to a past, a participle or a form in -ing.

Spelling alone leaves several; the first of which a vocabulary knows both forms is taken ("cars" is
a word, but "note" comes before "not", and "stop" before "stopp").
"""

import re
from collections.abc import Collection
from typing import NamedTuple


class Present(NamedTuple):
    """The present of one verb: for several (they announce) and for one (it announces)."""

    plural: str
    singular: str


# past and present (it ...) of verbs that "-ed" does not explain
_PASTS = """
    said says won wins made makes took takes got gets told tells came comes died dies rose rises
    fell falls saw sees left leaves became becomes began begins went goes gave gives held holds
    sought seeks lost loses led leads met meets sold sells bought buys lied lies spent spends ran
    runs paid pays struck strikes drew draws grew grows broke breaks tied ties brought brings built
    builds caught catches chose chooses drove drives kept keeps sent sends spoke speaks stood stands
    thought thinks wrote writes felt feels fought fights flew flies knew knows laid lays lent lends
    meant means overcame overcomes rode rides rang rings sang sings shook shakes slid slides stole
    steals swept sweeps taught teaches threw throws understood understands woke wakes wore wears
    withdrew withdraws sank sinks found finds ate eats bent bends bit bites blew blows clung clings
    dealt deals drank drinks dug digs fed feeds fled flees forgave forgives forgot forgets froze
    freezes hid hides hung hangs misled misleads oversaw oversees rebuilt rebuilds retook retakes
    rewrote rewrites shot shoots shrank shrinks slept sleeps spun spins stuck sticks swam swims
    swung swings tore tears underwent undergoes upheld upholds withheld withholds arose arises bore
    bears crept creeps knelt kneels overtook overtakes sprang springs strove strives swore swears
    undertook undertakes wept weeps
"""
# pasts that look like the infinitive
_UNCHANGED = """
    beat bid burst cast cost cut hit hurt let put quit read set shed shut split spread upset
"""
# participles that are not the past, too
_PARTICIPLES = """
    beaten beats become becomes begun begins bitten bites blown blows broken breaks chosen chooses
    come comes done does drawn draws driven drives eaten eats fallen falls flown flies forgotten
    forgets frozen freezes given gives gone goes grown grows hidden hides known knows overcome
    overcomes ridden rides risen rises run runs seen sees shaken shakes shown shows spoken speaks
    stolen steals sung sings sunk sinks taken takes thrown throws torn tears withdrawn withdraws
    worn wears written writes
"""
# The rest may be passive participles: "found", "killed".
_NEVER_PASSIVE = """
    said took got came died rose fell saw became began went gave drew grew broke chose drove flew
    knew rode rang sang shook stole threw woke wore withdrew sank wrote spoke ate lied froze forgot
    shrank swam tore forgave blew underwent drank overcame ran slept stood fled felt thought clung
"""
# Verbs in -ed that nobody is the victim of.
_INTRANSITIVE = """
    agreed apologised apologized appeared argued arrived battled boomed bounced clashed climbed
    collapsed competed complained cooled crashed crawled debuted declined disappeared eased edged
    emerged erupted exploded flocked happened hoped inched insisted joked jumped laughed lived
    looked marched occurred plummeted plunged pointed protested rallied reacted rebounded relied
    remained resigned responded retired retreated returned sailed skidded slipped slumped soared
    spiralled stalled stayed struggled stumbled surged survived swelled talked ticked travelled
    traveled tumbled vanished vowed waited
"""
# What looks like a past or a form in -ing, and is an adjective or a noun.
_NO_VERBS = """
    according addicted addicting aged alleged alright amazing armed barbed bearded based biased
    boring challenging charming concerning crooked concerted confusing creed dedicated demanding
    devastating disappointing diseased disturbing encouraging established evening exciting
    experienced famed fascinating founded interesting jared jawed jayed leaded leading living
    missing mixed morning ongoing outstanding overwhelming pending pleased privileged rasheed
    promising ragged rugged salaried shahed shocking skilled storied surprising talented tiered
    unlimited united upcoming wedding welcoming wicked willing wounded advanced limited related
    renewed repeated restricted housing training funding
"""
# After "have" these are rather adjectives: "have increased powers".
_ADJECTIVES = """
    detailed improved increased reduced
"""
# These come before an infinitive, and are then active: "pledged to", but not "forced to".
_WITH_INFINITIVE = """
    agreed attempted continued decided declined failed hoped intended managed needed offered planned
    pledged promised refused sought threatened tried voted vowed wanted
"""
_REGULAR_PAST = re.compile(r"[a-z]{3,}ed")
_PROGRESSIVE = re.compile(r"[a-z]{3,}ing")
# One syllable that ends in one vowel and one consonant: its verb has an -e (note), since without
# (not) the consonant would have been doubled. Those in -w, -x and -y are never doubled.
_HAS_E = re.compile(r"[^aeiou]*[aeiouy][^aeiouywx]")
_RATHER_E = re.compile(r".*[^s]s|.*breath|invit")  # erase, tease, lapse; but focus
_DOUBLED = re.compile(r".*([^aeiou])\1")


def _presents(text: str) -> dict[str, Present]:
    words = text.split()
    return {word: _of_singular(it) for word, it in zip(words[::2], words[1::2], strict=True)}


def _of_singular(it: str) -> Present:
    if it == "flies":
        return Present("fly", it)
    return Present(it[: -2 if it.endswith(("oes", "ches")) else -1], it)


IRREGULAR = _presents(_PASTS) | {verb: Present(verb, verb + "s") for verb in _UNCHANGED.split()}
PARTICIPLES = _presents(_PARTICIPLES)
NEVER_PASSIVE = frozenset(_NEVER_PASSIVE.split()) | frozenset(_INTRANSITIVE.split())
_NOT_REGULAR = frozenset(_NO_VERBS.split())
ADJECTIVES = frozenset(_ADJECTIVES.split())
WITH_INFINITIVE = frozenset(_WITH_INFINITIVE.split())


def present_of_past(word: str, known: Collection[str]) -> Present | None:
    """The present of this past, if it is one and ``known`` has both forms of it."""
    if word in IRREGULAR:
        return _first_known([IRREGULAR[word]], known)
    if not _REGULAR_PAST.fullmatch(word) or word in _NOT_REGULAR:
        return None
    stem = word[:-2]
    if stem.endswith("i"):
        return _first_known([_regular(stem[:-1] + "y")], known)
    return _first_known(_of_stem(stem), known)


def present_of_participle(word: str, known: Collection[str]) -> Present | None:
    """The same of a participle, of verbs that have another past, too: given, gone, told."""
    if word in PARTICIPLES:
        return _first_known([PARTICIPLES[word]], known)
    return present_of_past(word, known)


def present_of_progressive(word: str, known: Collection[str]) -> Present | None:
    """The same of a form in -ing: makes, stops, tries."""
    if not _PROGRESSIVE.fullmatch(word) or word in _NOT_REGULAR:
        return None
    return _first_known(_of_stem(word[:-3]), known)


def _of_stem(stem: str) -> list[Present]:
    """Presents of what is left without -ed or -ing, the likeliest first."""
    if _DOUBLED.fullmatch(stem):
        return [_regular(stem), _regular(stem[:-1])]
    if _HAS_E.fullmatch(stem):
        return [_regular(stem + "e")]
    bases = [stem, stem + "e"]
    if _RATHER_E.fullmatch(stem):
        bases.reverse()
    return [_regular(base) for base in bases]


def _regular(base: str) -> Present:
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return Present(base, base + "es")
    if re.search(r"[^aeiou]y$", base):
        return Present(base, base[:-1] + "ies")
    return Present(base, base + "s")


def _first_known(presents: list[Present], known: Collection[str]) -> Present | None:
    return next((p for p in presents if p.plural in known and p.singular in known), None)
