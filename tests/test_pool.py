"""How many processes work on items, and that none outlives them."""

import os

import pytest

from soli.pool import mapped
from waiting import wait_for


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


@pytest.mark.parametrize(("workers", "least", "apart"), [(1, 1, False), (2, 1, True), (8, 4, False), (8, 3, True)])
def test_several_processes_work_only_where_there_is_enough_for_each(workers: int, least: int, apart: bool) -> None:
    found = list(mapped(square, range(7), workers=workers, least=least))
    assert [value for value, _ in found] == [number * number for number in range(7)]
    assert (os.getpid() not in {process for _, process in found}) is apart


def test_of_no_items_there_are_no_results() -> None:
    assert list(mapped(square, [], workers=4)) == []


def test_closing_it_ends_the_processes() -> None:
    results = mapped(square, range(100), workers=2)
    _, process = next(results)
    results.close()
    assert wait_for(lambda: not alive(process), seconds=5)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
