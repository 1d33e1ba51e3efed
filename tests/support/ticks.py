"""A monotonic clock that a test moves."""


class Ticks:
    """Gives seconds; `later` moves it on."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def later(self, seconds: float) -> None:
        self.seconds += seconds
