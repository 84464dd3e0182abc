package convert

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/dag/dagfile/document"
)

// testModern knows one old path of each kind.
func testModern(operator string) (OldOperator, bool) {
	old, ok := map[string]OldOperator{
		"airflow.operators.bash.BashOperator": {Path: "airflow.providers.standard.operators.bash.BashOperator"},
		"airflow.operators.postgres_operator.PostgresOperator": {
			Path: "airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator", Renamed: map[string]string{"postgres_conn_id": "conn_id"},
		},
	}[operator]
	return old, ok
}

func convert(text string) (string, string) {
	c := File("a.yaml", []byte(text), Options{Modern: testModern})
	return string(c.Text), c.Notes.String()
}

// inTask puts keys on a task, with lines that must stay as they are around it.
func inTask(keys string) string {
	return "# a comment: schedule_interval: x\na:\n  tasks:\n  - task_id: t   # the first\n    operator: 'bash'\n" + keys + "\n    bash_command: \"echo $X\"\n"
}

// The rows of dag-factory's list of what 1.0 removed.
func TestConvert(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, converted string }{
		{"schedule_interval", "a:\n  schedule_interval: '@daily' # daily\n  tasks: []\n", "a:\n  schedule: '@daily' # daily\n  tasks: []\n"},
		{"quoted key", "a: {\"schedule_interval\": null, 'dagrun_timeout_sec': 5}\n", "a: {\"schedule\": null, 'dagrun_timeout': {__type__: datetime.timedelta, seconds: 5}}\n"},
		{"default block", "default:\n  schedule_interval: 0 4 * * *\n", "default:\n  schedule: 0 4 * * *\n"},
		{"dagrun_timeout_sec", "a:\n  dagrun_timeout_sec: 3600   # an hour\n", "a:\n  dagrun_timeout: {__type__: datetime.timedelta, seconds: 3600}   # an hour\n"},
		{"retry_delay_sec", "a:\n  default_args:\n    retry_delay_sec: 300\n", "a:\n  default_args:\n    retry_delay: 300\n"},
		{"sla_secs in default_args", "a:\n  default_args:\n    owner: x\n    sla_secs: 60\n    retries: 1\n", "a:\n  default_args:\n    owner: x\n    retries: 1\n"},
		{"sla_secs alone", "a:\n  default_args:\n    sla_secs: 60 # one\n  tasks: []\n", "a:\n  default_args:\n    {} # one\n  tasks: []\n"},
		{"sla_secs with a comment", inTask("    sla_secs: 60  # as agreed"), inTask("    # as agreed")},
		{"sla_secs behind the dash", "a:\n  tasks:\n  - sla_secs: 60\n    task_id: t\n", "a:\n  tasks:\n  - task_id: t\n"},
		{"sla_secs in flow style", "a: {default_args: {sla_secs: 60, retries: 1, owner: x}}\n", "a: {default_args: {retries: 1, owner: x}}\n"},
		{"sla_secs at the end of flow style", "a: {default_args: {retries: 1,\n  sla_secs: 60}}\n", "a: {default_args: {retries: 1}}\n"},
		{"sla_secs alone in flow style", "a: {default_args: {sla_secs: 60}}\n", "a: {default_args: {}}\n"},
		{"sla_secs at the end of the file", "a:\n  default_args:\n    retries: 1\n    sla_secs: 60", "a:\n  default_args:\n    retries: 1\n"},
		{"several without a successor", "a: {schedule: x, default_view: tree, orientation: LR, tags: [y]}\n", "a: {schedule: x, tags: [y]}\n"},
		{"several at the start", "a: {default_view: tree, orientation: LR, tags: [y]}\n", "a: {tags: [y]}\n"},
		{"default_view", "a:\n  default_view: tree   # or graph\n  orientation: 'LR'\n  tasks: []\n", "a:\n  # or graph\n  tasks: []\n"},
		{"provide_context", inTask("    provide_context: true"), strings.ReplaceAll(inTask("X"), "X\n", "")},
		{"task_group_name without groups", inTask("    task_group_name: g"), strings.ReplaceAll(inTask("X"), "X\n", "")},
		{"task_group_name with groups", "a:\n  task_groups: {g: {}}\n  tasks:\n    t: {task_group_name: g}\n", ""},
		{"parent_group_name", "a:\n  tasks:\n    t: {parent_group_name: g, retries: 1}\n  task_groups:\n    h: {parent_group_name: g}\n", "a:\n  tasks:\n    t: {retries: 1}\n  task_groups:\n    h: {parent_group_name: g}\n"},
		{"concurrency", "a:\n  concurrency: 3\n", "a:\n  max_active_tasks: 3\n"},
		{"task_concurrency", inTask("    task_concurrency: 3"), inTask("    max_active_tis_per_dag: 3")},
		{"xcom_push", inTask("    xcom_push: true"), inTask("    do_xcom_push: true")},
		{"execution_timeout_secs", inTask("    execution_timeout_secs: 90"), inTask("    execution_timeout: {__type__: datetime.timedelta, seconds: 90}")},
		{"execution_timeout_secs from the environment", inTask("    execution_timeout_secs: $T"), inTask("    execution_timeout: {__type__: datetime.timedelta, seconds: $T}")},
		{"execution_timeout_secs without a value", inTask("    execution_timeout_secs:"), inTask("    execution_timeout:")},
		{"execution_delta_secs", inTask("    execution_delta_secs: 3600"), inTask("    execution_delta: 3600 seconds")},
		{"whole execution_timeout", inTask("    execution_timeout: 90 # s"), inTask("    execution_timeout: {__type__: datetime.timedelta, seconds: 90} # s")},
		{"default_args of a group", "a:\n  task_groups:\n    g:\n      default_args: {execution_timeout: 1.5}\n", "a:\n  task_groups:\n    g:\n      default_args: {execution_timeout: {__type__: datetime.timedelta, seconds: 1.5}}\n"},
		{"join in flow style", inTask("    cwd: !join [/data/, \"]\", 'it''s', don't] # x"), inTask("    cwd: {__join__: [/data/, \"]\", 'it''s', don't]} # x")},
		{"join in block style", inTask("    cwd: !join   # both\n      - /data/\n      - x"), inTask("    cwd:\n      __join__:   # both\n      - /data/\n      - x")},
		{"join in a list", inTask("    dependencies:\n      - !join\n        - a\n        - b"), inTask("    dependencies:\n      - __join__:\n        - a\n        - b")},
		{"tags in tags", "a:\n  schedule: !or [!and [x, y], z]\n", "a:\n  schedule: {__or__: [{__and__: [x, y]}, z]}\n"},
		{"tags in tags in block style", "a:\n  schedule: !or\n    - !and\n      - x\n      - y\n    - z\n", "a:\n  schedule:\n    __or__:\n    - __and__:\n      - x\n      - y\n    - z\n"},
		{"and and or as keys", "a:\n  schedule:\n    datasets:\n      or:\n        - and: [x, y]\n        - z\n", "a:\n  schedule:\n    datasets:\n      __or__:\n        - __and__: [x, y]\n        - z\n"},
		{"old operator path", "a:\n  tasks:\n    t: {operator: airflow.operators.bash.BashOperator} # run\n", "a:\n  tasks:\n    t: {operator: airflow.providers.standard.operators.bash.BashOperator} # run\n"},
		{
			"old operator with another parameter", "a:\n  tasks:\n    t:\n      operator: \"airflow.operators.postgres_operator.PostgresOperator\"\n      postgres_conn_id: pg\n",
			"a:\n  tasks:\n    t:\n      operator: \"airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator\"\n      conn_id: pg\n",
		},
		{
			"anchors and merge keys", "x-args: &args\n  retry_delay_sec: 5\na:\n  default_args:\n    <<: *args\nb:\n  default_args: *args\n",
			"x-args: &args\n  retry_delay: 5\na:\n  default_args:\n    <<: *args\nb:\n  default_args: *args\n",
		},
		{"an anchor in two roles", "x-a: &a\n  schedule_interval: '@daily'\na:\n  default_args: *a\n", "x-a: &a\n  schedule: '@daily'\na:\n  default_args: *a\n"},
		{"Windows line ends", strings.ReplaceAll("a:\n  schedule_interval: x\n  tags: !join\n    - p\n  default_args:\n    sla_secs: 1\n    retries: 1\n", "\n", "\r\n"), strings.ReplaceAll("a:\n  schedule: x\n  tags:\n    __join__:\n    - p\n  default_args:\n    retries: 1\n", "\n", "\r\n")},
		{"byte order mark", "\ufeffa:\n  schedule_interval: x\n", "\ufeffa:\n  schedule: x\n"},
		{"letters of more than one byte", "日报: {description: \"日报 \U0001F600\u2028x\", schedule_interval: x}\n", "日报: {description: \"日报 \U0001F600\u2028x\", schedule: x}\n"},

		{"nothing to do", inTask("    retries: 1"), inTask("    retries: 1")},
		{"in free values", "a:\n  params: {schedule_interval: x, sla_secs: 5, and: [x]}\n  tasks:\n    t: {env: {retry_delay_sec: 5}, bash_command: \"schedule_interval: !join\"}\n", ""},
		{"of a typed value", "a:\n  default_args: {execution_timeout: {__type__: datetime.timedelta, seconds: 5}}\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.converted == "" {
				c.converted = c.old
			}
			text, notes := convert(c.old)
			assert.Equal(t, c.converted, text)
			removed := []string{"sla_secs", "default_view", "provide_context", "task_group_name without", "parent_group_name"}
			if !slices.ContainsFunc(removed, func(key string) bool { return strings.Contains(c.old+c.name, key) }) {
				assert.Empty(t, notes)
			}
			again, notes := convert(text)
			assert.Equal(t, text, again, "a second run changes nothing")
			assert.Empty(t, notes)
		})
	}
}

func TestConvertTellsWhatIsLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"timetable", "a:\n  timetable: {callable: airflow.timetables.trigger.CronTriggerTimetable, params: {cron: x}}\n", "a.yaml:2:3: warning: timetable with callable and params: write schedule: {__type__: airflow.timetables.trigger.CronTriggerTimetable, …} by hand, with the params as keys\n"},
		{"both keys", "a:\n  schedule: x\n  schedule_interval: y\n", "a.yaml:3:3: warning: schedule_interval was removed: write schedule, which is also on line 2: keep one of them\n"},
		{"alias as timeout", "a:\n  vars: {x: &x 5}\n  dagrun_timeout_sec: *x\n", "a.yaml:3:3: warning: dagrun_timeout_sec was removed: write dagrun_timeout: {__type__: datetime.timedelta, seconds: …} by hand\n"},
		{"quoted timeout", "a:\n  dagrun_timeout_sec: '5'\n", "2:3: warning: dagrun_timeout_sec was removed"},
		{"base 60", "a: {default_args: {execution_timeout: 1:30}}\n", "1:39: warning: a number of seconds: write {__type__: datetime.timedelta, seconds: …} by hand\n"},
		{"negative", "a: {default_args: {execution_timeout: -5}}\n", "a number of seconds"},
		{"broken delta", inTask("    execution_delta_secs: 1.5"), "6:5: warning: execution_delta_secs was removed: write execution_delta: \"… seconds\" by hand\n"},
		{"tag on text", "a: {description: !join x}\n", "1:18: warning: the tag !join was removed: write the key __join__ by hand\n"},
		{"tag with an anchor", "a: {description: !join &x [x]}\n", "the tag !join was removed"},
		{"list not indented", "a:\n  tags: !join\n  - x\n", "2:9: warning: the tag !join was removed"},
		{"parameter from elsewhere", "a:\n  tasks: {t: {operator: airflow.operators.postgres_operator.PostgresOperator}}\n", "2:25: warning: operator airflow.operators.postgres_operator.PostgresOperator is called airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator now, and its parameter postgres_conn_id is called conn_id: change both by hand\n"},
		{"mapping as sla_secs", "a:\n  default_args:\n    sla_secs: {x: 1}\n", "3:5: warning: sla_secs was removed: use execution_timeout, or dagrun_timeout on the DAG; remove it by hand\n"},
		{"escaped key", "a: {\"schedule_interva\\x6c\": x}\n", "1:5: warning: schedule_interval was removed: write schedule by hand\n"},
		{"broken file", "a: [\n", "a.yaml:1:4: error: this bracket is not closed"},
		{"no mapping", "- a\n", "a.yaml:1:1: error: the file must be a mapping"},
		{"two documents", "a: {schedule_interval: x}\n---\nb: 1\n", "error: a second document starts here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text, notes := convert(c.text)
			assert.Equal(t, c.text, text)
			assert.Contains(t, notes, c.want)
		})
	}
	_, notes := convert(inTask("    sla_secs: 60"))
	assert.Equal(t, "a.yaml:6:5: warning: sla_secs was removed: use execution_timeout, or dagrun_timeout on the DAG; it is removed\n", notes)
}

// A group may be declared in a defaults file, which is not seen here.
func TestConvertLeavesGroupsThatMayBeShared(t *testing.T) {
	t.Parallel()
	text := inTask("    task_group_name: g")
	c := File("a.yaml", []byte(text), Options{Shared: true})
	assert.Equal(t, text, string(c.Text))
	assert.Empty(t, c.Notes)
	c = File("defaults.yml", []byte("tasks: {t: {task_group_name: g}}\n"), Options{})
	assert.Zero(t, c.Changes)
}

func TestConvertDefaultsFile(t *testing.T) {
	t.Parallel()
	c := File("dags/defaults.yml", []byte("schedule_interval: x\ndefault_args:\n  retry_delay_sec: 5\n"), Options{})
	assert.Equal(t, "schedule: x\ndefault_args:\n  retry_delay: 5\n", string(c.Text))
	assert.Equal(t, 2, c.Changes)
}

// piece is a part of a file before and after.
type piece struct{ old, converted string }

// same is what a conversion must not touch.
func same(text string) piece { return piece{text, text} }

// drawFile draws a file in pieces whose conversion is known.
func drawFile(t *rapid.T) (old, converted string) {
	var pieces []piece
	add := func(p ...piece) { pieces = append(pieces, p...) }
	comment := func(indent string) piece {
		return same(rapid.SampledFrom([]string{"", indent + "# retry_delay_sec: 5\n", "\n", "  \n", "# sla_secs: é 😀\n"}).Draw(t, "comment"))
	}
	tail := func() piece {
		return same(rapid.SampledFrom([]string{"\n", "   \n", " # execution_timeout: 5\n", "\t# don't\n"}).Draw(t, "tail"))
	}
	quoted := func(old, converted string) piece {
		q := rapid.SampledFrom([]string{"", "'", `"`}).Draw(t, "quote")
		return piece{q + old + q, q + converted + q}
	}
	pair := func(indent string) {
		n := strconv.Itoa(rapid.IntRange(0, 9999).Draw(t, "n"))
		delta := piece{n, "{__type__: datetime.timedelta, seconds: " + n + "}"}
		switch rapid.IntRange(0, 8).Draw(t, "key") {
		case 0:
			add(same(indent), quoted("retry_delay_sec", "retry_delay"), same(": "+n))
		case 1:
			add(same(indent), quoted("execution_timeout_secs", "execution_timeout"), same(":  "), delta)
		case 2:
			add(same(indent), quoted("execution_delta_secs", "execution_delta"), same(": "), piece{n, n + " seconds"})
		case 3:
			add(piece{indent + "sla_secs: " + n + "\n", ""})
			return
		case 4:
			add(same(indent+"cwd: "), piece{"!join [a, 'b]', \"}\"]", "{__join__: [a, 'b]', \"}\"]}"})
		case 5:
			add(same(indent+"cwd:"), piece{" !join", "\n" + indent + "  __join__:"}, same("\n"+indent+"  - x\n"+indent+"  - y"))
		case 6:
			add(same(indent + "doc: |\n" + indent + "  schedule_interval: !join [x]"))
			add(same("\n"))
			return
		case 7:
			add(same(indent + `doc: "日报 sla_secs: 5` + "\u2028" + `"`))
		default:
			add(same(indent + "env: {sla_secs: 5, and: [x], retry_delay_sec: x}"))
		}
		add(tail())
	}
	if rapid.Bool().Draw(t, "BOM") {
		add(same("\ufeff"))
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "dags") {
		add(comment(""), same(fmt.Sprintf("dag_%d:", i)), tail(), comment("  "))
		if rapid.Bool().Draw(t, "schedule") {
			add(same("  "), quoted("schedule_interval", "schedule"), same(": '@daily'"), tail())
		}
		add(same("  tasks:\n"))
		for j := range rapid.IntRange(1, 3).Draw(t, "tasks") {
			add(same(fmt.Sprintf("    - task_id: t%d", j)), tail())
			// Each key once: a duplicate is another file.
			add(same("      operator: "), quoted("airflow.operators.bash.BashOperator", "airflow.providers.standard.operators.bash.BashOperator"), tail())
			pair("      ")
			add(comment("      "))
		}
	}
	var a, b strings.Builder
	for _, p := range pieces {
		a.WriteString(p.old)
		b.WriteString(p.converted)
	}
	old, converted = a.String(), b.String()
	if rapid.Bool().Draw(t, "Windows") {
		old, converted = strings.ReplaceAll(old, "\n", "\r\n"), strings.ReplaceAll(converted, "\n", "\r\n")
	}
	return old, converted
}

func TestConvertChangesNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old, want := drawFile(t)
		c := File("a.yaml", []byte(old), Options{Modern: testModern})
		require.Equal(t, want, string(c.Text), "%s", c.Notes)
		again := File("a.yaml", c.Text, Options{Modern: testModern})
		require.Equal(t, want, string(again.Text))
		require.Zero(t, again.Changes)
	})
}

func FuzzConvert(f *testing.F) {
	f.Add([]byte("a:\n  schedule_interval: x\n  dagrun_timeout_sec: 5\n  tags: !join [a, 'b]']\n"))
	f.Add([]byte(inTask("    sla_secs: 60\n    cwd: !join\n      - a\n    execution_timeout: 5")))
	f.Add([]byte("x: &x {retry_delay_sec: 5, sla_secs: 1}\na: {default_args: {<<: *x}, schedule: !or [!and [a], {or: [b]}]}\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		before := bytes.Clone(data)
		c := File("a.yaml", data, Options{Modern: testModern})
		if !bytes.Equal(before, data) {
			t.Fatal("the input was changed")
		}
		if took := time.Since(start); took > time.Minute {
			t.Fatalf("took %s", took)
		}
		if c.Changes == 0 {
			if !bytes.Equal(c.Text, data) {
				t.Fatalf("changed without a change:\n%s\n%s", data, c.Text)
			}
			return
		}
		if root, err := document.Decode(bytes.TrimPrefix(c.Text, []byte("\ufeff"))); err != nil || root == nil {
			t.Fatalf("no YAML any more: %v\n%s\n%s", err, data, c.Text)
		}
		again := File("a.yaml", c.Text, Options{Modern: testModern})
		if again.Changes != 0 || !bytes.Equal(again.Text, c.Text) {
			t.Fatalf("a second run changes more:\n%s\n%s\n%s", data, c.Text, again.Text)
		}
	})
}
