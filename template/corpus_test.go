package template_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/template"
)

func at(s string) *time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return &t
}

// corpusContext is the context that the corpus was recorded with.
func corpusContext() *template.Context {
	xcoms := map[string]string{
		"x": `"vx"`, "y": `"vy"`, "extract": `{"rows":42}`, "money": `4758.00`, "huge": `12345678901234567890.12`,
		"rows": `[{"n": "a", "v": 4758.00}, {"n": "b", "v": 12.34}]`,
	}
	return &template.Context{
		DAG:  template.DAGInfo{DAGID: "D"},
		Task: template.TaskInfo{TaskID: "T"},
		TI:   template.TaskInstanceInfo{TaskID: "t1", TryNumber: 2, LogURL: "http://h/l?a=1&b=2"},
		Run: template.RunInfo{
			RunID: "r1", LogicalDate: at("2024-05-17T03:04:05Z"), Conf: map[string]any{"k": "v"},
		},
		DataIntervalStart: at("2024-05-17T03:04:05Z"),
		DataIntervalEnd:   at("2024-05-18T03:04:05Z"),
		Params:            corpusParams,
		XComPull: func(q template.XComQuery) ([]json.RawMessage, error) {
			out := make([]json.RawMessage, len(q.TaskIDs))
			for i, id := range q.TaskIDs {
				if s, ok := xcoms[id]; ok {
					out[i] = json.RawMessage(s)
				}
			}
			return out, nil
		},
		Variable: func(key string) (string, error) {
			vars := map[string]string{"my_var": "vv", "cfg": `{"list": [1, 2]}`}
			if v, ok := vars[key]; ok {
				return v, nil
			}
			return "", fmt.Errorf("variable: %w", connections.ErrNotFound)
		},
		Connection: func(id string) (*connections.Connection, error) {
			if id != "pg" {
				return nil, fmt.Errorf("connection: %w", connections.ErrNotFound)
			}
			return &connections.Connection{
				ID: "pg", Type: "postgres", Host: new("h"), Port: new(5432), Login: new("user"),
				Password: new(connections.Secret("p'w")), Extra: new(connections.Secret(`{"sslmode": "require"}`)),
			}, nil
		},
		Exception: "boom <x>",
		Extra: map[string]any{
			"prev_ds_or_none":         nil,
			"prev_start_date_success": time.Date(2024, 3, 9, 16, 30, 15, 123456000, newYork),
		},
	}
}

var newYork = func() *time.Location {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	return zone
}()

// corpusParams are the params that the corpus was recorded with, in their order.
var corpusParams = json.RawMessage(`{
	"x": "hello", "n": 7, "f": 3.14159, "b": true, "big": 9007199254740993, "none_val": null, "empty": "",
	"off": false, "list": [3, 1, 2], "list_s": ["a", "b"], "dup": [1, 1, 2], "map": {"x": 1, "a": "two"},
	"items": [{"name": "a", "n": 1}, {"name": "b", "n": 2}], "zh": "你好", "html": "<p>hi</p>", "url": "a b&c",
	"text": "The quick brown-fox jumped over the lazy dog.\nSecond  line, supercalifragilisticexpialidocious!\n",
	"nested": {"b": {"z": [1, 2.5, null, true], "a": "it's \"q\""}, "a": []},
	"five": "5", "csv": "a,b,,c", "crlf": "one\r\ntwo\rthree\n"
}`)

// answer is one line of testdata/jinja/recorded.jsonl.
type answer struct {
	Section  string `json:"section"`
	Template string `json:"t"`
	Mode     string `json:"mode"` // native, or empty
	// Files are those that the template includes, imports and extends.
	Files     map[string]string `json:"files"`
	OK        *string           `json:"ok"`
	Value     json.RawMessage   `json:"value"` // of a native template
	Err       string            `json:"err"`
	Pendulum3 *answer           `json:"pendulum3"` // its answer, where it is another one
}

// difference is one entry of testdata/jinja/differences.yaml: templates that do not give
// what they give in Airflow, for one reason.
type difference struct {
	// Title is the heading in docs/jinja.md.
	Title string `yaml:"title"`
	// Why is the reason and what to write instead, in Markdown.
	Why string `yaml:"why"`
	// Native says that the templates are rendered natively.
	Native bool `yaml:"native"`
	// Fails are templates that fail here and not in Airflow.
	Fails []string `yaml:"fails"`
	// Gives are templates that fail in Airflow and give a value here.
	Gives map[string]string `yaml:"gives"`
	// Other are templates that give another value than in Airflow. There should be none.
	Other map[string]string `yaml:"other"`
}

func (d *difference) mode() string {
	if d.Native {
		return "native"
	}
	return ""
}

func recorded(t *testing.T) (versions map[string]string, answers []answer) {
	t.Helper()
	data, err := os.ReadFile("testdata/jinja/recorded.jsonl")
	require.NoError(t, err)
	dec := json.NewDecoder(bytes.NewReader(data))
	require.NoError(t, dec.Decode(&versions))
	for dec.More() {
		var a answer
		require.NoError(t, dec.Decode(&a))
		if third := a.Pendulum3; third != nil {
			a.OK, a.Value, a.Err = third.OK, third.Value, third.Err
		}
		answers = append(answers, a)
	}
	return versions, answers
}

func differences(t *testing.T) []difference {
	t.Helper()
	data, err := os.ReadFile("testdata/jinja/differences.yaml")
	require.NoError(t, err)
	var list []difference
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	require.NoError(t, dec.Decode(&list))
	return list
}

// declared is what a difference says of one template.
type declared struct {
	fails, airflowFails bool
	gives               string
}

func declaredByTemplate(t *testing.T, list []difference) map[[2]string]declared {
	t.Helper()
	out := map[[2]string]declared{}
	add := func(d *difference, template string, what declared) {
		key := [2]string{d.mode(), template}
		require.NotContains(t, out, key, "a template is declared twice")
		out[key] = what
	}
	for i := range list {
		d := &list[i]
		for _, src := range d.Fails {
			add(d, src, declared{fails: true})
		}
		for src, gives := range d.Gives {
			add(d, src, declared{airflowFails: true, gives: gives})
		}
		for src, gives := range d.Other {
			add(d, src, declared{gives: gives})
		}
	}
	return out
}

// The corpus holds what the real Jinja2 and pendulum answered, see testdata/jinja/record.py.
// Each template gives that, or differences.yaml says what it does instead.
func TestCorpus(t *testing.T) {
	t.Parallel()
	_, answers := recorded(t)
	require.Greater(t, len(answers), 1000)
	differ := declaredByTemplate(t, differences(t))
	env := newEnv()
	for _, a := range answers {
		key := [2]string{a.Mode, a.Template}
		d, differs := differ[key]
		delete(differ, key)
		t.Run(a.Mode+" "+a.Template, func(t *testing.T) {
			t.Parallel()
			want, got := a.outcome(t), ask(t, env, a)
			switch {
			case differs && d.fails:
				require.NoError(t, want.failed, "Airflow fails, too: it is no difference")
				require.Error(t, got.failed, "Airflow gives %q", want.text)
			case differs:
				require.Equal(t, d.airflowFails, want.failed != nil, "Airflow gives %q, %v", want.text, want.failed)
				require.NoError(t, got.failed)
				assert.Equal(t, d.gives, got.text)
				assert.NotEqual(t, want, got, "it is no difference")
			case want.failed != nil:
				require.Error(t, got.failed, "Airflow says %v, and here it gives %q", want.failed, got.text)
			default:
				require.NoError(t, got.failed, "Airflow gives %q", want.text)
				assert.Equal(t, want.text, got.text)
			}
		})
	}
	assert.Empty(t, differ, "differences.yaml names templates that are not in the corpus")
}

// outcome is what a template gives, a native value as JSON, or its error.
type outcome struct {
	text   string
	failed error
}

func (a *answer) outcome(t *testing.T) outcome {
	t.Helper()
	switch {
	case a.Err != "":
		return outcome{failed: errors.New(a.Err)}
	case a.OK != nil:
		return outcome{text: *a.OK}
	}
	dec := json.NewDecoder(bytes.NewReader(a.Value))
	dec.UseNumber()
	var v any
	require.NoError(t, dec.Decode(&v))
	return outcome{text: asJSON(t, v)}
}

// ask renders the template of an answer. An error must tell its place.
func ask(t *testing.T, env *template.Env, a answer) outcome {
	t.Helper()
	var o outcome
	c := corpusContext()
	c.Include = folder(a.Files)
	if a.Mode == "native" {
		var v any
		if v, _, o.failed = env.RenderNative(a.Template, c); o.failed == nil {
			o.text = asJSON(t, plainly(v))
		}
	} else {
		o.text, o.failed = env.Render(a.Template, c)
	}
	if o.failed != nil {
		var e *template.Error
		require.ErrorAs(t, o.failed, &e)
		assert.Positive(t, e.Line)
		assert.Positive(t, e.Column)
		assert.NotEmpty(t, e.Message)
	}
	return o
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}

// plainly writes a native value as record.py does.
func plainly(v any) any {
	switch v := v.(type) {
	case time.Time:
		return map[string]any{"datetime": strings.Replace(v.Format(time.RFC3339Nano), "Z", "+00:00", 1)}
	case time.Duration:
		return map[string]any{"timedelta": plainly(v.Seconds())}
	case json.Number:
		return map[string]any{"decimal": v.String()}
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return map[string]any{"float": strings.ToLower(strings.Trim(fmt.Sprint(v), "+"))}
		}
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return json.Number(text)
	case []any:
		for i := range v {
			v[i] = plainly(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainly(v[k])
		}
	}
	return v
}
