package connections_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

// fake is a source of connections and variables; err wins over what it holds.
type fake struct {
	conns map[string]*connections.Connection
	vars  map[string]string
	err   error
}

func (f fake) Connection(_ context.Context, id string) (*connections.Connection, error) {
	if f.err != nil {
		return nil, f.err
	}
	if c, ok := f.conns[id]; ok {
		return c, nil
	}
	return nil, connections.NotFound(id)
}

func (f fake) Variable(_ context.Context, key string) (string, error) {
	if f.err != nil {
		return "", f.err
	}
	if text, ok := f.vars[key]; ok {
		return text, nil
	}
	return "", connections.VariableNotFound(key)
}

func holding(value string) fake {
	return fake{
		conns: map[string]*connections.Connection{"x": {ID: "x", Type: value}},
		vars:  map[string]string{"x": value},
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	errLocked := errors.New("store is locked")
	errBroken := errors.New("file is broken")
	tests := map[string]struct {
		sources []fake
		want    string
		wantErr []error
		wantLog string
	}{
		"the first wins":             {sources: []fake{holding("a"), holding("b")}, want: "a"},
		"a later one":                {sources: []fake{{}, holding("b")}, want: "b"},
		"no source":                  {wantErr: []error{connections.ErrNotFound}},
		"nowhere":                    {sources: []fake{{}, {}}, wantErr: []error{connections.ErrNotFound}},
		"later source makes up":      {sources: []fake{{err: errBroken}, {}, holding("c")}, want: "c", wantLog: "file is broken"},
		"later failure is not met":   {sources: []fake{holding("a"), {err: errLocked}}, want: "a"},
		"the real cause":             {sources: []fake{{err: errBroken}, {}}, wantErr: []error{errBroken}},
		"all causes":                 {sources: []fake{{err: errBroken}, {err: errLocked}}, wantErr: []error{errBroken, errLocked}},
		"failure behind a not-found": {sources: []fake{{}, {err: errLocked}}, wantErr: []error{errLocked}},
		"not found is no failure":    {sources: []fake{{err: connections.NotFound("x")}, holding("b")}, want: "b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			log := slog.New(slog.NewTextHandler(&out, nil))
			var conns []connections.Source
			var vars []connections.VariableSource
			for _, s := range tt.sources {
				conns, vars = append(conns, s), append(vars, s)
			}

			c, err := connections.Chain(log, conns...).Connection(t.Context(), "x")
			checkChain(t, tt.wantErr, err, out.String(), tt.wantLog)
			if err == nil {
				assert.Equal(t, tt.want, c.Type)
			}
			out.Reset()
			text, err := connections.VariableChain(log, vars...).Variable(t.Context(), "x")
			checkChain(t, tt.wantErr, err, out.String(), tt.wantLog)
			assert.Equal(t, tt.want, text)
		})
	}
}

func checkChain(t *testing.T, wantErr []error, err error, log, wantLog string) {
	t.Helper()
	for _, want := range wantErr {
		require.ErrorIs(t, err, want)
		require.ErrorContains(t, err, `"x"`)
	}
	if wantErr == nil {
		require.NoError(t, err)
	} else if !errors.Is(wantErr[0], connections.ErrNotFound) {
		require.NotErrorIs(t, err, connections.ErrNotFound, "a failing source does not mean that there is none")
	}
	if wantLog == "" {
		assert.Empty(t, log)
	} else {
		assert.Contains(t, log, wantLog)
	}
}

func TestChainStopsWhenCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := connections.Chain(nil, fake{err: ctx.Err()}, holding("b")).Connection(ctx, "x")
	require.ErrorIs(t, err, context.Canceled)
}

func TestChainWithoutLog(t *testing.T) {
	t.Parallel()
	c, err := connections.Chain(nil, fake{err: errors.New("broken")}, holding("b")).Connection(t.Context(), "x")
	require.NoError(t, err)
	assert.Equal(t, "b", c.Type)
}

func TestNotFoundSaysHowToDefine(t *testing.T) {
	t.Parallel()
	err := connections.NotFound("my-dash.x")
	require.ErrorIs(t, err, connections.ErrNotFound)
	assert.EqualError(t, err, "connection \"my-dash.x\": not found; define it with `dingdag connections add my-dash.x …` "+
		"or in the environment as DINGDAG_CONN_MY-DASH.X or AIRFLOW_CONN_MY-DASH.X")

	err = connections.VariableNotFound("key")
	require.ErrorIs(t, err, connections.ErrNotFound)
	assert.EqualError(t, err, `variable "key": not found; define it in the environment as DINGDAG_VAR_KEY or AIRFLOW_VAR_KEY`)
}
