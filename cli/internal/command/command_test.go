package command_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/command"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for want, err := range map[int]error{
		command.Done:   nil,
		command.Failed: command.ErrQuiet,
		command.Usage:  fmt.Errorf("clear: %w", command.Usagef("the TASK is empty")),
	} {
		assert.Equal(t, want, command.ExitCode(err), "%v", err)
	}
	cause := errors.New("no such zone")
	require.ErrorIs(t, command.UsageError{Err: cause}, cause)
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		check cobra.PositionalArgs
		args  []string
		want  string
	}{
		"none":            {command.NoArgs, nil, ""},
		"one too many":    {command.NoArgs, []string{"x"}, `unexpected argument "x"`},
		"all":             {command.ExactArgs("DAG", "RUN_ID"), []string{"d", "r"}, ""},
		"one is missing":  {command.ExactArgs("DAG", "RUN_ID"), []string{"d"}, "missing argument RUN_ID"},
		"one is optional": {command.RangeArgs(1, "DAG", "RUN_ID"), []string{"d"}, ""},
		"all are missing": {command.RangeArgs(1, "DAG", "RUN_ID"), nil, "missing argument DAG"},
		"more than all":   {command.RangeArgs(1, "DAG", "RUN_ID"), []string{"d", "r", "x"}, `unexpected argument "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.check(nil, c.args)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.want)
			assert.True(t, command.IsUsage(err))
		})
	}
	assert.Equal(t, "r", command.Argument([]string{"d", "r"}, 1))
	assert.Empty(t, command.Argument([]string{"d"}, 1))
}

func TestGroup(t *testing.T) {
	t.Parallel()
	below := &cobra.Command{Use: "list", RunE: func(*cobra.Command, []string) error { return nil }}
	pools := &cobra.Command{Use: "pools"}
	pools.AddCommand(below)
	root := &cobra.Command{Use: "dingdag"}
	root.AddCommand(pools)
	command.Group(root)
	require.NoError(t, pools.Args(pools, nil))
	err := pools.Args(pools, []string{"lis"})
	require.EqualError(t, err, `unknown command "lis" for "dingdag pools"; did you mean "list"?`)
	assert.True(t, command.IsUsage(err))
	assert.Nil(t, below.Args)
}
