"""How far a network of finite memory looks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reach:
    """An estimate depends on `past` samples before it and `future` samples after it, and on nothing else.

    That holds for recordings cut at multiples of `hop` samples.
    """

    past: int
    future: int
    hop: int
