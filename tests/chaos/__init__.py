"""The fault bench: real processes under load, seeded faults, then a recount."""
