"""Ids of the figures of attendance."""

import functools

from orchestration.attendance.ingest import DOMAIN
from orchestration.core import figures

figure_of = functools.partial(figures.figure_of, DOMAIN)
