"""Replays the Dockerfile's steps in clean Debian roots where no container engine is at hand, then serves from them.

`python deploy/image/replay.py` as root, with debootstrap. What differs from a real build is printed first: the base
image cannot be fetched, so its Python is Debian's. The service runs as the image's user, on a read-only root, in a
network of its own, and the image's health check must succeed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from dockerfile import Stage, expand, read

ROOT = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
PASSED_ON = (
    "PIP_CERT",
    "PIP_INDEX_URL",
    "PIP_NO_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "http_proxy",
    "https_proxy",
)
DIFFERENCES = (
    "base: a Debian bookworm root by debootstrap instead of the image python:3.13-slim-bookworm",
    "Python: Debian's python3 {version} as /usr/local/bin/python instead of 3.13, so other wheels of the same lock",
    "certificates, resolv.conf and package index settings of this machine are copied in",
    "no layers, no build arguments, no platform other than this machine's",
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def say(text: str) -> None:
    print(f"image: {text}", flush=True)


def inside(
    root: Path,
    command: list[str],
    environment: dict[str, str],
    user: str = "root",
    folder: str = "/",
    network: str = "network",
) -> subprocess.Popen[str]:
    """Starts a command in the root, in mount and process namespaces of its own."""
    alone = ["--net"] if network == "alone" else []
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", *alone]
    helper = [sys.executable, str(ROOT / "deploy/image/inside.py"), str(root), user, folder, network]
    given = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root", **environment}
    return subprocess.Popen(
        [*unshare, *helper, *command], env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def run(root: Path, shell: str, environment: dict[str, str], folder: str = "/") -> str:
    """A RUN step: its output, RuntimeError with the end of it when it fails."""
    process = inside(root, ["/bin/sh", "-c", shell], environment, folder=folder)
    output, _ = process.communicate(timeout=900)
    if process.returncode:
        raise RuntimeError(f"RUN {shell}\nfailed with {process.returncode}:\n{output[-3000:]}")
    return output


def make_base(root: Path) -> str:
    """The clean root that stands for the base image; its Python's version."""
    subprocess.run(["debootstrap", "--variant=minbase", SUITE, str(root)], check=True, stdout=subprocess.DEVNULL)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    sources = root / "etc/apt/sources.list"
    mirror = sources.read_text().split()[1].rstrip("/")  # debootstrap wrote: deb MIRROR SUITE main
    with sources.open("a") as more:
        more.write(f"deb {mirror} {SUITE}-updates main\ndeb {mirror}-security {SUITE}-security main\n")
    if Path("/etc/apt/apt.conf.d").is_dir():
        for path in Path("/etc/apt/apt.conf.d").glob("99*"):
            shutil.copy(path, root / "etc/apt/apt.conf.d")
    apt = "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install"
    run(root, f"{apt} ca-certificates python3 python3-dev python3-venv >/dev/null", {})
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if certificates:
        shutil.copy(certificates, root / "etc/ssl/certs/machine.crt")
    return run(root, "python -c 'import platform; print(platform.python_version())'", {}).strip()


def machine_settings() -> dict[str, str]:
    """How this machine reaches its package index."""
    found = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    if os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE"):
        found |= {"PIP_CERT": "/etc/ssl/certs/machine.crt", "SSL_CERT_FILE": "/etc/ssl/certs/machine.crt"}
    return found


def copy(step_text: str, root: Path, folder: str, roots: dict[str, Path]) -> None:
    """A COPY step: from the build context, or from the root of an earlier stage."""
    words = step_text.split()
    origin, left_out = ROOT, shutil.ignore_patterns("__pycache__", "*.so")  # as in .dockerignore
    if words[0].startswith("--from="):
        origin, left_out = roots[words.pop(0).removeprefix("--from=")], None
    *sources, target = words
    goal = root / (target if target.startswith("/") else f"{folder}/{target}").lstrip("/")
    for source in sources:
        path = origin / source.lstrip("/")
        if path.is_dir():
            shutil.copytree(path, goal, symlinks=True, dirs_exist_ok=True, ignore=left_out)
        else:
            where = goal / path.name if target.endswith("/") else goal
            where.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, where)


def replay(stage: Stage, root: Path, roots: dict[str, Path]) -> tuple[dict[str, str], str]:
    """Every step of a stage; its environment and working folder."""
    environment: dict[str, str] = {"PATH": PATH}
    folder = "/"
    for step in stage.steps:
        began = time.perf_counter()
        if step.name in ("ENV", "ARG"):
            environment |= {name: expand(value, environment) for name, value in step.pairs().items()}
            continue
        if step.name == "WORKDIR":
            folder = step.text
            (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif step.name == "RUN":
            run(root, step.text, {**machine_settings(), **environment}, folder)
        elif step.name == "COPY":
            copy(step.text, root, folder, roots)
        else:
            continue
        say(f"{stage.name}: {step.name} {step.text[:90]} ({time.perf_counter() - began:.1f} s)")
    return environment, folder


def serve(stage: Stage, root: Path, environment: dict[str, str], folder: str) -> None:
    """The image's command as its user; its health check, run in the same network, must succeed."""
    user = stage.of("USER")[-1].text
    start, health = " ".join(stage.command()), " ".join(stage.health())
    wait = f"for i in $(seq 60); do {health} -s && break; sleep 0.5; done"
    shell = f"{start} & service=$!; {wait}; id -un; kill $service; wait $service"
    process = inside(root, ["/bin/sh", "-c", shell], environment, user, folder, "alone")
    output, _ = process.communicate(timeout=120)
    found = next((json.loads(line) for line in json_objects(output) if "uptime_seconds" in line), None)
    if process.returncode or found is None or found["status"] != "healthy":
        raise RuntimeError(f"the service did not become healthy in the root:\n{output[-3000:]}")
    if "ALLOW_UNAUTHENTICATED=1" not in output or "METAL_ACCELERATION" not in output or user not in output.split():
        raise RuntimeError(f"the log lacks its warnings, or the user is not {user}:\n{output[-3000:]}")
    device = found["acceleration"]["device"]
    say(f"served as {user}, root read-only, no network: {found['status']}, version {found['version']}, {device}")


def json_objects(text: str) -> list[str]:
    """The top-level JSON objects in a text with other lines around them."""
    found, decoder, at = [], json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        try:
            _, end = decoder.raw_decode(text, at)
            found.append(text[at:end])
            at = end
        except json.JSONDecodeError:
            at += 1
    return found


def remove(tree: Path) -> None:
    """Deletes the roots, and refuses while anything is mounted in them."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    if below := [point for point in mounted if point.startswith(str(tree))]:
        raise RuntimeError(f"not deleted, still mounted: {below}")
    subprocess.run(["rm", "-rf", "--one-file-system", str(tree)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to make the roots (default a temporary folder)")
    options = parser.parse_args()
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        print("image: skipped: needs root and debootstrap (Debian: apt-get install debootstrap)")
        return 0
    stages = read(ROOT / "Dockerfile")
    tree = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        base = tree / "base"
        base.mkdir()
        version = make_base(base)
        for line in DIFFERENCES:
            say("differs: " + line.format(version=version))
        roots: dict[str, Path] = {}
        for stage in stages:
            roots[stage.name] = tree / stage.name
            subprocess.run(["cp", "-a", str(base), str(roots[stage.name])], check=True)
            environment, folder = replay(stage, roots[stage.name], roots)
        size = subprocess.run(
            ["du", "-sm", str(roots[stage.name] / "opt")], check=True, capture_output=True, text=True
        ).stdout.split()[0]
        say(f"/opt/portfolio is {size} MiB")
        serve(stages[-1], roots[stages[-1].name], environment, folder)
    finally:
        remove(tree)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
