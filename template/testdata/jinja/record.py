"""Records what the real Jinja2 and pendulum answer to the templates of corpus.yaml.

    apt-get install python3-jinja2 python3-pendulum python3-yaml python3-dateutil
    /usr/bin/python3 record.py

It writes recorded.jsonl: first a line with the versions, then one line a template. The environments
are those that Airflow makes: sandboxed, strict about what is undefined, with its five filters and the
do statement, and for native rendering the NativeEnvironment. The context is the one of corpus_test.go.
A section of the corpus may have files, which its templates include, import and extend.

Airflow 3 needs pendulum 3, Debian has 2.1.2. With PENDULUM3 naming a checkout of pendulum 3.0.0 the
templates are also recorded with that, and an answer that is another one is kept as "pendulum3", which
then is what counts. Without it the answers of the last time stay.
"""
import datetime
import decimal
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time
import uuid

import dateutil
import dateutil.parser
import dateutil.relativedelta
import jinja2
import jinja2.nativetypes
import jinja2.sandbox
import pendulum
import yaml

HERE = pathlib.Path(__file__).parent


class Namespace:
    def __init__(self, **values):
        self.__dict__.update(values)


# Airflow's macros and filters (airflow/sdk/execution_time/macros.py, airflow/sdk/definitions/_internal/templater.py).
def ds_add(ds, days):
    if not days:
        return str(ds)
    return (datetime.datetime.strptime(str(ds), "%Y-%m-%d") + datetime.timedelta(days)).strftime("%Y-%m-%d")


def ds_format(ds, input_format, output_format):
    return datetime.datetime.strptime(str(ds), input_format).strftime(output_format)


def datetime_diff_for_humans(dt, since=None):
    return pendulum.instance(dt).diff_for_humans(since)


def formatting(format):
    return lambda value: None if value is None else value.strftime(format)


FILTERS = {
    "ds": formatting("%Y-%m-%d"),
    "ds_nodash": formatting("%Y%m%d"),
    "ts": lambda value: None if value is None else value.isoformat(),
    "ts_nodash": formatting("%Y%m%dT%H%M%S"),
    "ts_nodash_with_tz": lambda v: None if v is None else v.isoformat().replace("-", "").replace(":", ""),
}


class Airflow:
    def is_safe_attribute(self, obj, attr, value):
        return not jinja2.sandbox.is_internal_attribute(obj, attr)


class Sandboxed(Airflow, jinja2.sandbox.SandboxedEnvironment):
    pass


class Native(Airflow, jinja2.nativetypes.NativeEnvironment):
    pass


XCOMS = {
    "x": "vx", "y": "vy", "extract": {"rows": 42},
    "money": decimal.Decimal("4758.00"), "huge": decimal.Decimal("12345678901234567890.12"),
    "rows": [{"n": "a", "v": decimal.Decimal("4758.00")}, {"n": "b", "v": decimal.Decimal("12.34")}],
}


class TaskInstance:
    try_number, task_id, log_url = 2, "t1", "http://h/l?a=1&b=2"

    def xcom_pull(self, task_ids=None, key="return_value", default=None):
        if isinstance(task_ids, (list, tuple)):
            return [XCOMS.get(t, default) for t in task_ids]
        return XCOMS.get(task_ids, default)


class Variables:
    def __getattr__(self, name):
        if name == "my_var":
            return "vv"
        raise AttributeError(name)

    def get(self, name, default=None):
        return "vv" if name == "my_var" else default


def context():
    logical_date = pendulum.datetime(2024, 5, 17, 3, 4, 5)
    ti = TaskInstance()
    return {
        "ds": "2024-05-17",
        "ds_nodash": "20240517",
        "ts": "2024-05-17T03:04:05+00:00",
        "ts_nodash": "20240517T030405",
        "ts_nodash_with_tz": "20240517T030405+0000",
        "logical_date": logical_date,
        "data_interval_start": logical_date,
        "data_interval_end": pendulum.datetime(2024, 5, 18, 3, 4, 5),
        "prev_start_date_success": pendulum.datetime(2024, 3, 9, 16, 30, 15, 123456, tz="America/New_York"),
        "macros": Namespace(
            ds_add=ds_add, ds_format=ds_format, datetime_diff_for_humans=datetime_diff_for_humans,
            timedelta=datetime.timedelta, datetime=datetime.datetime, dateutil=dateutil, time=time, uuid=uuid,
            random=random.random, json=json, yaml=yaml,
        ),
        "ti": ti,
        "task_instance": ti,
        "dag": Namespace(dag_id="D"),
        "task": Namespace(task_id="T"),
        "run_id": "r1",
        "dag_run": Namespace(conf={"k": "v"}),
        "var": Namespace(value=Variables(), json=Namespace(cfg={"list": [1, 2]})),
        "conn": Namespace(pg=Namespace(host="h", port=5432)),
        "prev_ds_or_none": None,
        "exception": "boom <x>",
        "params": {
            "x": "hello", "n": 7, "f": 3.14159, "b": True, "big": 9007199254740993, "none_val": None, "empty": "",
            "off": False, "list": [3, 1, 2], "list_s": ["a", "b"], "dup": [1, 1, 2], "map": {"x": 1, "a": "two"},
            "items": [{"name": "a", "n": 1}, {"name": "b", "n": 2}], "zh": "你好", "html": "<p>hi</p>", "url": "a b&c",
            "text": "The quick brown-fox jumped over the lazy dog.\nSecond  line, supercalifragilisticexpialidocious!\n",
            "nested": {"b": {"z": [1, 2.5, None, True], "a": "it's \"q\""}, "a": []},
            "five": "5", "csv": "a,b,,c", "crlf": "one\r\ntwo\rthree\n",
        },
    }


options = {"undefined": jinja2.StrictUndefined, "extensions": ["jinja2.ext.do"], "cache_size": 0}
text, native = Sandboxed(**options), Native(**options)
text.filters.update(FILTERS)
native.filters.update(FILTERS)


def plain(value):
    """A native value as JSON says it, with what JSON has no word for under its type."""
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (datetime.datetime, datetime.date)):
        return {"datetime": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {"timedelta": value.total_seconds()}
    if isinstance(value, decimal.Decimal):
        return {"decimal": str(value)}
    if value is None or isinstance(value, (bool, int, str)) or isinstance(value, float) and value - value == 0:
        return value
    return {type(value).__name__: repr(value)}


def answer(mode, template, files):
    loader = jinja2.DictLoader(files)
    try:
        if mode == "native":
            return {"value": plain(native.overlay(loader=loader).from_string(template).render(**context()))}
        return {"ok": re.sub(r"0x[0-9a-f]{9,}", "0x…", text.overlay(loader=loader).from_string(template).render(**context()))}
    except Exception as e:  # whatever it is, the template must fail here too
        return {"err": f"{type(e).__name__}: {e}"}


def corpus():
    for section in yaml.safe_load((HERE / "corpus.yaml").read_text()):
        for template in section["templates"]:
            yield section["section"], section.get("mode", "text"), template, section.get("files", {})


def answers():
    return [answer(mode, template, files) for _, mode, template, files in corpus()]


def pendulum3():
    """What pendulum 3 answers, or None without it."""
    tree = os.environ.get("PENDULUM3")
    if not tree:
        return None
    env = dict(os.environ, PYTHONPATH=tree + "/src", PENDULUM_EXTENSIONS="0")
    out = subprocess.run([sys.executable, __file__, "--answers"], env=env, check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def main():
    if "--answers" in sys.argv:
        assert pendulum.__version__.startswith("3."), pendulum.__version__
        json.dump(answers(), sys.stdout)
        return
    target = HERE / "recorded.jsonl"
    kept = {}
    if target.exists():
        kept = {(o.get("mode"), o["t"]): o.get("pendulum3") for o in map(json.loads, target.read_text().splitlines()[1:])}
    newer = pendulum3()
    lines = [{
        "python": sys.version.split()[0], "jinja2": jinja2.__version__, "pendulum": pendulum.__version__,
        "pyyaml": yaml.__version__, "dateutil": dateutil.__version__,
    }]
    for i, ((section, mode, template, files), got) in enumerate(zip(corpus(), answers())):
        line = {"section": section, "t": template, **got}
        if mode != "text":
            line["mode"] = mode
        if files:
            line["files"] = files
        third = newer[i] if newer else kept.get((line.get("mode"), template))
        if third and third != got:
            line["pendulum3"] = third
        lines.append(line)
    target.write_text("".join(json.dumps(o, ensure_ascii=False) + "\n" for o in lines))


main()
