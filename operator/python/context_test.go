package python_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/operator/python"
)

// The function gets what it has as parameters of the context, as in Airflow.
func TestContext(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		for name, c := range map[string]struct{ code, want string }{
			"dates":     {"def f(ds, ts, logical_date, data_interval_end): return [ds, ts, logical_date.utcoffset().total_seconds(), str(data_interval_end - logical_date)]", `["2024-01-02", "2024-01-02T00:00:00+00:00", 0.0, "1 day, 0:00:00"]`},
			"params":    {"def f(params, dag_run): return [params['p'], params.p, dag_run.conf['c'], dag_run.run_id]", `[1, 1, [2], "manual__test"]`},
			"all":       {"def f(**kwargs): return [k for k in ('ds', 'ti', 'task_instance', 'dag', 'task', 'macros', 'var', 'conn', 'prev_start_date_success', 'inlets', 'triggering_asset_events') if k not in kwargs]", `[]`},
			"ti":        {"def f(ti, task, dag): return [ti.task_id, ti.try_number, ti.map_index, task.task_id, dag.dag_id, ti.start_date.year]", `["task", 1, -1, "task", "dag", 2024]`},
			"no such":   {"def f(ti):\n    try: ti.nothing\n    except AttributeError as e: return str(e)[:47]", `"dingdag gives a TaskInstance no attribute 'noth"`},
			"macros":    {"def f(macros): return [macros.ds_add('2024-02-28', 2), macros.ds_format('2024-01-02', '%Y-%m-%d', '%d.%m')]", `["2024-03-01", "02.01"]`},
			"current":   {"from airflow.operators.python import get_current_context as g\ndef f(): return g()['ds']", `"2024-01-02"`},
			"current 3": {"def f():\n    from airflow.sdk import get_current_context as g\n    return [g()['prev_start_date_success'], 'nothing' in g(), g().get('nothing', 1)]", `[null, false, 1]`},
			"pull":      {"def f(ti): return [ti.xcom_pull('a'), ti.xcom_pull(task_ids=['a', 'b'], key='k'), ti.xcom_pull('none', default=4)]", `[{"x": 1}, [null, "v"], 4]`},
			"push":      {"def f(ti): ti.xcom_push(key='k', value=(1, 2))\n", ``},
			"variables": {"from airflow.models import Variable as V\ndef f(var): return [V.get('v'), V.get('j', deserialize_json=True), V.get('none', default_var=None), V.get('none', default=3), var.value.v, var.json.j, var.value.get('none', 5)]", `["text", {"a": 1}, null, 3, "text", {"a": 1}, 5]`},
			"hook":      {"from airflow.hooks.base import BaseHook as B\ndef f(conn): c = B.get_connection('c'); return [c.host, c.port, c.login, c.password == 'pass' + 'w0rd', c.extra_dejson, conn.c.host, conn.get('none'), c.get_uri().replace(c.password, 'P')]", `["h", 5, "u", true, {"x": 1}, "h", null, "http://u:P@h:5/?x=1"]`},
			"sdk":       {"from airflow.sdk import Connection, Variable, BaseHook, task\n@task\ndef f(): return [Connection.get('c').conn_type, Variable.get('v')]", `["http", "text"]`},
			"unknown":   {"from airflow.hooks.base import BaseHook as B\nfrom airflow.exceptions import AirflowNotFoundException\ndef f():\n    try: B.get_connection('none')\n    except AirflowNotFoundException as e: return str(e)", "\"The conn_id `none` isn't defined\""},
			"missing":   {"from airflow.models import Variable\ndef f():\n    try: Variable.get('none')\n    except KeyError as e: return str(e)", `"'Variable none does not exist'"`},
			"threads":   {"import concurrent.futures as c\nfrom airflow.models import Variable\ndef f():\n    with c.ThreadPoolExecutor(8) as p: return list(set(p.map(lambda _: Variable.get('v'), range(50))))", `["text"]`},
			"logging":   {"import logging\ndef f(ti): logging.info('by %s', 'logging'); ti.log.warning('by ti')", ``},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				task := contextTask(t, c.code)
				got, err := py.run(t, task, "")
				require.NoError(t, err, task.LogText())
				assert.Equal(t, c.want, raw(got))
				switch name {
				case "push":
					assert.JSONEq(t, "[1, 2]", raw(task.Pushed["k"]))
				case "logging":
					assert.Contains(t, task.LogText(), `msg="by logging"`)
					assert.Contains(t, task.LogText(), `msg="WARNING - by ti"`)
				}
			})
		}
	})
}

func contextTask(t *testing.T, code string) *operatortest.Task {
	t.Helper()
	task := task(t, code)
	task.Params, task.Conf = map[string]any{"p": 1}, map[string]any{"c": []int{2}}
	task.Results["a"] = map[string]any{"return_value": map[string]any{"x": 1}}
	task.Results["b"] = map[string]any{"k": "v"}
	task.Vars["v"], task.Vars["j"] = "text", `{"a": 1}`
	host, login, port, password, extra := "h", "u", 5, connections.Secret("passw0rd"), connections.Secret(`{"x": 1}`)
	task.Conns["c"] = &connections.Connection{ID: "c", Type: "http", Host: &host, Login: &login, Port: &port, Password: &password, Extra: &extra}
	return task
}

// A run without a logical date has no ds, as in Airflow.
func TestContextWithoutDate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		task := task(t, "def f(logical_date, **kwargs): return [logical_date, 'ds' in kwargs]")
		task.LogicalDate, task.DataIntervalStart, task.DataIntervalEnd = time.Time{}, time.Time{}, time.Time{}
		got, err := py.run(t, task, "")
		require.NoError(t, err)
		assert.Equal(t, "[null, false]", raw(got))
	})
}

// What the code does to the machinery is told as what it is.
func TestMischief(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		for name, c := range map[string]struct{ code, want, err string }{
			"stdout is the log":        {"import os\ndef f(): os.write(1, b'raw\\n'); return 1", "1", ""},
			"no pipe by accident":      {"import os\ndef f():\n    for fd in (3, 4):\n        try: os.write(fd, b'x'); return fd\n        except OSError: pass", "", ""},
			"pipe on purpose":          {"import os\ndef f():\n    for fd in range(400, 600):\n        try: os.write(fd, b'hello there')\n        except OSError: pass", "", "talk to the Python interpreter: what came over its pipe is no message of the runner"},
			"children inherit no pipe": {"import subprocess\ndef f(): return [n for n in subprocess.run('ls /proc/self/fd', shell=True, close_fds=False, stdout=subprocess.PIPE).stdout.decode().split() if int(n) >= 400]", "[]", ""},
			"fork":                     {"import os\ndef f():\n    pid = os.fork()\n    if pid: os.waitpid(pid, 0)\n    return pid > 0", "true", ""},
			"fork that asks":           {"import os\nfrom airflow.models import Variable\ndef f():\n    pid = os.fork()\n    if pid: return os.waitpid(pid, 0)[1]\n    Variable.get('v')", "256", ""},
			"fork that is left":        {"import os, sys\ndef f():\n    if os.fork() == 0:\n        for fd in (0, 1, 2): os.close(fd)\n        import time; time.sleep(20); os._exit(0)\n    return 1", "1", ""},
			"output closed":            {"import sys, os\ndef f(): sys.stdout.close(); os.close(2); return 1", "1", ""},
			"main":                     {"import __main__\ndef f(): return __main__.__name__", `"__main__"`, ""},
			"multiprocessing":          {"import multiprocessing as m\ndef g(x): return x * 2\ndef f():\n    p = m.get_context('fork').Pool(2)\n    try: return p.map(g, [1, 2])\n    finally: p.close(); p.join()", "[2, 4]", ""},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				task := task(t, c.code)
				task.Vars["v"] = "x"
				got, err := py.run(t, task, "")
				if c.err != "" {
					require.ErrorContains(t, err, c.err)
					return
				}
				require.NoError(t, err, task.LogText())
				assert.Equal(t, c.want, raw(got))
				if name == "stdout is the log" {
					assert.Contains(t, task.LogText(), "msg=raw")
				}
			})
		}
	})
}

// A function that is told to stop can clean up, and its children end, too.
func TestStop(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		for name, code := range map[string]string{
			"cleanup":       "import time\ndef f():\n    try:\n        print('begun'); time.sleep(1000)\n    finally: print('cleaned up')",
			"child":         "import subprocess\ndef f():\n    print('begun')\n    subprocess.run(['sleep', '1000'])",
			"stubborn":      "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef f():\n    print('begun')\n    time.sleep(1000)",
			"while loading": "import time\nprint('begun')\ntime.sleep(1000)",
			"thread":        "import threading, time\ndef f():\n    threading.Thread(target=time.sleep, args=(1000,)).start()\n    print('begun')\n    time.sleep(1000)",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				task := task(t, code)
				op := operatortest.Decode(t, py.suite.Spec(t, "python"), "python_callable: work.f")
				kind, err := task.TimeOut(op, "begun")
				require.EqualError(t, err, "the Python function was stopped: execution_timeout has passed")
				assert.Equal(t, operator.Timeout, kind)
				if name == "cleanup" {
					assert.Contains(t, task.LogText(), "cleaned up")
				}
			})
		}
	})
}

// Modules are those of the folder of the DAG file, of the DAGs folder and of the folder of the file.
func TestModules(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		root := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(root, "shared"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(root, "shared", "tools.py"), []byte("def twice(x): return 2 * x\n"), 0o600))
		suite := operatortest.Suite(python.Specs(python.Options{Python: py.path, Root: root}))
		for text, want := range map[string]string{
			"{python_callable: pkg.mod.f}":                                                       "[1, 2, 4]",
			"{python_callable: 'pkg.mod:f'}":                                                     "[1, 2, 4]",
			"{python_callable: 'pkg/mod.py:f'}":                                                  "ImportError: attempted relative import with no known parent package",
			"{python_callable: 'pkg/alone.py:C.f'}":                                              "7",
			"{python_callable: shared.tools.twice, op_args: [4]}":                                "8",
			"{python_callable_file: shared/tools.py, python_callable_name: twice, op_args: [4]}": "8",
			"{python_callable: no.such.thing}":                                                   "there is no module 'no': it is neither below the DAGs folder nor installed for ",
			"{python_callable: pkg.nothing.f}":                                                   "there is no module 'pkg.nothing'",
			"{python_callable_file: none.py, python_callable_name: f}":                           `no file "none.py" in `,
			"{python_callable_file: /none.py, python_callable_name: f}":                          "stat /none.py: no such file",
		} {
			t.Run(text, func(t *testing.T) {
				t.Parallel()
				task := operatortest.NewTask(t)
				write(t, task, "pkg/__init__.py", "one = 1\n")
				write(t, task, "pkg/two.py", "two = 2\n")
				write(t, task, "pkg/alone.py", "class C:\n    @staticmethod\n    def f(): return 7\n")
				write(t, task, "pkg/mod.py", "from . import one\nfrom .two import two\nfrom shared import tools\ndef f(): return [one, two, tools.twice(2)]\n")
				got, err := suite.Run(t, task, "python", text)
				if err != nil {
					assert.ErrorContains(t, err, want)
					return
				}
				assert.Equal(t, want, raw(got))
			})
		}
	})
}

// An interpreter that is not there, or too old, is told with what to do.
func TestInterpreters(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		old := filepath.Join(t.TempDir(), "old")
		script := "#!" + py.path + "\nimport os, struct, sys\nos.read(3, 4)\nsys.version_info = (2, 7, 18)\nexec(sys.argv[3])\n"
		require.NoError(t, os.WriteFile(old, []byte(script), 0o700))
		for text, want := range map[string]string{
			"python: /no/python": `parameter python: there is no program "/no/python" on this machine`,
			"python: /bin/true":  "the interpreter ended with exit code 0 before the Python function returned",
			"python: /bin/false": "the interpreter ended with exit code 1 before the Python function returned",
			"python: " + old:     old + " is Python 2.7.18: tasks need 3.8 or newer; name another interpreter in the setting python (DINGDAG_PYTHON)",
		} {
			_, err := py.run(t, task(t, "def f(): pass"), ", "+text)
			require.ErrorContains(t, err, want)
		}
		suite := operatortest.Suite(python.Specs(python.Options{Python: "/no/python"}))
		_, err := suite.Run(t, task(t, "def f(): pass"), "python", "python_callable: work.f")
		require.ErrorContains(t, err, `the setting python names "/no/python", which is no program on this machine`)
	})
}

func TestNoInterpreter(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	suite := operatortest.Suite(python.Specs(python.Options{}))
	_, err := suite.Run(t, task(t, "def f(): pass"), "python", "python_callable: work.f")
	require.EqualError(t, err, "there is no python3 in PATH: install Python, or name an interpreter in the setting python (DINGDAG_PYTHON) or the parameter python of the task")
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
}

func TestParameters(t *testing.T) {
	t.Parallel()
	suite := operatortest.Suite(python.Specs(python.Options{}))
	suite.Refused(t, "python", map[string]string{
		"{}":                             "a Python function is missing: name it with python_callable",
		"{python_callable: f}":           `"f" names no module: write package.module.function`,
		"{python_callable: 'lambda: 1'}": `a lambda cannot be called`,
		"{python_callable: m.f, python_callable_file: x.py}":        "python_callable excludes python_callable_name and python_callable_file",
		"{python_callable_file: x.py}":                              "belong together",
		"{python_callable_file: x.py, python_callable_name: 'f()'}": "is not the name of a Python function",
		"{python_callable: m.f, op_args: 3}":                        "op_args",
	})
}

// Secrets that the function reads are masked in what it prints, as everywhere.
func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		task := contextTask(t, "def f(conn): print(conn.c.password); raise ValueError(conn.c.password)")
		task.Masker.Add("passw0rd")
		_, err := py.run(t, task, "")
		require.Error(t, err)
		assert.NotContains(t, task.LogText(), "passw0rd")
		assert.Equal(t, 2, strings.Count(task.LogText(), "***"))
	})
}
