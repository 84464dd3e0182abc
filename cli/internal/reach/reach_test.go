package reach_test

import (
	"context"
	"errors"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/reach"
)

// below makes a command with a path and flags.
func below(t *testing.T, path []string, flags ...string) *cobra.Command {
	t.Helper()
	at := &cobra.Command{Use: "dingdag"}
	for _, word := range path {
		sub := &cobra.Command{Use: word, RunE: func(*cobra.Command, []string) error { return nil }}
		at.AddCommand(sub)
		at = sub
	}
	for _, f := range flags {
		at.Flags().String(f, "", "")
	}
	return at
}

// who is somebody with a role, limited to some DAGs unless there are none of these.
func who(t *testing.T, role access.Role, dags ...string) access.Identity {
	t.Helper()
	i := access.Identity{User: "ann", Role: role, DAGs: access.AllDAGs()}
	if len(dags) > 0 {
		var err error
		i.DAGs, err = access.ParseScope(dags...)
		require.NoError(t, err)
	}
	return i
}

func TestAllow(t *testing.T) {
	t.Parallel()
	mine := "tag:mine" // which the DAG own has, and others have not
	for name, c := range map[string]struct {
		path  []string
		args  []string
		flags map[string]string
		role  access.Role
		dags  []string
		want  string // part of the error; empty for none
	}{
		"a viewer reads":                              {path: []string{"dags", "show"}, args: []string{"other"}, role: access.Viewer},
		"nobody reads":                                {path: []string{"dags", "show"}, args: []string{"other"}, role: access.Nobody, want: "needs the role viewer"},
		"a viewer triggers":                           {path: []string{"dags", "trigger"}, args: []string{"own"}, role: access.Viewer, want: "needs the role operator"},
		"an operator triggers":                        {path: []string{"dags", "trigger"}, args: []string{"other"}, role: access.Operator},
		"an operator changes a pool":                  {path: []string{"pools", "set"}, args: []string{"p", "1"}, role: access.Operator, want: "needs the role admin"},
		"an admin changes a pool":                     {path: []string{"pools", "set"}, args: []string{"p", "1"}, role: access.Admin},
		"a limited admin changes a pool":              {path: []string{"pools", "set"}, args: []string{"p", "1"}, role: access.Admin, dags: []string{mine}, want: "concerns all DAGs"},
		"a limited viewer reads pools":                {path: []string{"pools", "list"}, role: access.Viewer, dags: []string{mine}},
		"a limited viewer reads an own DAG":           {path: []string{"tasks", "logs"}, args: []string{"own", "load"}, role: access.Viewer, dags: []string{mine}},
		"a limited viewer reads another DAG":          {path: []string{"tasks", "logs"}, args: []string{"other", "load"}, role: access.Viewer, dags: []string{mine}, want: "may not read DAG other"},
		"a limited viewer reads an unknown DAG":       {path: []string{"tasks", "logs"}, args: []string{"gone", "load"}, role: access.Viewer, dags: []string{mine}, want: "the disk is gone"},
		"a limited viewer reads owners":               {path: []string{"owners", "list"}, role: access.Viewer, dags: []string{mine}, want: "concerns all DAGs"},
		"a limited viewer lists DAGs":                 {path: []string{"dags", "list"}, role: access.Viewer, dags: []string{mine}},
		"a limited viewer names no DAG":               {path: []string{"tasks", "logs"}, role: access.Viewer, dags: []string{mine}, want: "name one of them: dd tasks logs DAG"},
		"a limited viewer reads the runs of all":      {path: []string{"dags", "list-runs"}, role: access.Viewer, dags: []string{mine}},
		"a limited viewer reads the runs of \"\"":     {path: []string{"dags", "list-runs"}, args: []string{""}, role: access.Viewer, dags: []string{mine}},
		"a limited viewer reads the runs of another":  {path: []string{"dags", "list-runs"}, args: []string{"other"}, role: access.Viewer, dags: []string{mine}, want: "DAG other"},
		"a limited viewer looks at a number":          {path: []string{"alerts", "show"}, args: []string{"17"}, role: access.Viewer, dags: []string{mine}},
		"a limited viewer acks a number":              {path: []string{"alerts", "ack"}, args: []string{"17"}, role: access.Viewer, dags: []string{mine}, want: "needs the role operator"},
		"a limited operator acks another's by a flag": {path: []string{"alerts", "ack"}, flags: map[string]string{"dag": "other"}, role: access.Operator, dags: []string{mine}, want: "DAG other"},
		"a limited operator ends a snooze":            {path: []string{"alerts", "unsnooze"}, args: []string{"3"}, role: access.Operator, dags: []string{mine}},
		"a limited operator ends those of all":        {path: []string{"alerts", "unsnooze"}, flags: map[string]string{"all": "true"}, role: access.Operator, dags: []string{mine}, want: "concerns all DAGs"},
		"a limited operator answers":                  {path: []string{"asks", "answer"}, args: []string{"3", "yes"}, role: access.Operator, dags: []string{mine}},
		"a limited admin answers for somebody":        {path: []string{"asks", "answer"}, args: []string{"3", "yes"}, flags: map[string]string{"for": "u1"}, role: access.Admin, dags: []string{mine}, want: "concerns all DAGs"},
		"a limited operator pauses a backfill":        {path: []string{"backfill", "pause"}, args: []string{"3"}, role: access.Operator, dags: []string{mine}},
		"a limited viewer reads own alerts by a flag": {path: []string{"alerts", "list"}, flags: map[string]string{"dag": "own"}, role: access.Viewer, dags: []string{mine}},
		"a limited viewer reads others' by a flag":    {path: []string{"alerts", "list"}, flags: map[string]string{"dag": "other"}, role: access.Viewer, dags: []string{mine}, want: "DAG other"},
		"a limited viewer names two DAGs":             {path: []string{"alerts", "list"}, args: []string{"own"}, flags: map[string]string{"dag": "other"}, role: access.Viewer, dags: []string{mine}, want: "concerns all DAGs"},
		"a limited viewer reads by a pattern":         {path: []string{"alerts", "list"}, args: []string{"own*"}, role: access.Viewer, dags: []string{mine}, want: "may be several DAGs"},
		"a limited operator acks own alerts":          {path: []string{"alerts", "ack"}, flags: map[string]string{"dag": "own"}, role: access.Operator, dags: []string{mine}},
		"a limited operator acks a number":            {path: []string{"alerts", "ack"}, args: []string{"17"}, role: access.Operator, dags: []string{mine}},
		"a limited operator acks a number and a DAG":  {path: []string{"alerts", "ack"}, args: []string{"17"}, flags: map[string]string{"dag": "own"}, role: access.Operator, dags: []string{mine}},
		"an operator acks for somebody":               {path: []string{"alerts", "ack"}, args: []string{"17"}, flags: map[string]string{"by": "bob"}, role: access.Operator, want: "--by: "},
		"a limited operator snoozes":                  {path: []string{"alerts", "snooze"}, args: []string{"own", "1h"}, role: access.Operator, dags: []string{mine}},
		"a limited operator snoozes a robot":          {path: []string{"alerts", "snooze"}, args: []string{"1h"}, flags: map[string]string{"robot": "ops"}, role: access.Operator, dags: []string{mine}, want: "name one of them: dd alerts snooze DAG"},
		"a limited operator snoozes a robot of a DAG": {path: []string{"alerts", "snooze"}, args: []string{"own", "1h"}, flags: map[string]string{"robot": "ops"}, role: access.Operator, dags: []string{mine}},
		"a limited operator snoozes all of a DAG":     {path: []string{"alerts", "snooze"}, args: []string{"own", "1h"}, flags: map[string]string{"all": "true"}, role: access.Operator, dags: []string{mine}, want: "concerns all DAGs"},
		"a limited operator updates an asset":         {path: []string{"assets", "emit"}, args: []string{"s3://a"}, role: access.Operator, dags: []string{mine}},
		"a limited viewer updates an asset":           {path: []string{"assets", "emit"}, args: []string{"s3://a"}, role: access.Viewer, dags: []string{mine}, want: "needs the role operator"},
		"a limited viewer lists updates":              {path: []string{"assets", "events"}, args: []string{"s3://a"}, role: access.Viewer, dags: []string{mine}},
		"a limited operator backfills by a flag":      {path: []string{"backfill", "create"}, flags: map[string]string{"dag-id": "own"}, role: access.Operator, dags: []string{mine}},
		"a limited operator backfills another":        {path: []string{"dags", "backfill", "create"}, args: []string{"other"}, role: access.Operator, dags: []string{mine}, want: "DAG other"},
		"an operator reads the log of all":            {path: []string{"events", "list"}, role: access.Operator},
		"an operator reads the log of a DAG":          {path: []string{"events", "list"}, args: []string{"own"}, role: access.Operator},
		"an admin reads the log of all":               {path: []string{"events", "list"}, role: access.Admin},
		"a viewer reads mobile numbers":               {path: []string{"owners", "list"}, flags: map[string]string{"show-mobiles": "true"}, role: access.Viewer, want: "needs the role admin"},
		"a viewer reads owners":                       {path: []string{"owners", "list"}, role: access.Viewer},
		"an admin wants secrets":                      {path: []string{"connections", "get"}, args: []string{"c"}, flags: map[string]string{"show-secrets": "true"}, role: access.Admin, want: "does not leave the machine"},
		"an admin cleans":                             {path: []string{"db", "clean"}, role: access.Admin, want: "run it on the machine of the server"},
		"an admin has the program tell its version":   {path: []string{"version"}, role: access.Admin, want: "works on the machine where it is called"},
		"an admin calls what nobody has thought of":   {path: []string{"__complete"}, role: access.Admin, want: "cannot be called from another machine"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := below(t, c.path, "dag", "dag-id", "robot", "all", "by", "for", "show-mobiles", "refresh", "show-secrets", "with-secrets")
			for flag, value := range c.flags {
				require.NoError(t, cmd.Flags().Set(flag, value))
			}
			err := reach.Of(cmd).Allow(t.Context(), who(t, c.role, c.dags...), reach.Call{Cmd: cmd, Args: c.args, Program: "dd", Find: func(_ context.Context, id string) (access.DAG, error) {
				switch id {
				case "own":
					return access.DAG{ID: id, Tags: []string{"mine"}}, nil
				case "other":
					return access.DAG{ID: id, Tags: []string{"theirs"}}, nil
				}
				return access.DAG{}, errors.New("the disk is gone")
			}})
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

// What is refused whoever calls it is a matter of the command line.
func TestRefusalsAreOfUse(t *testing.T) {
	t.Parallel()
	for _, path := range [][]string{{"db", "clean"}, {"version"}, {"__complete"}} {
		cmd := below(t, path)
		err := reach.Of(cmd).Allow(t.Context(), who(t, access.Admin), reach.Call{Cmd: cmd})
		require.ErrorAs(t, err, new(command.UsageError), path)
	}
	assert.Equal(t, reach.Unknown, reach.Of(below(t, []string{"__complete"})).Class)
	group := below(t, []string{"dags", "list"}).Parent()
	assert.Equal(t, reach.Local, reach.Of(group).Class, "it prints help")
}
