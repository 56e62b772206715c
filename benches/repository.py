"""Generates chart repositories of a given number of versions, of the shape that public ones have.

Measured on 17,845 packages of nine public repositories: 12 KB in the middle, one in ten above 46 KB, one in a hundred
above 311 KB, 925 KB at most; 33 files and 210 KB unpacked on average, `Chart.yaml` first, 30 versions a chart.
"""

import bisect
import multiprocessing
import os
import random
import shutil
import tarfile
import zlib
from pathlib import Path

VERSIONS_PER_CHART = 30
# part of the folder's name: a change of what is generated must not meet an older cache
FORM = 2

# the share of packages that are at most so many bytes
PACKED = [(0.0, 2_500), (0.5, 12_000), (0.9, 46_000), (0.99, 311_000), (1.0, 925_000)]
# what gzip makes of a chart's files, and bytes a file, on average
RATIO = 6.8
FILE_BYTES = 6_400
# of a chart's bytes: text that nobody wrote twice; the rest is templates that look like each other
PROSE_SHARE = 0.5
VALUES_SHARE = 0.08

WORDS = """anchor ballast beacon bearing bilge bollard bosun bow bulkhead buoy cabin capstan chart compass course deck
draught fathom fender galley halyard harbour hatch helm hull keel knot lanyard lee lighthouse log mast mooring pilot
port quay rigging rudder sail sextant sheet ship starboard stern tack tide tiller wake watch winch windlass""".split()

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "chart.fullname" . }}
  labels: {{- include "chart.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicaCount }}
  selector:
    matchLabels: {{- include "chart.labels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "chart.labels" . | nindent 8 }}
    spec:
      containers:
        - name: {{ .Chart.Name }}
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          ports:
            - name: http
              containerPort: {{ .Values.service.port }}
          resources: {{- toYaml .Values.resources | nindent 12 }}
"""

SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: {{ include "chart.fullname" . }}
spec:
  type: {{ .Values.service.type }}
  ports:
    - port: {{ .Values.service.port }}
      targetPort: http
  selector: {{- include "chart.labels" . | nindent 4 }}
"""

HELPERS = """{{- define "chart.fullname" -}}
{{ .Release.Name }}-{{ .Chart.Name }}
{{- end }}
{{- define "chart.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
"""


def generate(cache, versions, say):
    """The directory with this many packages; made once, then found again."""
    directory = cache / f"repository-{versions}-form-{FORM}"
    if directory.is_dir():
        return directory
    partial = cache / f"{directory.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    charts = range((versions + VERSIONS_PER_CHART - 1) // VERSIONS_PER_CHART)
    jobs = [(partial, number, min(VERSIONS_PER_CHART, versions - number * VERSIONS_PER_CHART)) for number in charts]
    with multiprocessing.Pool() as pool:
        for done, _ in enumerate(pool.imap_unordered(write_chart, jobs, chunksize=4), start=1):
            if done % 200 == 0:
                say(f"  {done * VERSIONS_PER_CHART:,} of {versions:,} packages")
    partial.rename(directory)
    return directory


def write_chart(job):
    """Writes the packages of all versions of one chart."""
    directory, number, versions = job
    chart = Chart(number)
    for patch in range(versions):
        version = f"{1 + patch // 10}.{patch % 10}.{number % 7}"
        (directory / f"{chart.name}-{version}.tgz").write_bytes(chart.package(version))


def copy(generated, to):
    """A directory of its own for a server: the packages are hard links, which a server that replaces files leaves alone."""
    to.mkdir(parents=True)
    for entry in os.scandir(generated):
        os.link(entry.path, to / entry.name)
    return to


def some_package(generated):
    """The file name of a package in the middle."""
    names = sorted(entry.name for entry in os.scandir(generated))
    return names[len(names) // 2]


class Chart:
    """One chart; its versions share everything but Chart.yaml."""

    def __init__(self, number):
        self.number = number
        self.dice = random.Random(number)
        self.name = f"{WORDS[number % len(WORDS)]}-{WORDS[(number // len(WORDS)) % len(WORDS)]}-{number}"
        files = {"values.yaml": self.values(), "README.md": f"# {self.name}\n\n"} | self.templates()
        self.rest = b"".join(self.entry(path, text) for path, text in files.items()) + bytes(1024)
        self.description = self.prose(14)
        self.keywords = "".join(f"  - {word}\n" for word in self.dice.sample(WORDS, 4))

    def package(self, version):
        """The .tgz of one version."""
        chart_yaml = (
            f"apiVersion: v2\nname: {self.name}\nversion: {version}\nappVersion: \"{version}\"\n"
            f"description: {self.description}\ntype: application\nkubeVersion: \">=1.25.0-0\"\n"
            f"home: https://charts.example.test/{self.name}\nicon: https://charts.example.test/{self.name}.svg\n"
            f"keywords:\n{self.keywords}maintainers:\n  - name: The crew\n    email: crew@example.test\n"
            f"sources:\n  - https://git.example.test/{self.name}\n"
            f"annotations:\n  category: {self.dice.choice(WORDS)}\n  licenses: Apache-2.0\n"
        )
        tar = self.entry("Chart.yaml", chart_yaml) + self.rest
        gzip = zlib.compressobj(6, zlib.DEFLATED, 31)
        return gzip.compress(tar) + gzip.flush()

    def values(self):
        """Values as charts have them: several levels, a comment to each."""
        lines = ["replicaCount: 1", "resources: {}", "image:", f"  repository: registry.example.test/{self.name}"]
        lines += ["service:", "  type: ClusterIP", "  port: 8080"]
        while sum(map(len, lines)) < self.unpacked() * VALUES_SHARE:
            lines += [f"{self.dice.choice(WORDS)}{len(lines)}:", f"  # {self.prose(9)}", "  enabled: false"]
            lines += ["  labels: {}", f"  name: \"{self.dice.choice(WORDS)}\"", f"  port: {self.dice.randrange(65536)}"]
        return "\n".join(lines) + "\n"

    def templates(self):
        """The files in which most of a chart's bytes are: part prose, part what every template says again."""
        count = max(3, round(self.unpacked() / FILE_BYTES) - 3)
        size = self.unpacked() * (1 - VALUES_SHARE) / count
        files = {"templates/_helpers.tpl": HELPERS}
        for number in range(count):
            prose = "".join(f"# {self.prose(12)}\n" for _ in range(1 + round(size * PROSE_SHARE / 92)))
            again = (DEPLOYMENT + "---\n" + SERVICE + "---\n") * (1 + round(size * (1 - PROSE_SHARE) / 1_300))
            directory = "crds" if number % 11 == 10 else "templates"
            files[f"{directory}/{self.dice.choice(WORDS)}-{number}.yaml"] = prose + again
        return files

    def unpacked(self):
        """Bytes of all files together, the same for all versions."""
        at = (self.number * 0.6180339887) % 1.0
        above = max(1, bisect.bisect(PACKED, (at,)))
        (low, few), (high, many) = PACKED[above - 1], PACKED[above]
        return few * (many / few) ** ((at - low) / (high - low)) * RATIO

    def entry(self, path, text):
        data = text.encode()
        header = tarfile.TarInfo(f"{self.name}/{path}")
        header.size = len(data)
        return header.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)

    def prose(self, words):
        return " ".join(self.dice.choice(WORDS) for _ in range(words)).capitalize() + "."
