package dagfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/convert"
)

// An older file means what it means after dags convert, and what that changes is what loading
// warns of.
func TestOlderFilesMeanWhatTheyAreConvertedTo(t *testing.T) {
	t.Parallel()
	tasks := "  tasks: {t: {operator: bash, bash_command: x}}\n"
	for name, text := range map[string]string{
		"DAG":             "a:\n  schedule_interval: '0 4 * * *'\n  dagrun_timeout_sec: 90\n  concurrency: 3\n  default_view: tree\n  orientation: LR\n" + tasks,
		"null":            "a:\n  schedule_interval: null\n  dagrun_timeout_sec: null\n" + tasks,
		"none":            "a:\n  schedule_interval: 'None'\n" + tasks,
		"default block":   "default:\n  schedule_interval: '0 4 * * *'\n  default_args: {retry_delay_sec: 5}\na:\n  schedule: '@hourly'\n  default_args: {retry_delay: 7}\n" + tasks + "b:\n" + tasks,
		"own old key":     "default:\n  schedule: '0 4 * * *'\na:\n  schedule_interval: '@hourly'\n" + tasks + "b:\n" + tasks,
		"default_args":    "a:\n  default_args: {retry_delay_sec: 5, execution_timeout_secs: 90, sla_secs: 3, provide_context: true, task_concurrency: 2}\n" + tasks,
		"task":            "a:\n  tasks:\n    t: {operator: bash, bash_command: x, retry_delay_sec: 5, execution_timeout_secs: 90, task_concurrency: 2, xcom_push: false, sla_secs: 5}\n",
		"task list":       "a:\n  tasks:\n  - {task_id: t, operator: empty, execution_timeout_secs: 90}\n",
		"task template":   "default:\n  tasks: {t: {operator: empty, execution_timeout_secs: 90}}\na:\n  tasks: {t: {execution_timeout: 7}}\nb: {}\n",
		"no groups":       "a:\n  tasks: {t: {operator: empty, task_group_name: g}, u: {operator: empty, parent_group_name: g}}\n",
		"group":           "a:\n  task_groups: {g: {default_args: {retry_delay_sec: 5}}}\n  tasks: {t: {operator: empty, task_group_name: g}}\n",
		"group list":      "a:\n  task_groups: [{group_name: g, default_args: {retry_delay_sec: 5}}]\n  tasks: {t: {operator: empty, task_group_name: g}}\n",
		"merge key":       "x-args: &args {retry_delay_sec: 5, schedule_interval: '@daily'}\na:\n  default_args: {<<: *args, retries: 2}\n" + tasks + "b:\n  default_args: *args\n" + tasks,
		"join":            "a:\n  description: !join [a, !join [b, 1]]\n" + tasks,
		"anchored join":   "a:\n  description: &d !join [a, b]\n  doc_md: *d\n" + tasks,
		"tags of assets":  "a:\n  schedule: !or [!and [s3://a, s3://b], s3://c]\n" + tasks,
		"keys of assets":  "a:\n  schedule: {or: [{and: [s3://a, s3://b]}, s3://c]}\n" + tasks,
		"under datasets":  "a:\n  schedule_interval: {datasets: {or: [s3://a, s3://b]}}\n" + tasks,
		"Windows":         "a:\r\n  schedule_interval: '@daily'\r\n  tasks: {t: {operator: empty}}\r\n",
		"number timeouts": "a:\n  default_args: {execution_timeout: 90}\n" + tasks,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			converted := convert.File("dags/a.yaml", []byte(text), convert.Options{})
			require.NotEqual(t, 0, converted.Changes+strings.Count(name, "anchored"), converted.Notes.String())
			dags, found := parseText(text)
			again, foundAgain := parseText(string(converted.Text))
			require.NotEmpty(t, dags, found.String())
			require.False(t, found.HasErrors(), found.String())
			require.Len(t, again, len(dags), foundAgain.String())
			for i := range dags {
				assert.Equal(t, string(Source(again[i])), string(Source(dags[i])))
			}
			if name != "number timeouts" {
				assert.Contains(t, found.String(), "dingdag dags convert")
			}
			if name != "anchored join" {
				assert.NotContains(t, foundAgain.String(), "dingdag dags convert")
			}
		})
	}
}

// A timetable in the old form is read, although dags convert leaves it to people.
func TestOldTimetable(t *testing.T) {
	t.Parallel()
	const class = "airflow.timetables.trigger.CronTriggerTimetable"
	dags, found := parseText(oneTask("  timetable: {callable: " + class + ", params: {cron: '0 4 * * *', timezone: UTC}}"))
	require.Len(t, dags, 1, found.String())
	assert.Equal(t, "dags/a.yaml:2:3: warning: dag \"a\": timetable with callable and params: write schedule: {__type__: "+class+", …} by hand, with the params as keys\n", found.String())
	assert.Equal(t, dag.CronSchedule, dags[0].Schedule.Kind)
	_, found = parseText(oneTask("  timetable: {callable: my.Timetable, params: {}}"))
	assert.Contains(t, found.String(), "error: dag \"a\"")
	_, found = parseText(oneTask("  timetable: {callable: " + class + ", kwargs: {}}"))
	assert.Contains(t, found.String(), "error: dag \"a\": schedule has no key \"callable\"")
}

// A warning of what DAGs share is told once, with the DAGs that it concerns, and at its place in
// the file that has it.
func TestOlderKeysThatDAGsShare(t *testing.T) {
	t.Parallel()
	tasks := "  tasks: {t: {operator: empty}}\n"
	_, found := parseText("default:\n  schedule_interval: '@daily'\na:\n" + tasks + "b:\n" + tasks + "c:\n  schedule: '@hourly'\n" + tasks)
	assert.Equal(t, "dags/a.yaml:2:3: warning: dag \"a\" (also \"b\"): schedule_interval was removed: write schedule; dingdag dags convert FILE --write rewrites it\n", found.String())

	dir := writeFiles(t, map[string]string{
		"defaults.yml": "schedule_interval: '@daily'\ndefault_args: {retry_delay_sec: 5}\n",
		"a.yaml":       "a:\n" + tasks,
	})
	res := Load([]string{dir}, newFakeCatalog(), testOptions())
	require.Len(t, res.DAGs, 1, res.Diagnostics.String())
	assert.Equal(t, "@daily", res.DAGs[0].ScheduleText)
	require.Len(t, res.Diagnostics, 2)
	for _, d := range res.Diagnostics {
		assert.Equal(t, dir+"/defaults.yml", d.File)
	}
}

// What lies beside DAGs without being one: a catalogue of assets, and a DAG that is called as a
// key is.
func TestFilesBesideDAGs(t *testing.T) {
	t.Parallel()
	dags, found := parseText("datasets:\n  - {name: orders, uri: s3://shop/orders}\n")
	assert.Empty(t, dags)
	assert.Empty(t, found.String())
	dags, found = parseText("tasks:\n  tasks: {t: {operator: empty}}\ndatasets:\n  tasks: {t: {operator: empty}}\n")
	assert.Len(t, dags, 2)
	assert.Empty(t, found.String())
	_, found = parseText("a:\n  tasks: {t: {decorator: airflow.decorators.task}}\n")
	assert.Equal(t, 1, strings.Count(found.String(), "\n"), "a task of TaskFlow is told once: %s", found)
}
