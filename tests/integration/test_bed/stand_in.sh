#!/bin/sh
# Stands in for a program with a controller: takes its options, serves the repository, and runs helm once, on the
# chart CHART as the release `one`, told to end by the kernel when this ends. METRICS is where metrics are said to be.
alone=
for argument; do
  shift
  case $argument in
  --helm-binary=*) helm=${argument#*=} ;;
  --kubeconfig=*) export KUBECONFIG="${argument#*=}" ;;
  --watch-namespace=*) namespace=${argument#*=} ;;
  controller) alone=yes ;;
  --controller | --leader-elect* | --metrics-* | --health-* | --chart-cache-dir=* | --repository-url=*) ;;
  *) set -- "$@" "$argument" ;;
  esac
done
say() { printf '{"L":"INFO","M":"%s",%s}\n' "$1" "$2" >&2; }

repository=
if [ -z "$alone" ]; then
  setpriv --pdeathsig KILL "$CHARTROOM" "$@" &
  repository=$!
fi
say "Serving metrics" "\"address\":\"$METRICS\""
say "Serving health probes" '"address":"127.0.0.1:9"'
say "Controller: helm is usable" '"helm":"v4.3.1"'
setpriv --pdeathsig TERM "$helm" upgrade one "$CHART" --install --wait=watcher --timeout=5m \
  --namespace="$namespace" >/dev/null 2>&1 &
run=$!
trap 'kill -TERM $run $repository 2>/dev/null; wait $run $repository; exit 0' TERM
fields="\"operation\":\"op-$run\",\"action\":\"upgrade\",\"release\":\"one\",\"namespace\":\"$namespace\",\"pid\":$run"
say "Helm starts" "$fields"
if wait $run; then ending=success; else ending=failure; fi
say "Helm ended" "$fields,\"duration_ms\":1,\"ending\":\"$ending\""
while :; do
  sleep 60 &
  wait $!
done
