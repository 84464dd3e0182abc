package template_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/template"
	"github.com/dingdag/dingdag/yamlvalue"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 900)
	for name, c := range map[string]struct{ src, message string }{
		"repeat":              {"{{ 'a' * 99999999 }}", "over the limit"},
		"repeat a list":       {"{{ [1] * 99999999 }}", "over the limit"},
		"repeat left":         {"{{ 9223372036854775807 * 'ab' }}", "over the limit"},
		"doubling":            {"{% set x = 'ab' %}" + strings.Repeat("{% set x = x ~ x %}", 60) + "{{ x }}", "over the limit"},
		"doubling lists":      {"{% set x = [1] %}" + strings.Repeat("{% set x = [x, x] %}", 60) + "{{ x }}", "over the limit"},
		"equality of a graph": {"{% set x = [1] %}{% set y = [1] %}" + strings.Repeat("{% set x = [x, x] %}{% set y = [y, y] %}", 60) + "{{ x == y }}", "over the limit"},
		"json of a graph":     {"{% set x = [1] %}" + strings.Repeat("{% set x = [x, x] %}", 60) + "{{ x | tojson }}", "over the limit"},
		"cycle":               {"{% set x = [] %}{% do x.append(x) %}{{ x }}", "over the limit"},
		"cycle in JSON":       {"{% set x = [] %}{% do x.append(x) %}{{ x | tojson }}", "over the limit"},
		"cycle compared":      {"{% set x = [] %}{% do x.append(x) %}{% set y = [] %}{% do y.append(y) %}{{ x == y }}", "over the limit"},
		"replace":             {"{{ ('a' * 1000) | replace('a', 'b' * 100000) }}", "over the limit"},
		"replace method":      {"{{ ('a' * 1000).replace('a', 'b' * 100000) }}", "over the limit"},
		"join":                {"{{ ([('x' * 1000)] * 10000) | join }}", "over the limit"},
		"percent width":       {"{{ '%999999999d' % 1 }}", "over the limit"},
		"percent star":        {"{{ '%*d' % (999999999, 1) }}", "over the limit"},
		"percent precision":   {"{{ '%.999999999f' % 1 }}", "over the limit"},
		"format width":        {"{{ '{:999999999}'.format('a') }}", "over the limit"},
		"center":              {"{{ 'a' | center(999999999) }}", "over the limit"},
		"ljust":               {"{{ 'a'.ljust(9223372036854775807) }}", "over the limit"},
		"indent":              {"{{ 'a\nb' | indent(999999999) }}", "indent"},
		"power":               {"{{ 10 ** 100000 }}", "over the limit"},
		"big power":           {"{{ 2 ** 9223372036854775807 }}", "over the limit"},
		"range":               {"{{ range(1000000000) }}", "over the limit"},
		"range by one":        {"{{ range(-9223372036854775807, 9223372036854775807) | list }}", "over the limit"},
		"batch":               {"{{ [1] | batch(999999999, 'x') }}", "batch"},
		"slice":               {"{{ [1] | slice(999999999) }}", "slice"},
		"nested loops":        {"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "too much data"},
		"many steps":          {"{% for a in range(1000) %}{% for b in range(1000) %}{{ b }}{% endfor %}{% endfor %}", "runs for more than 1000000 steps"},
		"recursion":           {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion limit"},
		"output":              {"{% for a in range(100000) %}" + long + "{% endfor %}", "longer than 1048576 bytes"},
		"captured output":     {"{% set x %}{% for a in range(100000) %}" + long + "{% endfor %}{% endset %}", "longer than 1048576 bytes"},
		"kept values":         {"{% set l = [] %}{% for a in range(10000) %}{% do l.append('x' * 1000000) %}{% endfor %}", "too much data"},
		"long number":         {"{{ macros.json.loads('1' * 100000) }}", "over the limit"},
		"deep JSON":           {"{{ macros.json.loads('[' * 100000) }}", "over the limit"},
		"YAML bomb":           {`{{ macros.yaml.safe_load('a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]') }}`, "safe_load"},
		"source":              {"{{ 1 }}" + strings.Repeat("x", 2<<20), "longer than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newEnv().Render(c.src, fullContext())
			var e *template.Error
			require.ErrorAsf(t, err, &e, "got %.100q", got)
			assert.Contains(t, e.Message, c.message)
			assert.Positive(t, e.Line)
		})
	}
}

// Not parallel: it measures what the process allocates.
//
//nolint:paralleltest // see above
func TestRepeatAllocatesNothing(t *testing.T) {
	env := newEnv()
	_, err := env.Render("{{ 'a' * 2 }}", nil)
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = env.Render("{{ 'a' * 99999999 }}", nil)
	runtime.ReadMemStats(&after)
	require.Error(t, err)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestWhatIsStillAllowed(t *testing.T) {
	t.Parallel()
	env := newEnv()
	for name, c := range map[string]struct {
		src string
		n   int
	}{
		"a text of exactly the limit": {"{{ 'a' * 1048576 }}", 1 << 20},
		"a long sum":                  {"{{ " + strings.Repeat("1 + ", 5000) + "1 }}", 4},
		"a long concatenation":        {"{{ " + strings.Repeat("'a' ~ ", 5000) + "'a' }}", 5001},
		"many ands":                   {"{{ " + strings.Repeat("true and ", 100) + "'x' }}", 1},
		"many filters":                {"{{ 'x'" + strings.Repeat(" | upper", 100) + " }}", 1},
		"a long table":                {"{% for i in range(20000) %}| {{ i }} | row |\n{% endfor %}", 20000*11 + 88890},
		"a long list":                 {"{{ [" + strings.Repeat("1,", 5000) + "] | length }}", 4},
		"deep brackets":               {"{{ " + strings.Repeat("[", 18) + strings.Repeat("]", 18) + " }}", 36},
		"deep arithmetic":             {"{{ " + strings.Repeat("(1 + ", 18) + "1" + strings.Repeat(")", 18) + " }}", 2},
		"deep if":                     {strings.Repeat("{% if 1 %}", 40) + "x" + strings.Repeat("{% endif %}", 40), 1},
		"many elifs":                  {"{% if 0 %}" + strings.Repeat("{% elif 0 %}", 2000) + "{% else %}x{% endif %}", 1},
		"many methods":                {"{{ ' x'" + strings.Repeat(".strip()", 40) + " }}", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := env.Render(c.src, nil)
			require.NoError(t, err)
			assert.Len(t, got, c.n)
		})
	}
}

// Whatever the source, rendering ends soon, never panics, keeps to its limits and
// puts errors inside of the source.
func FuzzRender(f *testing.F) {
	for _, s := range []string{
		"{{ ds }}", "{% for i in range(3) %}{{ i }}{% endfor %}", "{{ 'a' * 99999999 }}", "{{ params['items'][0].name | upper }}",
		"{% macro f(x=1) %}{{ x }}{{ f() }}{% endmacro %}{{ f() }}", "{{ '%5.2f|%s' % (1, 'x') }}", "{{ '{:>5}'.format(1) }}",
		"{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{{ ns.a }}", "{%- raw -%} {{ {%- endraw -%} {# x -#} y",
		"{{ logical_date.strftime('%Y-%f') }}", "{{ (1, 2)[0:1:-1] }}", "{{ -2 ** 3 // 4 % 5 ~ 'x' }}", "{{ a if b else c is defined }}",
		"{% call(x) f(1) %}{% endcall %}", "{% filter indent(2) %}x{% endfilter %}", "{{ macros.json.loads('[1]') | tojson }}",
		"{{ 'a\\x41\\u1234\\777' }}", "{% set a, (b, c) = 1, (2, 3) %}", "{{ 0 if a is defined }}", "{{ loop(1) }}{{ loop.index }}", "{{ f(*a, **b) }}",
		"{% for x in y recursive %}{{ loop(x) }}{% endfor %}", "{{ macros.datetime.strptime('1', '%d') + macros.timedelta(1) }}",
		"{% for x in 'aab' %}{{ loop.changed(x) }}{{ loop.depth }}{% endfor %}", "{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, a=2) }}",
		"{{ '\\N{BULLET}' }}", "[1, {'a': (2, -3.5e1)}]", "''b", "''u''", "{{ \"b'\" }}", "'a' \"b\" # c", "{% filter upper | trim %}x{% endfilter %}", "{{ ti.xcom_pull('money') / 3 }}",
		"{{ logical_date.format('LLLL Do [x]') }}{{ (data_interval_end - logical_date).in_words() }}", "{{ 'a b-c' | wordwrap(2) | pprint }}",
		"{{ macros.yaml.safe_load('a: [1:30, 017]') }}", "{{ ('<' | e) + 'x' }}{{ '{:<08,}'.format(5) }}",
	} {
		f.Add(s)
	}
	env := template.New(template.Options{MaxOutput: 1 << 12, Fuel: 20_000, Recursion: 30})
	f.Fuzz(func(t *testing.T, src string) {
		start := time.Now()
		for _, render := range []func() error{
			func() error {
				got, err := env.Render(src, fullContext())
				if err == nil && yamlvalue.HoldsTemplate(src) && len(got) > 1<<12 {
					t.Errorf("%d bytes of output", len(got))
				}
				return err
			},
			func() error { _, _, err := env.RenderNative(src, fullContext()); return err },
		} {
			err := render()
			var e *template.Error
			if err == nil {
				continue
			}
			if !errors.As(err, &e) {
				t.Fatalf("not an Error: %v", err)
			}
			if lines := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(src), "\n") + 1; e.Line < 1 || e.Line > lines || e.Column < 1 {
				t.Errorf("error at %d:%d of %d lines: %v", e.Line, e.Column, lines, err)
			}
			if strings.Contains(e.Message, "(at ") || strings.Contains(e.Message, "__op(") || strings.Contains(e.Message, "SyntaxError") {
				t.Errorf("the message speaks of the rewritten source: %v", err)
			}
		}
		if d := time.Since(start); d > time.Minute {
			t.Errorf("took %v", d)
		}
	})
}

const benchSource = "Task {{ ti.task_id }} of {{ dag.dag_id }} failed on {{ ds }}: {% if params.n > 3 %}n={{ params.n }}{% endif %} {{ params.x | upper }}"

func BenchmarkRender(b *testing.B) {
	env, c := newEnv(), fullContext()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := env.Render(benchSource, c); err != nil {
			b.Fatal(err)
		}
	}
}

// What a field of a task costs, of ten that share a run with twenty params and a configuration.
func BenchmarkFields(b *testing.B) {
	e, c := template.New(template.Options{}), corpusContext()
	values := map[string]any{}
	for i := range 20 {
		values[fmt.Sprintf("p%d", i)] = map[string]any{"n": int64(i), "list": []any{"a", "b", int64(i)}}
	}
	conf, err := json.Marshal(values)
	require.NoError(b, err)
	c.Params, c.Run.Conf = values, json.RawMessage(conf)
	const src = "{{ params.p3.n }} {{ dag_run.conf.p4.list[0] }} {{ ti.task_id }} {{ ti.task.owner }} {{ dag.dag_id }} {{ ds }}"
	const fields = 10
	b.ReportAllocs()
	for b.Loop() {
		s := e.Session(c)
		for range fields {
			if _, err := s.Render(src); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/fields, "ns/field")
}

func BenchmarkCheck(b *testing.B) {
	b.ReportAllocs()
	env := newEnv()
	n := 0
	for b.Loop() {
		n++ // a new source each time: the cache must not answer
		if err := env.Check(benchSource + strings.Repeat(" ", n%2000)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlain(b *testing.B) {
	env := newEnv()
	text := strings.Repeat("no template { here } ", 50)
	for b.Loop() {
		if _, err := env.Render(text, nil); err != nil {
			b.Fatal(err)
		}
	}
}
