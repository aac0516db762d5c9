"""truewheel container and lock, as people and jobs call them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from registries import Registry, serving
from specs import project

from truewheel.cli import main

SPEC = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}}}
targets:
  rhel8: {family: rhel, base: 'HOST/ubi:8'}
  plain: {floor: manylinux_2_39}
arches: [x86_64, aarch64]
images: {registry: $CI_REGISTRY_IMAGE}
scripts: scripts
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry with the base of the project that is the current folder."""
    with serving(Registry()) as stand_in:
        project(tmp_path, SPEC.replace("HOST", stand_in.host))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("CI_REGISTRY_IMAGE", f"{stand_in.host}/group")
        monkeypatch.setattr("truewheel.net.container_registry.PAUSE", 0.0)
        stand_in.keep("ubi", "8", b"{}")
        yield stand_in


@pytest.fixture
def truewheel(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


BUILT = ("container", "--target", "rhel8", "--arch", "aarch64")
PUSHED = "sha256:" + "5" * 64
ENGINE = """\
#!/bin/sh
echo "$@" >> {log}
[ "$1" != push ] || printf %s {digest} > "$3"
"""


@pytest.fixture
def _engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for podman on PATH.

    A program that succeeds, and tells the digest of what it pushes.
    """
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/podman").write_text(ENGINE.format(log=tmp_path / "calls", digest=PUSHED))
    (tmp_path / "bin/podman").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def test_a_containerfile_is_shown_and_so_is_its_fragment(truewheel: Run, registry: Registry):
    code, text, _ = truewheel(*BUILT, "--show")
    assert code == 0
    assert text.startswith(
        "# Made for rhel8 of truewheel.yml by truewheel container. Do not edit.\nFROM "
    )
    code, fragment, _ = truewheel(*BUILT, "--fragment")
    assert code == 0
    assert fragment.startswith("ENV VIRTUAL_ENV=/opt/venv-wheels\n")
    assert "FROM" not in fragment


@pytest.mark.usefixtures("_engine")
def test_a_dry_run_prints_the_commands_and_writes_nothing(
    truewheel: Run, registry: Registry, tmp_path: Path
):
    (tmp_path / "pip conf").write_text("")
    secret = f"pip={tmp_path}/pip conf"
    code, out, _ = truewheel(
        *BUILT, "--push", "--dry-run", "--secret", secret, "--", "--network", "host"
    )
    build, push = out.splitlines()
    assert code == 0
    assert build.startswith("podman build --file ")
    assert f"--secret 'id=pip,src={tmp_path}/pip conf' --network host " in build
    assert push.startswith(f"podman push {registry.host}/group/builder/rhel8-aarch64:")
    assert not (tmp_path / "build").exists()
    assert registry.seen == []


@pytest.mark.usefixtures("_engine")
def test_the_image_is_the_one_in_the_pipeline(truewheel: Run, registry: Registry, tmp_path: Path):
    code, out, _ = truewheel(*BUILT)
    assert code == 0
    tag = out.strip().rpartition(":")[2]
    truewheel("generate")
    text = (tmp_path / "pipelines/rhel8-aarch64.yml").read_text()
    digest = "$TRUEWHEEL_DIGEST_RHEL8_AARCH64"
    assert f"image: '$CI_REGISTRY_IMAGE/builder/rhel8-aarch64:{tag}@{digest}'" in text
    words = "--if-missing --push --digest-file container.env"
    assert f"python scripts/build_container.py --target rhel8 --arch aarch64 {words}" in text
    context = tmp_path / "build/container/rhel8-aarch64-build"
    assert {path.name for path in context.iterdir()} == {"Containerfile", "truewheel-tools.txt"}


@pytest.mark.usefixtures("_engine")
def test_an_image_that_the_registry_has_is_not_built(truewheel: Run, registry: Registry):
    name = truewheel(*BUILT, "--dry-run", "--push")[1].split()[-1]
    repository, _, tag = name.removeprefix(f"{registry.host}/").rpartition(":")
    assert truewheel(*BUILT, "--if-missing")[:2] == (0, f"{name}\n"), "it is built"
    registry.keep(repository, tag, b"{}")
    code, out, err = truewheel(*BUILT, "--if-missing")
    assert (code, out) == (0, "")
    assert f"{name}: the registry has it" in err


JOB = (*BUILT, "--if-missing", "--push", "--digest-file", "container.env")


@pytest.mark.usefixtures("_engine")
def test_a_job_tells_the_digest_of_what_it_pushed_or_of_what_the_registry_has(
    truewheel: Run, registry: Registry, tmp_path: Path
):
    told = tmp_path / "container.env"
    code, name, _ = truewheel(*JOB)
    assert (code, told.read_text()) == (0, f"TRUEWHEEL_DIGEST_RHEL8_AARCH64={PUSHED}\n")
    repository, _, tag = name.strip().removeprefix(f"{registry.host}/").rpartition(":")
    digest = registry.keep(repository, tag, b"{}")
    assert truewheel(*JOB)[0] == 0
    assert told.read_text() == f"TRUEWHEEL_DIGEST_RHEL8_AARCH64={digest}\n"


@pytest.mark.usefixtures("_engine")
@pytest.mark.parametrize("protected", ["CI_COMMIT_REF_PROTECTED", "GITHUB_REF_PROTECTED"])
def test_on_a_protected_ref_nobodys_image_is_believed(
    truewheel: Run,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    protected: str,
):
    name = truewheel(*BUILT, "--dry-run", "--push")[1].split()[-1]
    repository, _, tag = name.removeprefix(f"{registry.host}/").rpartition(":")
    registry.keep(repository, tag, b'{"pushed": "by somebody"}')
    monkeypatch.setenv(protected, "true")
    code, out, err = truewheel(*JOB)
    assert (code, out) == (0, f"{name}\n"), "it is built"
    assert (
        f"{name}: built anew, without a cache: on a protected ref no image is believed by its tag"
        in err
    )
    built, pushed = (tmp_path / "calls").read_text().splitlines()
    assert "--no-cache" in built
    assert pushed.startswith("push ")
    assert PUSHED in (tmp_path / "container.env").read_text()
    monkeypatch.setenv(protected, "false")
    code, out, _ = truewheel(*JOB)
    assert (code, out) == (0, ""), "elsewhere it may be used again"


def test_a_digest_is_told_of_an_image_that_is_pushed(truewheel: Run, registry: Registry):
    code, _, err = truewheel(*BUILT, "--digest-file", "container.env")
    assert code == 2
    assert "--digest-file: an image has a digest when it is pushed\n    hint: add --push" in err


@pytest.mark.usefixtures("_engine")
def test_an_engine_that_tells_no_digest_ends_the_job(
    truewheel: Run, registry: Registry, tmp_path: Path
):
    (tmp_path / "bin/podman").write_text("#!/bin/sh\n")
    code, _, err = truewheel(*JOB)
    assert code == 6
    assert "podman does not tell the digest of what it pushed" in err
    assert not (tmp_path / "container.env").exists()


@pytest.mark.usefixtures("_engine")
def test_without_the_variable_of_a_forge_an_image_is_local_and_cannot_be_pushed(
    truewheel: Run, registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("CI_REGISTRY_IMAGE")
    assert truewheel(*BUILT)[1].startswith("localhost/builder/rhel8-aarch64:")
    code, _, err = truewheel(*BUILT, "--push")
    assert code == 2
    assert "CI_REGISTRY_IMAGE is not set here" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--target", "rhel9"), "there is no such target\n    hint: did you mean rhel8?"),
        (("--target", "plain"), "plain has no builder image"),
        (
            ("--target", "rhel8", "--arch", "s390x"),
            "rhel8 is not built for it\n    hint: its architectures: x86_64",
        ),
        (("--target", "rhel8", "--arch", "x86_64", "--stage", "ci"), "rhel8 has no stage ci"),
    ],
)
def test_what_cannot_be_built_is_told(
    truewheel: Run, registry: Registry, words: tuple[str, ...], message: str
):
    code, _, err = truewheel("container", *words)
    assert code == 2
    assert message in err


def test_a_lock_is_written_and_then_stands(truewheel: Run, registry: Registry, tmp_path: Path):
    digest = registry.keep("ubi", "8", b"{1}")
    assert "would write truewheel.lock" in truewheel("lock", "--dry-run")[1]
    assert not (tmp_path / "truewheel.lock").exists()
    code, out, _ = truewheel("lock")
    assert code == 0
    assert f"{registry.host}/ubi:8 {digest} (new)" in out
    assert f"FROM {registry.host}/ubi:8@{digest} AS build" in truewheel(*BUILT, "--show")[1]
    assert "can move" not in truewheel("plan")[2]
    assert truewheel("lock")[1].endswith("truewheel.lock: unchanged\n")
    registry.keep("ubi", "8", b"{2}")
    assert f"(was {digest})" in truewheel("lock")[1]


def test_without_a_lock_a_plan_warns_and_asks_nobody(truewheel: Run, registry: Registry):
    for command in ("plan", "generate", "check"):
        code, _, err = truewheel(command)
        assert code == 0
        assert "ubi:8 can move: no digest is locked" in err
    assert registry.seen == []


def test_a_lock_that_cannot_be_made_leaves_the_old_one(
    truewheel: Run, registry: Registry, tmp_path: Path
):
    truewheel("lock")
    before = (tmp_path / "truewheel.lock").read_bytes()
    registry.faults = [500] * 9
    code, _, err = truewheel("lock")
    assert code == 6
    assert "the registry cannot be asked: HTTP 500" in err
    registry.faults = []
    registry.manifests.clear()
    code, _, err = truewheel("lock")
    assert code == 2
    assert f"truewheel.yml:4:31: the registry has no {registry.host}/ubi:8" in err
    assert (tmp_path / "truewheel.lock").read_bytes() == before


def test_a_broken_lock_is_told_with_its_line(truewheel: Run, registry: Registry, tmp_path: Path):
    (tmp_path / "truewheel.lock").write_text("images: {x: latest}\n")
    code, _, err = truewheel("plan")
    assert code == 2
    assert "truewheel.lock:1:13: 'latest' is no digest" in err


def test_truewheel_itself_is_locked_with_the_hash_of_its_wheel(
    truewheel: Run, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "truewheel.yml").write_text(
        (tmp_path / "truewheel.yml").read_text().replace("scripts: scripts\n", "")
    )
    for name in ("PIP_CONFIG_FILE", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, str(tmp_path / "index") if "FIND" in name else "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    code, _, err = truewheel("lock")
    assert code == 0
    assert "no index here has truewheel==" in err
    (tmp_path / "index").mkdir()
    with zipfile.ZipFile(tmp_path / "index/truewheel-0.1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            "truewheel-0.1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: truewheel\nVersion: 0.1.0\n",
        )
        wheel.writestr(
            "truewheel-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        )
    code, _, err = truewheel("lock")
    assert code == 0, err
    assert (
        "truewheel: 'truewheel==0.1.0 --hash=sha256:" in (tmp_path / "truewheel.lock").read_text()
    )
    assert "--requirement /opt/venv-wheels/truewheel.txt" in truewheel(*BUILT, "--show")[1]
    assert "has no truewheel" not in truewheel("plan")[2]
