package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/operator"
)

type clashing struct {
	nop
	// Owner has the name of a key that every task has.
	Owner string `yaml:"owner"`
	// Operator names the operator.
	Operator string `yaml:"operator"`
	// Timeout is free but for sensors.
	Timeout string `yaml:"timeout"`
	// Decorator is refused on every task.
	Decorator string `yaml:"decorator"`
	// Group is a key of groups.
	Group string `yaml:"parent_group_name"`
	// Tooltip is a key of groups, too, and free on tasks.
	Tooltip string `yaml:"tooltip"`
}

type fine struct {
	nop
	// Timeout is free but for sensors.
	Timeout string `yaml:"timeout"`
}

// A DAG file could never set a parameter with the name of a key that every task has.
func TestReservedParametersAreRefused(t *testing.T) {
	t.Parallel()
	r, err := operator.NewRegistry(operator.Define[clashing]("clashing"), operator.Define[fine]("fine"),
		operator.Define[fine]("aliased", operator.RenamingAlias("x.Y", "retries", "timeout", "")))
	require.NoError(t, err)
	err = catalog.CheckOperators(r)
	require.Error(t, err)
	for _, want := range []string{
		`operator "clashing": a parameter cannot be called "owner": it is a key of every task (who answers for the task)`,
		`operator "clashing": a parameter cannot be called "operator": it is a key of every task`,
		`operator "clashing": a parameter cannot be called "decorator": every task refuses it`,
		`operator "clashing": a parameter cannot be called "parent_group_name": it is a key of every task group`,
		`operator "aliased": a parameter cannot be called "retries": it is a key of every task`,
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.NotContains(t, err.Error(), "timeout")
	assert.NotContains(t, err.Error(), "tooltip")

	r, err = operator.NewRegistry(operator.Define[fine]("waits", operator.Sensor(), operator.IgnoredParams("deferrable")))
	require.NoError(t, err)
	err = catalog.CheckOperators(r)
	require.EqualError(t, err, `operator "waits": a parameter cannot be called "timeout": it is a key of every sensor (how long to wait in all, retries included, before the sensor fails)`)
}

type named struct {
	say
	// Callback has the name of the key that names the notifier.
	Callback string `yaml:"callback"`
}

func TestReservedArgumentsAreRefused(t *testing.T) {
	t.Parallel()
	r, err := callbacks.NewRegistry([]callbacks.Spec{callbacks.Define[say]("say"), callbacks.Define[named]("named")}, nil)
	require.NoError(t, err)
	require.EqualError(t, catalog.CheckNotifiers(r), `callback "named": a parameter cannot be called "callback": that key names the notifier`)
}
