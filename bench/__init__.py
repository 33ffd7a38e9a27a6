"""Benchmarks of whole processes. Run a module from the root of the tree: python3 -B -m bench.run --list"""
