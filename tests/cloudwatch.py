"""When an alarm goes off, as CloudWatch documents it: for alarms as Terraform plans them, and metrics made up for them.

The emulator looks at alarms of a single metric only, and at neither their dimensions nor their missing values.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Series = Sequence[float | None]
"""A metric's values, one a period, the oldest first; None: there is none in that period."""

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}

_OPERATORS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Gt: lambda left, right: float(left > right),
    ast.Eq: lambda left, right: float(left == right),
    ast.And: lambda left, right: float(bool(left) and bool(right)),
    ast.Or: lambda left, right: float(bool(left) or bool(right)),
}


def state(alarm: Mapping[str, Any], metrics: Mapping[str, Series]) -> str:
    """`ALARM`, `OK`, or `KEPT` where the alarm stays what it was.

    Args:
        alarm: as planned.
        metrics: by the id of their query, or by their name in an alarm of one metric; what is not named has no values.
    """
    periods = alarm["evaluation_periods"]
    values = [_value(alarm, metrics, back) for back in range(periods, 0, -1)]
    missing = alarm["treat_missing_data"]
    if missing == "ignore" and all(value is None for value in values):
        return "KEPT"
    breaches = _COMPARISONS[alarm["comparison_operator"]]
    breaching = [missing == "breaching" if value is None else breaches(value, alarm["threshold"]) for value in values]
    return "ALARM" if sum(breaching) >= (alarm["datapoints_to_alarm"] or periods) else "OK"


def _value(alarm: Mapping[str, Any], metrics: Mapping[str, Series], back: int) -> float | None:
    """The datapoint of so many periods ago."""
    expressions = [query["expression"] for query in alarm["metric_query"] if query["expression"]]
    names = [query["id"] for query in alarm["metric_query"] if query["metric"]] or [alarm["metric_name"]]
    assert set(metrics) <= set(names), f"{set(metrics) - set(names)} is no metric of {alarm['alarm_name']}"
    values = {name: _at(metrics.get(name, ()), back) for name in names}
    if not expressions:
        return values[alarm["metric_name"]]
    [expression] = expressions
    return _calculated(ast.parse(_in_python(expression), mode="eval").body, values)


def _at(series: Series, back: int) -> float | None:
    return series[-back] if back <= len(series) else None


def _in_python(expression: str) -> str:
    return expression.replace(" AND ", " and ").replace(" OR ", " or ").replace("IF(", "IF_(")


def _calculated(node: ast.expr, values: Mapping[str, float | None]) -> float | None:
    """One point of metric math. Whatever is calculated with a missing value is missing; FILL fills it."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return _both(op, _calculated(left, values), _calculated(right, values))
        case ast.BoolOp(op=op, values=[left, right]):
            return _both(op, _calculated(left, values), _calculated(right, values))
        case ast.Call(func=ast.Name(id="FILL"), args=[series, filler]):
            value = _calculated(series, values)
            return _calculated(filler, values) if value is None else value
        case ast.Call(func=ast.Name(id="IF_"), args=[condition, then, otherwise]):
            chosen = _calculated(condition, values)
            return None if chosen is None else _calculated(then if chosen else otherwise, values)
    raise AssertionError(f"metric math that these tests do not know: {ast.unparse(node)}")


def _both(op: ast.AST, left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else _OPERATORS[type(op)](left, right)
