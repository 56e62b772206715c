#!/usr/bin/env bash
# Puts the Kubernetes control plane that the tests run against into a folder, under the version it has:
#
#   DIR/control-plane-1.20.2/etcd   …/kube-apiserver   …/kube-controller-manager
#
# Usage: control-plane.sh [--node] [DIR]
#   DIR     default: $CHARTROOM_TOOLS, else $XDG_CACHE_HOME/chartroom/tools, else ~/.cache/chartroom/tools
#   --node  also what makes it run pods: …/kube-scheduler …/kubelet …/kube-proxy
#
# etcd is Debian's; Kubernetes is built from Debian's source package with Debian's Go, about five minutes, once, or
# eight with a node's. Who wants both asks with --node at once: the second time would fetch and generate all again.
# Everything is unpacked below DIR: nothing is installed into the system, unless make, gcc, git or rsync are missing.
# With KUBEBUILDER_ASSETS set, the tests use the binaries there, and nothing is fetched or built (a node's are always).
# Idempotent: what is there already is left alone, and then nothing touches the network.
set -euo pipefail

version=1.20.2
release=bookworm
go=golang-1.19
components=(kube-apiserver kube-controller-manager)
duration="five minutes"

say() { printf 'tools: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

node=no
dir=
for argument in "$@"; do
  case $argument in
    --node) node=yes components+=(kube-scheduler kubelet kube-proxy) duration="eight minutes" ;;
    -h | --help) sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    -*) die "unknown option $argument" ;;
    *) dir=$argument ;;
  esac
done

if [ -n "${KUBEBUILDER_ASSETS:-}" ] && [ $node = no ]; then
  for binary in etcd kube-apiserver; do
    [ -x "$KUBEBUILDER_ASSETS/$binary" ] || die "KUBEBUILDER_ASSETS has no $binary"
  done
  [ -x "$KUBEBUILDER_ASSETS/kube-controller-manager" ] ||
    say "KUBEBUILDER_ASSETS has no kube-controller-manager: tests that need one will fail"
  say "control plane from KUBEBUILDER_ASSETS"
  exit 0
fi

dir=${dir:-${CHARTROOM_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/chartroom/tools}}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
target=$dir/control-plane-$version
scratch=
trap '[ -z "$scratch" ] || { chmod -R u+w "$scratch"; rm -rf "$scratch"; }' EXIT

# a lock of its own: the other tools can be used meanwhile
exec 9>"$dir/.control-plane.lock"
flock --nonblock 9 || { say "waiting for another build of the control plane"; flock 9; }

complete=yes
for binary in etcd "${components[@]}"; do
  [ -x "$target/$binary" ] || complete=no
done
[ $complete = no ] || exit 0

elsewhere="set KUBEBUILDER_ASSETS to a folder with etcd and Kubernetes' binaries instead"
[ "$(uname -sm)" = "Linux x86_64" ] || die "the control plane is built on Linux x86_64, this is $(uname -sm): $elsewhere"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r $keyring ] || die "the control plane is built from Debian's packages, this is not Debian: $elsewhere"

for command in make gcc git rsync; do
  command -v $command >/dev/null && continue
  [ "$(id -u)" = 0 ] || die "missing $command: run as root, or apt-get install it yourself"
  say "apt-get install $command"
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  answer=$( (apt-get update && apt-get install -y --no-install-recommends $command libc6-dev) 2>&1) ||
    { tail -n 20 <<<"$answer" >&2; die "apt-get failed"; }
done

scratch=$(mktemp -d "$dir/.control-plane.XXXXXX")
log=$scratch/log

# step WHAT COMMAND...: says what is done and how long it took; what the command says is shown when it fails
step() {
  local what=$1 start=$SECONDS
  shift
  say "$what"
  # not under `||`, which would switch off errexit inside
  set +e
  (set -e; "$@") >"$log" 2>&1
  local status=$?
  set -e
  if [ $status -ne 0 ]; then tail -n 40 "$log" >&2; die "$what: failed"; fi
  [ $((SECONDS - start)) -lt 10 ] || say "  took $((SECONDS - start)) s"
}

# --- Debian packages, by an apt configuration of our own: the machine's mirror, with sources ----------------------
mirror() {
  # a file that is not there is no failure: machines have the one form or the other
  { cat /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } | awk -v release=$release '
    BEGIN { RS = ""; FS = "\n" }
    {
      uri = ""; suites = ""
      for (i = 1; i <= NF; i++) {
        if ($i ~ /^URIs:/) { split($i, word, /[ \t]+/); uri = word[2] }
        if ($i ~ /^Suites:/) suites = $i " "
      }
      if (uri != "" && suites ~ "[ \t]" release "[ \t]") { print uri }
    }'
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
    sed 's/\[[^]]*\]//' | awk -v release=$release '$1 == "deb" && $3 == release { print $2 }'
}

with_apt() {
  apt-get -o Dir::Etc::sourcelist="$scratch/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$scratch/apt/lists" -o Dir::Cache="$scratch/apt/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

fetch() {
  mkdir -p "$scratch/apt/lists/partial" "$scratch/apt/cache/archives/partial" "$scratch/packages"
  local kind
  for kind in deb deb-src; do
    echo "$kind [signed-by=$keyring] $1 $release main"
  done >"$scratch/apt/sources.list"
  with_apt update
  cd "$scratch/packages"
  with_apt download etcd-server $go-go $go-src golang-github-modern-go-reflect2-dev
  with_apt source --download-only kubernetes
}

unpack() {
  local package
  for package in "$scratch"/packages/*.deb; do
    dpkg-deb --extract "$package" "$scratch/debian"
  done
  mkdir -p "$scratch/kubernetes"
  # Debian calls it 1.20.5+really1.20.2
  tar xzf "$scratch"/packages/kubernetes_*"$version"*.orig.tar.gz --strip-components=1 -C "$scratch/kubernetes"
  # the vendored reflect2 reads the runtime's maps as Go did before 1.18: built with a later Go, the API server faults
  # at random on lists in JSON; Debian's package of it is repaired
  local vendored=$scratch/kubernetes/vendor/github.com/modern-go/reflect2
  rm "$vendored"/*.go "$vendored"/*.s
  cp "$scratch"/debian/usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} "$vendored"/
  rm -f "$vendored"/*_test.go
  # a tree of its own for its build, should a folder above be under git
  git -C "$scratch/kubernetes" init --quiet
}

# build TARGET...: Kubernetes' own make, in a world that knows Debian's Go and no other
build() {
  cd "$scratch/kubernetes"
  env -u GOFLAGS -u GOROOT -u GOPATH -u GOBIN GOENV=off GOTOOLCHAIN=local GOCACHE="$scratch/go-cache" \
    PATH="$scratch/debian/usr/lib/${go/lang/}/bin:$PATH" \
    KUBE_GIT_VERSION=v$version KUBE_GIT_COMMIT=debian KUBE_GIT_TREE_STATE=clean KUBE_GIT_MAJOR=1 KUBE_GIT_MINOR=20 \
    make "$@"
}

# place FILE EXPECTED: runs the binary, moves it into place when its version is the expected one
place() {
  local answer name
  name=$(basename "$1")
  answer=$("$1" --version) || die "$name does not run"
  case $answer in
    *"$2"*) ;;
    *) die "$name says '$answer', expected $2" ;;
  esac
  mkdir -p "$target"
  mv "$1" "$target/$name"
  say "control-plane-$version/$name (${answer%%$'\n'*})"
}

from=$(mirror)
from=${from%%$'\n'*}
[ -n "$from" ] || die "apt knows no mirror of Debian $release: $elsewhere"
say "Kubernetes for the tests: about $duration, once"
step "fetching etcd, Go and the source of Kubernetes" fetch "$from"
step "unpacking" unpack
[ -x "$target/etcd" ] || place "$scratch/debian/usr/bin/etcd" "etcd Version: 3."
step "generating code" build generated_files
for component in "${components[@]}"; do
  if [ ! -x "$target/$component" ]; then
    step "building $component" build all WHAT="cmd/$component"
    place "$scratch/kubernetes/_output/local/go/bin/$component" "Kubernetes v$version"
  fi
done
