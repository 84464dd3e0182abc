package operatortest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/operator"
)

// Runs is an [operator.Runs] in memory. Its methods are safe for concurrent use; the
// fields are set before an operator runs.
type Runs struct {
	// DAGs are the tasks of the DAGs that exist, by DAG id.
	DAGs map[string][]string
	// Groups are the tasks of task groups, by DAG id and group id.
	Groups map[string]map[string][]string
	// Paused are the ids of DAGs that are paused.
	Paused []string
	// OnRunState is called by RunState before it answers, for instance to end the run.
	OnRunState func(dagID, runID string)
	// Err is what every method with an error returns, unless nil.
	Err error

	mu       sync.Mutex
	states   map[runKey]string
	tasks    map[taskKey]string
	requests []operator.TriggerRequest
}

type runKey struct{ dagID, runID string }

// taskKey names a task in the run of a logical date, with no task the run itself.
type taskKey struct {
	dagID, taskID string
	at            int64
}

var _ operator.Runs = (*Runs)(nil)

// NewRuns returns no DAGs and no runs.
func NewRuns() *Runs {
	return &Runs{
		DAGs: map[string][]string{}, Groups: map[string]map[string][]string{},
		states: map[runKey]string{}, tasks: map[taskKey]string{},
	}
}

// SetRun sets the state of a run by its id; "" removes the run.
func (r *Runs) SetRun(dagID, runID, state string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if state == "" {
		delete(r.states, runKey{dagID, runID})
		return
	}
	r.states[runKey{dagID, runID}] = state
}

// SetState sets the state of a task in the run with a logical date, with an empty task
// id that of the run.
func (r *Runs) SetState(dagID string, logicalDate time.Time, taskID, state string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks[taskKey{dagID, taskID, logicalDate.UnixNano()}] = state
}

// Requests returns what was asked of Trigger.
func (r *Runs) Requests() []operator.TriggerRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Trigger creates a run in state queued. Without an id it is named after its number.
func (r *Runs) Trigger(ctx context.Context, t operator.TriggerRequest) (string, error) {
	if err := r.failure(ctx); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, t)
	id := t.RunID
	if id == "" {
		id = fmt.Sprintf("manual__%d", len(r.requests))
	}
	key := runKey{t.DAGID, id}
	if _, exists := r.states[key]; exists && !t.Reset {
		return "", fmt.Errorf("run %q of dag %q: %w", id, t.DAGID, operator.ErrRunExists)
	}
	r.states[key] = "queued"
	return id, nil
}

// RunState returns the state of a run.
func (r *Runs) RunState(ctx context.Context, dagID, runID string) (string, error) {
	if err := r.failure(ctx); err != nil {
		return "", err
	}
	if r.OnRunState != nil {
		r.OnRunState(dagID, runID)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states[runKey{dagID, runID}], nil
}

// States returns the states that were set.
func (r *Runs) States(ctx context.Context, dagID string, logicalDate time.Time, taskIDs []string) (map[string]string, error) {
	if err := r.failure(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(taskIDs) == 0 {
		taskIDs = []string{""}
	}
	found := map[string]string{}
	for _, id := range taskIDs {
		members := r.Groups[dagID][id]
		if members == nil {
			members = []string{id}
		}
		for _, member := range members {
			if state := r.tasks[taskKey{dagID, member, logicalDate.UnixNano()}]; state != "" {
				found[member] = state
			}
		}
	}
	return found, nil
}

// Nearest looks among the runs that SetTask was told of, whose ids are their dates.
func (r *Runs) Nearest(ctx context.Context, dagID string, at time.Time) (runID string, logicalDate time.Time, err error) {
	if err := r.failure(ctx); err != nil {
		return "", time.Time{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for k := range r.tasks {
		found := time.Unix(0, k.at).UTC()
		if k.dagID == dagID && (runID == "" || found.Sub(at).Abs() < logicalDate.Sub(at).Abs()) {
			runID, logicalDate = found.Format(time.RFC3339), found
		}
	}
	return runID, logicalDate, nil
}

// Known looks into DAGs, Groups and Paused.
func (r *Runs) Known(_ context.Context, dagID, taskID string) (known, paused bool) {
	tasks, known := r.DAGs[dagID]
	names := slices.Concat(tasks, slices.Collect(maps.Keys(r.Groups[dagID])))
	return known && (taskID == "" || slices.Contains(names, taskID)), slices.Contains(r.Paused, dagID)
}

// failure is the error of a method: Err, or the end of the context.
func (r *Runs) failure(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return r.Err
}
