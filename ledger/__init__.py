"""The record: facts as immutable entries, and the one function that judges them.

Here are the words, the rules of law, the judgement, and the write path that keeps an entry for
ever. Reading what the record says is `projections`; every way in is `api`. Begin with `terms`,
then `events` and `history`, then `answer`.
"""
