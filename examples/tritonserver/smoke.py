# SPDX-License-Identifier: Apache-2.0
"""Check the installed tritonserver: each check ends the run with a message if it fails."""

import sys

import tritonserver


def check_library_version() -> None:
    """Expect a C library built for the version that the wheel's metadata states."""
    built = tritonserver.library_version()
    if built != tritonserver.__version__:
        sys.exit(f"the library is {built}, the wheel {tritonserver.__version__}")


def check_inference() -> None:
    """Expect loaded models to compute."""
    server = tritonserver.Server()
    server.load("sum", operation="add")
    server.load("product", operation="multiply")
    results = [
        server.infer(model, [1.0, 2.0, 3.5], [4.0, -2.0, 0.5]) for model in ("sum", "product")
    ]
    if results != [[5.0, 0.0, 4.0], [4.0, -4.0, 1.75]]:
        sys.exit(f"wrong inference results: {results}")


def check_unloaded_model() -> None:
    """Expect a status of the C library to arrive as a Python exception."""
    server = tritonserver.Server()
    server.load("sum", operation="add")
    server.unload("sum")
    try:
        server.infer("sum", [1.0], [1.0])
    except tritonserver.ServerError as error:
        if str(error) != "no such model is loaded":
            sys.exit(f"wrong error for an unloaded model: {error}")
    else:
        sys.exit("an unloaded model still answers")


def main() -> None:
    """Run every check, then say so in one line."""
    checks = (check_library_version, check_inference, check_unloaded_model)
    for check in checks:
        check()
    python = f"cp{sys.version_info.major}{sys.version_info.minor}{sys.abiflags}"
    print(f"tritonserver {tritonserver.__version__} {python}: {len(checks)} checks passed")


if __name__ == "__main__":
    main()
