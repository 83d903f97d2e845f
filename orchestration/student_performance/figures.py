"""Ids of the figures of exam results."""

import functools

from orchestration.core import figures
from orchestration.student_performance.ingest import DOMAIN

figure_of = functools.partial(figures.figure_of, DOMAIN)
