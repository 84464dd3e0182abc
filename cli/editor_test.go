package cli_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dags/examples"
)

const edited = `report:
  schedule: "0 9 * * 1-5"
  start_date: 2026-01-01
  timezone: Asia/Shanghai
  catchup: no
  dagrun_timeout: {__type__: datetime.timedelta, hours: 2}
  tags: [sales]
  params:
    limit: {__type__: airflow.sdk.Param, default: 5, type: integer}
  default_args:
    retries: 1
    retry_delay: 5m
    on_failure_callback: dingding
  task_groups:
    - group_name: read
      tooltip: reads
  tasks:
    - task_id: wait
      operator: file_sensor
      filepath: /in/*.csv
      mode: reschedule
      poke_interval: 30
    - task_id: collect
      operator: airflow.providers.standard.operators.bash.BashOperator
      bash_command: echo 1
      env: {A: x}
      task_group_name: read
      execution_timeout: 90
      trigger_rule: all_done
    - task_id: send
      operator: dingding
      message_type: text
      message: done
      on_uncertain: fail
      dependencies: [collect]
      on_failure_callback: {callback: dingding, message: failed}
`

// What an editor with the schema says of DAG files, by the language server that editors use.
func TestEditor(t *testing.T) { //nolint:tparallel // the subtests share one server
	t.Parallel()
	e := startEditor(t)
	t.Run("takes what is fine", func(t *testing.T) { //nolint:paralleltest // as above
		files := map[string]string{"edited": edited}
		names, err := fs.Glob(examples.Files, "*.yaml")
		require.NoError(t, err)
		for _, name := range names {
			text, err := examples.Files.ReadFile(name)
			require.NoError(t, err)
			files[name] = string(text)
		}
		require.Greater(t, len(files), 3)
		for name, text := range files {
			_, found := e.open(text)
			assert.Empty(t, found, name)
		}
	})
	t.Run("tells mistakes", func(t *testing.T) { testEditorDiagnostics(t, e) }) //nolint:paralleltest // as above
	t.Run("completes", func(t *testing.T) { testEditorCompletion(t, e) })       //nolint:paralleltest // as above
	t.Run("explains", func(t *testing.T) { testEditorHover(t, e) })             //nolint:paralleltest // as above
}

func testEditorDiagnostics(t *testing.T, e *editor) {
	t.Helper()
	for _, c := range []struct{ name, fine, wrong, want string }{
		{"DAG key", "catchup:", "catchap:", "5:3: Property catchap is not allowed."},
		{"removed key", "schedule:", "schedule_interval:", "2:3: Property schedule_interval is not allowed."},
		{"boolean", "catchup: no", "catchup: maybe", "5:12: Incorrect type. Expected \"boolean | null\"."},
		{"list", "tags: [sales]", "tags: sales", "7:9: Incorrect type. Expected \"array | null\"."},
		{"argument of a timedelta", "hours: 2}", "hour: 2}", "6:50: Property hour is not allowed."},
		{"type", "datetime.timedelta, hours", "datetime.timedlta, hours", "6:30: Value must be \"datetime.timedelta\"."},
		{"default argument", "retries: 1", "retires: 1", "11:5: Property retires is not allowed."},
		{"value of a default argument", "retries: 1", "retries: many", "11:14: Incorrect type. Expected \"integer | null\"."},
		{"range", "retries: 1", "retries: -1", "11:14: Value is below the minimum of 0."},
		{"duration", "retry_delay: 5m", "retry_delay: 5 minuts", "12:18: This is not a valid duration: write it like 90s, 5m, 1h30m, 1d or PT5M, or as a number of seconds."},
		{"list for a duration", "retry_delay: 5m", "retry_delay: [5]", "12:18: Incorrect type. Expected one of string, number, object."},
		{"negative duration", "retry_delay: 5m", "retry_delay: -5", "12:18: Value is below the minimum of 0."},
		{"zero for none", "execution_timeout: 90", "execution_timeout: 0", "28:26: Value is below the exclusive minimum of 0."},
		{"duration of an operator", "      operator: file_sensor\n      filepath: /in/*.csv\n", "      operator: external_task\n      external_dag_id: x\n      execution_delta: 5 minuts\n", "21:24: This is not a valid duration: write it like 90s"},
		{"number for tasks", "  task_groups:\n    - group_name: read\n      tooltip: reads\n", "  task_groups: 5\n", "14:16: Incorrect type. Expected \"array | object | null\"."},
		{"six fields", "0 9 * * 1-5", "0 0 9 * * 1-5", "2:13: This is not a valid schedule: write a cron expression of five fields"},
		{"argument of a timetable", "\"0 9 * * 1-5\"", "{__type__: airflow.timetables.trigger.CronTriggerTimetable, cron: '@daily', timezone: UTC, run_immediately: true}", "2:121: Value is not accepted. Valid values: false, null."},
		{"unknown argument of a timetable", "\"0 9 * * 1-5\"", "{__type__: airflow.timetables.trigger.CronTriggerTimetable, cron: '@daily', timezon: UTC}", "2:89: Property timezon is not allowed."},
		{"mapped parameter", "env: {A: x}", "expand: {enw: [{A: x}]}", "26:16: Property enw is not allowed."},
		{"mapped over a text", "env: {A: x}", "expand: {env: many}", "26:21: Want a list, a mapping, or a result such as task_id.output."},
		{"mapped over nothing", "env: {A: x}", "expand: {}", "26:15: Object has fewer properties than the required number of 1"},
		{"parameter of an instance", "env: {A: x}", "expand_kwargs: [{enw: {A: x}}]", "26:24: Property enw is not allowed."},
		{"DAG id", "report:", "my report:", "1:1: A DAG id has only letters"},
		{"text as a macro", "tags: [sales]", "user_defined_macros: {f: pkg.f}", "7:28: Incorrect type. Expected one of boolean, number, object, array, null."},
		{"relative folder", "tags: [sales]", "template_searchpath: sql", "7:24: The path must be absolute."},
		{"notifier", "on_failure_callback: dingding", "on_failure_callback: dingdong", "13:26: Value is not accepted. Valid values: \"dingding\""},
		{"group key", "tooltip:", "tootip:", "16:7: Property tootip is not allowed."},
		{"group without a name", "group_name: read", "description: read", "15:7: Missing property \"group_name\"."},
		{"task without an id", "task_id: wait", "task: wait", "18:7: Missing property \"task_id\"."},
		{"task key", "dependencies:", "depends:", "35:7: Property depends is not allowed."},
		{"operator", "operator: file_sensor", "operator: file_sensr", "19:17: Value is not accepted. Valid values: \"approval\", \"bash\""},
		{"parameter of the operator", "filepath:", "filpath:", "20:7: Property filpath is not allowed."},
		{"parameter by the path", "bash_command:", "bash_comand:", "25:7: Property bash_comand is not allowed."},
		{"parameter of another operator", "filepath:", "bash_command:", "20:7: Property bash_command is not allowed."},
		{"sensor's parameter on another operator", "env: {A: x}", "poke_interval: 5", "26:7: Property poke_interval is not allowed."},
		{"sensor mode", "mode: reschedule", "mode: reshedule", "21:13: Value is not accepted. Valid values: \"poke\", \"reschedule\"."},
		{"number for a text", "env: {A: x}", "env: {A: 5}", "26:16: Incorrect type. Expected \"string\"."},
		{"list for a text", "echo 1", "[echo, 1]", "25:21: Incorrect type. Expected \"string\"."},
		{"trigger rule", "trigger_rule: all_done", "trigger_rule: all_don", "29:21: Value is not accepted. Valid values: \"all_success\""},
		{"value of a parameter", "on_uncertain: fail", "on_uncertain: fial", "34:21: Value is not accepted. Valid values: \"fail\", \"retry\"."},
		{"parameter of a notifier", "message: failed", "mesage: failed", "36:49: Property mesage is not allowed."},
		{"tab", "  tags: [sales]", "\ttags: [sales]", "7:1: Tabs are not allowed as indentation"},
		{"duplicate key", "catchup: no", "schedule: no", "5:3: Map keys must be unique"},
	} {
		text := strings.Replace(edited, c.fine, c.wrong, 1)
		require.NotEqual(t, edited, text, c.name)
		_, found := e.open(text)
		require.NotEmpty(t, found, c.name)
		assert.Contains(t, found[0], c.want, c.name)
		assert.NotContains(t, strings.Join(found, "\n"), "DAG file", c.name)
	}
}

func testEditorCompletion(t *testing.T, e *editor) {
	t.Helper()
	const task = "report:\n  tasks:\n    - task_id: x\n      operator: "
	for _, c := range []struct {
		name, text   string
		want, absent []string
	}{
		{"keys of a DAG", "report:\n  |\n", []string{"schedule", "start_date", "default_args", "tasks", "task_groups"}, []string{"retries", "bash_command"}},
		{"presets", "report:\n  schedule: |\n", []string{`"@daily"`, `"@continuous"`}, nil},
		{"keys of default_args", "report:\n  default_args:\n    |\n", []string{"retries", "poke_interval", "bash_command"}, []string{"schedule"}},
		{"keys of a group", "report:\n  task_groups:\n    - group_name: g\n      |\n", []string{"tooltip", "prefix_group_id"}, []string{"retries"}},
		{"keys of a task", "report:\n  tasks:\n    - task_id: x\n      |\n", []string{"operator", "dependencies", "retries", "trigger_rule"}, []string{"schedule"}},
		{"operators", task + "|\n", []string{"bash", "dingding", "sql_sensor", "dingtalk_create_chat", "airflow.providers.standard.operators.bash.BashOperator"}, nil},
		{"parameters of an operator", task + "bash\n      |\n", []string{"bash_command", "env", "append_env", "retries"}, []string{"poke_interval", "retry_exit_code", "message_type", "schedule"}},
		{"parameters of a sensor", task + "bash_sensor\n      |\n", []string{"bash_command", "retry_exit_code", "poke_interval", "soft_fail"}, []string{"skip_on_exit_code"}},
		{"parameters by a path", task + "airflow.providers.dingding.operators.dingding.DingdingOperator\n      |\n", []string{"message_type", "dingding_conn_id"}, []string{"bash_command"}},
		{"parameters of a mapped task", "report:\n  tasks:\n    x:\n      operator: bash\n      |\n", []string{"bash_command", "dependencies"}, []string{"poke_interval"}},
		{"a name that was begun", "report:\n  tasks:\n    x:\n      operator: bash\n      bash_c|\n", []string{"bash_command"}, nil},
		{"values of a parameter", task + "dingding\n      on_uncertain: |\n", []string{"fail", "retry"}, nil},
		{"trigger rules", task + "bash\n      trigger_rule: |\n", []string{"all_success", "one_failed"}, nil},
		{"notifiers", task + "bash\n      on_failure_callback: |\n", []string{"dingding"}, []string{"bash"}},
		{"parameters of a notifier", task + "bash\n      on_failure_callback:\n        callback: dingding\n        |\n", []string{"message", "at_all"}, []string{"bash_command"}},
	} {
		labels, _ := e.completions(c.text)
		assert.Subset(t, labels, c.want, c.name)
		for _, absent := range c.absent {
			assert.NotContains(t, labels, absent, c.name)
		}
	}
	_, docs := e.completions(task + "|\n")
	assert.Contains(t, docs["bash"], "Runs a command in bash", "each operator says what it does")
}

func testEditorHover(t *testing.T, e *editor) {
	t.Helper()
	const task = "report:\n  tasks:\n    - task_id: x\n      operator: bash\n      "
	for text, want := range map[string]string{
		"report:\n  catch|up: true\n":                                           "Run every missed interval since start_date.",
		"report:\n  default_args:\n    own|er: me\n":                            "Who answers for the task.",
		task + "retr|ies: 4\n":                                                  "How often a failed task is tried again.",
		task + "bash_com|mand: x\n":                                             "The command or script text.",
		strings.Replace(task, "operator", "oper|ator", 1) + "bash_command: x\n": "What the task does: a short name or an Airflow path.",
	} {
		assert.Contains(t, e.hover(text), want, text)
	}
}
