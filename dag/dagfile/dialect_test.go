package dagfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The keys of a DAG by what becomes of them: taken, warned about, or refused.
func TestDAGKeys(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"description: x": "", "dag_display_name: x": "", `schedule: "@daily"`: "", "start_date: 2024-05-01": "", "end_date: 2024-05-01": "",
		"catchup: false": "", "max_active_runs: 1": "", "max_active_tasks: 1": "", "dagrun_timeout: 5m": "", "render_template_as_native_obj: true": "",
		"params: {a: 1}": "", "tags: [x]": "", "doc_md: x": "", "is_paused_upon_creation: true": "", "on_success_callback: dingding": "",
		"on_failure_callback: dingding": "", "fail_fast: true": "", "max_consecutive_failed_dag_runs: 1": "", "owner_links: {a: b}": "",
		"vars: {a: [1]}": "", "user_defined_macros: {a: 1, b: {c: true}}": "", "default_args:": "", "tags:": "", "task_groups:": "", "timetable: '@daily'": "",

		"concurrency: 3":                  "warning: dag \"a\": concurrency is the old name: use max_active_tasks; dingdag dags convert FILE --write rewrites it",
		"default_view: graph":             "warning: dag \"a\": default_view has no effect here: it belongs to Airflow 2's pages; dingdag dags convert FILE --write takes it out",
		"orientation: LR":                 "warning: dag \"a\": orientation has no effect here",
		"sla_miss_callback: x":            "warning: dag \"a\": sla_miss_callback has no effect here: use dagrun_timeout",
		"timezone: Asia/Tokyo":            "warning: dag \"a\": timezone has no effect on the schedule without a start_date beside it",
		"start_date: 2 days":              "warning: dag \"a\": start_date \"2 days\" moves with every load",
		"start_date: 2 days ago":          "warning: dag \"a\": start_date \"2 days ago\" moves with every load",
		"start_date: days_ago(2)":         "warning: dag \"a\": start_date \"days_ago(2)\" moves with every load",
		"schedule_interval: '@daily'":     "warning: dag \"a\": schedule_interval was removed: write schedule; dingdag dags convert FILE --write rewrites it",
		"schedule_interval: None":         "warning: dag \"a\": schedule_interval was removed: write schedule",
		"dagrun_timeout_sec: 5":           "warning: dag \"a\": dagrun_timeout_sec was removed: write dagrun_timeout",
		"access_control: {}":              "error: dag \"a\": access_control is not supported",
		"doc_md_python_callable_name: f":  "error: dag \"a\": doc_md_python_callable_name needs Python: use doc_md or doc_md_file_path",
		"doc_md_python_callable_file: f":  "error: dag \"a\": doc_md_python_callable_file needs Python",
		"doc_md_python_arguments: {}":     "error: dag \"a\": doc_md_python_arguments needs Python",
		"on_failure_callback_name: f":     "error: dag \"a\": on_failure_callback_name needs Python: name a notifier under on_failure_callback",
		"on_success_callback_file: f":     "error: dag \"a\": on_success_callback_file needs Python: name a notifier under on_success_callback",
		"user_defined_macros: {f: p.f}":   "error: dag \"a\": user_defined_macros \"f\": text is a Python import path",
		"doc_md_file_path: doc.md":        "error: dag \"a\": doc_md_file_path must be absolute",
		"doc_md_file_path: /no/such/file": "error: dag \"a\": read doc_md_file_path",
		"schedul: x":                      "error: dag \"a\": unknown key \"schedul\"; did you mean \"schedule\"?",
		"zzz: x":                          "warning: dag \"a\": unknown key \"zzz\" has no effect: remove it",
		"<<: {description: x}":            "",
		"end_date: 2024-02-30":            "error: dag \"a\": end_date: the date 2024-02-30 does not exist",
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			dags, found := parseText(oneTask("  " + key))
			if want == "" {
				assert.Empty(t, found.String())
				require.Len(t, dags, 1)
				return
			}
			require.Len(t, found, 1)
			assert.Contains(t, found.String(), want)
			assert.Equal(t, found.HasErrors(), len(dags) == 0)
			assert.Equal(t, 2, found[0].Line)
		})
	}
}

// The parameters that every task takes, by what becomes of them.
func TestTaskKeys(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"owner: me": "", "retries: 1": "", "retry_delay: 5m": "", "retry_exponential_backoff: true": "", "max_retry_delay: 1h": "",
		"execution_timeout: 90": "", "depends_on_past: yes": "", "ignore_first_depends_on_past: true": "",
		"wait_for_past_depends_before_skipping: true": "", "wait_for_downstream: true": "", "start_date: 2024-05-01": "", "end_date: 2024-05-01": "",
		"email: a@b.example": "", "email: [a@b.example]\n      email_on_failure: false": "", "on_execute_callback: dingding": "",
		"on_success_callback: dingding": "", "on_failure_callback: [dingding]": "", "on_retry_callback: {callback: dingding}": "",
		"on_skipped_callback:": "", "trigger_rule: always": "", "weight_rule: absolute": "", "priority_weight: -5": "",
		"queue: q": "", "pool: p": "", "pool_slots: 2": "", "max_active_tis_per_dag: 1": "", "max_active_tis_per_dagrun: 1": "", "do_xcom_push: false": "",
		"multiple_outputs: true": "", "params: {a: 1}": "", "task_display_name: x": "", "doc: x": "", "doc_md: x": "", "doc_json: x": "", "doc_yaml: x": "",
		"doc_rst: x": "", "dependencies:": "", "dependencies: []": "", "task_group_name:": "", "variables_as_arguments: []": "", "task_id: t": "",

		"executor: x":                   "warning: dag \"a\", task \"t\": executor has no effect here: every task runs in a worker of this program",
		"resources: {}":                 "warning: dag \"a\", task \"t\": resources has no effect here",
		"run_as_user: x":                "warning: dag \"a\", task \"t\": run_as_user has no effect here",
		"logger_name: x":                "warning: dag \"a\", task \"t\": logger_name has no effect here",
		"allow_nested_operators: true":  "warning: dag \"a\", task \"t\": allow_nested_operators has no effect here",
		"sla: 5":                        "warning: dag \"a\", task \"t\": sla has no effect here",
		"email_on_failure: true":        "warning: dag \"a\", task \"t\": email_on_failure has no effect without email",
		"executor_config: {}":           "error: dag \"a\", task \"t\": executor_config is not supported",
		"pre_execute: f":                "error: dag \"a\", task \"t\": pre_execute needs Python",
		"post_execute: f":               "error: dag \"a\", task \"t\": post_execute needs Python",
		"parent_group_name: g":          "warning: dag \"a\", task \"t\": parent_group_name has no effect here, it belongs to a group",
		"decorator: x":                  "error: dag \"a\", task \"t\": decorator is not supported, TaskFlow is Python-only",
		"sla_secs: 5":                   "warning: dag \"a\", task \"t\": sla_secs was removed: use execution_timeout, or dagrun_timeout on the DAG; dingdag dags convert FILE --write takes it out",
		"provide_context: true":         "warning: dag \"a\", task \"t\": provide_context has no effect here: since Airflow 2 every task has the context of its run",
		"task_concurrency: 2":           "warning: dag \"a\", task \"t\": task_concurrency is the old name: use max_active_tis_per_dag; dingdag dags convert FILE --write rewrites it",
		"xcom_push: true":               "warning: dag \"a\", task \"t\": xcom_push is the old name: use do_xcom_push",
		"execution_timeout_secs: 5":     "warning: dag \"a\", task \"t\": execution_timeout_secs was removed: write execution_timeout",
		"retry_delay_sec: 5":            "warning: dag \"a\", task \"t\": retry_delay_sec was removed: write retry_delay",
		"on_retry_callback_name: f":     "error: dag \"a\", task \"t\": on_retry_callback_name needs Python: name a notifier under on_retry_callback",
		"task_group_name: g":            "warning: dag \"a\", task \"t\": task_group_name has no effect, because the DAG has no task_groups",
		"weight_rule: most":             "error: dag \"a\", task \"t\": weight_rule: unknown value \"most\"",
		"retries: -1":                   "error: dag \"a\", task \"t\": retries: -1 is less than 0",
		"retries: 99999999999999999999": "error: dag \"a\", task \"t\": retries: 99999999999999999999 does not fit 64 bits",
		"owner: yes":                    "error: dag \"a\", task \"t\": owner: yes is a boolean in YAML 1.1: quote it",
		"pool: 1:30":                    "error: dag \"a\", task \"t\": pool: 1:30 is a whole number in YAML 1.1: quote it",
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			dags, found := parseText(withTask("      " + key))
			if want == "" {
				assert.Empty(t, found.String())
				require.Len(t, dags, 1)
				return
			}
			require.Len(t, found, 1, found.String())
			assert.Contains(t, found.String(), want)
			assert.Equal(t, found.HasErrors(), len(dags) == 0)
			assert.Equal(t, 6, found[0].Line)
		})
	}
}

func TestGroupKeys(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"tooltip: x": "", "group_display_name: x": "", "prefix_group_id: no": "", "ui_color: red": "", "ui_fgcolor: red": "", "default_args: {retries: 2}": "",
		"default_args:": "", "dependencies:": "", "parent_group_name:": "", "add_suffix_on_collision: false": "",
		"add_suffix_on_collision: true": "error: dag \"a\": add_suffix_on_collision is not supported",
		"tooltips: x":                   "error: dag \"a\": group \"g\": unknown key \"tooltips\"; did you mean \"tooltip\"?",
		"parent_group_name: h":          "error: dag \"a\": group \"g\": unknown parent group \"h\"",
		"default_args: {catchup: true}": "warning: dag \"a\": catchup has no effect in default_args",
		"dependencies: [nobody]":        "error: dag \"a\"",
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			_, found := parseText("a:\n  task_groups:\n    g: {" + key + " }\n  tasks:\n    t: {operator: empty, task_group_name: g}\n")
			if want == "" {
				assert.Empty(t, found.String())
				return
			}
			require.Len(t, found, 1, found.String())
			assert.Contains(t, found.String(), want)
			assert.Equal(t, 3, found[0].Line)
		})
	}
}

// The keys of default_args: those of tasks, of sensors and of every operator.
func TestDefaultArgsKeys(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"retries: 1": "", "timezone: UTC": "", "poke_interval: 5": "", "http_conn_id: web": "", "on_failure_callback: dingding": "", "start_date: 2024-05-01": "",
		"schedule: x":                 "warning: dag \"a\": schedule has no effect in default_args: write it on the DAG",
		"tags: [x]":                   "warning: dag \"a\": tags has no effect in default_args",
		"retires: 1":                  "error: dag \"a\": unknown key \"retires\" in default_args; did you mean \"retries\"?",
		"dagrun_timeout_sec: 5":       "warning: dag \"a\": dagrun_timeout_sec has no effect in default_args: write dagrun_timeout on the DAG",
		"provide_context: true":       "warning: dag \"a\": provide_context has no effect here",
		"retry_delay_sec: 5":          "warning: dag \"a\": retry_delay_sec was removed: write retry_delay",
		"op_kwargs: {a: 1}":           "warning: dag \"a\": op_kwargs has no effect in default_args: no operator here has such a parameter",
		"aws_conn_id: x":              "warning: dag \"a\": aws_conn_id has no effect in default_args",
		"htp_conn_id: x":              "error: dag \"a\": unknown key \"htp_conn_id\" in default_args; did you mean \"http_conn_id\"?",
		"dependencies: [x]":           "error: dag \"a\": dependencies has no effect in default_args: write it on each task",
		"timezone: Asia/Nowhere":      "error: dag \"a\": unknown time zone \"Asia/Nowhere\"",
		"on_failure_callback_name: x": "error: dag \"a\": on_failure_callback_name needs Python",
		"python_callable: f":          "error: dag \"a\": python_callable: Python code cannot run here",
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			_, found := parseText(oneTask("  default_args: {" + key + "}"))
			if want == "" {
				assert.Empty(t, found.String())
				return
			}
			require.Len(t, found, 1, found.String())
			assert.Contains(t, found.String(), want)
		})
	}
}

// What programs read of default_args: durations and dates as they were read, and no callbacks.
func TestDefaultArgsShown(t *testing.T) {
	t.Parallel()
	dags, found := parseText(oneTask("  default_args: {on_failure_callback: dingding, retries: 2, retry_delay: {__type__: datetime.timedelta, minutes: 90}, execution_timeout: 7d, end_date: 2030-01-01, pool: null}"))
	require.Len(t, dags, 1, found.String())
	var got map[string]any
	require.NoError(t, dags[0].DefaultArgs.Node().Decode(&got))
	assert.Equal(t, map[string]any{"retries": 2, "retry_delay": "PT1H30M", "execution_timeout": "P7D", "end_date": "2030-01-01T00:00:00Z", "pool": nil}, got)
	restored, err := Restore(Source(dags[0]), newFakeCatalog(), testOptions())
	require.NoError(t, err)
	assert.Empty(t, restored.DefaultArgs)
	dags, _ = parseText(oneTask(""))
	assert.Empty(t, dags[0].DefaultArgs)
}

// Each __type__, in a place that takes it.
func TestTypedValues(t *testing.T) {
	t.Parallel()
	value := func(text string) any {
		dags, found := parseText(oneTask("  params: {p: " + text + "}"))
		require.Len(t, dags, 1, found.String())
		value, _ := dags[0].Params.Get("p")
		return value
	}
	for text, want := range map[string]any{
		"{__type__: datetime.timedelta, hours: 1, minutes: 30}":                          "1h30m0s",
		"{__type__: datetime.datetime, __args__: [2024, 5, 1, 8]}":                       "2024-05-01T08:00:00",
		"{__type__: datetime.date, year: 2024, month: 5, day: 1}":                        "2024-05-01",
		"{__type__: datetime.time, hour: 8, minute: 30}":                                 "08:30:00",
		"{__type__: builtins.list, items: [1, {__type__: builtins.str, __args__: [2]}]}": []any{int64(1), "2"},
		"{__type__: builtins.list, __args__: [[1]]}":                                     []any{int64(1)},
		"{__type__: builtins.dict, a: 1}":                                                oneKey("a", int64(1)),
		"{__type__: builtins.dict, __args__: [{a: 1}]}":                                  oneKey("a", int64(1)),
		"{__type__: builtins.int, __args__: ['7']}":                                      int64(7),
		"{__type__: builtins.float, __args__: ['7']}":                                    7.0,
		"{__type__: builtins.bool, __args__: [yes]}":                                     true,
		"{__type__: airflow.sdk.Param, default: 5}":                                      int64(5),
		"{__type__: airflow.models.param.Param, __args__: [x]}":                          "x",
		"{__type__: airflow.sdk.definitions.param.Param, default: 6}":                    int64(6),
		"{__type__: airflow.models.Param, default: [1], type: array}":                    []any{int64(1)},
	} {
		assert.Equal(t, want, value(text), text)
	}
	for text, want := range map[string]string{
		"{__type__: builtins.int, __args__: [x]}":                  "builtins.int cannot be made from text \"x\"",
		"{__type__: builtins.bool, __args__: [1]}":                 "builtins.bool cannot be made from",
		"{__type__: builtins.str, __args__: [a, b]}":               "builtins.str takes one value: write it in __args__",
		"{__type__: builtins.set, __args__: [[1]]}":                "__type__ \"builtins.set\" is not supported; did you mean \"builtins.int\"?",
		"{__type__: datetime.date, year: 2024, month: 2, day: 30}": "does not exist",
		"{__type__: datetime.time, hour: 25}":                      "does not exist",
		"{__type__: datetime.datetime, years: 1}":                  "datetime.datetime has no argument \"years\"; did you mean \"year\"?",
		"{__type__: [x]}": "__type__ must be text",
		"{__type__: dateutil.relativedelta.relativedelta, months: 1}": "is not supported: months differ in length, use a cron schedule",
		"{__type__: airflow.sdk.Param, __args__: [1, 2, 3]}":          "takes at most 2 positional arguments, not 3",
		"!!python/name:os.system x":                                   "tag \"!!python/name:os.system\" is not allowed",
		"!!timestamp 2024-01-01":                                      "tag \"!!timestamp\" is not allowed",
	} {
		dags, found := parseText(oneTask("  params: {p: " + text + "}"))
		assert.Empty(t, dags, text)
		assert.Contains(t, found.String(), want, text)
	}
}

// Scalars mean what PyYAML makes of them.
func TestScalarsOfYAML11(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"yes": true, "On": true, "TRUE": true, "no": false, "off": false, "y": "y", "n": "n", "010": int64(8), "0o10": "0o10", "1_000": int64(1000),
		"1:30": int64(90), "12:30:45": int64(45045), "1e3": "1e3", "1.0e+3": 1000.0, "1.0.0": "1.0.0", "~": nil, "null": nil, "": nil,
		"0 1 * * *": "0 1 * * *", "0x1F": int64(31), "0b11": int64(3), "+5": int64(5), `"yes"`: "yes", "NULL": nil, "None": "None",
	} {
		dags, found := parseText(oneTask("  params:\n    p: " + text))
		require.Len(t, dags, 1, "%s: %s", text, found)
		value, _ := dags[0].Params.Get("p")
		assert.Equal(t, want, value, text)
	}
}

// Defaults files and blocks, beside TestDefaultsFilesPrecedence and TestMergeOfDefaultBlock.
func TestMergeReports(t *testing.T) {
	t.Parallel()
	load := func(t *testing.T, files map[string]string) (Result, string) {
		t.Helper()
		dir := writeFiles(t, files)
		r := Load([]string{dir}, newFakeCatalog(), testOptions())
		return r, strings.ReplaceAll(r.Diagnostics.String(), dir+"/", "")
	}
	t.Run("a DAG's own key needs no report", func(t *testing.T) {
		t.Parallel()
		r, found := load(t, map[string]string{"defaults.yml": "catchup: false\nparams: {a: 1}\n", "x.yaml": "default: {catchup: true, params: {b: 2}}\na: {catchup: false, params: {c: 3}, tasks: {t: {operator: empty}}}\n"})
		assert.Empty(t, found)
		assert.Equal(t, `{"c":3,"b":2}`, asJSON(t, r.DAGs[0].Params), "the DAG's key drops that of the file as a whole")
	})
	t.Run("equal values need no report", func(t *testing.T) {
		t.Parallel()
		_, found := load(t, map[string]string{"defaults.yml": "tags: [a]\ncatchup: false\n", "x.yaml": "default: {tags: [a], catchup: false}\na: {tasks: {t: {operator: empty}}}\n"})
		assert.Empty(t, found)
	})
	t.Run("default_args of a file are flat", func(t *testing.T) {
		t.Parallel()
		r, found := load(t, map[string]string{
			"defaults.yml": "default_args: {params: {a: 1}, retries: 3, owner: file}\n",
			"x.yaml":       "default: {default_args: {params: {b: 2}, retries: 2}}\na: {default_args: {params: {c: 3}}, tasks: {t: {operator: empty}}}\n",
		})
		assert.Empty(t, found)
		task := r.DAGs[0].Tasks[0]
		assert.Equal(t, `{"c":3,"b":2}`, asJSON(t, task.Params), "deep between DAG and block, flat below them")
		assert.Equal(t, 2, task.Retries)
		assert.Equal(t, "file", task.Owner)
	})
	t.Run("null blocks a defaults file", func(t *testing.T) {
		t.Parallel()
		r, found := load(t, map[string]string{"defaults.yml": "description: x\ntags: [t]\n", "x.yaml": "a: {description: null, tags: , tasks: {t: {operator: empty}}}\n"})
		assert.Empty(t, found)
		assert.Empty(t, r.DAGs[0].Description)
		assert.Empty(t, r.DAGs[0].Tags)
	})
	t.Run("lists and mappings of tasks do not mix", func(t *testing.T) {
		t.Parallel()
		r, found := load(t, map[string]string{"x.yaml": "default: {tasks: {u: {operator: empty}}}\na: {tasks: [{task_id: t, operator: empty}]}\n"})
		assert.Empty(t, found)
		assert.Len(t, r.DAGs[0].Tasks, 1)
	})
	t.Run("defaults.yml goes before defaults.yaml", func(t *testing.T) {
		t.Parallel()
		r, found := load(t, map[string]string{"defaults.yml": "description: yml\n", "defaults.yaml": "description: yaml\n", "x.yaml": simpleDAG("a")})
		assert.Empty(t, found)
		assert.Equal(t, "yml", r.DAGs[0].Description)
	})
	t.Run("a default block in a defaults file", func(t *testing.T) {
		t.Parallel()
		r, found := load(t, map[string]string{"defaults.yml": "default:\n  description: x\n", "x.yaml": simpleDAG("a"), "y.yaml": simpleDAG("b")})
		assert.Equal(t, "defaults.yml:1:1: error: a defaults file holds the keys of a DAG at its root: remove the key default\n", found)
		assert.Empty(t, r.DAGs)
	})
	t.Run("an empty defaults file", func(t *testing.T) {
		t.Parallel()
		r, found := load(t, map[string]string{"defaults.yml": "# nothing yet\n", "x.yaml": simpleDAG("a")})
		assert.Empty(t, found)
		assert.Len(t, r.DAGs, 1)
	})
	t.Run("a broken defaults file takes its DAGs with it", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string]string{"catchup: [\n": "this bracket is not closed", "- a\n": "the defaults file must be a mapping", "a: 1\na: 2\n": "duplicate key"} {
			r, found := load(t, map[string]string{"sub/defaults.yml": text, "sub/x.yaml": simpleDAG("a"), "y.yaml": simpleDAG("b")})
			assert.Contains(t, found, want)
			assert.Contains(t, found, "sub/defaults.yml:")
			assert.Equal(t, []string{"b"}, ids(r.DAGs), "without its defaults a DAG would mean something else")
		}
	})
	t.Run("a default block that is no mapping takes its DAGs with it", func(t *testing.T) {
		t.Parallel()
		r, found := load(t, map[string]string{"x.yaml": "default: [x]\n" + simpleDAG("a"), "y.yaml": simpleDAG("b")})
		assert.Equal(t, "x.yaml:1:10: error: default must be a mapping, not a list\n", found)
		assert.Equal(t, []string{"b"}, ids(r.DAGs))
	})
	t.Run("a defaults file that leaves the folder", func(t *testing.T) {
		t.Parallel()
		outside := writeFiles(t, map[string]string{"defaults.yml": "description: outside\n"})
		dir := writeFiles(t, map[string]string{"x.yaml": simpleDAG("a"), "sub/y.yaml": simpleDAG("b")})
		require.NoError(t, os.Symlink(filepath.Join(outside, "defaults.yml"), filepath.Join(dir, "defaults.yml")))
		r := Load([]string{dir}, newFakeCatalog(), testOptions())
		assert.Equal(t, dir+"/defaults.yml: warning: the symbolic link leaves the DAG folder: not followed\n", r.Diagnostics.String())
		assert.Empty(t, r.DAGs[0].Description)
	})
}

// The files of the comparison with dag-factory that are no rows elsewhere.
func TestAdditions(t *testing.T) {
	t.Parallel()
	d := mustParse(t, `
x-anchors: &args {retries: 3}
a:
  schedule: {every: 30m}
  default_args: *args
  tasks:
    - {task_id: one, operator: empty, start_date: 2024-06-01, dependencies: }
    - {task_id: two, operator: bash, bash_command: x, dependencies: one, retry_delay: 2 days}
`)
	assert.Equal(t, "one->two", edges(d))
	assert.Equal(t, 48*time.Hour, d.Task("two").RetryDelay)
	assert.Equal(t, 3, d.Task("two").Retries)
	assert.Equal(t, "every 30m", d.ScheduleText)
}
