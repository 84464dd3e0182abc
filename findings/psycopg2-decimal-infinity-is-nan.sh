#!/usr/bin/env bash
# psycopg2 2.9.5 binds the Decimal infinity as NaN. PostgreSQL 14 and newer store 'Infinity' in NUMERIC, and
# psycopg2 reads it as Decimal('Infinity'); written back as a parameter it becomes 'NaN'::numeric, without a
# word. The float infinity is bound as 'Infinity'::float.
#
# Why it matters: a row that a Python task copies from one table to another changes its value, and NaN sorts
# above all and equals itself in PostgreSQL, so that a check of a maximum or of equal sums says something else.
# Dingdag binds the infinities of NUMERIC as they are.
set -euo pipefail
if ! /usr/bin/python3 -c 'import psycopg2' 2>/dev/null; then
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3-psycopg2 >/dev/null
fi
out=$(/usr/bin/python3 - <<'EOF'
from decimal import Decimal

import psycopg2
from psycopg2.extensions import adapt

print("psycopg2", psycopg2.__version__.split()[0])
for value in (Decimal("Infinity"), Decimal("-Infinity"), Decimal("NaN"), float("inf"), Decimal("1.50")):
    print(repr(value), "is bound as", adapt(value).getquoted().decode())
EOF
)
echo "$out"
want="Decimal('Infinity') is bound as 'NaN'::numeric
Decimal('-Infinity') is bound as 'NaN'::numeric
Decimal('NaN') is bound as 'NaN'::numeric
inf is bound as 'Infinity'::float
Decimal('1.50') is bound as 1.50"
[ "$(tail -n +2 <<<"$out")" = "$want" ]
