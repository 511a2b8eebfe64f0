"""What every test needs, however the test run itself was started."""

import importlib.util
import os
import signal
import sys

# A run started in the background ignores Ctrl-C, and so would every program that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def _use_core(path: str) -> None:
    """The same tests with another build of the native extension, before anything imports the installed one."""
    name = "portfolio_engine._core"
    if name in sys.modules:
        raise RuntimeError(f"PORTFOLIO_TEST_CORE: {name} was imported before the tests could choose it")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"PORTFOLIO_TEST_CORE: {path} is no extension module")
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


if os.environ.get("PORTFOLIO_TEST_CORE"):
    _use_core(os.environ["PORTFOLIO_TEST_CORE"])
if os.environ.get("PORTFOLIO_TEST_DEVICE"):
    from portfolio_engine import set_default_device

    set_default_device(os.environ["PORTFOLIO_TEST_DEVICE"])
