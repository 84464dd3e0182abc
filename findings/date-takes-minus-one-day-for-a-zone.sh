#!/usr/bin/env bash
# GNU date 9.1 takes the number behind a time of day for a zone. In "2026-01-31 00:00:00 -1 day" the -1 is the zone UTC-1,
# and what is left is "day", one day MORE: the answer is 1 February, an hour later, with exit code 0. A space behind the sign
# changes nothing, -7 days also give 1 February, and -1 month gives March. Only -25 and less is refused. The same words are right
# behind a date alone, behind a time with its zone (…Z, …+00:00), before the date, and as "1 day ago".
#
# Why it matters: a bash task that computes the day before from {{ data_interval_start.strftime('%F %T') }}, or from a time
# that a query returned, loads tomorrow; the same line with {{ ds }} or {{ ts }} is right. A template has the answer itself:
# {{ macros.ds_add(ds, -1) }}.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
{
	date --version | head -n 1
	for text in '2026-01-31 -1 day' '2026-01-31T00:00:00+00:00 -1 day' '2026-01-31 00:00:00 1 day ago' '-1 day 2026-01-31 00:00:00' \
		'2026-01-31 00:00:00 -1 day' '2026-01-31 00:00:00 - 1 day' '2026-01-31 00:00:00 +1 day' '2026-01-31 00:00:00 -7 days' \
		'2026-01-31 00:00:00 -1 month' '2026-01-31 00:00:00 -25 days'; do
		echo "$text: $(TZ=UTC0 date -d "$text" '+%F %T' 2>/dev/null || echo "exit code $?")"
	done
} | tee "$dir/seen"
diff "$dir/seen" - <<'SEEN'
date (GNU coreutils) 9.1
2026-01-31 -1 day: 2026-01-30 00:00:00
2026-01-31T00:00:00+00:00 -1 day: 2026-01-30 00:00:00
2026-01-31 00:00:00 1 day ago: 2026-01-30 00:00:00
-1 day 2026-01-31 00:00:00: 2026-01-30 00:00:00
2026-01-31 00:00:00 -1 day: 2026-02-01 01:00:00
2026-01-31 00:00:00 - 1 day: 2026-02-01 01:00:00
2026-01-31 00:00:00 +1 day: 2026-01-31 23:00:00
2026-01-31 00:00:00 -7 days: 2026-02-01 07:00:00
2026-01-31 00:00:00 -1 month: 2026-03-03 01:00:00
2026-01-31 00:00:00 -25 days: exit code 1
SEEN
echo 'as recorded'
