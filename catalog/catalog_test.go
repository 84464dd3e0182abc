package catalog_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/template"
)

// probe is an operator with a templated field.
type probe struct {
	// Text is the field.
	Text string `yaml:"text" param:"template"`
}

// Execute returns the text.
func (p *probe) Execute(context.Context, *operator.TaskContext) (any, error) { return p.Text, nil }

// nop is an operator without work.
type nop struct{}

// Execute does nothing.
func (*nop) Execute(context.Context, *operator.TaskContext) (any, error) { return nil, nil }

// NoOp marks it.
func (*nop) NoOp() {}

// say is a notifier with a templated field.
type say struct {
	// Text is the field.
	Text string `yaml:"text" param:"template"`
}

// Prepare makes an empty message.
func (*say) Prepare(*callbacks.Event) (callbacks.Message, error) { return callbacks.Message{}, nil }

// small is a catalog of probe, nop and say.
func small(t *testing.T) catalog.Catalog {
	t.Helper()
	ops, err := operator.NewRegistry(operator.Define[probe]("probe"), operator.Define[nop]("nop"))
	require.NoError(t, err)
	cbs, err := callbacks.NewRegistry([]callbacks.Spec{callbacks.Define[say]("say")}, nil)
	require.NoError(t, err)
	return catalog.Catalog{Operators: ops, Callbacks: cbs, Templates: template.New(template.Options{})}
}

// Parameters that cannot work are refused by name, with what to use instead: by every operator,
// and by those that have them in Airflow.
func TestRefusedParameters(t *testing.T) {
	t.Parallel()
	known := small(t)
	ops, err := operator.NewRegistry(
		operator.Define[probe]("probe"), operator.Define[nop]("nop", operator.RejectedParams(map[string]string{"handler": "the rows are the result"})))
	require.NoError(t, err)
	known.Operators = ops
	const retries = `retry_handlers: configure the connection, or use retries`
	for text, want := range map[string]string{
		"  tasks: [{task_id: t, operator: probe, retry_handlers: f}]":                 `dag "d", task "t": ` + retries,
		"  default_args: {retry_handlers: f}\n  tasks: [{task_id: t, operator: nop}]": `dag "d": ` + retries,
		"  tasks: [{task_id: t, operator: nop, handler: f}]":                          `handler: the rows are the result`,
		"  tasks: [{task_id: t, operator: probe, handler: f}]":                        `unknown parameter "handler" for operator probe`,
	} {
		_, found := dagfile.Parse("test.yaml", []byte("d:\n"+text+"\n"), known, dagfile.Options{})
		require.NotEmpty(t, found, text)
		assert.Contains(t, found.String(), want, text)
	}
}
