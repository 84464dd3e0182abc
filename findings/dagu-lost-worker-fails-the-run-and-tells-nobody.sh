#!/usr/bin/env bash
# dagu 1.30.2 (npm package @dagu-org/dagu-linux-x64), with a scheduler, a coordinator and two workers on one folder: a worker ends with
# SIGKILL, and so does all that it had started, as when its machine is lost. The other worker is idle and has the labels that the DAG asks for.
#
# Seen: for over a minute the run is told to be running. Then the scheduler finds it ("zombie DAG run") and sets it to failed. The step is not
# run again, neither on the other worker nor with its retryPolicy (limit 2, every second), and handlerOn.failure does not run, though it is the
# place for an alert.
#
# Why it matters: who moves here from there may have built around it, with a watch from outside and runs that are started again by hand. Here a task whose
# worker is lost runs again on another one within seconds, uncounted, or fails if it must not be repeated, and its failure callbacks are sent.
set -euo pipefail
dir=$(mktemp -d)
pids=()
trap 'kill -9 "${pids[@]}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
npm pack --silent @dagu-org/dagu-linux-x64@1.30.2 >/dev/null
tar xzf ./*.tgz
dagu=$dir/package/bin/dagu
export DAGU_HOME=$dir/home LEDGER=$dir/ledger
mkdir -p home/dags
cat >home/dags/held.yaml <<'YAML'
workerSelector: {role: w}
env: [LEDGER: "${LEDGER}"]
steps:
  - name: a
    command: sh -c 'echo "a began" >> $LEDGER; exec sleep 600'
    retryPolicy: {limit: 2, intervalSec: 1}
handlerOn:
  failure: {command: "sh -c 'echo told >> $LEDGER'"}
YAML
# The same handler of a step that fails by itself.
cat >home/dags/control.yaml <<'YAML'
workerSelector: {role: w}
env: [LEDGER: "${LEDGER}"]
steps: [{name: a, command: "false"}]
handlerOn:
  failure: {command: "sh -c 'echo control told >> $LEDGER.control'"}
YAML
"$dagu" validate home/dags/held.yaml 2>/dev/null
"$dagu" coordinator --coordinator.port 50955 >coordinator.log 2>&1 & pids+=($!)
"$dagu" scheduler >scheduler.log 2>&1 & pids+=($!)
sleep 3
setsid "$dagu" worker -w one -l role=w >one.log 2>&1 & one=$!; pids+=("$one")
sleep 3
"$dagu" enqueue -r r held 2>/dev/null
for _ in $(seq 60); do [ -s ledger ] && break; sleep 1; done
"$dagu" worker -w two -l role=w >two.log 2>&1 & pids+=($!)
sleep 3
"$dagu" enqueue -r c control 2>/dev/null
for _ in $(seq 60); do [ -s ledger.control ] && break; sleep 1; done
[ "$(cat ledger.control)" = 'control told' ] # the handler of a failed step runs
# All processes below the first worker, whatever group they are in.
tree() { for p in "$@"; do echo "$p"; tree $(pgrep -P "$p" || true); done; }
began=$SECONDS
kill -9 $(tree "$one") # nothing of it is left
status() { "$dagu" status held 2>/dev/null | grep -E '^(Status|Result):' | sort -u; }
until status | grep -q Failed; do
	[ $((SECONDS - began)) -lt 900 ] || { echo "not failed after 900 s: $(status)"; tail -n 5 scheduler.log; exit 1; }
	sleep 2
done
took=$((SECONDS - began))
sleep 20 # for what may come yet
"$dagu" version 2>&1
echo "failed after $took s"
cat ledger
[ "$took" -ge 30 ]
[ "$(cat ledger)" = 'a began' ]
grep -q 'zombie' scheduler.log
! grep -q 'run-id=r ' two.log
