"""stub to be replaced in minutes"""


def demo() -> None:
    """Demo."""
