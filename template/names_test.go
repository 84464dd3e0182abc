package template_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/template"
)

func TestCheckNames(t *testing.T) {
	t.Parallel()
	files := map[string]string{"part.sql": "\n {{ tomorrow_ds }}"}
	names := template.Names{More: []string{"region"}, Params: []string{"city"}, Tasks: []string{"a", "g.b"}}
	callback := names
	callback.Callback = true
	open := names
	open.Open = true
	for _, c := range []struct {
		src   string
		names template.Names
		want  []string
	}{
		{"{{ execution_date }}", names, []string{"1:4 error execution_date: Airflow 3 removed it; use logical_date"}},
		{"a\n中 {{ next_ds.x }}", names, []string{"2:6 error next_ds: Airflow 3 removed it; use data_interval_end | ds"}},
		{"{% if ds %}{{ yesterday_ds }}{% endif %}", names, []string{"1:15 warning yesterday_ds: Airflow 3 removed it; use macros.ds_add(ds, -1)"}},
		{"{{ ds_nodas }}", names, []string{"1:4 error ds_nodas is not known here; did you mean ds_nodash?"}},
		{"{{ ds if ds_nodas else prev_ds }}", names, []string{
			"1:10 error ds_nodas is not known here; did you mean ds_nodash?",
			"1:24 warning prev_ds: Airflow 3 removed it; use macros.ds_add(ds, -1)",
		}},
		{"{{ nope if ds }}{{ ds and nope }}{% for i in [] %}{{ nope }}{% endfor %}{% macro m(a=nope) %}{{ nope }}{% endmacro %}", names, []string{
			"1:4 warning nope is not known here", "1:27 warning nope is not known here", "1:54 warning nope is not known here",
			"1:86 warning nope is not known here", "1:97 warning nope is not known here",
		}},
		{"{{ nope is defined and nope }} {{ other | default('x') }} {{ more.x | d }} {% if q is not defined %}{% endif %}{{ q }}", names, nil},
		{"{% set x = 1 %}{{ x }}{% for k, v in [] %}{{ k }}{{ loop.index }}{% endfor %}{% with y = 2 %}{{ y }}{% endwith %}", names, nil},
		{"{% macro m(p) %}{{ p }}{{ varargs }}{{ caller() }}{% endmacro %}{{ m(1) }}{% set ns = namespace(a=1) %}{% set ns.a = 2 %}", names, nil},
		{"{{ region }} {{ range(3) }} {{ dict(a=1) }} {{ range is callable }} {{ params.city }} {{ params.get('x') }} {{ params.items() }}", names, nil},
		{"{{ params.town }} {{ params['cities'] }}", names, []string{
			`1:11 warning no param "town" is declared: only a run whose conf has it can render this`,
			`1:29 warning no param "cities" is declared: only a run whose conf has it can render this; did you mean city?`,
		}},
		{"{{ ds.uper() }} {{ ds.upper() }} {{ logical_date.strftme('%Y') }} {{ logical_date.date }} {{ logical_date.year }}", names, []string{
			"1:7 error ds has no uper; did you mean upper?", "1:50 error logical_date has no strftme; did you mean strftime?", "1:83 error date is a method: write date()",
		}},
		{"{{ 'abc'.nosuch() }} {{ 'x'.format(1) }} {{ ('a' 'b').uper() }} {{ '%s'.title }} {{ [1].push(2) }} {{ (5).nosuch }} {{ [3].pop() }}", names, []string{
			"1:10 error a text has no nosuch", "1:55 error a text has no uper; did you mean upper?", "1:73 error title is a method: write title()",
			"1:89 error a list has no push", "1:107 error a number has no nosuch",
		}},
		{"{{ {'a': 1}.a }} {{ {'a': 1}.b }} {{ {}.nosuch() }} {{ (1, 2).nosuch }} {{ none.x }} {{ true.x }} {{ {ds: 1}.x }}", names, []string{
			"1:30 error a dict has no b", "1:41 error a dict has no nosuch", "1:63 error a tuple has no nosuch", "1:81 error none has no x",
			"1:94 error a truth value has no x",
		}},
		{"{{ 'a'.b is defined }} {{ 'a'.c | default('x') }} {{ ds and 'a'.d() }} {{ ('a' ~ 'b').e() if ds is defined }}", names, []string{
			"1:65 warning a text has no d",
		}},
		{"{{ dag.dagid }} {{ ti.try_numbr }} {{ dag_run.conff }} {{ dag_run.conf.any }} {{ task.any }} {{ ti.task.any }}", names, []string{
			"1:8 error dag has no dagid; did you mean dag_id?", "1:23 error ti has no try_numbr; did you mean try_number?",
			"1:47 error dag_run has no conff; did you mean conf?",
		}},
		{"{{ conn.x.hots }} {{ conn.x.host }} {{ conn['x-y'].get_uri() }} {{ conn.get('x').any }} {{ var.values.x }} {{ var.json.a.b }}", names, []string{
			"1:11 error conn.x has no hots; did you mean host?", "1:96 error var has no values; did you mean value?",
		}},
		{"{{ ti.xcom_pull('b') }} {{ ti.xcom_pull(task_ids=['a', 'c']) }} {{ ti.xcom_pull('z', dag_id='d') }} {{ ti.xcom_pull(x) if x is defined }}", names, []string{
			`1:7 warning xcom_pull: the DAG has no task "b"; did you mean g.b?`, `1:31 warning xcom_pull: the DAG has no task "c"`,
		}},
		{"{{ exception }}", names, []string{"1:4 error exception is known in callbacks only"}},
		{"{{ exception }} {{ exeption }}", callback, []string{"1:20 error exeption is not known here; did you mean exception?"}},
		{"{{ response.json }} {{ exception }} {{ execution_date }}", open, []string{"1:40 error execution_date: Airflow 3 removed it; use logical_date"}},
		{"{% include 'part.sql' %}", names, []string{"part.sql:2:5 error tomorrow_ds: Airflow 3 removed it; use macros.ds_add(ds, 1)"}},
		{"{{ 'execution_date' }} {# {{ next_ds }} #} {% raw %}{{ next_ds }}{% endraw %} plain", names, nil},
		{"{{ broken", names, nil},
	} {
		var got []string
		for _, f := range newEnv().CheckNames(c.src, folder(files), c.names) {
			place := fmt.Sprintf("%d:%d", f.Line, f.Column)
			if f.File != "" {
				place = f.File + ":" + place
			}
			severity := "error"
			if f.Warning {
				severity = "warning"
			}
			got = append(got, place+" "+severity+" "+f.Message)
		}
		assert.Equal(t, c.want, got, c.src)
	}
}

// What gives a value has no finding that is an error, and what has one fails.
func TestCheckNamesHasNoFalseErrors(t *testing.T) {
	t.Parallel()
	env := newEnv()
	names := template.Names{More: []string{"prev_ds_or_none"}, Callback: true}
	_, answers := recorded(t)
	sure := 0
	for _, a := range answers {
		found := env.CheckNames(a.Template, nil, names)
		for _, f := range found {
			if f.Warning {
				continue
			}
			sure++
			_, err := env.Render(a.Template, corpusContext())
			var e *template.Error
			require.Truef(t, errors.As(err, &e), "%s: %s, and it gives a value", a.Template, f.Message)
		}
	}
	assert.Greater(t, sure, 20)
}
