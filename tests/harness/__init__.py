"""Starts and controls the processes that the tests need: weir, Kafka, PostgreSQL, clients, proxies."""
