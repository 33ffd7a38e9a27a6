"""Tests of the page (web/) by node: the type check and the tests of the pure functions."""
