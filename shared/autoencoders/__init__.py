"""Small exact networks of the classical family; recipes combine them with the other parts.

A recipe is a network (here), a corruption (`shared.corruption`) and a penalty
(`shared.penalties`). The sequence-to-sequence member of the family is the text pipeline's own.
"""
