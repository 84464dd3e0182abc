package dagfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// oneTask completes a DAG body with a task.
func oneTask(body string) string {
	return "a:\n" + body + "\n  tasks: [{task_id: t, operator: empty}]\n"
}

// withTask puts keys on the only task of a DAG.
func withTask(keys string) string {
	return "a:\n  tasks:\n    t:\n      operator: bash\n      bash_command: x\n" + keys + "\n"
}

func TestDiagnostics(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"unknown DAG key", oneTask("  schedul: x"), `dags/a.yaml:2:3: error: dag "a": unknown key "schedul"; did you mean "schedule"?`},
		{"task key on a DAG", oneTask("  retries: 3"), `dags/a.yaml:2:3: error: dag "a": retries is a key of tasks: put it into default_args`},
		{"removed key", oneTask("  schedule_interval: '@daily'"), `dags/a.yaml:2:3: warning: dag "a": schedule_interval was removed: write schedule; dingdag dags convert FILE --write rewrites it`},
		{"removed tag", "a:\n  description: !join [a, b]\n  tasks: {t: {operator: empty}}\n", `2:16: warning: the tag !join was removed: write the key __join__; dingdag dags convert FILE --write rewrites it`},
		{"removed and", oneTask("  schedule: {and: [s3://a]}"), `2:14: warning: dag "a": the key and was removed: write __and__; dingdag dags convert`},
		{"removed or", oneTask("  schedule: {datasets: {or: [s3://a]}}"), `2:25: warning: dag "a": the key or was removed: write __or__; dingdag dags convert`},
		{"access control", oneTask("  access_control: {}"), `2:3: error: dag "a": access_control is not supported`},
		{"Python docs", oneTask("  doc_md_python_callable_name: x"), `use doc_md or doc_md_file_path`},
		{"callback by file", oneTask("  on_failure_callback_name: x"), `name a notifier under on_failure_callback`},
		{"concurrency", oneTask("  concurrency: 3"), `2:3: warning: dag "a": concurrency is the old name`},
		{"two schedules", oneTask("  schedule: \"@daily\"\n  timetable: \"@daily\""), `3:3: error: dag "a": timetable is another spelling`},
		{"wrong type", oneTask("  catchup: maybe"), `2:12: error: dag "a": catchup: want true or false, not text "maybe"`},
		{"text as number", oneTask("  description: 010"), `2:16: error: dag "a": description: 010 is a whole number in YAML 1.1: quote it`},
		{"tags as text", oneTask("  tags: x"), `tags: want a list`},
		{"bad cron", oneTask(`  schedule: "0 25 * * *"`), `2:13: error: dag "a": schedule: cron expression`},
		{"six fields", oneTask(`  schedule: "0 0 1 * * *"`), `2:13: error: dag "a": schedule:`},
		{"relativedelta", oneTask("  schedule: {__type__: dateutil.relativedelta.relativedelta, months: 1}"), `use a cron schedule`},
		{"timetable without zone", oneTask("  schedule: {__type__: airflow.timetables.trigger.CronTriggerTimetable, cron: \"@daily\"}"), `needs timezone`},
		{"run_immediately", oneTask("  schedule: {__type__: airflow.timetables.trigger.CronTriggerTimetable, cron: \"@daily\", timezone: UTC, run_immediately: true}"), `run_immediately is not supported`},
		{"continuous", oneTask(`  schedule: "@continuous"`), `needs max_active_runs: 1`},
		{"catchup without start", oneTask("  schedule: \"@daily\"\n  catchup: true"), `catchup needs a start_date`},
		{"lone timezone", oneTask("  timezone: Asia/Shanghai"), `2:3: warning: dag "a": timezone has no effect on the schedule without a start_date`},
		{"unknown zone", oneTask("  timezone: Asia/Nowhere"), `2:13: error: dag "a": unknown time zone "Asia/Nowhere"`},
		{"end before start in default_args", oneTask("  default_args: {start_date: 2024-05-02, end_date: 2024-05-01}"), `2:42: warning: dag "a": end_date is before start_date`},
		{"end in default_args before start", oneTask("  start_date: 2024-05-02\n  default_args: {end_date: 2024-05-01}"), `3:18: warning: dag "a": end_date is before start_date`},
		{"end before start", oneTask("  start_date: 2024-05-02\n  end_date: 2024-05-01"), `3:3: warning: dag "a": end_date is before start_date`},
		{"no tasks", "a:\n  tasks: []\n", `2:3: error: dag "a": the DAG has no tasks`},
		{"missing tasks", "a: {description: x}\n", `1:1: error: dag "a": the DAG has no tasks`},
		{"null DAG", "a:\n", `1:1: error: dag "a": the DAG has no tasks`},
		{"scalar DAG", "a: 5\n", `1:4: error: dag "a": a DAG is a mapping of its keys, such as tasks, not a whole number "5"`},
		{"bad id", "a b: {tasks: [{task_id: t, operator: empty}]}\n", `1:1: error: dag "a b": dag_id "a b" has the character ' '`},
		{"number as id", "1: {tasks: [{task_id: t, operator: empty}]}\n", `dag_id must be text`},
		{"macros as text", oneTask("  user_defined_macros: {f: pkg.f}"), `2:28: error: dag "a": user_defined_macros "f": text is a Python import path`},
		{"search path", oneTask("  template_searchpath: sql"), `template_searchpath: "sql" is not absolute`},
		{"param without default", oneTask("  schedule: \"@daily\"\n  params: {p: {__type__: airflow.sdk.Param, type: string}}"), `param "p" has no default`},

		{"default_args DAG key", oneTask("  default_args: {catchup: true}"), `2:18: warning: dag "a": catchup has no effect in default_args`},
		{"default_args unknown", oneTask("  default_args: {retires: 1}"), `2:18: error: dag "a": unknown key "retires" in default_args; did you mean "retries"?`},
		{"default_args bad value", oneTask("  default_args: {retries: many}"), `2:27: error: dag "a": retries: want a whole number, not text "many"`},
		{"default_args removed", oneTask("  default_args: {retry_delay_sec: 5}"), `2:18: warning: dag "a": retry_delay_sec was removed: write retry_delay`},

		{"unknown parameter", withTask("      bash_comand: y"), `6:7: error: dag "a", task "t": unknown parameter "bash_comand" for operator bash; did you mean "bash_command"?`},
		{"common key misspelt", withTask("      retires: 3"), `6:7: error: dag "a", task "t": unknown parameter "retires" for operator bash; did you mean "retries"?`},
		{"missing parameter", "a:\n  tasks:\n    - task_id: t\n      operator: bash\n", `3:7: error: dag "a", task "t": parameter "bash_command" is missing`},
		{"missing operator", "a:\n  tasks:\n    - task_id: t\n", `3:7: error: dag "a", task "t": operator is missing`},
		{"unknown operator", "a:\n  tasks:\n    t: {operator: launch}\n", `unknown operator "launch"; dingdag operators list shows those there are; use bash to start a program, or http to call a service`},
		{"long operator", "a:\n  tasks:\n    t: {operator: my_company.data.platform.plugins.warehouse.operators.quality.TableFreshnessOperator}\n", `unknown operator "my_company.data.platform.plugins.wareh….TableFreshnessOperator"; `},
		{"long class", "a:\n  tasks:\n    t: {operator: my.company." + strings.Repeat("Very", 20) + "LongOperator}\n", `unknown operator "my.company….` + strings.Repeat("Very", 20) + `LongOperator"`},
		{"long word", "a:\n  tasks:\n    t: {operator: " + strings.Repeat("x", 80) + "}\n", `unknown operator "` + strings.Repeat("x", 60) + `…"`},
		{"branch", "a:\n  tasks:\n    t: {operator: choice, choose: [u, v]}\n    u: {operator: empty, dependencies: [t]}\n    v: {operator: empty, dependencies: [u]}\n", `3:39: error: dag "a", task "t": "v" is not a task or group directly downstream of "t"; there are u`},
		{"branch from default_args", "a:\n  default_args: {choose: [gone]}\n  tasks:\n    t: {operator: choice}\n", `2:27: error: dag "a", task "t": "gone" is not a task or group directly downstream of "t"; there are none`},
		{"near operator", "a:\n  tasks:\n    t: {operator: emty}\n", `3:19: error: dag "a", task "t": unknown operator "emty"; did you mean "empty"?`},
		{"python callable", withTask("      python_callable: f"), `python_callable: Python code cannot run here`},
		{"decorator", withTask("      decorator: airflow.decorators.task"), `TaskFlow is Python-only`},
		{"execution_date_fn", withTask("      execution_date_fn: f"), `use execution_delta`},
		{"executor_config", withTask("      executor_config: {}"), `6:7: error: dag "a", task "t": executor_config is not supported`},
		{"executor", withTask("      executor: x"), `6:7: warning: dag "a", task "t": executor has no effect here`},
		{"plain schema", "a:\n  params: {n: {type: integer, default: 3}}\n  tasks: [{task_id: t, operator: empty}]\n", `2:15: warning: dag "a": param "n" is this mapping itself, not a param with a schema: add __type__: airflow.sdk.Param`},
		{"expand nothing", withTask("      expand: {env: []}"), `6:21: warning: dag "a", task "t": expand: env is empty: there is nothing to map over`},
		{"expand unknown", withTask("      expand: {enw: [1]}"), `6:16: error: dag "a", task "t": unknown parameter "enw" for operator bash; did you mean "env"?`},
		{"expand common", withTask("      expand: {retries: [1]}"), `retries is the same for all instances: write it on the task`},
		{"expand twice", withTask("      expand: {bash_command: [y]}"), `6:16: error: dag "a", task "t": bash_command is also on the task, on line 5`},
		{"expand text", withTask("      expand: {env: many}"), `want a list, a mapping, or a result such as task_id.output, not text "many"`},
		{"expand number", withTask("      expand: {env: 5}"), `want a list, a mapping, or a result such as task_id.output, not a whole number "5"`},
		{"expand empty", withTask("      expand: {}"), `6:7: error: dag "a", task "t": expand is empty`},
		{"expand list", withTask("      expand: [env]"), `expand: want a mapping, not a list`},
		{"expand unknown task", withTask("      expand: {env: tt.output}"), `6:21: error: dag "a", task "t": unknown dependency "tt"`},
		{"expand itself", withTask("      expand: {env: XcomArg(t)}"), `"t" cannot be mapped over its own result`},
		{"expand group", "a:\n  task_groups: {g: {}}\n  tasks:\n    u: {operator: empty, task_group_name: g}\n    t: {operator: bash, expand: {bash_command: g.output}}\n", `"g" is a group: map over the result of a task`},
		{"expand no result", "a:\n  tasks:\n    u: {operator: bash, bash_command: x, do_xcom_push: false}\n    t: {operator: bash, expand: {bash_command: u.output}}\n", `task "u" keeps no result`},
		{"expand cycle", "a:\n  tasks:\n    u: {operator: bash, bash_command: x, dependencies: [t]}\n    t: {operator: bash, expand: {bash_command: u.output}}\n", `the dependencies form a cycle`},
		{"expand without parameters", "a:\n  tasks:\n    t: {operator: empty, expand: {x: [1]}}\n", `unknown parameter "x" for operator empty`},
		{"expand required missing", "a:\n  tasks:\n    t: {operator: bash, expand: {env: [{}]}}\n", `parameter "bash_command" is missing`},
		{"expand and kwargs", withTask("      expand: {env: [{}]}\n      expand_kwargs: [{}]"), `expand and expand_kwargs exclude each other`},
		{"kwargs mapping", withTask("      expand_kwargs: {env: {}}"), `want a list of mappings`},
		{"kwargs element", withTask("      expand_kwargs: [3]"), `each element must be a mapping of parameters, not a whole number "3"`},
		{"kwargs parameter", withTask("      expand_kwargs: [{env: {}}, {enw: {}}]"), `6:35: error: dag "a", task "t": unknown parameter "enw" for operator bash`},
		{"partial alone", withTask("      partial: {env: {}}"), `6:7: error: dag "a", task "t": partial needs expand`},
		{"partial twice", withTask("      expand: {cwd: [a]}\n      partial: {bash_command: y}"), `bash_command is also on the task, on line 5`},
		{"map_index_template alone", withTask("      map_index_template: x"), `map_index_template has no effect without expand`},
		{"old timeout", withTask("      execution_timeout_secs: 5"), `6:7: warning: dag "a", task "t": execution_timeout_secs was removed: write execution_timeout`},
		{"parent group on a task", withTask("      parent_group_name: g"), `a task names its group with task_group_name`},
		{"trigger rule", withTask("      trigger_rule: all_succes"), `6:21: error: dag "a", task "t": trigger_rule: unknown value "all_succes"; did you mean "all_success"?`},
		{"pool slots", withTask("      pool_slots: 0"), `pool_slots: 0 is less than 1`},
		{"zero timeout", withTask("      execution_timeout: 0"), `execution_timeout must be more than 0`},
		{"boolean retries", withTask("      retries: yes"), `retries: want a whole number, not a boolean "yes"`},
		{"sensor key on an operator", withTask("      poke_interval: 5"), `unknown parameter "poke_interval" for operator bash`},
		{"sensor mode", "a:\n  tasks:\n    t: {operator: file_sensor, filepath: x, mode: pok}\n", `mode: unknown value "pok"; did you mean "poke"?`},
		{"two fails", "a:\n  tasks:\n    t: {operator: file_sensor, filepath: x, soft_fail: true, never_fail: true}\n", `exclude each other`},
		{"fail fast", "a:\n  fail_fast: true\n  tasks:\n    t: {operator: empty, trigger_rule: all_done}\n", `takes only the trigger rule all_success`},
		{"secret", withTask("      env: {DB_PASSWORD: hunter2}"), `6:26: warning: dag "a", task "t": DB_PASSWORD holds a secret in plain text`},
		{"secret URL", withTask("      cwd: https://example.com/send?access_token=abc"), `cwd holds a URL with a token in plain text`},
		{"asset expression in a parameter", withTask("      env: {__and__: [a, b]}"), `allowed only where assets are expected`},
		{"email flag", withTask("      email_on_retry: false"), `email_on_retry has no effect without email`},

		{"callback by path", withTask("      on_failure_callback: pkg.module.f"), `on_failure_callback: unknown notifier "pkg.module.f"`},
		{"callback without name", withTask("      on_failure_callback: {text: x}"), `6:28: error: dag "a", task "t": on_failure_callback: the key callback is missing`},
		{"callback parameter", withTask("      on_failure_callback: {callback: dingding, mesage: x}"), `6:49: error: dag "a", task "t": unknown parameter "mesage"`},
		{"callback number", withTask("      on_failure_callback: 5"), `want the name of a notifier`},
		{"notifier without required", withTask("      on_failure_callback: email"), `6:28: error: dag "a", task "t": parameter "to" is missing`},

		{"unknown dependency", withTask("      dependencies: [x]"), `6:22: error: dag "a", task "t": unknown dependency "x"`},
		{"itself", withTask("      dependencies: t"), `"t" cannot depend on itself`},
		{"unknown group", "a:\n  task_groups: {h: {}}\n" + withTask("      task_group_name: g")[3:], `7:24: error: dag "a", task "t": unknown task group "g"`},
		{"no groups", withTask("      task_group_name: g"), `6:7: warning: dag "a", task "t": task_group_name has no effect, because the DAG has no task_groups: declare the group there, or remove this; dingdag dags convert FILE --write takes it out`},
		{"both names", oneTask("  schedule_interval: '@daily'\n  schedule: '@hourly'"), `2:3: error: dag "a": schedule_interval was removed: write schedule, which is also on line 3: keep one of them`},
		{"task key of old on a DAG", oneTask("  retry_delay_sec: 5"), `2:3: error: dag "a": retry_delay_sec is a key of tasks: put it into default_args`},
		{"sensor key on a DAG", oneTask("  poke_interval: 5"), `2:3: error: dag "a": poke_interval is a key of tasks: put it into default_args`},
		{"callbacks of others", oneTask("  custom_callbacks: {on_failure_callback: x}"), `2:3: error: dag "a": unknown key "custom_callbacks": nobody would be told; name a notifier under on_failure_callback or another of these keys`},
		{"callbacks of others in default_args", oneTask("  default_args: {my_callbacks: x}"), `2:18: error: dag "a": unknown key "my_callbacks": nobody would be told`},
		{"one DAG", "dag_id: a\nschedule: x\ntasks: [{task_id: t, operator: empty}]\n", `3:1: error: tasks at top level: the file maps DAG ids to DAGs; write the id of the DAG on a line of its own, and its keys below it, indented`},
		{"one DAG in mapping form", "tasks: {t: {operator: empty}}\n", `1:1: error: tasks at top level`},
		{"typed value for a DAG", "a: {__type__: datetime.date}\n", `1:4: error: dag "a": a DAG is a mapping of its keys, such as tasks, not a typed value`},
		{"extends", "__extends__: [base.yml]\n" + oneTask(""), `1:1: error: __extends__ is not supported: write what the files share into a file defaults.yml beside them`},
		{"removed tag without a list", oneTask("  description: !join x"), `2:16: error: the tag !join was removed: write the key __join__, with a list`},
		{"double task", "a:\n  tasks:\n    - {task_id: t, operator: empty}\n    - {task_id: t, operator: empty}\n", `4:17: error: dag "a", task "t": the name is taken on line 3`},
		{"task and group", "a:\n  task_groups: [{group_name: t}]\n  tasks: [{task_id: t, operator: empty}]\n", `3:21: error: dag "a", task "t": the name is taken on line 2`},
		{"unknown group key", "a:\n  task_groups: {g: {tootip: x}}\n  tasks: [{task_id: t, operator: empty}]\n", `group "g": unknown key "tootip"; did you mean "tooltip"?`},
		{"parent cycle", "a:\n  task_groups: {g: {parent_group_name: h}, h: {parent_group_name: g}}\n  tasks: [{task_id: t, operator: empty}]\n", `groups are inside each other: g -> h -> g`},
		{"suffix", "a:\n  task_groups: {g: {add_suffix_on_collision: true}}\n  tasks: [{task_id: t, operator: empty}]\n", `add_suffix_on_collision is not supported`},
		{"task_id missing", "a:\n  tasks: [{operator: empty}]\n", `2:12: error: dag "a": task_id is missing`},
		{"twice", "a:\n  tasks:\n    u: {operator: empty}\n    t: {operator: empty, dependencies: [u, u]}\n", `4:44: warning: dag "a", task "t": dependency "u" appears twice`},

		{"top-level groups", "task_groups: {}\n" + oneTask(""), `1:1: warning: task_groups at top level has no effect`},
		{"default is a list", "default: []\n" + oneTask(""), `1:10: error: default must be a mapping`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dags, found := parseText(c.text)
			assert.Contains(t, found.String(), c.want)
			assert.Equal(t, found.HasErrors(), len(dags) == 0)
		})
	}
}

func TestReplacedListIsExplained(t *testing.T) {
	t.Parallel()
	_, found := parseText(`
default:
  tasks:
    - {task_id: load, operator: bash, bash_command: x}
sales:
  tasks:
    - {task_id: load, bash_command: y}
`)
	assert.Equal(t, `dags/a.yaml:6:3: warning: dag "sales": this list of tasks replaces the list of the default block (line 4): lists are not merged
dags/a.yaml:7:8: error: dag "sales", task "load": operator is missing: the DAG's list of tasks replaces that of the default block; write both as mappings from task ids to merge them
`, found.String())
}

func TestErrorInDefaultBlockNamesItsDAGs(t *testing.T) {
	t.Parallel()
	dags, found := parseText(`
default:
  default_args: {retries: many}
one:
  tasks: [{task_id: t, operator: empty}]
two:
  tasks: [{task_id: t, operator: empty}]
`)
	assert.Empty(t, dags, "both DAGs are broken")
	assert.Equal(t, "dags/a.yaml:3:27: error: dag \"one\" (also \"two\"): retries: want a whole number, not text \"many\"\n", found.String())
	for id, hit := range map[string]bool{"one": true, "two": true, "three": false} {
		assert.Equal(t, hit, found[0].Concerns(id), id)
	}
}

func TestErrorInDefaultBlockOfManyDAGs(t *testing.T) {
	t.Parallel()
	const block = "default: {default_args: {bash_comand: x}, tasks: {t: {operator: bash, bash_command: 5}, u: {operator: bash, bash_command: 5}}}\n"
	dags, found := parseText(block + "d0: {}\nd1: {}\nd2: {}\nd3: {}\nd4: {}\nd5: {}\nd6: {}\nd7: {}\nown: {tasks: {t: {bash_command: x}, u: {operator: nope}}}\n")
	assert.Empty(t, dags)
	assert.Contains(t, found.String(), `1:26: error: dag "d0" (also "d1", "d2", "d3", "d4", "d5" and 3 more): unknown key "bash_comand" in default_args`)
	assert.Len(t, found[0].Also, 8)
}

func TestBrokenDAGLeavesOthers(t *testing.T) {
	t.Parallel()
	dags, found := parseText("bad: {tasks: 5}\ngood: {tasks: [{task_id: t, operator: empty}]}\n")
	require.Len(t, dags, 1)
	assert.Equal(t, "good", dags[0].ID)
	assert.True(t, found.HasErrors())
}

func TestAtMostHundredDiagnostics(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a:\n  vars: 1\n")
	for i := range 150 {
		fmt.Fprintf(&b, "  unknown_%d: 1\n", i)
	}
	_, found := parseText(b.String())
	require.Len(t, found, reading.MaxDiagnostics)
	assert.Equal(t, 3, found[1].Line, "sorted by position, after the missing tasks")
}

func TestWarningsNeverHideErrors(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a:\n  tasks:\n")
	for i := range 150 {
		fmt.Fprintf(&b, "    t%d: {operator: empty, executor: x}\n", i)
	}
	b.WriteString("    last: {operator: nope}\n")
	_, found := parseText(b.String())
	require.Len(t, found, reading.MaxDiagnostics)
	assert.True(t, found.HasErrors())
}

func TestUnknownKeysAreNeverPassedOn(t *testing.T) {
	t.Parallel()
	d := mustParse(t, withTask("      retries: 2"))
	for k := range yamlvalue.Pairs(d.Tasks[0].Args.Node()) {
		assert.Equal(t, "bash_command", k.Value)
	}
}
