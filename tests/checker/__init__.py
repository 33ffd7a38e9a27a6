"""The ledger client and the recount: they check the service from outside and share no code with it."""
