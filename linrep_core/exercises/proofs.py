"""Checks of the exercises of Part II, The proofs."""
