"""Make a worker of a cluster one of another version, as `dask worker --preload` runs it."""

from analysis.drive.sweep import cluster
from simulator.caches import model_digest

cluster.model_digest = lambda: model_digest()[::-1]
cluster.installed_version = lambda: "0.0.9"
