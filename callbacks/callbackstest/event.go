package callbackstest

import (
	"time"

	"github.com/dingdag/dingdag/callbacks"
)

// began is when the attempt of the events began.
func began() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// Failure returns the event of a task that failed for good at its third try.
func Failure() *callbacks.Event {
	start := began()
	end := start.Add(3*time.Minute + 12*time.Second)
	return &callbacks.Event{
		Kind: callbacks.Failure, DAGID: "etl", RunID: "scheduled__2026-01-01T00:00:00+00:00", TaskID: "load", MapIndex: -1,
		TryNumber: 3, MaxTries: 3, State: "failed", Error: "exit code 1", LogicalDate: &start, StartDate: &start, EndDate: &end,
		Log: "/logs/etl/load/3.log", Host: "worker-7", Owner: "data", Timezone: "Asia/Shanghai", Program: "dingdag",
	}
}

// Events returns an event of each kind.
func Events() []*callbacks.Event {
	start := began()
	next := start.Add(time.Hour)
	var all []*callbacks.Event
	for _, kind := range []callbacks.Kind{callbacks.Execute, callbacks.Success, callbacks.Failure, callbacks.Retry, callbacks.Skipped} {
		ev := Failure()
		ev.Kind = kind
		all = append(all, ev)
	}
	all[3].NextRetry = &next
	recovered := Failure()
	recovered.Kind, recovered.State, recovered.Error, recovered.Reason = callbacks.Recovery, "success", "", "success"
	recovered.BrokenSince, recovered.Failures = &start, 2
	return append(all, recovered,
		&callbacks.Event{
			Kind: callbacks.Missed, DAGID: "etl", MapIndex: -1, State: "missed", Reason: "the scheduler was not running",
			Ticks: &callbacks.Ticks{First: start, Last: next, Count: 2}, Program: "dingdag",
		},
		&callbacks.Event{
			Kind: callbacks.Deadline, DAGID: "etl", RunID: "r", MapIndex: -1, State: "running", Reason: "deadline_missed",
			Deadline: &next, Program: "dingdag",
		},
		&callbacks.Event{
			Kind: callbacks.ImportError, MapIndex: -1, State: "broken", Reason: "dags/a.yaml is broken",
			Error: "dags/a.yaml:1:1: error: no tasks", Files: []callbacks.BrokenFile{{File: "dags/a.yaml", Since: start, DAGs: []string{"a"}}},
			Program: "dingdag",
		},
		SilenceEnd(), NearlySpent(),
		&callbacks.Event{
			Kind: callbacks.DailyDigest, MapIndex: -1, State: "failed", Reason: "1 failed", Program: "dingdag",
			Day: &callbacks.Day{
				Since: start, Until: start.Add(24 * time.Hour), Failed: 1, DAGCount: 1, FailedDAGs: 1,
				DAGs: []callbacks.DayOfDAG{{DAGID: "etl", Failed: 1, RunID: "r", TaskID: "load", MapIndex: -1, Error: "exit code 1"}},
			},
		},
	)
}

// SilenceEnd is the end of a snooze that kept back some alerts.
func SilenceEnd() *callbacks.Event {
	var b callbacks.SilencedBuilder
	for i := range 3 {
		b.Add(callbacks.Failure, "etl", "load", began().Add(time.Duration(i)*time.Minute))
	}
	b.Add(callbacks.Success, "etl", "", began())
	ev := b.Event(callbacks.Silence{
		ID: 3, Kind: "snooze", What: "DAG etl", Reason: "the disk is changed", By: "ann (cli)", Since: began(), Until: began().Add(time.Hour),
	})
	ev.DAGID, ev.Program, ev.Timezone = "etl", "dingdag", "Asia/Shanghai"
	return ev
}

// NearlySpent is a robot that has had most of its messages of a month.
func NearlySpent() *callbacks.Event {
	return &callbacks.Event{
		Kind: callbacks.NearlySpent, MapIndex: -1, State: "nearly_spent", Reason: "retries and successes are no longer sent", Host: "worker-7", Program: "dingdag",
		Quota: &callbacks.Quota{Robot: "ops", Month: "2026-11", Sent: 4000, Limit: 5000},
	}
}
