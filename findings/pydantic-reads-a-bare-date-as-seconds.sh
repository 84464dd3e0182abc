#!/usr/bin/env bash
# The date 20260131 is 31 January 2026 to pendulum, and the evening of 23 August 1970 (UTC) to pydantic, which takes digits alone for seconds
# since 1970, and for milliseconds when there are many: 20260131093000, the same date with a time, is another moment of the same day in 1970.
# 2026 is a quarter past midnight of 1 January 1970. No error and no warning. Seen in pydantic 1.10.4 and pendulum 2.1.2 of Debian;
# pydantic 2 documents the same.
#
# Why it matters: Airflow 3 reads moments with both: templates with pendulum, bodies of its REST API with pydantic. A task that
# triggers another DAG over the API with "logical_date": "{{ ds_nodash }}" makes a run of 1970, and one with {{ ts_nodash }} is refused.
# Dingdag's API does as Airflow's, so that clients meet the same. Send {{ ts }} or {{ ds }}T00:00:00Z.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if ! /usr/bin/python3 -c 'import pydantic, pendulum' 2>/dev/null; then
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3-pydantic python3-pendulum >/dev/null
fi
/usr/bin/python3 - <<'EOF' | tee "$dir/seen"
from datetime import datetime

import pendulum
import pydantic

print("pydantic", pydantic.VERSION, "pendulum", pendulum.__version__)


def tried(read, text):
    try:
        return read(text).strftime("%Y-%m-%d %H:%M:%S")
    except Exception:
        return "an error"


for text in ("20260131", "2026-01-31T00:00:00Z", "20260131T093000", "20260131093000", "2026", "1769817600"):
    print(text + ":", tried(lambda t: pydantic.parse_obj_as(datetime, t), text), "|", tried(pendulum.parse, text))
EOF
diff "$dir/seen" - <<'SEEN'
pydantic 1.10.4 pendulum 2.1.2
20260131: 1970-08-23 11:48:51 | 2026-01-31 00:00:00
2026-01-31T00:00:00Z: 2026-01-31 00:00:00 | 2026-01-31 00:00:00
20260131T093000: an error | 2026-01-31 09:30:00
20260131093000: 1970-08-23 11:48:51 | an error
2026: 1970-01-01 00:33:46 | 2026-01-01 00:00:00
1769817600: 2026-01-31 00:00:00 | an error
SEEN
echo 'as recorded'
