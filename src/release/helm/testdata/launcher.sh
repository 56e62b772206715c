#!/bin/sh
# Stands in for the program's own launcher: runs "helm" as a script, so that no test executes a file that it has just
# written while another test forks.
shift 2
exec /bin/sh "$@"
