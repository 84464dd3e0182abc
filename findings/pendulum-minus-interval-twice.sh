#!/usr/bin/env bash
# pendulum takes the months and years of an interval away twice. x + (b - a) is a plain addition, but
# x - (b - a) subtracts years and months by the calendar and then all seconds of the interval, which hold
# them already. Between 1 January and 1 March there are two months: 17 May 2024 minus that is 17 January, and
# not 18 March (60 days before) or 17 March. Seen in pendulum 2.1.2 of Debian; 3.0.0 computes the same way.
#
# Why it matters: "{{ logical_date - (data_interval_end - data_interval_start) }}" is how templates of monthly
# DAGs name the period before, and in Airflow it is two months back. It is right for days and weeks, so a
# test with a daily DAG shows nothing. Dingdag refuses it and says what to write.
set -euo pipefail
if ! /usr/bin/python3 -c 'import pendulum' 2>/dev/null; then
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3-pendulum >/dev/null
fi
out=$(/usr/bin/python3 - <<'EOF'
import pendulum

a, b, x = pendulum.datetime(2024, 1, 1), pendulum.datetime(2024, 3, 1), pendulum.datetime(2024, 5, 17)
print("pendulum", pendulum.__version__)
print("b - a:", (b - a).in_words(), "=", (b - a).days, "days")
print("x + (b - a):", (x + (b - a)).to_date_string())
print("x - (b - a):", (x - (b - a)).to_date_string())
print("x - the same as a timedelta:", (x - (b - a).as_timedelta()).to_date_string())
days = pendulum.datetime(2024, 1, 8) - a
print("x -", days.in_words() + ":", (x - days).to_date_string())
EOF
)
echo "$out"
want='b - a: 2 months = 60 days
x + (b - a): 2024-07-17
x - (b - a): 2024-01-17
x - the same as a timedelta: 2024-03-18
x - 1 week: 2024-05-10'
[ "$(tail -n +2 <<<"$out")" = "$want" ]
