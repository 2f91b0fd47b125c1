"""Checks of the exercises of Part V, Real language models."""
