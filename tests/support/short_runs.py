"""Runs of data in memory by the skeleton, and how to make what they do beside the field brief."""

import dataclasses
from typing import Any

import pytest

from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.core.views import ViewSet
from nfield.jobs.run import run
from nfield.jobs.surface.options import SurfaceOptions
from nfield.jobs.surface.result import SurfaceResult
from nfield.jobs.surface.source import SurfaceData
from nfield.jobs.table import JOBS
from nfield.jobs.views.options import ViewsOptions
from nfield.jobs.views.result import ViewsResult
from nfield.jobs.views.source import ViewsData


def run_surface(cloud: PointCloud, options: SurfaceOptions, truth: Mesh | None = None, **how: Any) -> SurfaceResult:
    return run(JOBS["surface"], SurfaceData(cloud=cloud, truth=truth), options, **how)


def run_views(views: ViewSet, options: ViewsOptions | None = None, **how: Any) -> ViewsResult:
    return run(JOBS["views"], ViewsData(views=views), options, **how)


def tune_briefly(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Choose the rate of the plain MLP after one step; of all jobs where none is named."""
    for name in names or JOBS:
        job = JOBS[name]
        monkeypatch.setitem(JOBS, name, dataclasses.replace(job, tuning=dataclasses.replace(job.tuning, steps=1)))
