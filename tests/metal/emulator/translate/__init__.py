"""Reads `.metal` files in the one style this project allows and makes them C++ for the emulator."""

from .signature import BUILTINS, Kernel, Parameter, ThreadgroupArray, parse
from .source import MetalError, Source

__all__ = ["BUILTINS", "Kernel", "MetalError", "Parameter", "Source", "ThreadgroupArray", "parse"]
