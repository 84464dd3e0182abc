package template_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	xcoms := map[string]string{"x": `"vx"`, "y": `"vy"`, "extract": `{"rows":42}`}
	return &template.Context{
		DAG:  template.DAGInfo{DAGID: "D"},
		Task: template.TaskInfo{TaskID: "T"},
		TI:   template.TaskInstanceInfo{TaskID: "t1", TryNumber: 2, LogURL: "http://h/l?a=1&b=2"},
		Run: template.RunInfo{
			RunID: "r1", LogicalDate: at("2024-05-17T03:04:05Z"), Conf: map[string]any{"k": "v"},
		},
		DataIntervalStart: at("2024-05-17T03:04:05Z"),
		DataIntervalEnd:   at("2024-05-18T03:04:05Z"),
		Params: map[string]any{
			"x": "hello", "n": 7, "f": 3.14159, "b": true, "big": int64(9007199254740993), "none_val": nil,
			"empty": "", "off": false, "list": []any{3, 1, 2}, "list_s": []any{"a", "b"}, "dup": []any{1, 1, 2},
			"map":   json.RawMessage(`{"x": 1, "a": "two"}`),
			"items": json.RawMessage(`[{"name": "a", "n": 1}, {"name": "b", "n": 2}]`),
			"zh":    "你好", "html": "<p>hi</p>", "url": "a b&c",
		},
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
		Extra:     map[string]any{"prev_ds_or_none": nil},
	}
}

// The corpus holds what Jinja2 3.1.6 answered, sandboxed and strict, with newlines
// kept: see testdata/record.py.
func TestCorpus(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/jinja2.json")
	require.NoError(t, err)
	var corpus []struct {
		Template string  `json:"t"`
		OK       *string `json:"ok"`
		Err      string  `json:"err"`
	}
	require.NoError(t, json.Unmarshal(data, &corpus))
	require.Greater(t, len(corpus), 250)
	env := template.New(template.Options{KeepTrailingNewline: true})
	for _, c := range corpus {
		t.Run(c.Template, func(t *testing.T) {
			t.Parallel()
			got, err := env.Render(c.Template, corpusContext())
			if c.OK != nil {
				require.NoError(t, err)
				assert.Equal(t, *c.OK, got)
				return
			}
			var e *template.Error
			require.Truef(t, errors.As(err, &e), "Jinja2 says %s, got %q, %v", c.Err, got, err)
			assert.Equal(t, 1, e.Line)
		})
	}
}
