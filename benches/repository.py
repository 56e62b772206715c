"""Generates chart repositories of a given number of versions: small, valid packages with the metadata charts have."""

import io
import os
import random
import shutil
import tarfile
import zlib
from pathlib import Path

VERSIONS_PER_CHART = 20
# part of the folder's name: a change of what is generated must not meet an older cache
FORM = 1

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
    written = 0
    for number in range((versions + VERSIONS_PER_CHART - 1) // VERSIONS_PER_CHART):
        chart = Chart(number)
        for patch in range(min(VERSIONS_PER_CHART, versions - written)):
            version = f"{1 + patch // 10}.{patch % 10}.{number % 7}"
            (partial / f"{chart.name}-{version}.tgz").write_bytes(chart.package(version))
            written += 1
        if number % 500 == 499:
            say(f"  {written:,} of {versions:,} packages")
    partial.rename(directory)
    return directory


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
        self.dice = random.Random(number)
        self.name = f"{WORDS[number % len(WORDS)]}-{WORDS[(number // len(WORDS)) % len(WORDS)]}-{number}"
        readme = f"# {self.name}\n\n" + "\n".join(self.prose(12) for _ in range(80))
        values = (
            f"replicaCount: 1\nimage:\n  repository: registry.example.test/{self.name}\n  tag: \"\"\n"
            "service:\n  type: ClusterIP\n  port: 8080\nresources: {}\n"
        )
        files = {"values.yaml": values, "README.md": readme, "templates/deployment.yaml": DEPLOYMENT}
        files |= {"templates/service.yaml": SERVICE, "templates/_helpers.tpl": HELPERS}
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

    def entry(self, path, text):
        data = text.encode()
        header = tarfile.TarInfo(f"{self.name}/{path}")
        header.size = len(data)
        return header.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)

    def prose(self, words):
        return " ".join(self.dice.choice(WORDS) for _ in range(words)).capitalize() + "."
