"""Evidence packs: what a stranger needs to check the record without us."""
