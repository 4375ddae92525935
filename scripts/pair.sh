#!/usr/bin/env bash
# Runs two pairs of processes that call each other: two workers that exchange tensors, and an agent that the command
# calls. The script prints a line for each pair, and exits 1 if one of them did not do what it should.
#
#   scripts/pair.sh [GOPYRPC]      (default: bin/gopyrpc; GOPYRPC_PYTHON names the interpreter)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
gopyrpc=${1:-bin/gopyrpc}
limit=120 # seconds, of each step

said=$(timeout "$limit" "$gopyrpc" run -n 2 testdata/pair_workers.py)
echo "$said"
[[ $(grep -c 'exchanged [1-9]' <<<"$said") == 2 ]] || exit 1

# The agent prints where it listens, and serves until it is told to stop.
coproc AGENT { exec timeout "$limit" "$gopyrpc" agent --name w0 --listen 127.0.0.1:0 --allow math 2>&1; }
agent=$AGENT_PID
trap 'kill "$agent" 2>/dev/null || true' EXIT
read -r -t "$limit" line <&"${AGENT[0]}"
address=${line##* }
[[ $address == 127.0.0.1:* ]] || { echo "pair: the agent said: $line"; exit 1; }
said=$(timeout "$limit" "$gopyrpc" call --peer "w0=$address" w0 math:hypot 3 4)
[[ $said == 5.0 ]] || { echo "pair: math:hypot 3 4 was $said"; exit 1; }
kill "$agent"
status=0
wait "$agent" || status=$?
[[ $status == 0 || $status == 143 ]] || { echo "pair: the agent's status is $status"; exit 1; } # 128 and SIGTERM
echo "called the agent at $address: $said"
