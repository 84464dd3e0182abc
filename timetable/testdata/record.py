"""Records what croniter, Airflow's cron library, makes of expressions: record.py FILE VERSION.

Airflow asks croniter with a start time that has no zone (CronMixin of airflow.timetables._cron), and
so does this script. It needs Debian's python3, python3-dateutil and python3-tz, and the src folder of a
checkout of croniter on PYTHONPATH, as Debian's own croniter (1.3.5) knows no ranges that wrap:

    croniter.json         tag 6.0.0 of https://github.com/kiorky/croniter, the one in Airflow 3's constraints
    croniter_newest.json  commit 3dd4d14 of https://github.com/pallets-eco/croniter, where it is maintained
"""
import datetime
import itertools
import json
import pathlib
import random
import sys

from croniter import croniter

STARTS = [
    datetime.datetime(2026, 1, 1, 0, 0),
    datetime.datetime(2026, 2, 27, 23, 58, 30),
    datetime.datetime(2028, 2, 28, 12, 34),
]
TICKS = 6

MINUTES = "* */5 */7 */59 */60 */61 */100 0 59 5,10 5-10 10-5 50-10/7 58-3 10-5/100 5-5 5-5/10 0-0 59-0 0-59 0-59/1 5/20 30/30 59/1 58/1 0/60 1-59/2 *,5 5,* 0-59/59 60 5-60 */0 5-/2 -5 5/2/2".split()
HOURS = "* */2 */5 */23 */24 */25 9 22-2 22-2/2 23-0 22-5/3 20-4/5 9-17 9-9 23/1 23/2 20/3 0/24 24 8,20 0-23 1-0".split()
DAYS = "* */2 */3 */10 */31 */40 1 31 30 15 L 1,L 15,L 1-31 1-7 28-2 28-2/2 25-5/4 15-15 31/1 30/1 2/2 31-1 1,15 L,L 32 0 ? L-1 1-L".split()
MONTHS = "* */2 */3 */5 */13 2 FEB jan,jul NOV-FEB nov-feb/2 APR-JAN/3 12-1 12/1 11/1 1-12 2-2 JAN-JAN 13 0 10-3/4 6-5".split()
WEEKDAYS = (
    "* 0 7 1 5 MON mon-fri MON-FRI 1-5 5-7 0-6 1-7 0-7 7-0 0-0 7-7 SUN-SUN 1-1 5-1 5-1/2 5-2/3 FRI-MON 6-0 6-7 SUN-TUE SAT-SUN SUN-SAT 7-2 "
    "*/1 */2 */3 */4 */7 */8 1/2 7/2 7/1 6/1 0/2 1,3 0,7 0,1,2,3,4,5,6 1-6,0 ? 8 MON#1 1#1 5#5 7#1 0#1 MON#1,FRI#3 1#1,1#3 L5 L0 L7 L5,L1 MON#1,L5 "
    "5#1,5 1#1,5 *,1#1 1#1,* 1#6 1#0 L LFRI FRI#L MON-FRI#1 */2#1"
).split()


def expressions():
    for m in MINUTES:
        yield f"{m} * * * *"
    for h in HOURS:
        yield f"0 {h} * * *"
        yield f"*/20 {h} * * *"
    for d in DAYS:
        yield f"0 0 {d} * *"
        yield f"0 0 {d} 2 *"
    for m in MONTHS:
        yield f"0 0 1 {m} *"
        yield f"0 0 * {m} *"
        yield f"0 0 31 {m} *"
    for w in WEEKDAYS:
        yield f"0 0 * * {w}"
    for d, w in itertools.product("*/2 1 15 L 1-31 31 1-7 *,5 */31 1,15 ? 28-2".split(), WEEKDAYS):
        yield f"0 0 {d} * {w}"
    for m, w in itertools.product("2 */3 NOV-FEB 2-2".split(), "1-5 MON#1 5#5 L5 0-6 */2".split()):
        yield f"0 0 * {m} {w}"
        yield f"0 0 13 {m} {w}"
    chance = random.Random(5)
    for _ in range(250):
        yield " ".join(chance.choice(field) for field in (MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS))


def ticks(expression):
    """The next ticks from each start, and those before; None when croniter refuses the expression."""
    rows = []
    try:
        for start in STARTS:
            forward = croniter(expression, start_time=start)
            rows.append([forward.get_next(datetime.datetime).strftime("%Y-%m-%dT%H:%M") for _ in range(TICKS)])
    except Exception:
        return None
    return rows


known = {}
for e in expressions():
    if e not in known:
        known[e] = ticks(e)
lines = ",\n".join(json.dumps({"expression": e, "ticks": t}) for e, t in known.items())
head = json.dumps({
    "croniter": sys.argv[2],
    "starts": [s.strftime("%Y-%m-%dT%H:%M:%S") for s in STARTS],
})[1:-1]
(pathlib.Path(__file__).parent / sys.argv[1]).write_text("{" + head + ', "expressions": [\n' + lines + "\n]}\n")
