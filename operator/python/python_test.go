package python_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/operator/python"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pythons are the interpreters of the tests: those of the variable, separated by commas, else python3.
func pythons(tb testing.TB) []string {
	tb.Helper()
	if named := os.Getenv("DINGDAG_TEST_PYTHON"); named != "" {
		return strings.Split(named, ",")
	}
	path, err := exec.LookPath("python3")
	if err != nil {
		tb.Skip("there is no python3: install it, or name interpreters in DINGDAG_TEST_PYTHON")
	}
	return []string{path}
}

// each runs a test with each interpreter that can run tasks.
func each(t *testing.T, test func(t *testing.T, py *interpreter)) {
	t.Helper()
	for _, path := range pythons(t) {
		t.Run(filepath.Base(filepath.Dir(filepath.Dir(path))), func(t *testing.T) {
			t.Parallel()
			test(t, &interpreter{path, operatortest.Suite(python.Specs(python.Options{Python: path}))})
		})
	}
}

type interpreter struct {
	path  string
	suite operatortest.Suite
}

// task is a task whose folder has a file work.py.
func task(t *testing.T, code string) *operatortest.Task {
	t.Helper()
	task := operatortest.NewTask(t)
	write(t, task, "work.py", code)
	return task
}

func write(t *testing.T, task *operatortest.Task, name, text string) {
	t.Helper()
	path := filepath.Join(task.DAGFolder, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// run calls f of the file work.py.
func (p *interpreter) run(t *testing.T, task *operatortest.Task, more string) (any, error) {
	t.Helper()
	return p.suite.Run(t, task, "python", "{python_callable_file: work.py, python_callable_name: f"+more+"}")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		for _, spec := range py.suite {
			t.Run(spec.Name, func(t *testing.T) {
				t.Parallel()
				operatortest.Check(t, spec, operatortest.Options{
					Task: func(t *testing.T) *operatortest.Task {
						t.Helper()
						task := operatortest.NewTask(t)
						write(t, task, "count_rows.py", "def count(table, day):\n    return {'table': table, 'day': day}\n")
						write(t, task, "choose.py", "def choose(): return ['a', 'b']\ndef anything_new(): return 0\ndef has_rows(table): return table == 'orders'\n")
						write(t, task, "block.py", "import time\ndef f():\n    print('begun')\n    time.sleep(1000)\n")
						return task
					},
					Blocking: "{python_callable: block.f, python: '" + py.path + "'}",
					Running:  func(_ *testing.T, task *operatortest.Task) { task.AwaitLog("begun") },
				})
			})
		}
	})
}

func TestResults(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		for name, c := range map[string]struct{ code, more, want string }{
			"nothing":       {"def f(): pass", "", ""},
			"text":          {"def f(): return 'ä你'", "", `"ä你"`},
			"whole":         {"def f(): return 12345678901234567890", "", `12345678901234567890`},
			"number":        {"def f(): return 1.0", "", `1.0`},
			"true":          {"def f(): return True", "", `true`},
			"mapping":       {"def f(): return {'b': 1, 'a': [None], 3: 'x'}", "", `{"b": 1, "a": [null], "3": "x"}`},
			"tuple":         {"def f(): return (1, ('a',))", "", `[1, ["a"]]`},
			"set":           {"def f(): return {3, 1, 2}", "", `[1, 2, 3]`},
			"mixed set":     {"def f(): return frozenset(['b', 1])", "", `["b", 1]`},
			"datetime":      {"import datetime\ndef f(): return datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.timezone.utc)", "", `"2024-01-02 03:00:00+00:00"`},
			"date":          {"import datetime\ndef f(): return [datetime.date(2024, 1, 2), datetime.timedelta(minutes=1.5)]", "", `["2024-01-02", 90.0]`},
			"decimal":       {"from decimal import Decimal as D\ndef f(): return [D('1.5'), D('3')]", "", `[1.5, 3]`},
			"named tuple":   {"from collections import namedtuple as n\ndef f(): return n('P', 'x y')(1, 2)", "", `[1, 2]`},
			"text subclass": {"class S(str): pass\ndef f(): return S('x')", "", `"x"`},
			"coroutine":     {"async def f(): return 7", "", `7`},
			"arguments":     {"def f(a, b, *, c): return [a, b, c]", ", op_args: [1, {x: y}], op_kwargs: {c: 1.0}", `[1, {"x": "y"}, 1.0]`},
			"left out":      {"def f(a=1): return a", ", op_kwargs: {b: 2}", `1`},
			"templates":     {"def f(templates_dict): return templates_dict", ", templates_dict: {q: text}", `{"q": "text"}`},
			"class":         {"class f:\n    def __new__(cls): return 5", "", `5`},
			"environment":   {"import os\ndef f(): return [os.environ['A'], 'PATH' in os.environ]", ", env_vars: {A: b}", `["b", true]`},
			"stdin":         {"import sys\ndef f(): return sys.stdin.read()", "", `""`},
			"folder":        {"import os\ndef f(): os.chdir('/'); return os.getcwd()", "", `"/"`},
			"temporary":     {"import os\ndef f(): return os.listdir('.')", "", `[]`},
			"own file":      {"import os\ndef f(): return os.path.basename(__file__)", "", `"work.py"`},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				task := task(t, c.code)
				got, err := py.run(t, task, c.more)
				require.NoError(t, err, task.LogText())
				assert.Equal(t, c.want, raw(got))
			})
		}
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		for name, c := range map[string]struct {
			code string
			kind operator.Kind
			want string
		}{
			"exception":     {"def f(): return 1 / 0", operator.Retry, "the Python function raised ZeroDivisionError: division by zero"},
			"own exception": {"class E(Exception): pass\ndef f(): raise E('x')", operator.Retry, "raised work.E: x"},
			"skip":          {"from airflow.exceptions import AirflowSkipException\ndef f(): raise AirflowSkipException('no rows')", operator.Skipped, "no rows"},
			"fail":          {"from airflow.sdk.exceptions import AirflowFailException\ndef f(): raise AirflowFailException('no')", operator.Failed, "no"},
			"airflow":       {"from airflow.exceptions import AirflowException\ndef f(): raise AirflowException('no')", operator.Retry, "raised airflow.exceptions.AirflowException: no"},
			"exit":          {"import sys\ndef f(): sys.exit(3)", operator.Retry, "the callable called sys.exit(3): return instead"},
			"os._exit":      {"import os\ndef f(): print('last'); os._exit(0)", operator.Retry, "ended with exit code 0 before the Python function returned, as os._exit does; its last lines:\nlast"},
			"os._exit 4":    {"import os\ndef f(): os._exit(4)", operator.Retry, "the interpreter ended with exit code 4 before"},
			"signal":        {"import os\ndef f(): os.kill(os.getpid(), 9)", operator.Retry, "the interpreter ended by signal: killed before"},
			"segfault":      {"import os, signal\ndef f(): os.kill(os.getpid(), signal.SIGSEGV)", operator.Retry, "the interpreter ended by signal: segmentation fault"},
			"generator":     {"def f(): yield 1", operator.Retry, "TypeError: the result is a generator, which an XCom cannot hold: return list(...) of it"},
			"object":        {"class C: pass\ndef f(): return {'a': [C()]}", operator.Retry, "the result['a'][0] is a work.C, which an XCom cannot hold"},
			"bytes":         {"def f(): return b'x'", operator.Retry, "the result is a bytes, which an XCom cannot hold: decode it"},
			"nan":           {"def f(): return [float('nan')]", operator.Retry, "the result[0] is nan, for which JSON has no number"},
			"itself":        {"def f():\n    a = []\n    a.append(a)\n    return a", operator.Retry, "the result[0] holds itself"},
			"surrogate":     {"def f(): return '\\ud800'", operator.Retry, "half of a surrogate pair"},
			"200 MB":        {"def f(): return 'x' * 200_000_000", operator.Retry, "the result has 200000002 bytes as JSON, an XCom may have 1048576: store it elsewhere"},
			"deep":          {"def f():\n    a = []\n    for _ in range(100000): a = [a]\n    return a", operator.Retry, "nested too deeply"},
			"syntax":        {"def f(:\n", operator.Retry, "raised SyntaxError: "},
			"no name":       {"def g(): pass", operator.Failed, `there is no 'f' in `},
			"no function":   {"f = 3", operator.Failed, "which cannot be called"},
			"import":        {"import no_such_module_here\ndef f(): pass", operator.Retry, "ModuleNotFoundError: No module named 'no_such_module_here'"},
			"dag":           {"from airflow import DAG\ndef f(): pass", operator.Retry, "(the stand-in of dingdag, as Airflow is not installed here"},
			"missing":       {"def f(x): pass", operator.Retry, "missing 1 required positional argument: 'x'"},
			"removed":       {"def f(execution_date): pass", operator.Retry, "the callable takes execution_date, which Airflow 3 removed: use logical_date"},
			"set variable":  {"from airflow.models import Variable\ndef f(): Variable.set('a', 'b')", operator.Retry, "use dingdag variables set"},
			"xcom":          {"def f(): \n    from airflow.sdk import get_current_context\n    get_current_context()['ti'].xcom_push('k', object())", operator.Retry, "the value of 'k' is a object"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				task := task(t, c.code)
				_, err := py.run(t, task, "")
				require.Error(t, err)
				o := operator.Classify(t.Context(), err)
				assert.Equal(t, c.kind, o.Kind)
				assert.Contains(t, o.Reason+err.Error(), c.want)
			})
		}
	})
}

// raw is a result as it is stored.
func raw(v any) string {
	if v == nil {
		return ""
	}
	return string(v.(json.RawMessage))
}

func specs() []operator.Spec { return python.Specs(python.Options{}) }
