"""Settings of every test: no results are kept on disk; hypothesis profiles, chosen with HYPOTHESIS_PROFILE."""

import os

from hypothesis import HealthCheck, Phase, settings

os.environ["SQUEEZESIM_CACHE"] = "off"  # of processes that tests start, too
ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines are slow at times
settings.register_profile("dev", ANY_SPEED, max_examples=50)
settings.register_profile("ci", ANY_SPEED, max_examples=500, derandomize=True, database=None, print_blob=True)
settings.register_profile("fresh", ANY_SPEED, max_examples=2000, database=None, print_blob=True)
settings.register_profile("nightly", ANY_SPEED, max_examples=5000, print_blob=True)
settings.register_profile(  # kernels run as Python, and a failing case need not be small
    "mutation", ANY_SPEED, max_examples=6, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
