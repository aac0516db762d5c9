"""truewheel container, as people and jobs call it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run
from registries import Registry

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
def test_on_a_protected_ref_no_image_is_trusted_by_its_tag(
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
    assert f"{name}: built again without a cache: on a protected ref" in err
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
    assert "--digest-file: only a pushed image has a digest\n    hint: add --push" in err


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
