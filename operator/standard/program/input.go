package program

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/operator"
)

// Protocol is the version of what programs are given and say.
const Protocol = 1

// input is what a program finds on its standard input, as one line.
type input struct {
	Protocol          int                        `json:"protocol"`
	DAGID             string                     `json:"dag_id"`
	RunID             string                     `json:"run_id"`
	TaskID            string                     `json:"task_id"`
	MapIndex          int                        `json:"map_index"`
	TryNumber         int                        `json:"try_number"`
	MaxTries          int                        `json:"max_tries"`
	LogicalDate       *time.Time                 `json:"logical_date"`
	DataIntervalStart *time.Time                 `json:"data_interval_start"`
	DataIntervalEnd   *time.Time                 `json:"data_interval_end"`
	RunAfter          *time.Time                 `json:"run_after"`
	StartDate         *time.Time                 `json:"start_date"`
	DAGFolder         string                     `json:"dag_folder"`
	Conf              any                        `json:"conf"`
	Params            any                        `json:"params"`
	Args              map[string]any             `json:"args"`
	Connections       map[string]json.RawMessage `json:"connections"`
	Progress          json.RawMessage            `json:"progress"`
}

// input is what the program is told. Secrets of connections are in it, and hidden in the log from now on.
func (o *ExecOperator) input(ctx context.Context, tc *operator.TaskContext) ([]byte, error) {
	in := input{
		Protocol: Protocol, DAGID: tc.DAGID, RunID: tc.RunID, TaskID: tc.TaskID, MapIndex: tc.MapIndex,
		TryNumber: tc.TryNumber, MaxTries: tc.MaxTries,
		LogicalDate: moment(tc.LogicalDate), DataIntervalStart: moment(tc.DataIntervalStart), DataIntervalEnd: moment(tc.DataIntervalEnd),
		RunAfter: moment(tc.RunAfter), StartDate: moment(tc.StartDate), DAGFolder: tc.DAGFolder,
		Args: o.Args, Connections: map[string]json.RawMessage{},
	}
	if tc.Insight != nil {
		values := tc.Insight.Values()
		run, _ := values["dag_run"].(map[string]any) // there is always one
		in.Conf, in.Params = run["conf"], values["params"]
	}
	if in.Args == nil {
		in.Args = map[string]any{}
	}
	for _, id := range o.Connections {
		c, err := tc.Connections.Connection(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("read the connections of the program: %w", err)
		}
		if tc.Masker != nil {
			tc.Masker.AddConnection(c)
		}
		in.Connections[id] = c.JSON()
	}
	if tc.Progress != nil {
		kept, err := tc.Progress.Load(ctx, progressKey)
		if err != nil {
			return nil, fmt.Errorf("read the progress of the tries before: %w", err)
		}
		if kept != "" {
			in.Progress = json.RawMessage(kept)
		}
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil, operator.Fail(fmt.Errorf("write the input of the program as JSON: %w", err))
	}
	return append(text, '\n'), nil
}

// progressKey is where the progress that programs tell of is kept.
const progressKey = "program"

// moment is a time in UTC, or null.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
