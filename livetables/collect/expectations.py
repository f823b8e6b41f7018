"""Decorators that give expectations to the dataset of a query function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from livetables.collect.calls import check_callable, current_call
from livetables.collect.registry import active
from livetables.model import Action, Expectation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyspark.sql import Column

F = TypeVar("F", bound="Callable[..., Any]")


def expect(name: str, inv: str | Column) -> Callable[[F], F]:
    """Count the rows for which `inv` is not TRUE, and keep them."""
    return _decorator({name: inv}, Action.WARN)


def expect_or_drop(name: str, inv: str | Column) -> Callable[[F], F]:
    """Drop the rows for which `inv` is not TRUE, and count them."""
    return _decorator({name: inv}, Action.DROP)


def expect_or_fail(name: str, inv: str | Column) -> Callable[[F], F]:
    """Fail the flow when `inv` is not TRUE for a row; nothing of that batch is written."""
    return _decorator({name: inv}, Action.FAIL)


def expect_all(expectations: Mapping[str, str | Column]) -> Callable[[F], F]:
    """As `expect`, for each rule of a dict name -> predicate."""
    return _decorator(expectations, Action.WARN)


def expect_all_or_drop(expectations: Mapping[str, str | Column]) -> Callable[[F], F]:
    """As `expect_or_drop`, for each rule of a dict name -> predicate."""
    return _decorator(expectations, Action.DROP)


def expect_all_or_fail(expectations: Mapping[str, str | Column]) -> Callable[[F], F]:
    """As `expect_or_fail`, for each rule of a dict name -> predicate."""
    return _decorator(expectations, Action.FAIL)


def _decorator(rules: Mapping[str, str | Column], action: Action) -> Callable[[F], F]:
    registry, call = active(), current_call()

    def decorate(function: F) -> F:
        check_callable(call, function)
        expectations = (Expectation(name, predicate, action) for name, predicate in rules.items())
        registry.add_expectations(function, expectations, call.name, call.location)
        return function

    return decorate
