#!/usr/bin/env bash
# Compiles programs from Go modules into a folder, each under its version:
#
#   DIR/kubernetes-1.37.2/kube-apiserver   DIR/etcd-3.7.3/etcd   DIR/helm-4.3.1/helm   …
#
# Usage: go.sh DIR NAME…      go.sh --list
#   NAME  a folder below go/ that pins a module and all it needs in go.mod and go.sum; kubernetes-VERSION is the control
#         plane and kubectl, kubernetes-VERSION-node the scheduler, kubelet and kube-proxy of the same module
#
# Needs Go 1.26 or later and the module proxy, no C compiler and no container engine. What is there already is left
# alone, and then nothing touches the network. Modules and objects stay in Go's own caches, the programs below DIR.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
say() { printf 'tools: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# describe NAME: sets module (the folder with go.mod), out, minutes (two cores, nothing cached), flags (of the linker),
# ask (how a program is asked for its version), expected (its answer) and programs (packages)
describe() {
  local name=$1 version=${1##*-} v
  module=$here/go/$name out=$name flags='' ask=--version expected=$version
  case $name in
    kubernetes-*-node) describe_kubernetes "${name%-node}" kube-scheduler kubelet kube-proxy ;;
    kubernetes-*) describe_kubernetes "$name" kube-apiserver kube-controller-manager kubectl ;;
    etcd-*) minutes=1 programs=(go.etcd.io/etcd/server/v3:etcd) ;;
    helm-4.*)
      module=$here/../../image/helm minutes=2 ask=version programs=(helm.sh/helm/v4/cmd/helm)
      flags="-X helm.sh/helm/v4/internal/version.version=v$version" ;;
    helm-3.*)
      minutes=2 ask=version programs=(helm.sh/helm/v3/cmd/helm)
      v=helm.sh/helm/v3 flags="-X $v/internal/version.version=v$version"
      # the Kubernetes that it renders for without a cluster: client-go's, as in its own build
      for v in "$v/pkg/chartutil" "$v/pkg/lint/rules"; do
        flags="$flags -X $v.k8sVersionMajor=1 -X $v.k8sVersionMinor=37"
      done ;;
    containerd-*)
      v=github.com/containerd/containerd/v2 minutes=1
      programs=("$v/cmd/containerd" "$v/cmd/containerd-shim-runc-v2" "$v/cmd/ctr")
      flags="-X $v/version.Version=v$version -X $v/version.Revision=unknown" ;;
    metrics-server-*)
      v=k8s.io/client-go/pkg/version minutes=2 programs=(sigs.k8s.io/metrics-server/cmd/metrics-server)
      flags="-X $v.gitVersion=v$version" ;;
    node_exporter-*)
      minutes=1 programs=(github.com/prometheus/node_exporter)
      flags="-X github.com/prometheus/common/version.Version=$version" ;;
    nats-server-*) minutes=1 programs=(github.com/nats-io/nats-server/v2:nats-server) ;;
    prometheus-*)
      # the module's v0.MINOR.PATCH is prometheus MAJOR.MINOR.PATCH
      minutes=5 programs=(github.com/prometheus/prometheus/cmd/prometheus)
      flags="-X github.com/prometheus/common/version.Version=$version" ;;
    crane-*)
      v=github.com/google/go-containerregistry/cmd/crane minutes=1 ask=version programs=("$v")
      flags="-X $v/cmd.Version=$version" ;;
    oras-*)
      minutes=1 ask=version programs=(oras.land/oras/cmd/oras)
      flags="-X oras.land/oras/internal/version.BuildMetadata=" ;;
    # knows no version of its own, and says what it lacks when it is pointed nowhere
    oci-conformance-*)
      minutes=1 ask='' expected='failed to load config'
      programs=(github.com/opencontainers/distribution-spec/conformance) ;;
    coredns-*) minutes=2 ask=-version programs=(.:coredns) ;;
    *) die "nothing here is called $name: $(basename "$0") --list names what is" ;;
  esac
}

describe_kubernetes() {
  local name=$1 minor v=k8s.io/component-base/version
  shift
  version=${name#kubernetes-} minor=${version#1.}
  module=$here/go/$name out=$name minutes=5 expected=v$version
  # a server that does not know its version calls itself v0.0.0, which helm refuses
  flags="-X $v.gitVersion=v$version -X $v.gitMajor=1 -X $v.gitMinor=${minor%%.*} -X $v.gitTreeState=clean"
  programs=("${@/#/k8s.io/kubernetes/cmd/}")
}

if [ "${1:-}" = --list ]; then
  for folder in "$here"/go/*/ "$here"/../../image/helm/; do
    case $folder in
      */image/helm/) sed -n 's#.*helm.sh/helm/v4 v#helm-#p' "$folder/go.mod" ;;
      */kubernetes-1.28.*) basename "$folder" ;;
      */kubernetes-*) basename "$folder"; echo "$(basename "$folder")-node" ;;
      *) basename "$folder" ;;
    esac
  done
  exit 0
fi
case ${1:-} in -h | --help | '') sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac

dir=$(mkdir -p "$1" && cd "$1" && pwd)
shift
scratch=
trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT

# as it comes out of a package path, or behind a colon where the program is called otherwise
program() { local name=${1##*:}; echo "${name##*/}"; }

missing() {
  local one
  for one in "${programs[@]}"; do
    [ -x "$dir/$out/$(program "$one")" ] || echo "$one"
  done
}

check_go() {
  local help="Go 1.26 or later is needed to compile what the tests run against: https://go.dev/doc/install"
  command -v go >/dev/null || die "$help"
  local version wanted
  version=$(go env GOVERSION)
  version=${version#go}
  for wanted in 1.26 "$(sed -n 's/^go //p' "$module/go.mod")"; do
    [ "$(printf '%s\n' "$wanted" "$version" | sort -V | head -n 1)" = "$wanted" ] ||
      die "$help (this is $version, $(basename "$module") asks for $wanted)"
  done
}

# counts the packages that the compiler names: in place on a terminal, else a line each half minute
progress() {
  local total=$1 count=0 shown=$SECONDS line
  while IFS= read -r line; do
    case $line in
      # what is no package's path is something that went wrong, and is shown at the end
      *' '* | '#'*) printf '%s\n' "$line" >>"$scratch/problems"; continue ;;
    esac
    count=$((count + 1))
    if [ -t 2 ]; then
      printf '\rtools:   %d of %d packages ' "$count" "$total" >&2
    elif [ $((SECONDS - shown)) -ge 30 ]; then
      say "  $count of $total packages"
      shown=$SECONDS
    fi
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
}

build() {
  local start=$SECONDS total one answer
  cd "$module"
  total=$(go list -deps "${wanted[@]%%:*}" 2>"$scratch/problems" | wc -l) ||
    { tail -n 20 "$scratch/problems" >&2; die "$out: its modules could not be fetched"; }
  : >"$scratch/problems"
  for one in "${wanted[@]}"; do
    go build -v -trimpath -ldflags "-s -w $flags" -o "$scratch/$(program "$one")" "${one%%:*}" 2>&1 | progress "$total" ||
      { tail -n 40 "$scratch/problems" >&2; die "$out: $(program "$one") could not be compiled"; }
    answer=$(OCI_CONFIGURATION=$scratch/none "$scratch/$(program "$one")" $(asked "$one") 2>&1) || die "$out: $(program "$one") does not run: $answer"
    case $answer in
      *"$expected"*) ;;
      *) die "$out: $(program "$one") says '${answer%%$'\n'*}', expected $expected" ;;
    esac
    mkdir -p "$dir/$out"
    mv "$scratch/$(program "$one")" "$dir/$out/"
  done
  say "$out: $(printf '%s ' $(for one in "${wanted[@]}"; do program "$one"; done))took $((SECONDS - start)) s"
}

# how a program is asked for its version
asked() {
  case $(program "$1") in
    kubectl) echo version --client ;;
    *) echo "$ask" ;;
  esac
}

export CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false" GOTOOLCHAIN=local GOWORK=off
for name; do
  describe "$name"
  [ -n "$(missing)" ] || continue
  # one build at a time on a machine: a second one would compile the same packages once more
  exec 9>"$dir/.go.lock"
  flock --nonblock 9 || { say "waiting for another build"; flock 9; }
  mapfile -t wanted < <(missing)
  [ ${#wanted[@]} -gt 0 ] || continue
  [ -f "$module/go.mod" ] || die "$name is not pinned here: $(basename "$0") --list names what is"
  case $name in
    # one folder for whichever Helm 4 the image has
    helm-4.*) grep -qE "helm.sh/helm/v4 v${name#helm-}( |\$)" "$module/go.mod" ||
      die "$name is not the Helm that image/helm/go.mod pins" ;;
  esac
  check_go
  scratch=$(mktemp -d "$dir/.go.XXXXXX")
  say "compiling $name, once: about $minutes minutes on two cores"
  (build)
  rm -rf "$scratch"
  scratch=
done
