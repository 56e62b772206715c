#!/bin/sh
# Runs the real helm as its child and writes down when each run began and ended, one line for each event:
#   start TIME PID PARENT NAMESPACE RELEASE alone|overlaps ARGUMENTS     helm TIME PID CHILD
#   held TIME PID before|after     end TIME PID CODE     other TIME PID ARGUMENTS
# Files beside this one change what happens to a release: before.KEY, after.KEY, delay.KEY, fail.KEY/N.
PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}
directory=${0%/*}
helm='@HELM@'
tab=$(printf '\t')

now() { date +%s%N 9>&-; }
# one write: lines of several runs do not mix
say() { printf '%s\n' "$1" >>"$directory/calls"; }

arguments=$(printf '%s\037' "$@")
case $1 in
install | upgrade | rollback | uninstall | test) ;;
*)
  say "other$tab$(now)$tab$$$tab$arguments"
  exec "$helm" "$@"
  ;;
esac

release=$2
namespace=default
previous=
for argument; do
  case $previous in -n | --namespace) namespace=$argument ;; esac
  case $argument in --namespace=*) namespace=${argument#*=} ;; esac
  previous=$argument
done
key=$namespace.$release

# helm inherits the lock, and the kernel keeps it until the last of both is gone
exec 9>"$directory/lock.$key"
if flock --nonblock 9; then alone=alone; else alone=overlaps; fi
say "start$tab$(now)$tab$$$tab$PPID$tab$namespace$tab$release$tab$alone$tab$arguments"

child=
stopped=
shell=$(readlink "/proc/$$/exe")
end() { say "end$tab$(now)$tab$$$tab$1"; }
on_term() {
  stopped=yes
  [ -z "$child" ] || end_child
}
end_child() {
  # one that is this shell's copy still would take the signal and forget it
  while [ "$(readlink "/proc/$child/exe")" = "$shell" ]; do sleep 0.005 9>&-; done
  kill -TERM "$child" 2>/dev/null
}
trap on_term TERM

# waits while the file exists; a signal ends that
hold() {
  [ -e "$2" ] || return 0
  say "held$tab$(now)$tab$$$tab$1"
  while [ -e "$2" ] && [ -z "$stopped" ]; do sleep 0.01 9>&-; done
}

hold before "$directory/before.$key"
if [ -z "$stopped" ] && [ -e "$directory/delay.$key" ]; then
  sleep "$(cat "$directory/delay.$key")" >/dev/null 2>&1 9>&- &
  child=$!
  wait "$child"
  child=
fi
if [ -n "$stopped" ]; then
  end 143
  exit 143
fi
for failure in "$directory/fail.$key"/*; do
  if mv "$failure" "$directory/failing.$$" 2>/dev/null; then
    cat "$directory/failing.$$" >&2
    end 1
    exit 1
  fi
done

# `&` takes the standard input away, which holds the values; helm dies with this shell, as if it were this shell
exec 3<&0
setpriv --pdeathsig KILL "$helm" "$@" <&3 3<&- &
child=$!
exec 3<&-
[ -z "$stopped" ] || end_child
say "helm$tab$(now)$tab$$$tab$child"
wait "$child"
code=$?
while [ -n "$stopped" ]; do
  # the signal ended the wait, not helm; 127: helm had ended before
  stopped=
  wait "$child"
  again=$?
  [ $again = 127 ] || code=$again
done
child=
end $code
hold after "$directory/after.$key"

# whoever waits for this shell learns how helm ended
case $code in
137) kill -KILL $$ ;;
143)
  trap - TERM
  kill -TERM $$
  ;;
esac
exit $code
