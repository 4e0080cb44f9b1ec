"""Settings of every test: hypothesis profiles, chosen with HYPOTHESIS_PROFILE."""

import os

from hypothesis import Phase, settings

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=500, deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("fresh", max_examples=2000, deadline=None, database=None, print_blob=True)
settings.register_profile("nightly", max_examples=5000, deadline=None, print_blob=True)
settings.register_profile(  # kernels run as Python, and a failing case need not be small
    "mutation", max_examples=6, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
