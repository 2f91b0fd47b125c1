"""Checks of the exercises of Part VI, Beyond the assumptions."""
