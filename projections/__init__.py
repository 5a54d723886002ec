"""What the record says: checks, replay, lists and packs, each read from entries and never written.

Whatever is kept here besides the entries can be thrown away and computed again. The judgement
itself is in `ledger.answer`; who may ask, and in what form, is `api`'s business.
"""
