package standard_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

// withDAG returns a task beside which a DAG "other" exists.
func withDAG(t *testing.T) *operatortest.Task {
	t.Helper()
	task := operatortest.NewTask(t)
	task.DAGRuns.DAGs["other"] = []string{"load", "check"}
	return task
}

func TestCheckTriggerDagRun(t *testing.T) {
	t.Parallel()
	operatortest.Check(t, suite.Spec(t, "trigger_dagrun"), operatortest.Options{
		Task: func(t *testing.T) *operatortest.Task {
			t.Helper()
			task := operatortest.NewTask(t)
			runs := task.DAGRuns
			runs.DAGs["send_report"], runs.DAGs["load_orders"], runs.DAGs["slow"] = []string{}, []string{}, []string{}
			runs.OnRunState = func(dagID, runID string) {
				if dagID != "slow" {
					runs.SetRun(dagID, runID, "success")
				}
			}
			return task
		},
		Render: func(_, text string) (any, error) {
			if text == "{{ logical_date }}" {
				return "2024-01-02 00:00:00+00:00", nil
			}
			return text, nil
		},
		Blocking: "{trigger_dag_id: slow, wait_for_completion: true}",
		Running:  func(_ *testing.T, task *operatortest.Task) { task.AwaitLog("waiting for the run") },
	})
}

func TestTriggerDagRunRequests(t *testing.T) {
	t.Parallel()
	date := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]operator.TriggerRequest{
		"":                                      {},
		"trigger_run_id: x":                     {RunID: "x"},
		"conf: {a: 1, b: [x, null]}":            {Conf: json.RawMessage(`{"a":1,"b":["x",null]}`)},
		`conf: '{"big": 12345678901234567890}'`: {Conf: json.RawMessage(`{"big": 12345678901234567890}`)},
		"conf: {a: 1.0, b: [1000.0, {c: 2.5}]}": {Conf: json.RawMessage(`{"a":1.0,"b":[1000.0,{"c":2.5}]}`)},
		"conf: null":                            {},
		"conf: ' null '":                        {},
		"conf: {}":                              {Conf: json.RawMessage(`{}`)},
		"logical_date: now":                     {},
		"logical_date: null":                    {NoLogicalDate: true},
		"logical_date: 2024-05-01":              {LogicalDate: date},
		"execution_date: 2024-05-01":            {LogicalDate: date},
		"reset_dag_run: true":                   {Reset: true},
		"openlineage_inject_parent_info: false": {},
	} {
		task := withDAG(t)
		s := suite.Spec(t, "trigger_dagrun")
		op, problems := s.Decode(operatortest.Parameters(t, "trigger_dag_id: other\n"+text))
		for _, p := range problems {
			require.True(t, p.Warning, p.Text)
		}
		result, err := op.Execute(t.Context(), task.TaskContext)
		require.NoError(t, err, text)
		want.DAGID = "other"
		assert.Equal(t, []operator.TriggerRequest{want}, task.DAGRuns.Requests(), text)
		if want.RunID == "" {
			want.RunID = "manual__1"
		}
		assert.Equal(t, want.RunID, result)
	}
}

func TestTriggerDagRunRefused(t *testing.T) {
	t.Parallel()
	suite.Refused(t, "trigger_dagrun", map[string]string{
		"{}":                                            `missing parameter "trigger_dag_id"`,
		"{trigger_dag_id: a, conf: [1]}":                "must be a mapping, or text with a JSON object",
		"{trigger_dag_id: a, conf: '{'}":                "text with a JSON object",
		"{trigger_dag_id: a, conf: '[1]'}":              "text with a JSON object",
		"{trigger_dag_id: a, logical_date: soon}":       `"soon" is not a valid date`,
		"{trigger_dag_id: a, logical_date: 2024-02-30}": "is not a valid date",
		"{trigger_dag_id: a, logical_date: 2024-05-01, execution_date: 2024-05-01}": "leave out execution_date",
		"{trigger_dag_id: a, wait_for_completion: perhaps}":                         "must be true, false or a template",
		"{trigger_dag_id: a, skip_when_already_exists: 2}":                          "must be true, false or a template",
		"{trigger_dag_id: a, allowed_states: [succes]}":                             `did you mean "success"?`,
		"{trigger_dag_id: a, failed_states: [skipped]}":                             "must be one of queued, running, success, failed",
		"{trigger_dag_id: a, poke_interval: 0}":                                     "must be at least 10ms",
		"{trigger_dag_id: a, poke_interval: -1}":                                    "must not be negative",
	})
	for text, want := range map[string]string{
		"{trigger_dag_id: a, execution_date: 2024-05-01}": "execution_date is now called logical_date",
		"{trigger_dag_id: a, note: by hand}":              "note has no effect: runs keep no notes",
	} {
		got, failed := suite.Findings(t, "trigger_dagrun", text)
		assert.Equal(t, want, got)
		assert.False(t, failed)
	}
	operatortest.Decode(t, suite.Spec(t, "trigger_dagrun"),
		"{trigger_dag_id: '{{ x }}', conf: '{{ x }}', logical_date: '{{ x }}', wait_for_completion: '{{ x }}', skip_when_already_exists: 'False'}")
}

func TestTriggerDagRunFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		set  func(*operatortest.Runs)
		yaml string
		kind operator.Kind
		text string
	}{
		"no such dag":         {func(*operatortest.Runs) {}, "{trigger_dag_id: nothere}", operator.Retry, `dag "nothere", which trigger_dag_id names, does not exist`},
		"paused is fine":      {func(r *operatortest.Runs) { r.Paused = []string{"other"} }, "{trigger_dag_id: other}", operator.Success, ""},
		"paused":              {func(r *operatortest.Runs) { r.Paused = []string{"other"} }, "{trigger_dag_id: other, fail_when_dag_is_paused: true}", operator.Retry, `dag "other" is paused`},
		"exists":              {exists, "{trigger_dag_id: other, trigger_run_id: x}", operator.Retry, "the run exists already"},
		"exists, skipped":     {exists, "{trigger_dag_id: other, trigger_run_id: x, skip_when_already_exists: true}", operator.Skipped, "the run exists already"},
		"exists, text":        {exists, "{trigger_dag_id: other, trigger_run_id: x, skip_when_already_exists: 'True'}", operator.Skipped, ""},
		"exists, not skipped": {exists, "{trigger_dag_id: other, trigger_run_id: x, skip_when_already_exists: 'False'}", operator.Retry, "the run exists already"},
		"exists, reset":       {exists, "{trigger_dag_id: other, trigger_run_id: x, reset_dag_run: true, skip_when_already_exists: true}", operator.Success, ""},
		"store":               {func(r *operatortest.Runs) { r.Err = errors.New("boom") }, "{trigger_dag_id: other}", operator.Retry, `trigger dag "other": boom`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := withDAG(t)
			tc.set(task.DAGRuns)
			_, err := suite.Run(t, task, "trigger_dagrun", tc.yaml)
			assert.Equal(t, tc.kind, operator.Classify(t.Context(), err).Kind)
			if tc.text != "" {
				require.ErrorContains(t, err, tc.text)
			}
		})
	}
}

func exists(r *operatortest.Runs) { r.SetRun("other", "x", "success") }

func TestTriggerDagRunWaits(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		yaml   string
		states []string // one for each look
		looks  int
		err    string
	}{
		"success":           {"", []string{"queued", "running", "success"}, 3, ""},
		"failed":            {"", []string{"running", "failed"}, 2, `run "manual__1" of dag "other" is in state failed`},
		"failed is fine":    {"allowed_states: [success, failed]\nfailed_states: []", []string{"running", "failed"}, 2, ""},
		"failed goes first": {"allowed_states: [success, failed]", []string{"failed"}, 1, "is in state failed"},
		"null is default":   {"allowed_states: null\nfailed_states: null", []string{"success"}, 1, ""},
		"null fails":        {"allowed_states: null\nfailed_states: null", []string{"failed"}, 1, "is in state failed"},
		"empty is default":  {"allowed_states: []", []string{"running", "success"}, 2, ""},
		"running is fine":   {"allowed_states: [running]", []string{"queued", "running"}, 2, ""},
		"gone":              {"", []string{"running", ""}, 2, `run "manual__1" of dag "other" is gone`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				task := withDAG(t)
				looks := 0
				task.DAGRuns.OnRunState = func(dagID, runID string) {
					task.DAGRuns.SetRun(dagID, runID, tc.states[looks])
					looks++
				}
				began := time.Now()
				result, err := suite.Run(t, task, "trigger_dagrun", "trigger_dag_id: other\nwait_for_completion: true\npoke_interval: 20\n"+tc.yaml)
				if tc.err == "" {
					require.NoError(t, err)
					assert.Equal(t, "manual__1", result)
				} else {
					require.ErrorContains(t, err, tc.err)
					assert.Equal(t, operator.Retry, operator.Classify(t.Context(), err).Kind)
				}
				assert.Equal(t, tc.looks, looks)
				assert.Equal(t, time.Duration(tc.looks-1)*20*time.Second, time.Since(began))
			})
		})
	}
}

func TestTriggerDagRunWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 90*time.Second, operator.ErrTimeout)
		defer cancel()
		op := operatortest.Decode(t, suite.Spec(t, "trigger_dagrun"), "{trigger_dag_id: other, wait_for_completion: true}")
		_, err := op.Execute(ctx, withDAG(t).TaskContext)
		require.EqualError(t, err, `wait for run "manual__1" of dag "other": execution_timeout has passed`)
		assert.Equal(t, operator.Timeout, operator.Classify(ctx, err).Kind)
	})
}

func TestTriggerDagRunRendered(t *testing.T) {
	t.Parallel()
	s := suite.Spec(t, "trigger_dagrun")
	op, err := s.Render(operatortest.Decode(t, s, "{trigger_dag_id: other, conf: '{{ conf }}', logical_date: '{{ date }}'}"),
		func(field, text string) (any, error) {
			switch field {
			case "conf":
				return "{'a': 1}", nil // Python's text of a mapping
			default:
				return text, nil
			}
		})
	require.NoError(t, err)
	_, err = op.Execute(t.Context(), withDAG(t).TaskContext)
	require.ErrorContains(t, err, "conf must be a mapping, or text with a JSON object")
}
