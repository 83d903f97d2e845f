"""What sqlfluff must know to render the models: the contract's variables, for one quarter."""

from types import SimpleNamespace
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from orchestration.student_performance.contract import load_contract

_VARIABLES = {
    **load_contract().dbt_vars(),
    "academic_year_start_month": 1,
    "is_shipped_contract": True,
    "max_quarantined_pct": 5,
    "quarters": ["2026Q4"],
}

flags = SimpleNamespace(FULL_REFRESH=False)


def var(name: str) -> Any:
    """The macro `var` of dbt."""
    return _VARIABLES[name]


@pass_context
def _dispatch(context: Context, name: str) -> Any:
    return context.resolve(f"default__{name}")


adapter = SimpleNamespace(dispatch=_dispatch)
dbt = SimpleNamespace(type_string=lambda: "text")
target = SimpleNamespace(type="postgres")
