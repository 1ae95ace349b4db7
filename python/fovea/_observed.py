"""What was observed, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Observed(Mapping[str, Any]):
    """The arrays that a ``fovea.Observe`` asked for: ``observed.entropy`` or ``observed["entropy"]``.

    Arrays are of the query's kind. What was not asked for is not there: KeyError, AttributeError.
    """

    def __init__(self, arrays: dict[str, Any]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> Any:
        return self._arrays[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._arrays[name]
        except KeyError:
            known = ", ".join(self._arrays) or "nothing"
            raise AttributeError(f"observed: {name} was not asked for; there is {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._arrays]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in self._arrays.items())
        return f"fovea.Observed({shapes})"
