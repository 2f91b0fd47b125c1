"""Checks of the exercises of Part IV, Identifiability."""
