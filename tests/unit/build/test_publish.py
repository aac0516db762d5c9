"""Publishing.

What is refused before the first byte, what a cut leaves behind, and what nobody ever sees.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import standin
import verdict_files
import wheels
from paths import ROOT
from specs import plan_of
from standin import Index

from truewheel import cli
from truewheel.build import prove, publish
from truewheel.errors import Exit
from truewheel.forges.gitlab.emit import publishing
from truewheel.net import package_index
from truewheel.plan import plan_file
from truewheel.system.files import sha256

SPEC = """
packages: {demo: {version: {file: VERSION}}}
targets: {rhel8: {}}
arches: [x86_64, aarch64]
variables: {TOKEN: {scope: secret}}
indexes:
  internal: {url: '%(url)s', credentials: {password: TOKEN}}
  public: {profile: pypi, channel: release, when: {RELEASE: 'yes'}, url: '%(url)s'}
  named: {}
"""
POLICY = """
variables: {LOCAL: {}, RELEASE: {}}
facts: {base: {from: ['package:version']}, local: {from: ['env:LOCAL']}}
channels:
  default: {when: {RELEASE: '!never'}, version: '{base}', local: ['{local}']}
  release: {version: '{base}'}
"""
SECRET = "hunter2-hunter2"
SAY = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("uv") is None, reason="uv is not installed"
)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    monkeypatch.setattr(package_index, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(publish, "LAG", (0.0, 0.0))
    monkeypatch.setenv("TOKEN", SECRET)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with standin.running() as server:
        yield server


@pytest.fixture
def dist(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a plan and the proven wheels of two architectures; it is the current one."""
    monkeypatch.chdir(tmp_path)
    return proven(tmp_path / "dist", index)


def proven(folder: Path, index: Index, **variables: str) -> Path:
    overrides = {"LOCAL": "nv26.4", **variables}
    plan_ = plan_of(SPEC % {"url": index.url}, policy=POLICY, overrides=overrides)
    (folder / "evidence").mkdir(parents=True)
    for cell in plan_.cells:
        number = {"x86_64": 62, "aarch64": 183}[cell.arch]
        wheel = wheels.make(folder, cell.wheel, {"demo/_core.so": wheels.elf_file(number)})
        record = {"cell": cell.id, "wheel": cell.wheel, "sha256": sha256(wheel)}
        prove.evidence.path(folder, cell.id).write_text(json.dumps(record))
        verdict_files.write(folder, cell)
    (folder / "plan.json").write_text(plan_file.write(plan_))
    assert prove.prove(folder, plan_).ok
    return folder


@pytest.fixture
def truewheel(capfd: pytest.CaptureFixture[str]) -> SAY:
    """Run a command; returns exit code, stdout and stderr, in which the password never is."""

    def run(*argv: str) -> tuple[int, str, str]:
        code = cli.main(["publish", *argv])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        assert SECRET not in out + err
        return code, out, err

    return run


X86, ARM = (
    f"demo-1.0+nv26.4-cp312-cp312-manylinux_2_28_{arch}.whl" for arch in ("x86_64", "aarch64")
)
PUBLIC = sorted(f"demo-1.0-cp312-cp312-manylinux_2_28_{arch}.whl" for arch in ("x86_64", "aarch64"))


def posts(index: Index) -> int:
    return sum(method == "POST" for method, *_ in index.asked)


@pytest.mark.parametrize("uploader", publish.UPLOADERS)
def test_both_uploaders_bring_every_proven_wheel(
    index: Index, dist: Path, truewheel: SAY, uploader: str
):
    if importlib.util.find_spec(uploader) is None:
        pytest.skip(f"{uploader} is not installed")
    code, out, err = truewheel("--index", "internal", "--uploader", uploader)
    assert (code, err) == (Exit.OK, f"uploading 2 of 2 wheels to internal with {uploader}\n")
    assert out.splitlines()[:2] == [f"uploaded  {X86}", f"uploaded  {ARM}"]
    assert index.files == {name: (dist / name).read_bytes() for name in (X86, ARM)}
    basic = package_index.Login("__token__", SECRET).basic
    assert {authorization for _, _, authorization in index.asked} == {f"Basic {basic}"}


@pytest.mark.parametrize("uploader", publish.UPLOADERS)
def test_an_open_index_gets_copies_under_its_own_names(
    index: Index, tmp_path: Path, truewheel: SAY, uploader: str
):
    if importlib.util.find_spec(uploader) is None:
        pytest.skip(f"{uploader} is not installed")
    folder = proven(tmp_path / "a [b]*", index, RELEASE="yes", LOCAL="x")
    code, _, err = truewheel("--index", "public", str(folder), "--uploader", uploader)
    assert code == Exit.OK, err
    assert sorted(index.files) == PUBLIC
    assert {(method, login) for method, _, login in index.asked if method == "GET"} == {
        ("GET", None)
    }


@pytest.fixture
def https(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """The stand-in with a certificate, which trusted publishing insists on."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    requests = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=127.0.0.1",
    ]
    requests += ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"]
    subprocess.run(
        [*requests, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    index.socket = context.wrap_socket(index.socket, server_side=True)
    index.scheme = "https"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return index


def test_a_job_of_github_is_trusted_without_a_password(
    https: Index, tmp_path: Path, truewheel: SAY, monkeypatch: pytest.MonkeyPatch
):
    folder = proven(tmp_path / "dist", https, RELEASE="yes")
    claims = (
        base64.urlsafe_b64encode(b'{"sub": "repo:o/r", "iss": "x", "repository": "o/r"}')
        .decode()
        .rstrip("=")
    )
    answers = [
        '{"audience": "demo"}',
        f'{{"value": "e30.{claims}.c2ln"}}',
        f'{{"success": true, "token": "{SECRET}"}}',
    ]
    audience, word, password = (
        standin.status(200, text, kind="application/json") for text in answers
    )
    # Not there yet; then uv asks for the audience, GitHub for its word, and the index for a
    # password in exchange.
    https.gets, https.posts = [standin.status(404), audience, word], [password]
    as_on_github(monkeypatch, https)
    plan = ("--plan", str(folder / "plan.json"))
    code, _, err = truewheel("--index", "public", str(folder), "--uploader", "twine", *plan)
    assert (code, err) == (Exit.OK, "uploading 2 of 2 wheels to public with uv\n")
    assert sorted(https.files) == PUBLIC
    uploads = {login for method, path, login in https.asked if method == "POST" and path == "/"}
    assert uploads == {f"Basic {package_index.Login('__token__', SECRET).basic}"}


def test_uv_as_jobs_of_gitlab_call_it_is_trusted_without_a_password(
    https: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = proven(tmp_path / "dist", https, RELEASE="yes")
    claims = (
        base64.urlsafe_b64encode(b'{"sub": "project_path:o/r", "iss": "x"}').decode().rstrip("=")
    )
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv(publishing.ID_TOKEN, f"e30.{claims}.c2ln")
    answers = ['{"audience": "pypi"}', f'{{"success": true, "token": "{SECRET}"}}']
    audience, password = (standin.status(200, text, kind="application/json") for text in answers)
    https.gets, https.posts = [audience], [password]
    public = plan_file.read((folder / "plan.json").read_text(), "plan.json").indexes[1]
    program, _, rest = publishing.script(public, "")[-1].partition(" ")
    assert program == '"$TRUEWHEEL_TEMP"/uploader/bin/uv'
    shutil.copytree(
        folder / "copies/public", tmp_path / "upload", ignore=shutil.ignore_patterns("SHA256SUMS")
    )
    line = f"{sys.executable} -m uv {rest}"
    monkeypatch.setenv("TRUEWHEEL_TEMP", ".")
    done = subprocess.run(
        ["sh", "-ec", line], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert sorted(https.files) == PUBLIC
    uploads = {login for method, path, login in https.asked if method == "POST" and path == "/"}
    assert uploads == {f"Basic {package_index.Login('__token__', SECRET).basic}"}


def as_on_github(monkeypatch: pytest.MonkeyPatch, index: Index) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv(publish.OIDC, f"{index.url}token?x=1")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner")


def test_an_index_that_trusts_nobody_is_a_failed_upload(
    index: Index, tmp_path: Path, truewheel: SAY, monkeypatch: pytest.MonkeyPatch
):
    folder = proven(tmp_path / "dist", index, RELEASE="yes")
    as_on_github(monkeypatch, index)
    code, _, err = truewheel("--index", "public", str(folder), "--plan", str(folder / "plan.json"))
    assert code == Exit.REMOTE_FAILED
    assert "0 of 2 wheels are there" in err
    assert not index.files


def test_a_second_run_uploads_nothing(index: Index, dist: Path, truewheel: SAY):
    truewheel("--index", "internal")
    code, out, err = truewheel("--index", "internal")
    assert (code, err, posts(index)) == (Exit.OK, "", 2)
    assert out.splitlines()[:2] == [f"there     {X86}", f"there     {ARM}"]


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_what_is_there_with_the_same_hash_is_not_uploaded_again(
    index: Index, dist: Path, truewheel: SAY, algorithm: str
):
    index.algorithm = algorithm
    index.files[ARM] = (dist / ARM).read_bytes()
    code, out, _ = truewheel("--index", "internal", "--json")
    assert code == Exit.OK
    assert [(wheel["wheel"], wheel["state"]) for wheel in json.loads(out)["wheels"]] == [
        (X86, "uploaded"),
        (ARM, "there"),
    ]
    assert posts(index) == 1


def test_a_dry_run_asks_and_uploads_nothing(index: Index, dist: Path, truewheel: SAY):
    code, out, _ = truewheel("--index", "internal", "--dry-run")
    assert code == Exit.OK
    assert out.splitlines()[-1] == "2 wheels, 2 of them would be uploaded to internal"
    assert (index.files, posts(index)) == ({}, 0)


# What is refused before the first byte.


def test_other_bytes_under_one_of_the_names_refuse_all(index: Index, dist: Path, truewheel: SAY):
    index.files[ARM] = b"other bytes"
    code, out, err = truewheel("--index", "internal")
    assert (code, out) == (Exit.WHEEL, "")
    assert f"{ARM}: the index internal has other bytes under this name: sha256 " in err
    assert "no file is ever overwritten" in err
    assert (posts(index), index.files) == (0, {ARM: b"other bytes"})


@pytest.mark.parametrize("algorithm", ["md5", "sha1"])
def test_a_weak_hash_is_none(index: Index, dist: Path, truewheel: SAY, algorithm: str):
    index.algorithm = algorithm
    index.files[X86] = (dist / X86).read_bytes()
    code, _, err = truewheel("--index", "internal")
    assert (code, posts(index)) == (Exit.WHEEL, 0)
    assert f"does not say its hash, {algorithm} alone" in err


def test_a_file_without_a_hash_refuses_all(index: Index, dist: Path, truewheel: SAY):
    index.algorithm = ""
    index.files[ARM] = (dist / ARM).read_bytes()
    code, _, err = truewheel("--index", "internal")
    assert (code, posts(index)) == (Exit.WHEEL, 0)
    assert "does not say its hash" in err


def change_a_wheel(dist: Path) -> None:
    wheels.make(dist, ARM, {"demo/_core.so": wheels.elf_file(183), "demo/new.py": b""})


def change_the_proof(dist: Path, **fields: Any) -> None:
    file = dist / "evidence.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def one_arch_alone(dist: Path) -> None:
    proof = json.loads((dist / "evidence.json").read_text())
    change_the_proof(
        dist, wheels=[wheel for wheel in proof["wheels"] if "aarch64" not in wheel["wheel"]]
    )


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (change_a_wheel, f"dist/{ARM}: was changed after it was proven: sha256 "),
        (lambda dist: (dist / ARM).unlink(), f"dist/{ARM}: is missing"),
        (lambda dist: (dist / "evidence.json").unlink(), "dist/evidence.json: is not there"),
        (lambda dist: (dist / "evidence.json").write_text("{"), "dist/evidence.json: damaged"),
        (
            lambda dist: (dist / "evidence.json").write_text('{"ok": true}'),
            "dist/evidence.json: damaged",
        ),
        (
            lambda dist: (dist / "evidence.json").write_text("[]"),
            "dist/evidence.json: these wheels did not pass",
        ),
        (
            lambda dist: change_the_proof(dist, ok=False),
            "dist/evidence.json: these wheels did not pass",
        ),
        (lambda dist: change_the_proof(dist, wheels=[5]), "dist/evidence.json: damaged"),
        (one_arch_alone, f"dist/{ARM}: was not proven"),
        (
            lambda dist: (dist / "SHA256SUMS").unlink(),
            f"dist/{X86}: SHA256SUMS and evidence.json differ about it",
        ),
    ],
)
def test_what_is_not_as_proven_is_not_published(
    index: Index, dist: Path, truewheel: SAY, harm: Callable[[Path], None], message: str
):
    harm(dist)
    code, out, err = truewheel("--index", "internal")
    assert (code, out, index.asked) == (Exit.WHEEL, "", [])
    assert message in err
    assert "hint: " in err


def test_the_pair_that_was_one_name_is_refused(index: Index, dist: Path, truewheel: SAY):
    """Two architectures in wheels of one name.

    The second is written over the first, and the proof finds it.
    """
    plan = plan_file.read((dist / "plan.json").read_text(), "plan.json")
    one = "demo-1.0-py3-none-any.whl"
    alike = [
        cell._replace(wheel=one, copies=tuple(replace(copy, wheel=one) for copy in cell.copies))
        for cell in plan.cells
    ]
    pair = replace(plan, cells=tuple(alike))
    for cell, number in zip(pair.cells, (62, 183), strict=True):
        wheel = wheels.make(dist, one, {"demo/_core.so": wheels.elf_file(number)})
        record = {"cell": cell.id, "wheel": one, "sha256": sha256(wheel)}
        prove.evidence.path(dist, cell.id).write_text(json.dumps(record))
    (dist / "plan.json").write_text(plan_file.write(pair))
    proof = prove.prove(dist, pair)
    assert any("was overwritten after its job" in problem for problem in proof.problems)
    assert any("TW" in problem for problem in proof.problems)
    assert truewheel("--index", "internal")[0] == Exit.WHEEL
    # and a proof that somebody wrote by hand does not help
    sums = {"wheel": one, "ok": True, "sha256": sha256(dist / one)}
    change_the_proof(dist, ok=True, wheels=[sums])
    (dist / "SHA256SUMS").write_text(f"{sums['sha256']}  {one}\n")
    code, _, err = truewheel("--index", "internal")
    assert (code, index.asked) == (Exit.WHEEL, [])
    assert f"{one}: two cells have this name on the index" in err


def test_a_refused_plan_is_not_published(index: Index, dist: Path, truewheel: SAY):
    data = json.loads((dist / "plan.json").read_text())
    problem = {
        "file": "f",
        "line": 1,
        "column": 1,
        "severity": "error",
        "message": "no",
        "hint": "",
    }
    (dist / "plan.json").write_text(json.dumps({**data, "problems": [problem]}))
    assert truewheel("--index", "internal")[0] == Exit.REFUSED
    assert index.asked == []


def test_an_index_whose_condition_does_not_hold_gets_nothing(
    index: Index, dist: Path, truewheel: SAY
):
    assert truewheel("--index", "public") == (
        Exit.OK,
        "nothing to publish to public: RELEASE is not 'yes'\n",
        "",
    )
    _, out, _ = truewheel("--index", "public", "--json")
    assert json.loads(out) == {
        "version": 1,
        "index": "public",
        "wheels": [],
        "waits_for": ["RELEASE is not 'yes'"],
    }
    assert index.asked == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("internl", "no index 'internl' in this plan\n    hint: did you mean internal?"),
        ("named", "has no address"),
    ],
)
def test_an_index_that_cannot_be_published_to(dist: Path, truewheel: SAY, name: str, message: str):
    code, _, err = truewheel("--index", name)
    assert code == Exit.REFUSED
    assert message in err


def test_a_password_that_is_not_set_is_named(
    index: Index, dist: Path, truewheel: SAY, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TOKEN", "")
    code, _, err = truewheel("--index", "internal")
    assert (code, index.asked) == (Exit.REFUSED, [])
    assert err.startswith(
        "TOKEN: is not set\n    hint: it holds the credentials of the index internal"
    )


def test_no_uploader_is_here(dist: Path, truewheel: SAY, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    code, _, err = truewheel("--index", "internal")
    assert code == Exit.REFUSED
    assert "neither uv nor twine is installed here" in err


# Cuts, and an index that misbehaves.


def test_a_cut_is_told_and_a_second_run_resumes(index: Index, dist: Path, truewheel: SAY):
    def store(handler: standin.Handler) -> None:
        index.files[X86] = (dist / X86).read_bytes()
        handler.answer(200)

    index.posts = [store, *[standin.status(500)] * 9]
    code, out, err = truewheel("--index", "internal")
    assert (code, out) == (Exit.REMOTE_FAILED, "")
    assert (
        "uv failed (exit status 2): 1 of 2 wheels are there, a second run uploads the rest" in err
    )
    index.posts = []
    code, out, _ = truewheel("--index", "internal")
    assert code == Exit.OK
    assert out.splitlines()[:2] == [f"there     {X86}", f"uploaded  {ARM}"]


def test_an_answer_that_is_lost_is_no_failure(index: Index, dist: Path, truewheel: SAY):
    def store(handler: standin.Handler) -> None:
        index.files |= {name: (dist / name).read_bytes() for name in (X86, ARM)}
        handler.answer(500)

    index.posts = [store]
    code, out, _ = truewheel("--index", "internal")
    assert code == Exit.OK
    assert "has the bytes that were proven" in out


def test_a_refused_upload_shows_what_the_index_said_but_no_password(
    index: Index, dist: Path, truewheel: SAY
):
    basic = package_index.Login("__token__", SECRET).basic
    index.posts = [standin.status(403, f"{SECRET} is no password, {basic} is none")] * 9
    code, _, err = truewheel("--index", "internal")
    assert code == Exit.REMOTE_FAILED
    assert "403" in err
    assert "*** is no password, *** is none" in " ".join(err.split()), "uv breaks its lines"


def test_an_index_that_refuses_to_be_asked(index: Index, dist: Path, truewheel: SAY):
    index.gets = [standin.status(401)]
    code, _, err = truewheel("--index", "internal")
    assert (code, posts(index)) == (Exit.REMOTE_FAILED, 0)
    assert "401" in err


def test_an_index_that_is_gone(index: Index, dist: Path, truewheel: SAY):
    index.gets = [standin.cut] * 3
    code, _, err = truewheel("--index", "internal")
    assert (code, posts(index)) == (Exit.REMOTE_UNREACHABLE, 0)
    assert "no answer after 3 attempts" in err


def test_an_upload_has_a_deadline(index: Index, dist: Path, truewheel: SAY):
    index.posts = [standin.hang] * 9
    code, _, err = truewheel("--index", "internal", "--deadline", "1")
    assert code == Exit.REMOTE_UNREACHABLE
    assert "uv did not end in time: 0 of 2 wheels are there" in err


def test_other_bytes_after_the_upload_are_found(index: Index, dist: Path, truewheel: SAY):
    def store(handler: standin.Handler) -> None:
        index.files |= dict.fromkeys((X86, ARM), b"not what was sent")
        handler.answer(200)

    index.posts = [store, standin.status(200)]
    code, out, err = truewheel("--index", "internal")
    assert (code, out) == (Exit.WHEEL, "")
    assert "has other bytes under this name" in err


def test_an_index_may_show_files_late_but_not_never(index: Index, dist: Path, truewheel: SAY):
    late = [standin.status(404)] * 3
    index.gets = late[:2]
    assert truewheel("--index", "internal")[0] == Exit.OK
    index.files.clear()
    index.gets = late + late
    code, _, err = truewheel("--index", "internal")
    assert code == Exit.REMOTE_UNREACHABLE
    assert f"{X86}: uploaded, but the index internal does not list it" in err
    assert f"{index.url}simple/" in err


def test_variables_of_the_uploaders_lead_nowhere_else(
    index: Index, dist: Path, truewheel: SAY, monkeypatch: pytest.MonkeyPatch
):
    for name in ("UV_PUBLISH_URL", "UV_PUBLISH_CHECK_URL", "TWINE_REPOSITORY_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    monkeypatch.setenv("UV_PUBLISH_TOKEN", "other")
    monkeypatch.setenv("UV_PUBLISH_INDEX", "other")
    assert truewheel("--index", "internal")[0] == Exit.OK


@pytest.mark.parametrize("name", ["UV_WORKING_DIR", "UV_WORKING_DIRECTORY", "UV_CONFIG_FILE"])
def test_no_variable_of_uv_takes_it_to_other_files(
    index: Index, dist: Path, truewheel: SAY, monkeypatch: pytest.MonkeyPatch, name: str
):
    (other := dist.parent / "other").mkdir()
    wheels.make(other, X86, {"demo/_core.so": wheels.elf_file(62)})
    wheels.make(other, ARM, {"demo/_core.so": wheels.elf_file(62)})
    (other / "uv.toml").write_text("[[[")
    monkeypatch.setenv(name, str(other / "uv.toml" if "FILE" in name else other))
    assert truewheel("--index", "internal")[0] == Exit.OK
    assert index.files.keys() == {X86, ARM}


@pytest.mark.parametrize("text", ["0", "-1", "x", "1e3", "9999999"])
def test_a_deadline_is_a_number_of_seconds(
    dist: Path, text: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        cli.main(["publish", "--index", "internal", f"--deadline={text}"])
    assert "seconds from 1 to" in capsys.readouterr().err


def test_the_script_is_the_command(dist: Path):
    script = ROOT / "scripts/publish_wheels.py"
    assert os.access(script, os.X_OK)
    command = [sys.executable, str(script), "--index", "public"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (
        0,
        "nothing to publish to public: RELEASE is not 'yes'\n",
    )


def test_the_spec_of_the_documents_is_one():
    text = (ROOT / "docs/publishing.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    plan_ = plan_of(
        f"packages: {{demo: {{}}}}\ntargets: {{rhel8: {{}}}}\nnaming: triton-2026.04\n{block}",
        event="tag",
    )
    assert [job.name for job in plan_.jobs if job.kind == "publish"] == [
        "publish:internal",
        "publish:public",
    ]
    assert plan_.problems == ()


def test_an_audited_wheel_is_published_under_the_name_that_its_job_has_found(tmp_path: Path):
    spec = (
        "packages: {demo: {}}\ntargets: {rhel8: {floor: audited}}\n"
        "indexes: {own: {url: 'https://index.example/'}}\n"
    )
    plan_ = plan_of(spec, event="tag")
    (cell,) = plan_.cells
    settled = cell.settled("manylinux_2_24_x86_64")
    wheel = wheels.make(tmp_path, settled.wheel, {"demo/_core.so": wheels.elf_file(62)})
    record = {"version": 1, "cell": cell.id, "wheel": settled.wheel, "sha256": sha256(wheel)}
    prove.evidence.write(tmp_path, record)
    verdict_files.write(tmp_path, settled)
    assert prove.prove(tmp_path, plan_).ok
    assert [file.wheel for file in publish.proven(tmp_path, plan_, "own")] == [settled.wheel]


def test_a_file_that_changes_before_its_upload_does_not_leave(
    index: Index, dist: Path, truewheel: SAY, monkeypatch: pytest.MonkeyPatch
):
    missing = publish.Publisher.missing

    def changed(self: publish.Publisher) -> list[publish.Proven]:
        files = missing(self)
        (dist / X86).write_bytes(b"other bytes")
        return files

    monkeypatch.setattr(publish.Publisher, "missing", changed)
    code, _, err = truewheel("--index", "internal")
    assert (code, posts(index)) == (Exit.WHEEL, 0)
    assert "was changed after it was proven" in err
