package template_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/template"
	"github.com/dingdag/dingdag/yamlvalue"
)

func newEnv() *template.Env {
	return template.New(template.Options{
		Clock: func() time.Time { return time.Date(2024, 5, 20, 8, 0, 0, 0, time.UTC) },
	})
}

// fullContext has a value for everything that Airflow offers.
func fullContext() *template.Context {
	c := corpusContext()
	c.DAG = template.DAGInfo{
		DAGID: "etl", DisplayName: "ETL", Description: "nightly", Owner: "data", Tags: []string{"a", "b"},
		Timezone: "Asia/Shanghai", Schedule: "0 9 * * *", MaxActiveRuns: 16, StartDate: at("2024-01-01T00:00:00Z"),
	}
	c.Task = template.TaskInfo{
		TaskID: "load", Label: "load", Owner: "data", Operator: "bash", Retries: 3, RetryDelay: 5 * time.Minute,
		TriggerRule: "all_success", Pool: "default_pool", UpstreamTaskIDs: []string{"extract"},
	}
	c.TI = template.TaskInstanceInfo{
		DAGID: "etl", RunID: "r1", TaskID: "load", MapIndex: -1, TryNumber: 2, MaxTries: 4, State: "running",
		Hostname: "node1", LogURL: "http://h/log", StartDate: at("2024-05-18T03:04:06Z"), Duration: new(90 * time.Second),
	}
	c.Run = template.RunInfo{
		RunID: "r1", RunType: "scheduled", State: "running", LogicalDate: at("2024-05-17T03:04:05Z"),
		DataIntervalStart: at("2024-05-17T03:04:05Z"), RunAfter: at("2024-05-18T03:04:05Z"),
		Conf: json.RawMessage(`{"z": 1, "a": [true, null, 1.0, 12345678901234567890]}`),
	}
	c.PrevStartDateSuccess = func() (*time.Time, error) { return at("2024-05-16T00:00:01Z"), nil }
	c.Reason = "task_failure"
	delete(c.Extra, "prev_start_date_success")
	return c
}

func TestVariables(t *testing.T) {
	t.Parallel()
	env := newEnv()
	for src, want := range map[string]string{
		"{{ ds }} {{ ds_nodash }}": "2024-05-17 20240517",
		"{{ ts }}":                 "2024-05-17T03:04:05+00:00",
		"{{ ts_nodash }} {{ ts_nodash_with_tz }}":      "20240517T030405 20240517T030405+0000",
		"{{ logical_date }}":                           "2024-05-17 03:04:05+00:00",
		"{{ data_interval_start | ds }}":               "2024-05-17",
		"{{ data_interval_end | ts }}":                 "2024-05-18T03:04:05+00:00",
		"{{ prev_data_interval_start_success }}":       "None",
		"{{ prev_data_interval_end_success }}":         "None",
		"{{ prev_start_date_success }}":                "2024-05-16 00:00:01+00:00",
		"{{ prev_end_date_success | ts }}":             "None",
		"{{ dag.dag_id }} {{ dag.description }}":       "etl nightly",
		"{{ dag.tags }} {{ dag.owner }}":               "['a', 'b'] data",
		"{{ dag.timezone }} {{ dag.max_active_runs }}": "Asia/Shanghai 16",
		"{{ dag.end_date }} {{ dag.catchup }}":         "None False",
		"{{ task.task_id }} {{ task.operator }}":       "load bash",
		"{{ task.retries }} {{ task.retry_delay }}":    "3 0:05:00",
		"{{ task.execution_timeout }}":                 "None",
		"{{ task.upstream_task_ids | first }}":         "extract",
		"{{ ti.task_id }} {{ task_instance.run_id }}":  "load r1",
		"{{ ti.try_number }}/{{ ti.max_tries }}":       "2/4",
		"{{ ti.state }} {{ ti.hostname }}":             "running node1",
		"{{ ti.duration }} {{ ti.end_date }}":          "90.0 None",
		"{{ ti.map_index }} {{ ti.log_url }}":          "-1 http://h/log",
		"{{ ti.task.retries }}":                        "3",
		"{{ run_id }} {{ dag_run.run_id }}":            "r1 r1",
		"{{ dag_run.run_type }} {{ dag_run.state }}":   "scheduled running",
		"{{ dag_run.conf }}":                           "{'z': 1, 'a': [True, None, 1.0, 12345678901234567890]}",
		"{{ dag_run.conf.a[3] + 1 }}":                  "12345678901234567891",
		"{{ dag_run.run_after }}":                      "2024-05-18 03:04:05+00:00",
		"{{ dag_run.data_interval_end }}":              "None",
		"{{ dag_run.external_trigger }}":               "False",
		"{{ task_instance_key_str }}":                  "etl__load__20240517",
		"{{ exception }} {{ reason }}":                 "boom <x> task_failure",
		"{{ params.get('zz') }} {{ params.n }}":        "None 7",
		"{{ var.value.my_var }}":                       "vv",
		"{{ var.value.get('no', 'd') }}":               "d",
		"{{ var.json.cfg.list[1] }}":                   "2",
		"{{ var.json.get('no', {'a': 1}).a }}":         "1",
		"{{ var.json.get('cfg')['list'] }}":            "[1, 2]",
		"{{ conn.pg.host }}:{{ conn.pg.port }}":        "h:5432",
		"{{ conn.pg.login }}/{{ conn.pg.password }}":   "user/p'w",
		"{{ conn.pg.conn_type }} {{ conn.pg.schema }}": "postgres None",
		"{{ conn.pg.extra_dejson.sslmode }}":           "require",
		"{{ conn.pg.extra }}":                          `{"sslmode": "require"}`,
		"{{ conn['pg'].conn_id }}":                     "pg",
		"{{ conn.pg.get_uri() }}":                      "postgres://user:p%27w@h:5432/?sslmode=require",
		"{{ conn.get('no', 'none') }}":                 "none",
		"{{ conn.get('pg').host }}":                    "h",
		"{{ ti.xcom_pull('nope', default='d') }}":      "d",
		"{{ ti.xcom_pull(task_ids=('x', 'no')) }}":     "['vx', None]",
		"{{ ti.xcom_pull('x', 'etl', 'k') }}":          "vx",
		"{{ ti.xcom_pull() }}":                         "None",
	} {
		got, err := env.Render(src, fullContext())
		require.NoError(t, err, src)
		assert.Equal(t, want, got, src)
	}
}

func TestMacrosAndMethods(t *testing.T) {
	t.Parallel()
	env := newEnv()
	for src, want := range map[string]string{
		"{{ macros.ds_add('2024-02-28', 2) }}":                                                          "2024-03-01",
		"{{ macros.ds_add('nope', 0) }}":                                                                "nope",
		"{{ macros.ds_format('05-17-24', '%m-%d-%y', '%-d.%-m.%Y') }}":                                  "17.5.2024",
		"{{ macros.datetime_diff_for_humans(logical_date) }}":                                           "3 days ago",
		"{{ macros.datetime_diff_for_humans(logical_date, data_interval_end) }}":                        "1 day before",
		"{{ macros.datetime_diff_for_humans(macros.datetime(2024, 6, 20), logical_date) }}":             "1 month after",
		"{{ macros.datetime.now() }} {{ macros.datetime.utcnow() }}":                                    "2024-05-20 08:00:00 2024-05-20 08:00:00",
		"{{ macros.datetime.now('Asia/Shanghai') }}":                                                    "2024-05-20 16:00:00+08:00",
		"{{ macros.datetime.fromtimestamp(0, 'UTC') }}":                                                 "1970-01-01 00:00:00+00:00",
		"{{ macros.dateutil.parser.parse('2024-05-17T08:00:00Z') | ts }}":                               "2024-05-17T08:00:00+00:00",
		"{{ logical_date - macros.dateutil.relativedelta.relativedelta(months=3) }}":                    "2024-02-17 03:04:05+00:00",
		"{{ macros.time.time() }} {{ macros.time.strftime('%F') }}":                                     "1716192000.0 2024-05-20",
		"{{ macros.uuid.uuid4().hex | length }} {{ macros.uuid.uuid4() | string | length }}":            "32 36",
		"{{ macros.random() < 1 }} {{ macros.random.randint(3, 3) }} {{ macros.random.choice(['a']) }}": "True 3 a",
		`{{ macros.json.loads('{"b": 1, "a": [1.0]}') }}`:                                               "{'b': 1, 'a': [1.0]}",
		"{{ macros.json.dumps({'b': 'é', 'a': none}) }}":                                                `{"b": "\u00e9", "a": null}`,
		"{{ macros.json.dumps({'b': 1, 'a': 2}, sort_keys=true, indent=1) }}":                           "{\n \"a\": 2,\n \"b\": 1\n}",
		"{{ macros.json.dumps('é', ensure_ascii=false) }}":                                              `"é"`,
		"{{ macros.json.dumps([1, {'a': 2}], separators=(',', ':')) }}":                                 `[1,{"a":2}]`,
		`{{ macros.yaml.safe_load('b: 1\na: [x, 2.5, true, 2024-05-17]') }}`:                            "{'b': 1, 'a': ['x', 2.5, True, datetime.date(2024, 5, 17)]}",
		"{{ logical_date.add(days=1, hours=-1) }}":                                                      "2024-05-18 02:04:05+00:00",
		"{{ macros.datetime(2024, 1, 31).add(months=1) }}":                                              "2024-02-29 00:00:00",
		"{{ logical_date.subtract(years=1, weeks=1) | ds }}":                                            "2023-05-10",
		"{{ logical_date.in_timezone('Asia/Shanghai') }}":                                               "2024-05-17 11:04:05+08:00",
		"{{ data_interval_end.in_tz('America/New_York') | ds }}":                                        "2024-05-17",
		"{{ logical_date.in_timezone('Asia/Shanghai').timezone_name }}":                                 "Asia/Shanghai",
		"{{ logical_date.to_date_string() }} {{ logical_date.to_datetime_string() }}":                   "2024-05-17 2024-05-17 03:04:05",
		"{{ logical_date.to_iso8601_string() }} {{ logical_date.int_timestamp }}":                       "2024-05-17T03:04:05Z 1715915045",
		"{{ logical_date.format('YYYY-MM-DD HH:mm:ss [at] dddd D MMM YY') }}":                           "2024-05-17 03:04:05 at Friday 17 May 24",
		"{{ logical_date.start_of('month') }} {{ logical_date.end_of('day') }}":                         "2024-05-01 00:00:00+00:00 2024-05-17 23:59:59.999999+00:00",
		"{{ logical_date.start_of('week') | ds }} {{ logical_date.end_of('year') | ds }}":               "2024-05-13 2024-12-31",
		"{{ logical_date.quarter }} {{ logical_date.day_of_year }} {{ logical_date.days_in_month }}":    "2 138 31",
		"{{ data_interval_end.diff(data_interval_start).in_hours() }}":                                  "24",
		"{{ (data_interval_end - data_interval_start).in_words() }}":                                    "1 day",
		"{{ logical_date.date() }} {{ logical_date.date() - macros.timedelta(days=1) }}":                "2024-05-17 2024-05-16",
		"{{ logical_date.date().strftime('%d/%m') }} {{ logical_date.date() | ds_nodash }}":             "17/05 20240517",
		"{{ logical_date.naive() }} {{ logical_date.diff_for_humans(data_interval_end) }}":              "2024-05-17 03:04:05 1 day before",
		"{{ none | ds }} {{ logical_date | ds_nodash }} {{ logical_date | ts_nodash }}":                 "None 20240517 20240517T030405",
		"{{ logical_date | ts_nodash_with_tz }}":                                                        "20240517T030405+0000",
		"{{ f'x' if false else 'no' }}":                                                                 "",
	} {
		got, err := env.Render(src, fullContext())
		if want == "" {
			require.Error(t, err, src)
			continue
		}
		require.NoError(t, err, src)
		assert.Equal(t, want, got, src)
	}
}

func TestErrorsTellPlaceAndExpression(t *testing.T) {
	t.Parallel()
	env := newEnv()
	for _, c := range []struct {
		name, src    string
		line, column int
		message      string
	}{
		{"undefined name", "a\n  {{ unknown }}", 2, 6, "unknown is undefined"},
		{"after wide characters", "中文 {{ unknown }}", 1, 7, "unknown is undefined"},
		{"suggestion", "{{ logical_dat }}", 1, 4, "logical_dat is undefined; did you mean logical_date?"},
		{"key", "{{ params.lits }}", 1, 4, "params.lits is undefined; did you mean list?"},
		{"attribute", "{{ ti.try_numbr }}", 1, 4, "ti.try_numbr is undefined; did you mean try_number?"},
		{"deeper", "{{ params.none_val.x }}", 1, 4, "params.none_val.x is undefined"},
		{"of undefined", "{{ params.no.x }}", 1, 4, "params.no is undefined"},
		{"operand", "{{ 1 +\n params.no }}", 2, 2, "params.no is undefined"},
		{"condition", "{% if x.y %}{% endif %}", 1, 7, "x is undefined"},
		{"loop", "{% for i in nope %}{% endfor %}", 1, 13, "nope is undefined"},
		{"filter argument", "{{ 'a' | replace('a', nope) }}", 1, 23, "nope is undefined"},
		{"keyword", "{{ ti.xcom_pull(task_ids=nope) }}", 1, 26, "nope is undefined"},
		{"removed", "{{ execution_date }}", 1, 4, "execution_date is undefined: Airflow 3 removed it; use logical_date"},
		{"removed ds", "{{ yesterday_ds }}", 1, 4, "yesterday_ds is undefined: Airflow 3 removed it; use macros.ds_add(ds, -1)"},
		{"variable", "{{ var.value.nope }}", 1, 4, `var.value.nope: variable "nope": variable: not found`},
		{"connection", "{{ conn.nope.host }}", 1, 4, `conn.nope: connection "nope": connection: not found`},
		{"division", "x {{ params.n / 0 }}", 1, 6, "params.n / 0: division by zero"},
		{"types", "{{ 1 + 'a' }}", 1, 4, `1 + 'a': unsupported operand types for +: "int" and "str"`},
		{"method", "{{ ds.uper() }}", 1, 4, `ds.uper(): "str" has no method "uper"; did you mean upper?`},
		{"dict method", "{{ params.items }}", 1, 4, "params.items: items is a method of dicts: write ['items'] for the key or items() for the method"},
		{"dunder", "{{ ds.__class__ }}", 1, 7, "the attribute __class__ is not allowed: attributes must not begin with two underscores"},
		{"map index", "{{ ti.xcom_pull('x', map_indexes='a') }}", 1, 4, "ti.xcom_pull('x', map_indexes='a'): xcom_pull: map_indexes must be whole numbers, not \"str\""},
		{"push nowhere", "{{ ti.xcom_push('x', 1) }}", 1, 4, "ti.xcom_push('x', 1): xcom_push: only a running task has XComs"},
		{"in a macro", "{% macro m() %}\n{{ nope }}{% endmacro %}{{ m() }}", 2, 4, "nope is undefined"},
		{"zone", "{{ logical_date.in_timezone('Mars') }}", 1, 4, `logical_date.in_timezone('Mars'): in_timezone: unknown time zone "Mars"`},
		{"argument", "{{ 'a'.replace('b') }}", 1, 4, "'a'.replace('b'): replace: the argument new is missing"},
		{"unpack", "{% set a, b = 1, 2, 3 %}", 1, 15, "1, 2, 3: has 3 values for 2 names"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := env.Render(c.src, fullContext())
			var e *template.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, c.message, e.Message)
			assert.Equal(t, [2]int{c.line, c.column}, [2]int{e.Line, e.Column})
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	env := template.New(template.Options{
		Filters: map[string]template.Func{"mine": nil},
		Macros:  map[string]any{"fn": template.Func(nil)},
	})
	for _, ok := range []string{
		"", "plain", "{{ unknown.name }}", "{{ 1 | mine }}{{ fn() }}", "{% macro a() %}{% endmacro %}{{ a() }}",
		"{{ macros.ds_add(ds, 1) }}", "{% set j = joiner() %}{{ j() }}", "{% if a %}{% elif b %}{% else %}{% endif %}",
	} {
		assert.NoError(t, env.Check(ok), ok)
	}
	for src, want := range map[string]string{
		"{{ 1 | uper }}":                      `template line 1, column 8: unknown filter "uper"; did you mean upper?`,
		"{{ 1 is definde }}":                  `template line 1, column 9: unknown test "definde"; did you mean defined?`,
		"{{ rang(3) }}":                       `template line 1, column 4: unknown function "rang"; did you mean range?`,
		"{{ macros.ds_ad(ds, 1) }}":           `template line 1, column 11: unknown macros function "ds_ad"; did you mean ds_add?`,
		"{{ macros.ds_format_locale(ds) }}":   `template line 1, column 11: macros.ds_format_locale is not available: the names of months and days are English here: use macros.ds_format for English or for numbers, such as '%Y年%-m月%-d日', and a list for names: ['周一', '周二', …][logical_date.weekday()]`,
		"a\n{{ x y }}":                        "template line 2, column 6: unexpected 'y', expected }}",
		"{{ unclosed":                         "template line 1, column 12: unexpected end of the template, expected }}",
		"{% if a = b %}x{% endif %}":          "template line 1, column 9: unexpected '=', expected %}",
		"{{ 'a }}":                            "template line 1, column 4: the text is never closed: ' is missing",
		"\n{% for x in y %}":                  "template line 2, column 4: {% for %} is never closed: {% endfor %} is missing",
		"{% if 1 %}\n{% endfor %}":            "template line 2, column 4: unexpected {% endfor %}: {% if %} of line 1 is still open",
		"{% extends x %}":                     "template line 1, column 12: extends takes the name of a file in quotes, not 'x'",
		"{% include x %}":                     "template line 1, column 12: include takes the name of a file in quotes, not 'x'",
		"{% nope %}":                          `template line 1, column 4: unknown tag "nope"`,
		"{{ a[1:2:3:4] }}":                    "template line 1, column 12: a slice has at most two colons",
		"{{ (1] }}":                           "template line 1, column 6: unexpected ']'",
		"{{ __op }}":                          "template line 1, column 4: the name __op is not allowed: names must not begin with two underscores",
		"{{ f(a=1, 2) }}":                     "template line 1, column 11: a positional argument after a keyword argument",
		"{{ " + strings.Repeat("(", 99) + "1": "template line 1, column 24: the expression is nested more than 40 levels deep",
	} {
		assert.EqualError(t, env.Check(src), want, src)
	}
}

func TestAbsentInRunsWithoutLogicalDate(t *testing.T) {
	t.Parallel()
	env := newEnv()
	c := &template.Context{DAG: template.DAGInfo{DAGID: "d"}, Run: template.RunInfo{RunID: "manual"}}
	for _, name := range []string{"ds", "ts", "logical_date", "data_interval_start", "ti", "task", "exception", "reason"} {
		got, err := env.Render("{{ "+name+" is defined }}", c)
		require.NoError(t, err)
		assert.Equal(t, "False", got, name)
		_, err = env.Render("{{ "+name+" }}", c)
		require.ErrorContains(t, err, name+" is undefined", name)
	}
	got, err := env.Render("{{ dag_run.logical_date }} {{ params }} {{ dag_run.conf }}", c)
	require.NoError(t, err)
	assert.Equal(t, "None {} {}", got)
	_, err = env.Render("{{ ds }}", c)
	require.ErrorContains(t, err, "the run has no logical date")
}

func TestOwnersInTemplates(t *testing.T) {
	t.Parallel()
	const text = "{{ owner }} {% for m in owner_mobiles %}@{{ m }}{% endfor %} {{ owner_user_ids | join(',') }} {{ owner_emails }}"
	got, err := newEnv().Render(text, &template.Context{Owner: template.OwnerInfo{
		Name: "ann, team", Mobiles: []string{"13800000001", "13800000002"}, UserIDs: []string{"u1", "u2"}, Emails: []string{"a@b.c"},
	}})
	require.NoError(t, err)
	assert.Equal(t, "ann, team @13800000001@13800000002 u1,u2 ['a@b.c']", got)
	got, err = newEnv().Render("{{ owner is defined }} {{ owner_mobiles }} {{ owner_user_ids }} {{ owner_emails }}", &template.Context{})
	require.NoError(t, err)
	assert.Equal(t, "False [] [] []", got)
	got, err = newEnv().Render("{{ owner }}", &template.Context{Owner: template.OwnerInfo{Name: "ann"}, Extra: map[string]any{"owner": "mine"}})
	require.NoError(t, err)
	assert.Equal(t, "mine", got, "a macro of the DAG goes first")
}

func TestLocationShowsTimesInAZone(t *testing.T) {
	t.Parallel()
	c := fullContext()
	var err error
	c.Location, err = time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	c.Run.LogicalDate = at("2024-05-16T17:00:00Z")
	got, err := newEnv().Render("{{ ds }} {{ logical_date }} {{ ts }}", c)
	require.NoError(t, err)
	assert.Equal(t, "2024-05-17 2024-05-17 01:00:00+08:00 2024-05-17T01:00:00+08:00", got)
}

func TestNative(t *testing.T) {
	t.Parallel()
	env := newEnv()
	for src, want := range map[string]any{
		"{{ params.n }}":                  int64(7),
		"{{ params.list }}":               []any{int64(3), int64(1), int64(2)},
		"{{ params.map }}":                map[string]any{"x": int64(1), "a": "two"},
		"{{ none }}":                      nil,
		"{{ (1, true, 1.5) }}":            []any{int64(1), true, 1.5},
		"{{ logical_date }}":              time.Date(2024, 5, 17, 3, 4, 5, 0, time.UTC),
		"{{ macros.timedelta(hours=1) }}": time.Hour,
		"{{ '5' }}":                       int64(5),
		"5":                               int64(5),
		"{{ ti.xcom_pull('money') }}":     json.Number("4758.00"),
		"{{ params.n }}\n":                int64(7),
		"{# note #}{{ params.n }}":        int64(7),
		" {{ params.n }}":                 " 7",
		"{{ 1 }}{{ 2 }}":                  int64(12),
		"{% if true %}{{ 1 }}{% endif %}": int64(1),
		"{% if false %}1{% endif %}":      nil,
		"plain":                           "plain",
	} {
		got, _, err := env.RenderNative(src, fullContext())
		require.NoError(t, err, src)
		assert.Equal(t, want, got, src)
	}
	_, _, err := env.RenderNative("{{ nope }}", fullContext())
	require.ErrorContains(t, err, "nope is undefined")
}

func TestNamesInAnyScript(t *testing.T) {
	t.Parallel()
	c := &template.Context{Extra: map[string]any{"部门": "数据"}, Params: map[string]any{"名": 1}}
	got, err := newEnv().Render("{% macro 表(行=2) %}{{ 行 }}{% endmacro %}{% set 数 = 5 %}{% for 项 in [数] %}{{ 项 }}{% endfor %}"+
		"{{ 部门 }}{{ params.名 }}{{ 表() }}{{ 表(行=3) }}{{ dict(名=1) }}{% set ns = namespace(甲=1) %}{% set ns.甲 = 7 %}{{ ns.甲 }}", c)
	require.NoError(t, err)
	assert.Equal(t, "5数据123{'名': 1}7", got)
	_, err = newEnv().Render("{{ 部 }}", c)
	require.ErrorContains(t, err, "部 is undefined")
}

func TestTrailingNewline(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{"{{ 1 }}\n": "1", "{{ 1 }}\n\n": "1\n", "{{ 1 }}\r\n": "1", "plain\n": "plain", "a\r\nb\rc": "a\nb\nc"} {
		got, err := newEnv().Render(src, nil)
		require.NoError(t, err)
		assert.Equal(t, want, got, "%q", src)
	}
}

func TestAddedNames(t *testing.T) {
	t.Parallel()
	env := template.New(template.Options{
		Filters: map[string]template.Func{"twice": func(args []any, kw map[string]any) (any, error) {
			return fmt.Sprint(args[0], args[0], kw["end"]), nil
		}},
		Macros: map[string]any{
			"region": "eu", "limits": map[string]any{"a": 1},
			"add": template.Func(func(args []any, _ map[string]any) (any, error) {
				return args[0].(int64) + args[1].(int64), nil
			}),
			"broken": template.Func(func([]any, map[string]any) (any, error) { return nil, errors.New("it broke") }),
		},
	})
	c := &template.Context{Extra: map[string]any{
		"response": map[string]any{
			"status_code": 200,
			"json":        template.Func(func([]any, map[string]any) (any, error) { return map[string]any{"ok": true}, nil }),
		},
		"row":    []any{1, "x"},
		"region": "us",
	}}
	got, err := env.Render("{{ 'a' | twice(end='!') }} {{ add(1, 2) }} {{ limits.a }} {{ ['x'] | map('twice', end='.') | first }} "+
		"{{ response.status_code == 200 and response.json().ok }} {{ row[1] }} {{ region }}", c)
	require.NoError(t, err)
	assert.Equal(t, "aa! 3 1 xx. True x us", got)
	_, err = env.Render("{{ broken() }}", c)
	require.EqualError(t, err, "template line 1, column 4: broken(): it broke")
}

func TestCausesAreKept(t *testing.T) {
	t.Parallel()
	c := fullContext()
	boom := errors.New("boom")
	c.XComPull = func(template.XComQuery) ([]json.RawMessage, error) { return nil, boom }
	c.PrevStartDateSuccess = func() (*time.Time, error) { return nil, boom }
	for _, src := range []string{"{{ ti.xcom_pull('x') }}", "{{ prev_start_date_success }}"} {
		_, err := newEnv().Render(src, c)
		require.ErrorIs(t, err, boom, src)
	}
	_, err := newEnv().Render("{{ conn.nope.host }}", c)
	require.ErrorIs(t, err, connections.ErrNotFound)
}

func TestSecretOfABrokenExtraIsNotTold(t *testing.T) {
	t.Parallel()
	c := fullContext()
	c.Connection = func(string) (*connections.Connection, error) {
		return &connections.Connection{ID: "x", Extra: new(connections.Secret("hunter2{"))}, nil
	}
	_, err := newEnv().Render("{{ conn.x.host }}", c)
	require.ErrorContains(t, err, "the extra is not JSON")
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	env := newEnv()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				got, err := env.Render(fmt.Sprintf("{%% set x = %d %%}{{ x + params.n }}", i*j), fullContext())
				assert.NoError(t, err)
				assert.Equal(t, strconv.Itoa(i*j+7), got)
			}
		})
	}
	wg.Wait()
}

func TestTextWithoutTemplateKeepsAllButNewlines(t *testing.T) {
	t.Parallel()
	env := newEnv()
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.OneOf(rapid.String(), rapid.StringMatching(`[{}%#a\r\n ]*`)).Draw(t, "src")
		if yamlvalue.HoldsTemplate(src) {
			return
		}
		want := strings.TrimSuffix(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(src), "\n")
		got, err := env.Render(src, nil)
		if err != nil || got != want {
			t.Fatalf("got %q, %v for %q", got, err, src)
		}
	})
}
