package dagfile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
	"github.com/dingdag/dingdag/yamlvalue"
)

// arg returns the text of one parameter of a task, "" when it is not there.
func arg(t *dag.Task, name string) string {
	_, v := yamlvalue.Lookup(t.Args.Node(), name)
	if v == nil {
		return ""
	}
	return v.Value
}

const wholeDAG = `
orders:
  description: copies orders
  dag_display_name: Orders
  doc_md: "# Orders"
  tags: [sales, daily]
  schedule: "0 9 * * 1-5"
  start_date: 2024-05-01
  end_date: 2024-12-31
  timezone: Asia/Shanghai
  catchup: yes
  max_active_runs: 2
  max_active_tasks: 3
  dagrun_timeout: {__type__: datetime.timedelta, hours: 2}
  fail_fast: false
  max_consecutive_failed_dag_runs: 3
  is_paused_upon_creation: true
  render_template_as_native_obj: true
  owner_links: {data: "https://example.org"}
  user_defined_macros: {limit: 5, nested: {ratio: 0.5}}
  params:
    day: monday
    count: {__type__: airflow.sdk.Param, default: 5, type: integer, minimum: 1}
  on_failure_callback:
    - dingding
    - {callback: airflow.providers.smtp.notifications.smtp.SmtpNotifier, to: ops@example.org}
  default_args:
    owner: data
    retries: 2
    retry_delay: 1m
    http_conn_id: web
    cwd: /data
    poke_interval: 30
    on_retry_callback: {callback: dingding, message: again}
  task_groups:
    - group_name: load
      tooltip: loads
      group_display_name: Loading
      default_args: {retries: 3, pool: big}
  tasks:
    - task_id: wait
      operator: file_sensor
      filepath: /in/*.csv
      mode: reschedule
      timeout: 1h
    - task_id: fetch
      operator: http
      endpoint: /orders
      data: {n: 010, list: [1, 1.0e+3, 2024-01-01, null, yes, "yes"], "on": x}
      task_group_name: load
      dependencies: wait
      retries: 0
      execution_timeout: 90
      retry_exponential_backoff: true
      trigger_rule: none_failed_or_skipped
    - task_id: clean
      operator: bash
      bash_command: "rm -f x"
      task_group_name: load
      dependencies: [fetch]
      wait_for_downstream: true
      start_date: 2024-06-01
      email: ops@example.org
      email_on_retry: false
      doc: cleans
      params: {day: tuesday}
`

// What a task says of a parameter of its operator goes over the default_args of its group,
// and these over those of the DAG; values are not merged, and null is a value.
func TestOwnParameterBeatsDefaultArgs(t *testing.T) {
	t.Parallel()
	d := mustParse(t, `
a:
  default_args: {bash_command: of the DAG, cwd: /dag, env: {OF: dag}}
  task_groups: [{group_name: g, default_args: {cwd: /group}}]
  tasks:
    - {task_id: own, operator: bash, bash_command: own, cwd: /own, env: {MY: own}, task_group_name: g}
    - {task_id: grouped, operator: bash, env: null, task_group_name: g}
    - {task_id: plain, operator: bash}
`)
	args := map[string]string{}
	for _, task := range d.Tasks {
		text, err := yaml.Marshal(task.Args.Node())
		require.NoError(t, err)
		args[task.ID] = string(text)
	}
	assert.Equal(t, map[string]string{
		"g.own":     "bash_command: own\ncwd: /own\nenv: {MY: own}\n",
		"g.grouped": "env: null\nbash_command: of the DAG\ncwd: /group\n",
		"plain":     "bash_command: of the DAG\nenv: {OF: dag}\ncwd: /dag\n",
	}, args)
}

func TestWholeDAG(t *testing.T) {
	t.Parallel()
	d := mustParse(t, wholeDAG)
	assert.Equal(t, "orders", d.ID)
	assert.Equal(t, dag.Position{File: "dags/a.yaml", Line: 2, Column: 1}, d.Pos)
	assert.Equal(t, "Orders", d.DisplayName)
	assert.Equal(t, []string{"sales", "daily"}, d.Tags)
	assert.Equal(t, "0 9 * * 1-5", d.ScheduleText)
	assert.Equal(t, "Asia/Shanghai", d.Location.String())
	assert.Equal(t, "2024-05-01T00:00:00+08:00", d.StartDate.Format(time.RFC3339))
	assert.Equal(t, "2024-12-31T00:00:00+08:00", d.EndDate.Format(time.RFC3339))
	assert.True(t, d.Catchup)
	assert.Equal(t, []int{2, 3, 3}, []int{d.MaxActiveRuns, d.MaxActiveTasks, d.MaxConsecutiveFailedRuns})
	assert.Equal(t, 2*time.Hour, d.DagrunTimeout)
	assert.True(t, *d.IsPausedUponCreation)
	assert.True(t, d.RenderTemplateAsNative)
	assert.Equal(t, map[string]string{"data": "https://example.org"}, d.OwnerLinks)
	assert.Equal(t, `{"limit":5,"nested":{"ratio":0.5}}`, asJSON(t, d.UserDefinedMacros))
	assert.Equal(t, `{"day":"monday","count":5}`, asJSON(t, d.Params))
	assert.Equal(t, map[string]map[string]any{"count": {"type": "integer", "minimum": int64(1)}}, d.ParamSchemas)
	assert.Equal(t, "data", d.Owner)
	require.Len(t, d.OnFailure, 2)
	assert.Equal(t, []string{"dingding", "email"}, []string{d.OnFailure[0].Name, d.OnFailure[1].Name})
	assert.Equal(t, dag.Position{File: "dags/a.yaml", Line: 26, Column: 7}, d.OnFailure[1].Pos)
	assert.Equal(t, []*dag.Group{{ID: "load", Label: "load", Pos: dag.Position{File: "dags/a.yaml", Line: 36, Column: 7}, Tooltip: "loads", DisplayName: "Loading"}}, d.Groups)

	wait, fetch, clean := d.Tasks[0], d.Task("load.fetch"), d.Task("load.clean")
	assert.Equal(t, &dag.Sensor{PokeInterval: 30 * time.Second, Timeout: time.Hour, Mode: "reschedule"}, wait.Sensor)
	assert.Equal(t, "/in/*.csv", arg(wait, "filepath"))
	assert.Empty(t, arg(wait, "timeout"), "sensor parameters are not the operator's own")
	assert.Equal(t, 2, wait.Retries)
	assert.Equal(t, time.Minute, wait.RetryDelay)
	assert.Equal(t, []string{"default_pool", "default", "downstream"}, []string{wait.Pool, wait.Queue, wait.WeightRule})
	assert.Equal(t, 1, wait.PriorityWeight)
	assert.True(t, wait.DoXComPush)

	assert.Equal(t, "load", fetch.Group)
	assert.Equal(t, "http", fetch.Operator)
	assert.Nil(t, fetch.Sensor)
	assert.Equal(t, 0, fetch.Retries, "the task wins over its group")
	assert.Equal(t, "big", fetch.Pool, "the group's default")
	assert.Equal(t, "web", arg(fetch, "http_conn_id"), "default_args of the operator")
	assert.Empty(t, arg(fetch, "cwd"), "another operator's parameter")
	assert.Equal(t, 90*time.Second, fetch.ExecutionTimeout)
	assert.InDelta(t, 2.0, fetch.RetryExponentialBackoff, 0)
	assert.Equal(t, dag.NoneFailedMinOneSuccess, fetch.TriggerRule)
	assert.Equal(t, "dingding", fetch.OnRetry[0].Name)

	assert.Equal(t, 3, clean.Retries, "the group wins over the DAG")
	assert.Equal(t, "/data", arg(clean, "cwd"))
	assert.True(t, clean.DependsOnPast, "implied by wait_for_downstream")
	assert.Equal(t, "email", clean.OnFailure[0].Name)
	assert.Len(t, clean.OnRetry, 1, "email_on_retry is off")
	assert.Equal(t, "cleans", clean.Doc)
	assert.Equal(t, "2024-06-01T00:00:00+08:00", clean.StartDate.Format(time.RFC3339))
	assert.Equal(t, `{"day":"tuesday"}`, asJSON(t, clean.Params))
	assert.Equal(t, "load.fetch->load.clean wait->load.fetch", edges(d))
}

func TestSourceRestores(t *testing.T) {
	t.Parallel()
	d := mustParse(t, wholeDAG)
	again, err := Restore(Source(d), newFakeCatalog(), testOptions())
	require.NoError(t, err)
	assert.Equal(t, string(Source(d)), string(Source(again)))
	assert.Equal(t, d.Version, again.Version)
	assert.Equal(t, d.Params, again.Params)
	assert.Equal(t, d.ParamSchemas, again.ParamSchemas)
	assert.Equal(t, d.Tasks[0].Sensor, again.Tasks[0].Sensor)
	for i, task := range d.Tasks {
		assert.Equal(t, decoded(t, task.Args.Node()), decoded(t, again.Tasks[i].Args.Node()))
		assert.True(t, task.StartDate.Equal(again.Tasks[i].StartDate))
	}
	_, err = Restore([]byte("orders: {tasks: {t: {operator: gone}}}"), newFakeCatalog(), testOptions())
	assert.ErrorContains(t, err, `unknown operator "gone"`)
}

// decoded returns the parameters of a task as text in canonical form.
func decoded(t *testing.T, args *yaml.Node) map[string]string {
	t.Helper()
	values := map[string]string{}
	for k, v := range yamlvalue.Pairs(args) {
		text, err := yaml.Marshal(canonical.Node(v))
		require.NoError(t, err)
		values[k.Value] = string(text)
	}
	return values
}

func TestSameMeaningSameVersion(t *testing.T) {
	t.Parallel()
	a := mustParse(t, "a:\n  schedule: '@daily'\n  tasks:\n    t: {operator: bash, bash_command: x, retries: 1}\n")
	b := mustParse(t, `
default: {default_args: {retries: 1}}
a:
  # another file that means the same
  tasks:
    - operator: airflow.operators.bash.BashOperator
      bash_command: "x"
      task_id: t
  schedule: "@daily"
`)
	c := mustParse(t, "a:\n  schedule: '@daily'\n  tasks:\n    t: {operator: bash, bash_command: x, retries: 2}\n")
	assert.Equal(t, a.Version, b.Version)
	assert.NotEqual(t, a.Version, c.Version)
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	shanghai := "\n  start_date: 2024-05-01\n  timezone: Asia/Shanghai"
	for _, c := range []struct{ name, text, schedule, summary string }{
		{"absent", "", "", "none"},
		{"null", "  schedule:", "", "none"},
		{"none", "  schedule: ' None '", "", "none"},
		{"once", `  schedule: "@once"`, "@once", "@once"},
		{"cron in UTC", `  schedule: "0 9 * * *"`, "0 9 * * *", "0 9 * * * (UTC), trigger mode"},
		{"cron in the zone of the start", `  schedule: "0 9 * * *"` + shanghai, "0 9 * * *", "0 9 * * * (Asia/Shanghai), trigger mode"},
		{"timezone alone has no effect", "  schedule: \"0 9 * * *\"\n  timezone: Asia/Shanghai", "0 9 * * *", "0 9 * * * (UTC), trigger mode"},
		{"zone of default_args", "  schedule: \"0 9 * * *\"\n  default_args: {start_date: 2024-05-01, timezone: Asia/Tokyo}", "0 9 * * *", "0 9 * * * (Asia/Tokyo), trigger mode"},
		{"every", "  schedule: {every: 30m}", "every 30m", "every 30m, trigger mode"},
		{"timedelta", "  schedule: {__type__: datetime.timedelta, hours: 2}", "every 2h", "every 2h, trigger mode"},
		{"mapping", "  schedule: {cron: '0 9 * * *', timezone: Asia/Tokyo, mode: interval}", "0 9 * * *", "0 9 * * * (Asia/Tokyo), data-interval mode"},
		{"cron list", "  schedule: {cron: ['0 9 * * *', '0 18 * * *'], timezone: UTC}", "0 9 * * *, 0 18 * * *", "(UTC), trigger mode"},
		{"typed trigger", "  schedule: {__type__: airflow.timetables.trigger.CronTriggerTimetable, cron: '@daily', timezone: Asia/Tokyo}", "@daily", "(Asia/Tokyo), trigger mode"},
		{"typed interval", "  schedule: {__type__: airflow.timetables.interval.CronDataIntervalTimetable, __args__: ['@daily', Asia/Tokyo]}", "@daily", "(Asia/Tokyo), data-interval mode"},
		{"typed several", "  schedule: {__type__: airflow.timetables.trigger.MultipleCronTriggerTimetable, __args__: ['0 1 * * *', '0 2 * * *'], timezone: UTC}", "0 1 * * *, 0 2 * * *", "(UTC), trigger mode"},
		{"typed delta interval", "  schedule: {__type__: airflow.timetables.interval.DeltaDataIntervalTimetable, delta: {__type__: datetime.timedelta, hours: 1}}", "every 1h", "every 1h, data-interval mode"},
		{"timetable key", "  timetable: '@once'", "@once", "@once"},
		{"continuous", "  schedule: '@continuous'\n  max_active_runs: 1", "@continuous", "@continuous"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := mustParse(t, oneTask(c.text))
			assert.Equal(t, c.schedule, d.ScheduleText)
			assert.Contains(t, d.Timetable.Summary(), c.summary)
			again, err := Restore(Source(d), newFakeCatalog(), Options{Now: func() time.Time { return testNow }, CronIntervals: true})
			require.NoError(t, err)
			assert.Equal(t, d.Timetable.Summary(), again.Timetable.Summary())
			assert.Equal(t, d.ScheduleText, again.ScheduleText)
			assert.Equal(t, d.Version, again.Version)
		})
	}
}

func TestOptionsChangeDefaults(t *testing.T) {
	t.Parallel()
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	require.NoError(t, err)
	dags, found := Parse("a.yaml", []byte(oneTask(`  schedule: "0 9 * * *"`)), newFakeCatalog(), Options{Location: tokyo, CronIntervals: true})
	require.False(t, found.HasErrors(), found.String())
	assert.Contains(t, dags[0].Timetable.Summary(), "(Asia/Tokyo), data-interval mode")
	again, err := Restore(Source(dags[0]), newFakeCatalog(), Options{})
	require.NoError(t, err)
	assert.Equal(t, dags[0].Timetable.Summary(), again.Timetable.Summary(), "a run keeps its version when settings change")
}

func TestMergeOfDefaultBlock(t *testing.T) {
	t.Parallel()
	d := mustParse(t, `
default:
  tags: [a]
  default_args: {owner: base, retries: 1, retry_delay: {__type__: datetime.timedelta, hours: 1}}
  tasks:
    load: {operator: bash, bash_command: load generic, env: {MODE: full, N: "1"}}
    tidy: {operator: empty, dependencies: [load]}
sales:
  tags: [b]
  description: null
  default_args: {owner: sales, retry_delay: {__type__: datetime.timedelta, minutes: 5}}
  tasks:
    load: {bash_command: load sales, env: {TABLE: sales, N: "2"}}
`)
	assert.Equal(t, []string{"b"}, d.Tags, "lists are replaced")
	load := d.Task("load")
	assert.Equal(t, "load sales", arg(load, "bash_command"))
	_, env := yamlvalue.Lookup(load.Args.Node(), "env")
	got := map[string]string{}
	for k, v := range yamlvalue.Pairs(env) {
		got[k.Value] = v.Value
	}
	assert.Equal(t, map[string]string{"MODE": "full", "TABLE": "sales", "N": "2"}, got)
	assert.Equal(t, "sales", load.Owner)
	assert.Equal(t, 1, load.Retries)
	assert.Equal(t, 5*time.Minute, load.RetryDelay, "typed values are merged as a whole")
	assert.Equal(t, "load->tidy", edges(d), "tasks of the default block alone are added")
}

func TestNullBlocksADefault(t *testing.T) {
	t.Parallel()
	d := mustParse(t, "default: {schedule: '@daily', default_args: {execution_timeout: 5}}\n"+
		oneTask("  schedule:\n  default_args: {execution_timeout: }"))
	assert.Empty(t, d.ScheduleText)
	assert.Zero(t, d.Tasks[0].ExecutionTimeout)
}

func TestHelperKeysAreNoDAGs(t *testing.T) {
	t.Parallel()
	d := mustParse(t, "x-anchors: {a: 1}\n"+oneTask("  vars: {anything: [goes]}"))
	assert.Equal(t, "a", d.ID)
}

func TestParamCheckIsCalled(t *testing.T) {
	t.Parallel()
	opts := testOptions()
	opts.CheckParam = func(map[string]any, any) error { return assert.AnError }
	_, found := Parse("a.yaml", []byte(oneTask("  params: {p: {__type__: airflow.sdk.Param, default: x, type: integer}}")), newFakeCatalog(), opts)
	assert.Contains(t, found.String(), `param "p": the default does not fit: `+assert.AnError.Error())
}

// An owner without people is told once where it stands, for all tasks that take it from there.
func TestOwnersAreChecked(t *testing.T) {
	t.Parallel()
	const text = `
x:
  default_args: {owner: nobody}
  task_groups:
    g: {default_args: {owner: bob}}
  tasks:
    a: {operator: bash, bash_command: "1"}
    b: {operator: bash, bash_command: "1", owner: ann}
    c: {operator: bash, bash_command: "1", owner: "ann, bob"}
    d: {operator: bash, bash_command: "1", owner: }
    e: {operator: bash, bash_command: "1", task_group_name: g}
`
	opts := testOptions()
	opts.CheckOwner = func(owner string) string {
		if owner == "ann" {
			return ""
		}
		return "nobody is " + owner
	}
	dags, found := Parse("a.yaml", []byte(text), newFakeCatalog(), opts)
	require.Len(t, dags, 1, found)
	var told []string
	for _, d := range found {
		assert.Equal(t, dag.Warning, d.Severity)
		told = append(told, fmt.Sprintf("%d:%d %s", d.Line, d.Column, d.Text))
	}
	assert.Equal(t, []string{
		"3:18 alerts notify nobody for this owner: nobody is nobody", "5:24 alerts notify nobody for this owner: nobody is bob",
		"9:44 alerts notify nobody for this owner: nobody is ann, bob",
	}, told)
}

func TestDAGLevelTimetableIsNeverNil(t *testing.T) {
	t.Parallel()
	assert.NotNil(t, mustParse(t, oneTask("")).Timetable)
}

func TestDAGIDs(t *testing.T) {
	t.Parallel()
	for id, good := range map[string]bool{
		"a":                          true,
		"订单_größe-1.2":               true,
		strings.Repeat("订", 82):      true,
		strings.Repeat("订", 83):      false, // "task_id=" and 249 bytes: the folder of its logs can't be named so
		strings.Repeat("a", 247):     true,
		strings.Repeat("a", 248):     false,
		strings.Repeat("a", 251):     false,
		"a b":                        false,
		"a/b":                        false,
		"'a:b'":                      false,
		"'-'":                        true,
		"a\n  tags: [" + long + "]":  true,
		"a\n  tags: [x" + long + "]": false,
	} {
		id, tags, _ := strings.Cut(id, "\n")
		_, found := parseText(id + ":\n" + tags + "\n  tasks: [{task_id: " + id + ", operator: empty}]\n")
		assert.Equal(t, good, !found.HasErrors(), "%s: %s", id, found)
	}
}

func TestIDsThatNameNoFolder(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("a", 200)
	_, found := parseText("d:\n  task_groups: {" + id + ": {}}\n  tasks: [{task_id: " + strings.Repeat("b", 47) + ", task_group_name: " + id + ", operator: empty}]\n" +
		strings.Repeat("订", 83) + ":\n  tasks: [{task_id: t, operator: empty}]\n")
	assert.True(t, strings.HasPrefix(found.String(), `dags/a.yaml:3:21: error: dag "d", task "`), found.String())
	assert.Contains(t, found.String(), "task_id has 248 bytes, and at most 247 are allowed, because the folder of its logs is named after it: shorten it\n")
	assert.Contains(t, found.String(), "dag_id has 249 bytes, and at most 248 are allowed, because the folder of its logs is named after it: shorten it (a non-ASCII letter takes 2 to 4)\n")
}

// long is as long as a tag may be.
var long = strings.Repeat("签", 100)
