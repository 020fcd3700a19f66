"""Builds and finds the environments that jobs and model servers run in.

An environment is a folder named by the hash of all that it is made of: lock file, build of PyTorch, interpreter
and platform. It is built in place by uv from a lock with hashes, under a file lock, and marked
`.ready` last; what has no mark is built again. Several installations may share the folder. Units see it read-only.

The engine's looks `obtain`, which never waits; who has nothing else to do (the command line, a call that waits for
its function) may `prepare`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import resources
from pathlib import Path

from clary.base.crash import crash_here
from clary.runtimes import bytecode, images, shared_folders, torch_builds
from clary.runtimes.builds import Builds
from clary.runtimes.errors import EnvironmentBuildError
from clary.runtimes.images import Definition, Selection
from clary.runtimes.uv import Uv

_FORMAT = "2"
_PAUSE_SECONDS = 0.1
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


@dataclass(frozen=True, slots=True)
class BeingBuilt:
    """Not there yet: ask again in a while, or when `listen` tells. `labels` are those of what is missing."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an environment lies, built or not, and what it is made of."""

    definition: Definition
    path: Path
    lock: str
    gpu: bool


@dataclass(slots=True)
class Environments:
    """All environments below one folder, for the Python that runs this.

    `link_mode` is uv's: `hardlink` shares files with uv's cache, which is right as long as units cannot write to
    the environment; use `copy` where there is no isolation.
    """

    folder: Path
    link_mode: str = "hardlink"
    _locks: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    _paths: dict[tuple[str, bool], Path] = field(default_factory=dict, init=False, repr=False)
    _builds: Builds = field(default_factory=Builds, init=False, repr=False)
    _uv: Uv = field(default_factory=Uv, init=False, repr=False)

    # -- without waiting ---------------------------------------------------------------------------------------

    def obtain(self, image_uri: str, asker: str, sdk_version: str | None = None) -> PreparedEnvironment | BeingBuilt:
        """The environment for an image if it is there, else it is being built from now on.

        `sdk_version` is that of the SDK which has made a job of a function: the function needs the SDK, too. `asker`
        is who will ask again, told by `listen` when that is worthwhile. Raises UnsupportedImage, and
        EnvironmentBuildError or OSError once for each failed build that the asker waited for.
        """
        selection = images.select(image_uri, sys.version_info[:3])
        places = [self._place(definition) for definition in _definitions(selection, sdk_version)]
        missing = [place for place in places if not shared_folders.is_ready(place.path)]
        for place in missing:
            self._builds.ask(place.path, asker, partial(self._build_alone, place))
        if missing:
            return BeingBuilt(tuple(place.definition.label for place in missing))
        return _put_together(selection, [_read(place) for place in places])

    def listen(self, tell: Callable[[str], None]) -> None:
        """`tell(asker)` is called, from any thread, when what the asker waits for is there or has failed."""
        self._builds.listen(tell)

    def close(self) -> None:
        """End the builds that are under way; whoever comes next begins them again."""
        self._builds.close(self._uv.close)

    def _build_alone(self, place: _Place) -> bool:
        """False while another process is at it, or the uv that a dead one has left behind."""
        with shared_folders.alone_or_not(place.path) as held:
            if held is None:
                return False
            if not (place.path / shared_folders.READY).exists():
                self._build(place, held)
        return True

    # -- waiting -----------------------------------------------------------------------------------------------

    def prepare(self, image_uri: str) -> PreparedEnvironment:
        """The environment for an image, built now if need be. Raises UnsupportedImage, EnvironmentBuildError."""
        selection = images.select(image_uri, sys.version_info[:3])
        return _put_together(selection, [self.prepare_definition(selection.definition)])

    def prepare_client(self, definition: Definition = images.CLIENT) -> PreparedEnvironment:
        """An environment of client code: the SageMaker SDK."""
        return self.prepare_definition(definition)

    def prepare_functions(self) -> PreparedEnvironment:
        """The environment of Lambda functions: interface client and AWS SDK."""
        return self.prepare_definition(images.FUNCTIONS)

    def prepare_definition(self, definition: Definition) -> PreparedEnvironment:
        place = self._place(definition)
        while not shared_folders.is_ready(place.path):
            if not self._build_alone(place):
                self._uv.pause(_PAUSE_SECONDS)
        return _read(place)

    # -- both --------------------------------------------------------------------------------------------------

    def _place(self, definition: Definition) -> _Place:
        """A lock is read once: an update of the package under a running server changes nothing for it."""
        lock = self._locks.get(definition.name)
        if lock is None:
            lock = self._locks[definition.name] = read_lock(definition.name)
        gpu = definition.with_torch and _GPU_DEVICE.exists()
        path = self._paths.get((definition.name, gpu))
        if path is None:
            torch = torch_builds.describe_build(gpu=gpu) if definition.with_torch else ""
            path = self._paths[definition.name, gpu] = self._path(definition.name, lock + torch)
        return _Place(definition, path, lock, gpu)

    def _path(self, name: str, content: str) -> Path:
        digest = hashlib.sha256()
        for part in (_FORMAT, content, sys.version, _base_interpreter(), _platform()):
            digest.update(part.encode() + b"\0")
        return self.folder.absolute() / f"{name}-{digest.hexdigest()[:32]}"

    def _build(self, place: _Place, held: int) -> None:
        """`held` is the lock's descriptor."""
        path, definition = place.path, place.definition
        shutil.rmtree(path, ignore_errors=True)
        crash_here("environments.before_build")
        requirements = self.folder / f".{path.name}.requirements.txt"
        requirements.write_text(place.lock)
        install = partial(self._install, place, held)
        try:
            self._uv.run(
                definition.name,
                self.folder,
                held,
                *("venv", "--python", sys.executable, "--no-python-downloads", "--quiet", str(path)),
            )
            install("--require-hashes", "--no-deps", f"--requirements={requirements}")
        finally:
            requirements.unlink(missing_ok=True)
        notes = self._install_torch(place, install) if definition.with_torch else []
        if definition.for_jobs:
            bytecode.adopt(path, [other for other in self.folder.iterdir() if other != path])
            self._uv.compile(definition.name, path / "bin" / "python", held)
        crash_here("environments.after_install")
        python = platform.python_version()
        shared_folders.mark_ready(path, _label(definition), name=definition.name, python=python, notes=notes)

    def _install(self, place: _Place, held: int, *options: str) -> None:
        self._uv.run(
            place.definition.name,
            self.folder,
            held,
            *("pip", "install", "--quiet", f"--link-mode={self.link_mode}"),
            f"--python={place.path / 'bin' / 'python'}",
            *options,
        )

    def _install_torch(self, place: _Place, install: Callable[..., None]) -> list[str]:
        """Returns what the logs must say. Raises EnvironmentBuildError with all that was tried."""
        failures: list[tuple[str, str]] = []
        for way in torch_builds.ways_to_install(gpu=place.gpu):
            try:
                install(*way.options, *way.packages)
            except EnvironmentBuildError as error:
                failures.append((f"{' and '.join(way.packages)} from {way.source}", error.said or str(error)))
            else:
                return [way.note] if way.note else []
        tried = " ".join(f"({number}) {what}: {said}" for number, (what, said) in enumerate(failures, 1))
        raise EnvironmentBuildError(
            f"The environment {place.definition.name} could not be built, because PyTorch could not be had. Name a "
            f"source that holds torch {torch_builds.TORCH} in pip's configuration (find-links or extra-index-url). "
            f"Tried: {tried}"
        )


def prepare(image_uri: str, folder: Path) -> PreparedEnvironment:
    """`Environments.prepare` for callers with a single question."""
    return Environments(folder).prepare(image_uri)


def _definitions(selection: Selection, sdk_version: str | None) -> list[Definition]:
    """The one that counts first; its packages come before those of the next."""
    if sdk_version is None:
        return [selection.definition]
    sdk = images.select_sdk(sdk_version)
    return [sdk] if selection.definition is images.SDK_2 else [sdk, selection.definition]


def _read(place: _Place) -> PreparedEnvironment:
    notes = tuple(shared_folders.read_ready(place.path).get("notes", ()))
    definition = place.definition
    return PreparedEnvironment(
        place.path, definition.framework, platform.python_version(), definition.label, notes=notes
    )


def _put_together(selection: Selection, found: list[PreparedEnvironment]) -> PreparedEnvironment:
    """What the image asks for on top of the last one, behind the first where there are two."""
    last = found[-1]
    return replace(
        last,
        framework=selection.framework if last.framework == selection.definition.framework else last.framework,
        notes=(*selection.notes, *last.notes),
        front=found[0].path if len(found) > 1 else None,
        variables=selection.variables,
    )


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
