"""Builds the compiled kernels, where there is a compiler. Without them, their twins do the work."""

import sys
from pathlib import Path

from setuptools import Extension, setup

KERNELS = Path("src/maskline/_kernels/native")
# One build serves every Python from this one on.
LIMITED_API = "0x030B0000"
FLAGS = ["-std=c11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra"]

setup(
    ext_modules=[
        Extension(
            "maskline._kernels._native",
            sources=sorted(path.as_posix() for path in KERNELS.glob("*.c")),
            depends=sorted(path.as_posix() for path in KERNELS.glob("*.h")),
            define_macros=[("Py_LIMITED_API", LIMITED_API)],
            extra_compile_args=[] if sys.platform == "win32" else FLAGS,
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
