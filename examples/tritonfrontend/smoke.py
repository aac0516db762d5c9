# SPDX-License-Identifier: Apache-2.0
"""Check the installed tritonfrontend: each check ends the run with a message if it fails."""

import sys

import tritonfrontend


def check_bindings_version() -> None:
    """Expect bindings compiled for the version that the wheel's metadata states."""
    built = tritonfrontend.BINDINGS_VERSION
    if built != tritonfrontend.__version__:
        sys.exit(f"the bindings are {built}, the wheel {tritonfrontend.__version__}")


def check_known_paths() -> None:
    """Expect paths of the protocol to be taken apart."""
    expected = {
        "/v2/health/ready": ("ready", "", ""),
        "/v2/models/sum/infer": ("infer", "sum", ""),
        "/v2/models/sum/versions/3/config": ("config", "sum", "3"),
    }
    for path, parts in expected.items():
        route = tritonfrontend.parse_route(path)
        if (route.action, route.model, route.version) != parts:
            sys.exit(f"{path} was read as {route.action!r}, {route.model!r}, {route.version!r}")


def check_unknown_paths() -> None:
    """Expect any other path to be refused with a Python exception."""
    for path in ("", "/", "/v2/", "/v1/models/sum/infer", "/v2/models//infer", "/v2/health/ready/"):
        try:
            tritonfrontend.parse_route(path)
        except ValueError:
            continue
        sys.exit(f"the path {path!r} was accepted")


def main() -> None:
    """Run every check, then say so in one line."""
    checks = (check_bindings_version, check_known_paths, check_unknown_paths)
    for check in checks:
        check()
    python = f"cp{sys.version_info.major}{sys.version_info.minor}{sys.abiflags}"
    print(f"tritonfrontend {tritonfrontend.__version__} {python}: {len(checks)} checks passed")


if __name__ == "__main__":
    main()
