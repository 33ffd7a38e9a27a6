"""Tests of real weir processes."""
