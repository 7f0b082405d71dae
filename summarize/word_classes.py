"""Classes of English words that the rules of headlines ask about, all in lower case."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# --- what belongs to a verb

PERFECT = frozenset(["has", "have", "had"])  # what they come before may be told in the present
PROGRESSIVE = frozenset(["is", "was", "are", "were"])
AUXILIARY = PERFECT.union(
    PROGRESSIVE,
    _words("""
    be been being am having get gets got to will would shall should can could may might must do does
    did
    """),
)
SINGULAR = frozenset(["is", "was", "has"])
PLURAL = frozenset(["are", "were", "have"])
# These, and adverbs in -ly, stand among auxiliaries and before the verb.
AMONG = _words("""
    also now still just yet ever already only even so far since then soon again earlier later long
    once twice always often today
""")
NEGATIONS = _words("""
    not no never nor without neither cannot few hardly barely rarely seldom
""")

# --- what stands around it

FUTURE = frozenset(["will", "would", "shall"])
COPULA = {"was": "is", "were": "are"}
SUPPOSED = frozenset(["if", "unless", "whether"])
# After these a form in -ed is no verb of its own: "three suspected men", "in reported cases".
NO_SUBJECT = _words("""
    a an the of in for with by from at on into as than its their his her my our your this these
    those some many most two three four five six seven eight nine ten eleven twelve dozens scores
    hundreds thousands several no all amid over after against despite among between about under
    during through without within per since like more less very both each every other others
""")
PRONOUNS = _words("""
    i you he she it we they that this these those there what
""")
# What may come after a participle without the object that the active verb has: "shot in Paris".
PREPOSITION = _words("""
    by in on at during with from since near outside inside under of as for over after against before
    because while when and or who
""")
WEEKDAY = _words("monday tuesday wednesday thursday friday saturday sunday")
# When something happened, between a verb and its object.
TIMES = WEEKDAY.union(
    _words("""
    last this next yesterday today tonight tomorrow ago week weeks month months year years day days
    hour hours night morning evening afternoon earlier later
    """)
)
PARTICLE = frozenset(["off", "online", "away", "abroad", "out", "up", "down", "there", "here"])
BEFORE_NOUNS = frozenset(["of", "in", "at", "for", "from", "with", "by"])
YEAR = re.compile(r"(19|20)\d\d")
# What may stand between a subject and its verb.
AFTER_SUBJECTS = _words("""
    on late early last who which today yesterday
""")
# Words for several that do not end like it, and words that end like it and are for one.
SEVERAL = _words("""
    they we you i people police men women children
""")
ONE = frozenset(["news", "politics", "series", "athletics", "sports", "economics"])
ENDS_OF_ONE = ("ss", "us", "is")
# "The aim is finding", not "the aim finds".
IS_AN_ACTIVITY = _words("""
    aim answer challenge focus goal hope idea issue job key plan point priority problem purpose
    question reason solution task thing way
""")
# Where none of these stands in a long sentence, it is hardly English.
ENGLISH = _words("""
    the to and for with that by are said from his its has have it he they
""")
# A preposition only before one of these; else it is an adjective or a noun.
AS_PREPOSITION = frozenset(["following"])
DETERMINERS = _words("""
    a an the his her its their this these those
""")
