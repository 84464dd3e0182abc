"""Records what Jinja2 answers to the templates of jinja2.json, in place.

Needs Jinja2 3.1.6. Add a template as {"t": "..."} and run this file.
The context is the one of corpus_test.go.
"""
import datetime
import json
import pathlib

import jinja2
from jinja2.sandbox import SandboxedEnvironment


class Namespace:
    def __init__(self, **values):
        self.__dict__.update(values)


def ds_add(ds, days):
    return (datetime.datetime.strptime(ds, "%Y-%m-%d") + datetime.timedelta(days=days)).strftime("%Y-%m-%d")


def ds_format(ds, input_format, output_format):
    return datetime.datetime.strptime(ds, input_format).strftime(output_format)


XCOMS = {"x": "vx", "y": "vy", "extract": {"rows": 42}}


class TaskInstance:
    try_number, task_id, log_url = 2, "t1", "http://h/l?a=1&b=2"

    def xcom_pull(self, task_ids=None, key="return_value"):
        if isinstance(task_ids, list):
            return [XCOMS.get(t) for t in task_ids]
        return XCOMS.get(task_ids)


class Variables:
    def __getattr__(self, name):
        if name == "my_var":
            return "vv"
        raise AttributeError(name)

    def get(self, name, default=None):
        return "vv" if name == "my_var" else default


logical_date = datetime.datetime(2024, 5, 17, 3, 4, 5, tzinfo=datetime.timezone.utc)
context = {
    "ds": "2024-05-17",
    "ds_nodash": "20240517",
    "ts": "2024-05-17T03:04:05+00:00",
    "ts_nodash": "20240517T030405",
    "logical_date": logical_date,
    "data_interval_start": logical_date,
    "data_interval_end": logical_date + datetime.timedelta(days=1),
    "macros": Namespace(ds_add=ds_add, ds_format=ds_format, timedelta=datetime.timedelta, datetime=datetime.datetime),
    "ti": TaskInstance(),
    "task_instance": TaskInstance(),
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
    },
}

env = SandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, extensions=["jinja2.ext.do"])
corpus = pathlib.Path(__file__).with_name("jinja2.json")
answers = []
for case in json.loads(corpus.read_text()):
    try:
        answers.append({"t": case["t"], "ok": env.from_string(case["t"]).render(**context)})
    except Exception as e:  # whatever it is, the template must fail here too
        answers.append({"t": case["t"], "err": f"{type(e).__name__}: {e}"})
corpus.write_text(json.dumps(answers, ensure_ascii=False, indent=0) + "\n")
