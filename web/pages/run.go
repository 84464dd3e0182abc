package pages

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
)

// escaped is a part of a path.
func escaped(part string) string { return url.PathEscape(part) }

// runData is a run with its tasks.
type runData struct {
	Head   *dagHead
	Run    *overview.Run
	Alerts []api.Alert
	// Counts are the tasks by state.
	Counts map[string]int
	Conf   string
	Note   *noteData
	// Outdated says that the DAG has changed since the run was created, where that counts: it failed.
	Outdated bool
}

func showRun(v *view) error {
	h, err := v.headFor("")
	if err != nil {
		return err
	}
	d := runData{Head: h, Counts: map[string]int{}}
	if d.Run, err = v.overview.Run(v.ctx(), h.ID, v.r.PathValue("run_id")); err != nil {
		return err
	}
	for _, n := range d.Run.Nodes {
		if !n.Group {
			d.Counts[d.Run.Cells[n.ID].State]++
		}
	}
	alerts, err := v.overview.API().Alerts(v.ctx(), api.AlertQuery{DAGID: h.ID, RunID: d.Run.RunID, Page: api.Page{Limit: mostAlerts}})
	if err != nil {
		return err
	}
	d.Alerts, d.Conf = alerts.Items, strings.TrimSpace(string(d.Run.Conf))
	if d.Note, err = v.note(h, d.Run.RunID, "", -1); err != nil {
		return err
	}
	if len(d.Run.Failed) > 0 {
		if d.Outdated, _, err = v.outdated(h.ID, d.Run.RunID); err != nil {
			return err
		}
	}
	v.Title = d.Run.RunID + " · " + h.ID
	v.follow(h.ID, d.Run.RunID)
	return v.render(http.StatusOK, "run", d)
}

// mostAlerts is how many alerts the page of a run or task shows.
const mostAlerts = 20

// runsData is a list of the runs of a DAG.
type runsData struct {
	Head   *dagHead
	Runs   []api.Run
	Older  string
	State  string
	States []string
	Before string
}

// perRuns is how many runs a page of the list has.
const perRuns = 50

func showRuns(v *view) error {
	h, err := v.headFor("runs")
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	d := runsData{Head: h, State: q.Get("state"), Before: q.Get("before")}
	ask := api.RunQuery{DAGID: h.ID, Page: api.Page{Limit: perRuns, Cursor: d.Before}}
	for _, s := range api.RunStates() {
		d.States = append(d.States, string(s))
		if string(s) == d.State {
			ask.States = append(ask.States, s)
		}
	}
	if overview.UnknownState(d.State) {
		return &refusedError{http.StatusUnprocessableEntity, "error.state", nil}
	}
	l, err := v.overview.API().Runs(v.ctx(), ask)
	if err != nil {
		return err
	}
	d.Runs, d.Older = l.Items, l.Next
	v.Title = v.say("runs.title") + " · " + h.ID
	v.follow(h.ID, "")
	return v.render(http.StatusOK, "runs", d)
}

// showTaskOfDAG leads to a task in the newest run, or to the grid when there is none.
func showTaskOfDAG(v *view) error {
	h, err := v.head()
	if err != nil {
		return err
	}
	l, err := v.overview.API().Runs(v.ctx(), api.RunQuery{DAGID: h.ID, Page: api.Page{Limit: 1}})
	if err != nil {
		return err
	}
	to := v.Link("dags", h.ID)
	if len(l.Items) == 1 {
		to = v.TaskLink(h.ID, l.Items[0].RunID, v.r.PathValue("task_id"), -1)
	}
	http.Redirect(v.w, v.r, to, http.StatusFound) //nolint:gosec // a path of ours, escaped
	return nil
}
