"""Container images without a container engine: layers and a configuration in one docker archive.

The same files give the same bytes, and so the same digests: no clock, no owner's name, no order of a directory gets in.
"""

import hashlib
import io
import json
import os
import tarfile
from datetime import datetime, timezone
from pathlib import Path


def created():
    """The time written into an image: SOURCE_DATE_EPOCH, or the epoch itself."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", "0"))


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layer:
    """A tar in the making. Folders above a file are added by themselves, for everyone to read."""

    def __init__(self, what):
        self.what = what
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.PAX_FORMAT)
        self.seen = {""}

    def entry(self, path, mode, owner=0, **fields):
        entry = tarfile.TarInfo(path)
        entry.mode, entry.mtime, entry.uid, entry.gid = mode, created(), owner, owner
        for field, value in fields.items():
            setattr(entry, field, value)
        return entry

    def folder(self, path, mode=0o755, owner=0):
        path = path.strip("/")
        if path not in self.seen:
            self.folder(os.path.dirname(path))
            self.seen.add(path)
            self.tar.addfile(self.entry(path, mode, owner, type=tarfile.DIRTYPE))

    def file(self, path, content, mode=0o644):
        path = path.strip("/")
        self.folder(os.path.dirname(path))
        content = content if isinstance(content, bytes) else Path(content).read_bytes()
        self.tar.addfile(self.entry(path, mode, size=len(content)), io.BytesIO(content))

    def link(self, path, target, owner=0):
        path = path.strip("/")
        self.folder(os.path.dirname(path))
        self.tar.addfile(self.entry(path, 0o777, owner, type=tarfile.SYMTYPE, linkname=target))

    def finish(self):
        """The layer's bytes; nothing can be added any more."""
        self.tar.close()
        return self.buffer.getvalue()


def write(out, reference, layers, config, architecture="amd64"):
    """Writes the archive, the lowest layer first; returns the image's id, which is its configuration's digest."""
    bodies = [layer.finish() for layer in layers]
    moment = datetime.fromtimestamp(created(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    configuration = json.dumps({
        "architecture": architecture,
        "os": "linux",
        "created": moment,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [sha256(body) for body in bodies]},
        "history": [{"created": moment, "created_by": layer.what} for layer in layers],
    }, sort_keys=True).encode()
    identity = sha256(configuration)
    names = [sha256(body).partition(":")[2] + ".tar" for body in bodies]
    manifest = json.dumps([{
        "Config": identity.partition(":")[2] + ".json", "RepoTags": [reference], "Layers": names,
    }]).encode()
    with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as archive:
        first = (identity.partition(":")[2] + ".json", configuration)
        for name, body in (first, *zip(names, bodies), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(body), created()
            archive.addfile(entry, io.BytesIO(body))
    return identity
