// Package times has the pages about when things were and how long they took: the year of a DAG by day, how long its runs and tasks
// took and how late they were, and when the tasks of a run waited and ran.
package times

import (
	"context"

	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/page"
)

// Options are what the pages stand on.
type Options struct {
	// Overview answers for whoever asks, who is in the context. It is required.
	Overview func(ctx context.Context) *overview.Overview
}

// Times has the pages. Make one with [New].
type Times struct{ o Options }

// New returns the pages.
func New(o Options) *Times { return &Times{o} }

// Pages are their paths.
func (t *Times) Pages() page.Family {
	return page.Family{
		Shows: map[string]page.Handler{
			"/dags/{dag_id}/calendar":            t.showCalendar,
			"/dags/{dag_id}/durations":           t.showChart(durations),
			"/dags/{dag_id}/landing":             t.showChart(landings),
			"/dags/{dag_id}/runs/{run_id}/gantt": t.showGantt,
		},
	}
}
