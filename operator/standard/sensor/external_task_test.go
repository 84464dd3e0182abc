package sensor_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestCheckExternalTask(t *testing.T) {
	t.Parallel()
	operatortest.Check(t, suite.Spec(t, "external_task"), operatortest.Options{
		Outcomes: map[string]operator.Kind{"Wait for a task of a DAG that runs an hour earlier": operator.Waiting},
		Task: func(t *testing.T) *operatortest.Task {
			t.Helper()
			task := operatortest.NewTask(t)
			task.DAGRuns.DAGs["load_orders"] = []string{"check.count"}
			task.DAGRuns.SetState("load_orders", task.LogicalDate, "", "failed")
			return task
		},
	})
}

// withDAG returns a task beside which a DAG "other" exists.
func withDAG(t *testing.T) *operatortest.Task {
	t.Helper()
	task := operatortest.NewTask(t)
	task.DAGRuns.DAGs["other"] = []string{"load", "check"}
	return task
}

func TestExternalTask(t *testing.T) {
	t.Parallel()
	const dag = "external_dag_id: other\n"
	type states map[string]string
	for name, tc := range map[string]struct {
		yaml   string
		states states
		want   operator.Kind
		err    string
	}{
		"run":               {dag, states{"": "success"}, operator.Success, ""},
		"run goes on":       {dag, states{"": "running"}, operator.Waiting, ""},
		"run failed":        {dag, states{"": "failed"}, operator.Waiting, ""},
		"no run":            {dag, states{}, operator.Waiting, ""},
		"run may fail":      {dag + "allowed_states: [success, failed]", states{"": "failed"}, operator.Success, ""},
		"run must not fail": {dag + "failed_states: [failed]", states{"": "failed"}, operator.Retry, `external run of dag "other" is in state failed`},
		"null and empty":    {dag + "{allowed_states: null, failed_states: null}", states{"": "success"}, operator.Success, ""},
		"task":              {dag + "external_task_id: load", states{"load": "success", "": "failed"}, operator.Success, ""},
		"task skipped":      {dag + "external_task_id: load", states{"load": "skipped", "": "success"}, operator.Waiting, ""},
		"task not begun":    {dag + "external_task_id: load", states{"": "success"}, operator.Waiting, ""},
		"task allowed":      {dag + "{external_task_id: load, allowed_states: [skipped, running]}", states{"load": "running"}, operator.Success, ""},
		"task skips":        {dag + "{external_task_id: load, skipped_states: [skipped]}", states{"load": "skipped"}, operator.Skipped, ""},
		"task fails":        {dag + "{external_task_id: load, failed_states: [upstream_failed]}", states{"load": "upstream_failed"}, operator.Retry, `external task "load" of dag "other" is in state upstream_failed`},
		"tasks":             {dag + "external_task_ids: [load, check]", states{"load": "success", "check": "success"}, operator.Success, ""},
		"tasks, one runs":   {dag + "external_task_ids: [load, check]", states{"load": "success", "check": "running"}, operator.Waiting, ""},
		"tasks, one absent": {dag + "external_task_ids: [load, check]", states{"load": "success"}, operator.Waiting, ""},
		"tasks, one failed": {dag + "{external_task_ids: [load, check], failed_states: [failed]}", states{"load": "success", "check": "failed"}, operator.Retry, `external task "check"`},
		"failed before skipped": {
			dag + "{external_task_ids: [load, check], failed_states: [failed], skipped_states: [skipped]}",
			states{"load": "skipped", "check": "failed"},
			operator.Retry, `external task "check"`,
		},
		"group":             {dag + "external_task_group_id: g", states{"g.a": "success", "g.b": "success"}, operator.Success, ""},
		"group, one runs":   {dag + "external_task_group_id: g", states{"g.a": "success", "g.b": "running"}, operator.Waiting, ""},
		"group, none":       {dag + "external_task_group_id: g", states{}, operator.Waiting, ""},
		"group, one failed": {dag + "{external_task_group_id: g, failed_states: [failed]}", states{"g.a": "failed"}, operator.Retry, `external task "g.a"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := withDAG(t)
			task.DAGRuns.Groups["other"] = map[string][]string{"g": {"g.a", "g.b"}}
			for id, state := range tc.states {
				task.DAGRuns.SetState("other", task.LogicalDate, id, state)
			}
			text := tc.yaml
			if i := len(dag); len(text) > i && text[i] == '{' {
				text = "{external_dag_id: other, " + text[i+1:]
			}
			_, err := suite.Run(t, task, "external_task", text)
			assert.Equal(t, tc.want, operator.Classify(t.Context(), err).Kind, err)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
			}
		})
	}
}

func TestExternalTaskLooksAtTheRightDate(t *testing.T) {
	t.Parallel()
	task := withDAG(t)
	task.DAGRuns.SetState("other", task.LogicalDate.Add(-90*time.Minute), "", "success")
	assert.Equal(t, found, look(t, task, "external_task", "{external_dag_id: other, execution_delta: 1h30m}"))
	assert.Equal(t, found, look(t, task, "external_task", "{external_dag_id: other, execution_delta: 5400}"))
	waits := func(text, want string) {
		t.Helper()
		o := look(t, task, "external_task", text)
		assert.Equal(t, operator.Waiting, o.Kind)
		assert.Equal(t, want, o.Reason)
	}
	const date = `waiting for the run of dag "other" with logical date 2024-01-02T00:00:00Z: `
	waits("{external_dag_id: other}", date+"there is none; the nearest is 2024-01-01T22:30:00Z, 1h30m0s earlier: see execution_delta")
	task.DAGRuns.SetState("other", task.LogicalDate.Add(time.Hour), "", "running")
	waits("{external_dag_id: other}", date+"there is none; the nearest is 2024-01-02T01:00:00Z, 1h0m0s later: see execution_delta")
	task.DAGRuns.SetState("other", task.LogicalDate, "", "running")
	waits("{external_dag_id: other}", date+"in 2024-01-02T00:00:00Z is running")
	task.DAGRuns.SetState("other", task.LogicalDate, "load", "running")
	waits("{external_dag_id: other, external_task_id: load}", date+"in 2024-01-02T00:00:00Z load is running")
	waits("{external_dag_id: other, external_task_id: check}", date+"in 2024-01-02T00:00:00Z check has no state")
	task.LogicalDate = time.Time{}
	assert.Equal(t, operator.Failed, look(t, task, "external_task", "{external_dag_id: other}").Kind)
}

func TestExternalTaskThatDoesNotExist(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"external_dag_id: nothere":                                   `the external dag "nothere" does not exist`,
		"external_dag_id: other\nexternal_task_id: nothere":          `the external task or group "nothere" does not exist in dag "other"`,
		"external_dag_id: other\nexternal_task_ids: [load, nothere]": `"nothere" does not exist`,
		"external_dag_id: other\nexternal_task_group_id: nothere":    `"nothere" does not exist`,
	} {
		task := withDAG(t)
		assert.Equal(t, operator.Waiting, look(t, task, "external_task", text).Kind, "it waits")
		assert.Contains(t, task.LogText(), "level=WARN", "and says so")
		_, err := suite.Run(t, task, "external_task", text+"\ncheck_existence: true")
		require.ErrorContains(t, err, want)
		assert.Equal(t, operator.Retry, operator.Classify(t.Context(), err).Kind)
	}
	task := withDAG(t)
	assert.Equal(t, operator.Waiting, look(t, task, "external_task", "{external_dag_id: other, external_task_ids: [load, check], check_existence: true}").Kind)
}

func TestExternalTaskFailsSoftly(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"{external_dag_id: nothere, check_existence: true}",
		"{external_dag_id: other, failed_states: [failed]}",
	} {
		task := withDAG(t)
		task.SoftFail = true
		task.DAGRuns.SetState("other", task.LogicalDate, "", "failed")
		assert.Equal(t, operator.Skipped, look(t, task, "external_task", text).Kind)
	}
	task := withDAG(t)
	task.SoftFail, task.DAGRuns.Err = true, errors.New("boom")
	_, err := suite.Run(t, task, "external_task", "{external_dag_id: other}")
	require.EqualError(t, err, `look at dag "other": boom`, "other errors still fail")
}

func TestExternalTaskRefused(t *testing.T) {
	t.Parallel()
	suite.Refused(t, "external_task", map[string]string{
		"{}": `missing parameter "external_dag_id"`,
		"{external_dag_id: a, external_task_id: b, external_task_ids: [c]}":                        "only one of",
		"{external_dag_id: a, external_task_id: b, external_task_group_id: c}":                     "only one of",
		"{external_dag_id: a, external_task_ids: [b], external_task_group_id: c}":                  "only one of",
		"{external_dag_id: a, external_task_ids: []}":                                              "names no task",
		"{external_dag_id: a, external_task_ids: [b, c, b]}":                                       `task "b" appears twice`,
		"{external_dag_id: a, external_task_ids: b}":                                               "must be a list",
		"{external_dag_id: a, allowed_states: [skipped]}":                                          `"skipped" in allowed_states is not a state of a run`,
		"{external_dag_id: a, external_task_id: b, failed_states: [broken]}":                       `"broken" in failed_states is not a state of a task`,
		"{external_dag_id: a, failed_states: [success]}":                                           "state success is in both allowed_states and failed_states",
		"{external_dag_id: a, skipped_states: [failed], failed_states: [failed]}":                  "state failed is in both skipped_states and failed_states",
		"{external_dag_id: a, external_task_id: b, allowed_states: [], skipped_states: [success]}": "is in both",
		"{external_dag_id: a, execution_delta: -1h}":                                               "must not be negative",
		"{external_dag_id: a, execution_date_fn: x}":                                               "use execution_delta",
		"{external_dag_id: a, execution_date_fn_name: x}":                                          "use execution_delta",
	})
	operatortest.Decode(t, suite.Spec(t, "external_task"), "{external_dag_id: '{{ a }}', poll_interval: 3, deferrable: true, external_task_ids: null}")
}

func TestExternalTaskMarker(t *testing.T) {
	t.Parallel()
	const ids = "external_dag_id: a\nexternal_task_id: b\n"
	op := operatortest.Decode(t, suite.Spec(t, "external_task_marker"), ids+"logical_date: '{{ logical_date }}'")
	assert.Implements(t, (*operator.NoOp)(nil), op)
	suite.Refused(t, "external_task_marker", map[string]string{
		"external_dag_id: a":       `missing parameter "external_task_id"`,
		"external_task_id: a":      `missing parameter "external_dag_id"`,
		ids + "logical_date: soon": "is not a valid date",
		ids + "recursion_depth: 0": "must be at least 1",
	})
}
