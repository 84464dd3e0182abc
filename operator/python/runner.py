"""Runs one Python callable of a task. The bootstrap reads it from the pipe and executes it.

Messages are JSON with their length, in four bytes, before it. The first that comes is the job. The
runner then asks for what the callable asks for, each question with one answer, and ends with how
the callable ended. Standard output and standard error are the log.
"""

import datetime
import decimal
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import itertools
import json
import logging
import os
import signal
import struct
import sys
import threading
import traceback
import types

MAX_XCOM = 1 << 20


class Pipe:
    """The two pipes to dingdag, under numbers that nobody meets by accident."""

    def __init__(self):
        self.reader, self.writer = self.move(3), self.move(4)
        self.lock = threading.RLock()
        self.owner = os.getpid()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forked)

    @staticmethod
    def move(fd):
        import fcntl

        for lowest in (500, 100, 10):
            try:
                moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
            except (OSError, ValueError):
                continue  # fewer files are allowed
            os.close(fd)
            return moved
        raise OSError("no file descriptor is free")

    def forked(self):
        """A copy of this process has nothing to say: its parent has."""
        if self.reader < 0:
            return  # a copy of a copy
        os.close(self.reader)
        os.close(self.writer)
        self.reader = self.writer = -1
        self.lock = threading.RLock()
        try:
            if signal.getsignal(signal.SIGTERM) is terminated:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
        except ValueError:
            pass  # it was forked by another thread, and a function of ours does not end it

    def read(self, n):
        data = bytearray()
        while len(data) < n:
            part = os.read(self.reader, min(n - len(data), 1 << 20))
            if not part:
                raise EOFError("dingdag has closed the pipe")
            data += part
        return bytes(data)

    def receive(self):
        (length,) = struct.unpack(">I", self.read(4))
        return json.loads(self.read(length))

    def send(self, message):
        if os.getpid() != self.owner:
            raise RuntimeError(
                "only the process of the task itself can use XComs, variables and connections: "
                "read them before you start another process, and hand them to it"
            )
        data = json.dumps(message, ensure_ascii=False).encode("utf-8", "backslashreplace")
        data = memoryview(struct.pack(">I", len(data)) + data)
        while data:
            data = data[os.write(self.writer, data) :]

    def ask(self, op, **what):
        with self.lock:
            self.send(dict(what, op=op))
            answer = self.receive()
        if "missing" in answer:
            raise KeyError(answer["missing"])
        if "error" in answer:
            raise exceptions().AirflowException(answer["error"])
        return answer.get("value")


# ---- what comes and goes as JSON ----


def moment(text):
    """A datetime with its zone, or None."""
    if text is None:
        return None
    value = datetime.datetime.fromisoformat(text)
    if value.utcoffset() == datetime.timedelta(0):
        value = value.replace(tzinfo=datetime.timezone.utc)
    try:
        pendulum = importlib.import_module("pendulum")
        return pendulum.instance(value)
    except ImportError:
        return value


def plain(value, where, seen=()):
    """A value as XComs have it. What is none of these is an error that says where it is."""
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        value = float(value)
        if value != value or value in (float("inf"), float("-inf")):
            raise TypeError("%s is %r, for which JSON has no number" % (where, value))
        return value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return str(value)
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            raise TypeError("%s is the decimal %s, for which JSON has no number" % (where, value))
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent >= 0 else float(value)
    if id(value) in seen:
        raise TypeError("%s holds itself" % where)
    inner = seen + (id(value),)
    if isinstance(value, dict):
        return {key_of(k, where): plain(v, "%s[%r]" % (where, k), inner) for k, v in value.items()}
    if isinstance(value, (set, frozenset)):
        try:
            value = sorted(value)
        except TypeError:
            value = sorted(value, key=repr)
    if isinstance(value, (list, tuple)):
        return [plain(v, "%s[%d]" % (where, i), inner) for i, v in enumerate(value)]
    kind = type(value)
    if kind.__module__.split(".")[0] == "numpy" and hasattr(value, "tolist"):
        return plain(value.tolist(), where, inner)
    raise TypeError("%s is a %s, which an XCom cannot hold%s" % (where, name_of(kind), advice(value)))


def key_of(key, where):
    if isinstance(key, (str, int, float, bool, type(None))):
        return str(key)
    raise TypeError("%s has the key %r, a %s: keys must be text or numbers" % (where, key, name_of(type(key))))


def name_of(kind):
    return kind.__name__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__qualname__


def advice(value):
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        return ": return list(...) of it"
    if inspect.iscoroutine(value):
        return ": run it with asyncio.run and return its result"
    if hasattr(type(value), "__dataclass_fields__"):
        return ": return dataclasses.asdict(...) of it"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return ": decode it, or encode it with base64"
    if hasattr(value, "to_dict"):
        return ": return what to_dict() gives, or write it to a file and return the path"
    return ": return text, numbers, lists and dicts of these, or write it to a file and return the path"


def encoded(value, where):
    """A value as the JSON of an XCom."""
    try:
        text = json.dumps(plain(value, where), ensure_ascii=False)
        size = len(text.encode("utf-8"))
    except RecursionError:
        raise TypeError("%s is nested too deeply for an XCom" % where) from None
    except UnicodeEncodeError:
        raise TypeError("%s holds half of a surrogate pair, which is no text" % where) from None
    if size > MAX_XCOM:
        raise ValueError(
            "%s has %d bytes as JSON, an XCom may have %d: store it elsewhere and return its place, "
            "or set do_xcom_push: false" % (where, size, MAX_XCOM)
        )
    return json.loads(text)


# ---- what the callable sees ----


class Record:
    """An object with the attributes of a mapping."""

    def __init__(self, what, values):
        self.__dict__.update(values)
        self.__dict__["_what"] = what

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            "dingdag gives a %s no attribute %r; it has %s"
            % (self._what, name, ", ".join(sorted(k for k in vars(self) if not k.startswith("_"))))
        )

    def __repr__(self):
        return "<%s %s>" % (self._what, vars(self).get(self._what.lower().replace("dagrun", "run") + "_id", ""))


class TaskInstance(Record):
    def xcom_pull(
        self,
        task_ids=None,
        dag_id=None,
        key="return_value",
        include_prior_dates=False,
        session=None,
        *,
        map_indexes=None,
        default=None,
        run_id=None
    ):
        """Pull XComs, as in Airflow."""
        single = isinstance(task_ids, str) or task_ids is None
        if task_ids is None:
            task_ids = self.task_id
        if key is None:
            key = "return_value"
        if isinstance(map_indexes, int):
            map_indexes = [map_indexes]
        elif map_indexes is not None and not isinstance(map_indexes, (list, tuple, range, set)):
            map_indexes = None
        values = PIPE.ask(
            "xcom_pull",
            task_ids=[task_ids] if isinstance(task_ids, str) else [str(t) for t in task_ids],
            key=str(key),
            dag_id=dag_id or "",
            run_id=run_id or "",
            prior=bool(include_prior_dates),
            map_indexes=None if map_indexes is None else list(map_indexes),
        )
        values = [v["value"] if v else default for v in values]
        return values[0] if single else values

    def xcom_push(self, key, value, execution_date=None, session=None):
        """Push an XCom, as in Airflow."""
        if not isinstance(key, str) or not key:
            raise ValueError("xcom_push: the key must be text that is not empty, not %r" % (key,))
        PIPE.ask("xcom_push", key=key, value=encoded(value, "the value of %r" % key))

    def get_template_context(self, *args, **kwargs):
        return CONTEXT

    @property
    def log(self):
        return logging.getLogger("airflow.task")

    @property
    def key(self):
        return (self.dag_id, self.task_id, self.run_id, self.try_number, self.map_index)


class Params(dict):
    """A dict whose keys are attributes, too."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class VariableAccessor:
    """var.value and var.json."""

    def __init__(self, decode):
        self._decode = decode

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def get(self, name, *default):
        return variable(name, *default, deserialize_json=self._decode)


class ConnectionAccessor:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return connection(name)

    def get(self, name, default=None):
        try:
            return connection(name)
        except exceptions().AirflowNotFoundException:
            return default


MISSING = object()


def variable(key, default_var=MISSING, deserialize_json=False, default=MISSING):
    """Variable.get."""
    if default is MISSING:
        default = default_var
    try:
        text = PIPE.ask("variable", key=str(key))
    except KeyError:
        if default is MISSING:
            raise KeyError("Variable %s does not exist" % key) from None
        return default
    return json.loads(text) if deserialize_json else text


def connection(conn_id):
    """BaseHook.get_connection."""
    try:
        found = PIPE.ask("connection", conn_id=str(conn_id))
    except KeyError:
        raise exceptions().AirflowNotFoundException("The conn_id `%s` isn't defined" % conn_id) from None
    return connection_class()(**found)


def connection_class():
    for name in ("airflow.sdk.definitions.connection", "airflow.models.connection", "airflow.models"):
        try:
            return importlib.import_module(name).Connection
        except (ImportError, AttributeError):
            continue
    return Connection


class Connection:
    """A connection, with what Airflow's has."""

    def __init__(
        self,
        conn_id="",
        conn_type="",
        description=None,
        host=None,
        login=None,
        password=None,
        schema=None,
        port=None,
        extra=None,
        uri=None,
    ):
        if uri is not None:
            raise TypeError("a connection cannot be made of a URI here: get it by its id")
        self.conn_id, self.conn_type, self.description = conn_id, conn_type, description
        self.host, self.login, self.password = host, login, password
        self.schema, self.port, self.extra = schema, port, extra

    @classmethod
    def get(cls, conn_id):
        return connection(conn_id)

    get_connection_from_secrets = get

    def get_password(self):
        return self.password

    def get_extra(self):
        return self.extra

    @property
    def extra_dejson(self):
        value = json.loads(self.extra) if self.extra else {}
        return value if isinstance(value, dict) else {}

    def get_uri(self):
        from urllib.parse import quote, urlencode

        text = (self.conn_type or "").lower().replace("_", "-") + "://"
        if self.login or self.password:
            text += quote(self.login or "", safe="") + (":" + quote(self.password, safe="") if self.password else "") + "@"
        text += quote(self.host or "", safe="") + (":%d" % self.port if self.port else "")
        if self.schema:
            text += "/" + quote(self.schema, safe="")
        if self.extra_dejson:
            text += ("" if self.schema else "/") + "?" + urlencode({k: str(v) for k, v in self.extra_dejson.items()})
        return text

    def __repr__(self):
        return self.conn_id or ""

    __str__ = __repr__


class Context(dict):
    """The context of the task. What costs a question is asked when it is needed."""

    removed = {
        "execution_date": "logical_date",
        "next_ds": "data_interval_end",
        "next_ds_nodash": "data_interval_end",
        "next_execution_date": "data_interval_end",
        "prev_ds": "prev_data_interval_start_success",
        "prev_ds_nodash": "prev_data_interval_start_success",
        "prev_execution_date": "prev_data_interval_start_success",
        "prev_execution_date_success": "prev_data_interval_start_success",
        "tomorrow_ds": "macros.ds_add(ds, 1)",
        "tomorrow_ds_nodash": "macros.ds_add(ds, 1)",
        "yesterday_ds": "macros.ds_add(ds, -1)",
        "yesterday_ds_nodash": "macros.ds_add(ds, -1)",
        "conf": "os.environ or a variable",
    }
    previous = (
        "prev_data_interval_start_success",
        "prev_data_interval_end_success",
        "prev_start_date_success",
        "prev_end_date_success",
    )
    late = previous + ("triggering_asset_events", "triggering_dataset_events")

    def __missing__(self, key):
        if key in self.previous:
            for name, value in PIPE.ask("previous").items():
                self[name] = moment(value)
            return dict.__getitem__(self, key)
        if key in self.late:
            events = {}
            for e in PIPE.ask("events") or ():
                e["timestamp"] = moment(e["timestamp"])
                events.setdefault(e["uri"], []).append(Record("AssetEvent", e))
            self["triggering_asset_events"] = self["triggering_dataset_events"] = events
            return events
        if key in self.removed:
            raise KeyError("%s: Airflow 3 removed it; use %s" % (key, self.removed[key]))
        raise KeyError(key)

    def __contains__(self, key):
        return dict.__contains__(self, key) or key in self.late

    def get(self, key, default=None):
        return self[key] if key in self else default

    def whole(self):
        for key in self.late:
            self[key]
        return dict(self)


def macros():
    import random
    import time
    import uuid

    def ds_add(ds, days):
        day = datetime.datetime.strptime(str(ds), "%Y-%m-%d") + datetime.timedelta(days)
        return day.strftime("%Y-%m-%d")

    def ds_format(ds, input_format, output_format):
        return datetime.datetime.strptime(str(ds), input_format).strftime(output_format)

    def datetime_diff_for_humans(*_):
        raise NotImplementedError("datetime_diff_for_humans needs pendulum: use it from there")

    m = Record(
        "macros",
        {
            "ds_add": ds_add,
            "ds_format": ds_format,
            "datetime": datetime.datetime,
            "timedelta": datetime.timedelta,
            "time": time,
            "uuid": uuid,
            "random": random.random,
            "json": json,
            "datetime_diff_for_humans": datetime_diff_for_humans,
        },
    )
    try:
        m.dateutil = importlib.import_module("dateutil")
    except ImportError:
        pass
    return m


def context_of(job):
    told = job["context"]
    dates = ("logical_date", "data_interval_start", "data_interval_end", "start_date", "end_date", "queued_at", "run_after")

    def record(kind, values, what):
        return kind(what, {k: moment(v) if k in dates else v for k, v in values.items()})

    c = Context()
    dag, run = record(Record, told["dag"], "DAG"), record(Record, told["dag_run"], "DagRun")
    task, ti = record(Record, told["task"], "Task"), record(TaskInstance, told["ti"], "TaskInstance")
    task.dag, ti.task, ti.dag_run, run.conf = dag, task, run, run.conf or {}
    task.__dict__["log"] = logging.getLogger("airflow.task")
    for name in ("logical_date", "data_interval_start", "data_interval_end"):
        c[name] = getattr(run, name)
        ti.__dict__[name] = c[name]
    c.update(dag=dag, dag_run=run, run_id=run.run_id, task=task, ti=ti, task_instance=ti, params=Params(told["params"] or {}))
    c.update(inlets=[Record("Asset", a) for a in told["inlets"]], outlets=[Record("Asset", a) for a in told["outlets"]])
    c.update(macros=macros(), conn=ConnectionAccessor(), templates_dict=job.get("templates_dict"))
    c["var"] = Record("var", {"value": VariableAccessor(False), "json": VariableAccessor(True)})
    c["task_instance_key_str"] = told["task_instance_key_str"]
    for name in ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz"):
        if name in told:
            c[name] = told[name]
    return c


def get_current_context():
    if CONTEXT is None:
        raise exceptions().AirflowException("get_current_context: no task runs")
    return CONTEXT


# ---- what stands in for Airflow where it is not installed ----

EXCEPTIONS = {
    "AirflowException": "Exception",
    "AirflowBadRequest": "AirflowException",
    "AirflowNotFoundException": "AirflowException",
    "AirflowConfigException": "AirflowException",
    "AirflowFailException": "AirflowException",
    "AirflowSkipException": "AirflowException",
    "AirflowSensorTimeout": "AirflowException",
    "AirflowTaskTimeout": "BaseException",
    "AirflowTaskTerminated": "BaseException",
    "AirflowOptionalProviderFeatureException": "AirflowException",
    "AirflowTimetableInvalid": "AirflowException",
    "XComNotFound": "AirflowException",
    "TaskNotFound": "AirflowException",
    "DagNotFound": "AirflowException",
    "DagRunNotFound": "AirflowException",
}

STAND_IN = "the stand-in of dingdag, as Airflow is not installed here: it has what callables of tasks use"


def exception_module(module):
    """The classes of airflow.exceptions."""
    made = {"Exception": Exception, "BaseException": BaseException}
    for name, base in EXCEPTIONS.items():
        made[name] = type(name, (made[base],), {"__module__": "airflow.exceptions"})

    def init(self, reschedule_date):
        Exception.__init__(self, "reschedule for %s" % reschedule_date)
        self.reschedule_date = reschedule_date

    made["AirflowRescheduleException"] = type(
        "AirflowRescheduleException", (made["AirflowException"],), {"__module__": "airflow.exceptions", "__init__": init}
    )
    module.__dict__.update(made)


def exceptions():
    return importlib.import_module("airflow.exceptions")


class Variable:
    """airflow.models.Variable and airflow.sdk.Variable."""

    get = staticmethod(variable)

    @staticmethod
    def set(*_, **__):
        raise exceptions().AirflowException("Variable.set is not possible from a task: use dingdag variables set")


class BaseHook:
    """airflow.hooks.base.BaseHook."""

    def __init__(self, logger_name=None, **_):
        self.log = logging.getLogger(logger_name or "airflow.task.hooks")

    @classmethod
    def get_connection(cls, conn_id):
        return connection(conn_id)

    def get_conn(self):
        raise NotImplementedError()


class PokeReturnValue:
    """What a PythonSensor may return."""

    def __init__(self, is_done, xcom_value=None):
        self.is_done, self.xcom_value = is_done, xcom_value

    def __bool__(self):
        return self.is_done


def decorator(*args, **_):
    """@task in a file whose functions DAG files name: it changes nothing."""
    if len(args) == 1 and callable(args[0]):
        return args[0]
    return lambda function: function


for _name in ("virtualenv", "external_python", "branch", "short_circuit", "sensor", "python"):
    setattr(decorator, _name, decorator)


def stand_ins():
    """What each module has."""
    models = {"Variable": Variable, "Connection": Connection, "TaskInstance": TaskInstance}
    sdk = dict(
        models, BaseHook=BaseHook, get_current_context=get_current_context, task=decorator, Context=Context, PokeReturnValue=PokeReturnValue
    )
    python = {"get_current_context": get_current_context}
    return {
        "airflow": {},
        "airflow.exceptions": exception_module,
        "airflow.sdk": sdk,
        "airflow.sdk.exceptions": lambda m: m.__dict__.update(
            {k: v for k, v in vars(exceptions()).items() if k.startswith("Airflow")}
        ),
        "airflow.sdk.bases": {},
        "airflow.sdk.bases.hook": {"BaseHook": BaseHook},
        "airflow.sdk.bases.sensor": {"PokeReturnValue": PokeReturnValue},
        "airflow.models": models,
        "airflow.models.variable": {"Variable": Variable},
        "airflow.models.connection": {"Connection": Connection},
        "airflow.models.taskinstance": {"TaskInstance": TaskInstance},
        "airflow.hooks": {},
        "airflow.hooks.base": {"BaseHook": BaseHook},
        "airflow.hooks.base_hook": {"BaseHook": BaseHook},
        "airflow.operators": {},
        "airflow.operators.python": python,
        "airflow.providers": {},
        "airflow.providers.standard": {},
        "airflow.providers.standard.operators": {},
        "airflow.providers.standard.operators.python": python,
        "airflow.decorators": {"task": decorator},
        "airflow.sensors": {},
        "airflow.sensors.base": {"PokeReturnValue": PokeReturnValue},
        "airflow.utils": {},
        "airflow.utils.context": {"Context": Context},
    }


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of Airflow that nobody else has."""

    def __init__(self):
        self.modules = stand_ins()

    def find_spec(self, name, path=None, target=None):
        if name not in self.modules:
            return None
        package = any(other.startswith(name + ".") for other in self.modules)
        spec = importlib.machinery.ModuleSpec(name, self, is_package=package)
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        content = self.modules[module.__name__]
        module.__file__ = STAND_IN
        if callable(content):
            content(module)
        else:
            module.__dict__.update(content)


# What the real Airflow asks its supervisor for, it asks here.
ANSWERED = {
    "airflow.models.variable": [("Variable", "get", staticmethod(variable))],
    "airflow.sdk.definitions.variable": [("Variable", "get", staticmethod(variable))],
    "airflow.hooks.base": [("BaseHook", "get_connection", staticmethod(connection))],
    "airflow.sdk.bases.hook": [("BaseHook", "get_connection", staticmethod(connection))],
    "airflow.models.connection": [("Connection", "get_connection_from_secrets", staticmethod(connection))],
    "airflow.sdk.definitions.connection": [("Connection", "get", staticmethod(connection))],
    "airflow.operators.python": [(None, "get_current_context", get_current_context)],
    "airflow.providers.standard.operators.python": [(None, "get_current_context", get_current_context)],
    "airflow.sdk.definitions.context": [(None, "get_current_context", get_current_context)],
}


class Answers(importlib.abc.MetaPathFinder):
    """Has modules of the real Airflow answered by dingdag once they are loaded."""

    def find_spec(self, name, path=None, target=None):
        if name not in ANSWERED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            for owner, attribute, value in ANSWERED[name]:
                holder = getattr(module, owner, None) if owner else module
                if holder is not None:
                    setattr(holder, attribute, value)

        spec.loader.exec_module = exec_module
        return spec


# ---- running ----


class Unusable(Exception):
    """The callable cannot be had, whatever often it is tried."""


def find(job):
    """The callable of the job."""
    where, name = job.get("file"), job["name"]
    if where:
        stem = os.path.splitext(os.path.basename(where))[0]
        other = importlib.util.find_spec(stem) if stem.isidentifier() else None
        alone = stem if other is None or other.origin and os.path.realpath(other.origin) == os.path.realpath(where) else "dag_" + stem
        spec = importlib.util.spec_from_loader(alone, importlib.machinery.SourceFileLoader(alone, where))
        module = importlib.util.module_from_spec(spec)
        sys.modules[alone] = module
        spec.loader.exec_module(module)
    else:
        try:
            module = importlib.import_module(job["module"])
        except ModuleNotFoundError as e:
            if e.name and (job["module"] + ".").startswith(e.name + "."):
                raise Unusable(
                    "there is no module %r: it is neither below the DAGs folder nor installed for %s" % (e.name, sys.executable)
                ) from None
            raise
        where = getattr(module, "__file__", None) or job["module"]
    found = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise Unusable("there is no %r in %s" % (name, where)) from None
    if not callable(found):
        raise Unusable("%r in %s is a %s, which cannot be called" % (name, where, name_of(type(found))))
    return getattr(found, "function", found) if type(found).__module__.startswith("airflow.") else found


def arguments(function, args, kwargs, context):
    """The named arguments that the callable takes of its own ones and of the context, as in Airflow."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return kwargs
    for name in itertools.islice(parameters, len(args)):
        kind = parameters[name].kind
        if kind is not inspect.Parameter.VAR_POSITIONAL and (name in kwargs or name in context):
            raise ValueError("the key %r in args is a part of kwargs and therefore reserved" % name)
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return dict(context.whole(), **kwargs)
    named = [
        n for n, p in parameters.items() if p.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    ]
    for name in kwargs:
        if name not in named:
            logging.getLogger("airflow.task").warning("op_kwargs has %r, which the callable does not take: it is left out", name)
    out = {n: kwargs[n] if n in kwargs else context[n] for n in named if n in kwargs or n in context}
    for name, p in itertools.islice(parameters.items(), len(args), None):
        if name in Context.removed and name not in out and p.default is p.empty and name in named:
            raise TypeError("the callable takes %s, which Airflow 3 removed: use %s" % (name, Context.removed[name]))
    return out


def call(job):
    """Run the callable and return the last message."""
    global CONTEXT
    CONTEXT = context_of(job)
    log = logging.getLogger("airflow.task")
    function = find(job)
    args, kwargs = job["op_args"], job["op_kwargs"]
    kwargs = arguments(function, args, kwargs, CONTEXT)
    result = function(*args, **kwargs)
    if inspect.iscoroutine(result):
        import asyncio

        result = asyncio.run(result)
    if job["show"]:
        log.info("Done. Returned value was: %s", shown(result))
    else:
        log.info("Done. Returned value not shown")
    answer = {"op": "done"}
    keep = job["keep"]
    if type(result).__name__ == "PokeReturnValue":
        answer["truth"], result = bool(result.is_done), result.xcom_value
    else:
        answer["truth"] = truth(result)
        keep = keep and not job["sensor"]
    if keep:
        answer["none"] = result is None
        answer["result"] = encoded(result, "the result")
    return answer


def shown(value):
    try:
        text = str(value)
    except Exception as e:  # it is only for the log
        return "a %s without a text: %s" % (name_of(type(value)), name_of(type(e)))
    return text if len(text) <= 4096 else text[:4096] + "…"


def truth(value):
    try:
        return bool(value)
    except Exception:  # as arrays have it, whose truth only a sensor or a short circuit asks for
        return None


def ended(e):
    """The last message of a callable that raised."""
    names = [c.__name__ for c in type(e).__mro__ if c.__module__.split(".")[0] == "airflow"]
    text = str(e)
    for name, kind in (
        ("AirflowSkipException", "skip"),
        ("AirflowFailException", "fail"),
        ("AirflowSensorTimeout", "fail"),
        ("AirflowRescheduleException", "reschedule"),
    ):
        if name in names:
            message = {"op": "raised", "kind": kind, "error": text}
            if kind == "reschedule":
                at = e.reschedule_date
                message["at"] = (at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)).isoformat()
            return message
    if isinstance(e, Unusable):
        return {"op": "raised", "kind": "fail", "error": text}
    if isinstance(e, Terminated):
        return {"op": "raised", "kind": "error", "error": "the callable was told to stop (SIGTERM)"}
    if isinstance(e, SystemExit):
        code = e.code if isinstance(e.code, int) else int(e.code is not None)
        said = "the callable called sys.exit(%s): return instead" % ("" if e.code is None else repr(e.code))
        return {"op": "raised", "kind": "exit", "code": code, "error": said}
    if "TaskDeferred" in names:
        return {"op": "raised", "kind": "fail", "error": "the callable wants to be deferred, which Python code cannot be here"}
    return {"op": "raised", "kind": "error", "error": "%s%s" % (name_of(type(e)), ": " + text if text else "")}


def show(e):
    """The traceback, without the lines of this runner."""
    tb = e.__traceback__
    while tb is not None and (tb.tb_frame.f_code.co_filename in ("<dingdag>", "<string>") or "importlib" in tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    sys.stderr.write("".join(traceback.format_exception(type(e), e, tb or e.__traceback__)))


class Lines(logging.Formatter):
    """Lines of the task log, which has their time. What is no plain line says so."""

    def format(self, record):
        text = logging.Formatter.format(self, record)
        return text if record.levelno == logging.INFO else "%s - %s" % (record.levelname, text)


class Terminated(BaseException):
    pass


def terminated(*_):
    if os.getpid() != PIPE.owner:
        os._exit(143)
    raise Terminated()


def main():
    global PIPE
    PIPE = Pipe()
    job = PIPE.receive()
    signal.signal(signal.SIGTERM, terminated)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Lines("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    sys.meta_path.insert(0, Answers())
    sys.meta_path.append(StandIns())
    sys.path[:1] = [p for p in job["paths"] if os.path.isdir(p)]
    sys.argv = [job.get("file") or job.get("module") or ""]
    sys.modules["__main__"] = types.ModuleType("__main__")
    own = os.getpid()
    sys.dont_write_bytecode = True
    try:
        message = call(job)
    except BaseException as e:  # whatever it is, it is how the task ended
        if os.getpid() != own:
            show(e)
            os._exit(1)
        message = ended(e)
        if message["kind"] == "error" and not isinstance(e, Terminated):
            show(e)
    if os.getpid() != own:
        os._exit(0)  # a copy that was forked and returned like the callable itself
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    PIPE.send(message)


PIPE = CONTEXT = None
main()
