"""How many random examples the property-based tests look at."""

from hypothesis import settings

# The same examples at every run, so that a red build means a change in the code; few of them in `make fast`. To hunt
# for new ones: pytest tests/theorems --hypothesis-profile=hunt
settings.register_profile("linrep", derandomize=True, max_examples=25, deadline=None, database=None)
settings.register_profile("fast", settings.get_profile("linrep"), max_examples=5)
settings.register_profile("hunt", max_examples=200, deadline=None, database=None)
settings.load_profile("linrep")
