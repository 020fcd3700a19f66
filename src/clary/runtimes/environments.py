"""Builds and finds the environments that jobs and model servers run in.

An environment is a folder named by the hash of all that it is made of: lock file, build of PyTorch, interpreter
and platform. It is built in place by uv from a lock with hashes, under a file lock, and marked
`.ready` last; what has no mark is built again. Several installations may share the folder. Units see it read-only.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

from clary.base.crash import crash_here
from clary.runtimes import images, package_sources, shared_folders, torch_builds
from clary.runtimes.errors import EnvironmentBuildError
from clary.runtimes.images import Definition

_FORMAT = "2"
_BUILD_SECONDS = 1800
_GPU_DEVICE = Path("/dev/nvidiactl")


@dataclass(frozen=True, slots=True)
class PreparedEnvironment:
    """A ready environment. `notes` say what differs from the image that was asked for; they belong into the log.

    `framework` is the image's: its framework, or its algorithm.

    `front` is a second environment whose packages come before those of this one. `variables` are for its programs.
    """

    path: Path
    framework: str
    python: str
    label: str = ""
    notes: tuple[str, ...] = ()
    front: Path | None = None
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Environments:
    """All environments below one folder, for the Python that runs this.

    `link_mode` is uv's: `hardlink` shares files with uv's cache, which is right as long as units cannot write to
    the environment; use `copy` where there is no isolation.
    """

    folder: Path
    link_mode: str = "hardlink"
    _paths: dict[str, Path] = field(default_factory=dict, init=False, repr=False)

    def is_warm(self, image_uri: str) -> bool:
        """Whether `prepare` will find it built. Raises UnsupportedImage."""
        path, _ = self._place(images.select(image_uri, sys.version_info[:3]).definition)
        return shared_folders.is_ready(path)

    def prepare(self, image_uri: str) -> PreparedEnvironment:
        """The environment for an image, built now if need be. Raises UnsupportedImage, EnvironmentBuildError."""
        selection = images.select(image_uri, sys.version_info[:3])
        prepared = self.prepare_definition(selection.definition, selection.notes)
        return replace(prepared, framework=selection.framework, variables=selection.variables)

    def prepare_for_function(self, image_uri: str, sdk_version: str) -> PreparedEnvironment:
        """As `prepare`, for a job that this version of the SDK has made of a function: it needs the SDK, too."""
        selection = images.select(image_uri, sys.version_info[:3])
        sdk = self.prepare_definition(images.select_sdk(sdk_version), selection.notes)
        if selection.definition is images.SDK_2:
            return sdk
        prepared = self.prepare_definition(selection.definition, selection.notes)
        return replace(prepared, front=sdk.path, variables=selection.variables)

    def prepare_client(self, definition: Definition = images.CLIENT) -> PreparedEnvironment:
        """An environment of client code: the SageMaker SDK."""
        return self.prepare_definition(definition)

    def prepare_functions(self) -> PreparedEnvironment:
        """The environment of Lambda functions: interface client and AWS SDK."""
        return self.prepare_definition(images.FUNCTIONS)

    def prepare_definition(self, definition: Definition, notes: tuple[str, ...] = ()) -> PreparedEnvironment:
        path, lock = self._place(definition)
        while not shared_folders.is_ready(path):
            with shared_folders.alone(path) as held:
                if not (path / shared_folders.READY).exists():
                    self._build(path, definition, lock, held)
        own = tuple(shared_folders.read_ready(path).get("notes", ()))
        return PreparedEnvironment(
            path, definition.framework, platform.python_version(), definition.label, (*notes, *own)
        )

    def _place(self, definition: Definition) -> tuple[Path, str]:
        """Its folder, built or not, and its lock."""
        lock = read_lock(definition.name)
        torch = torch_builds.describe_build(gpu=_GPU_DEVICE.exists()) if definition.with_torch else ""
        return self._path(definition.name, lock + torch), lock

    def _path(self, name: str, lock: str) -> Path:
        known = self._paths.get(name)
        if known is None:
            digest = hashlib.sha256()
            for part in (_FORMAT, lock, sys.version, _base_interpreter(), _platform()):
                digest.update(part.encode() + b"\0")
            known = self._paths[name] = self.folder.absolute() / f"{name}-{digest.hexdigest()[:32]}"
        return known

    def _build(self, path: Path, definition: Definition, lock: str, held: int) -> None:
        """`held` is the lock's file descriptor. uv gets a copy: should this process die, the lock lasts as long as
        uv still writes to the folder."""
        shutil.rmtree(path, ignore_errors=True)
        crash_here("environments.before_build")
        requirements = self.folder / f".{path.name}.requirements.txt"
        requirements.write_text(lock)
        try:
            self._run_uv(
                definition, held, "venv", "--python", sys.executable, "--no-python-downloads", "--quiet", str(path)
            )
            self._run_uv(
                definition,
                held,
                "pip",
                "install",
                "--quiet",
                "--require-hashes",
                "--no-deps",
                "--compile-bytecode",
                f"--link-mode={self.link_mode}",
                f"--python={path / 'bin' / 'python'}",
                f"--requirements={requirements}",
            )
        finally:
            requirements.unlink(missing_ok=True)
        notes = self._install_torch(path, definition, held) if definition.with_torch else []
        crash_here("environments.after_install")
        python = platform.python_version()
        shared_folders.mark_ready(path, _label(definition), name=definition.name, python=python, notes=notes)

    def _install_torch(self, path: Path, definition: Definition, held: int) -> list[str]:
        """Returns what the logs must say. Raises EnvironmentBuildError with all that was tried."""
        failures: list[tuple[str, str]] = []
        for way in torch_builds.ways_to_install(gpu=_GPU_DEVICE.exists()):
            try:
                self._run_uv(
                    definition,
                    held,
                    "pip",
                    "install",
                    "--quiet",
                    "--compile-bytecode",
                    f"--link-mode={self.link_mode}",
                    f"--python={path / 'bin' / 'python'}",
                    *way.options,
                    *way.packages,
                )
            except EnvironmentBuildError as error:
                failures.append((f"{' and '.join(way.packages)} from {way.source}", error.said or str(error)))
            else:
                return [way.note] if way.note else []
        tried = " ".join(f"({number}) {what}: {said}" for number, (what, said) in enumerate(failures, 1))
        raise EnvironmentBuildError(
            f"The environment {definition.name} could not be built, because PyTorch could not be had. Name a source "
            f"that holds torch {torch_builds.TORCH} in pip's configuration (find-links or extra-index-url). "
            f"Tried: {tried}"
        )

    def _run_uv(self, definition: Definition, held: int, *arguments: str) -> None:
        environment = {**os.environ, **package_sources.uv_variables()}
        environment.pop("VIRTUAL_ENV", None)
        command = [sys.executable, "-m", "uv", *arguments]
        try:
            result = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                capture_output=True,
                timeout=_BUILD_SECONDS,
                check=False,
                pass_fds=(held,),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentBuildError(f"The environment {definition.name} could not be built: {error}") from error
        if result.returncode != 0:
            lines = result.stderr.decode(errors="replace").strip().splitlines()
            said = " ".join(line.strip() for line in lines[-12:])
            raise EnvironmentBuildError(
                f"The environment {definition.name} could not be built; uv {arguments[0]} said: {said}", said
            )


def prepare(image_uri: str, folder: Path) -> PreparedEnvironment:
    """`Environments.prepare` for callers with a single question."""
    return Environments(folder).prepare(image_uri)


def _label(definition: Definition) -> str:
    """All that share the environment."""
    labels = [each.label for each in images.DEFINITIONS if each.name == definition.name]
    return ", ".join(labels) or definition.label


def read_lock(name: str) -> str:
    """The lock file of a definition, from the package's own data."""
    return (resources.files("clary.runtimes") / "locks" / f"{name}.txt").read_text()


def _base_interpreter() -> str:
    return os.path.realpath(sys.executable)


def _platform() -> str:
    """What decides which wheels fit; not the kernel, which changes with every update."""
    return " ".join((sys.platform, platform.machine(), *platform.libc_ver()))
