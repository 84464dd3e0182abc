package cli_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/cli"
	"github.com/dingdag/dingdag/operator"
)

// lamp is an operator of an embedding program.
type lamp struct {
	// Colour is the colour of the lamp.
	Colour string `yaml:"colour" param:"required,template"`
}

// Execute switches the lamp on.
func (l *lamp) Execute(_ context.Context, tc *operator.TaskContext) (any, error) {
	if l.Colour == "ultraviolet" {
		return nil, operator.Fail(errors.New("nobody would see it"))
	}
	tc.Log.Info("the lamp is on", "colour", l.Colour)
	return l.Colour, nil
}

// careless is an operator whose parameter no DAG file could set.
type careless struct {
	// Owner has the name of a key of every task.
	Owner string `yaml:"owner"`
}

// Execute does nothing.
func (*careless) Execute(context.Context, *operator.TaskContext) (any, error) { return nil, nil }

// An embedding program hears of such a parameter as soon as it starts.
func TestEmbeddingProgramWithAReservedParameter(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	home := t.TempDir()
	code := cli.Run(t.Context(), []string{"operators", "list"}, cli.IO{
		In: strings.NewReader(""), Out: &out, Err: &out,
		LookupEnv: func(name string) (string, bool) { return home, name == "DINGDAG_HOME" },
	}, cli.Extensions{Operators: []operator.Spec{operator.Define[careless]("careless")}})
	assert.Equal(t, 1, code)
	assert.Contains(t, out.String(), `operator "careless": a parameter cannot be called "owner": it is a key of every task`)
}

// A program that embeds Dingdag brings its own operators and Go functions as callbacks.
func TestEmbeddingProgram(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "lamps.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
lamps:
  default_args:
    on_failure_callback: example.ring_the_bell
  tasks:
    - {task_id: green, operator: lamp, colour: "{{ 'green' | upper }}"}
    - {task_id: dark, operator: lamp, colour: ultraviolet, dependencies: [green]}
`), 0o600))
	var (
		mu   sync.Mutex
		bell []callbacks.Event
		out  bytes.Buffer
	)
	x := cli.Extensions{
		Operators: []operator.Spec{operator.Define[lamp]("lamp")},
		Functions: []callbacks.Function{callbacks.Func("example.ring_the_bell", func(_ context.Context, ev *callbacks.Event) error {
			mu.Lock()
			defer mu.Unlock()
			bell = append(bell, *ev)
			return nil
		})},
	}
	home := t.TempDir()
	code := cli.Run(t.Context(), []string{"dags", "test", "lamps", "-f", file}, cli.IO{
		In: strings.NewReader(""), Out: &out, Err: &out,
		LookupEnv: func(name string) (string, bool) { return home, name == "DINGDAG_HOME" },
	}, x)
	assert.Equal(t, 1, code, "the run failed")
	assert.Contains(t, out.String(), "the lamp is on colour=GREEN")
	require.Len(t, bell, 1)
	assert.Equal(t, "dark", bell[0].TaskID)
	assert.Equal(t, callbacks.Failure, bell[0].Kind)
	assert.Equal(t, "nobody would see it", bell[0].Error)
}
