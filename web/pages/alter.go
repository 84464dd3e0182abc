package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
)

// alterData is what will become of runs, for people to agree.
type alterData struct {
	Head  *dagHead
	RunID string
	// TaskID is the task that is meant; empty for the run as a whole. MapIndex is its one instance, -1 for all.
	TaskID   string
	MapIndex int
	// Clear is what is asked for when something is cleared, Mark when a state is given.
	Clear *api.ClearRequest
	Mark  *api.MarkRequest
	State string
	// Altered is what would change, Problem why nothing can.
	Altered *api.Altered
	Problem string
	// Outdated says that the DAG has changed since the run was created, Over that the run has ended, so that it can go on
	// in the latest version.
	Outdated, Over bool
	// Shown bounds how many instances of each run are listed.
	Shown int
}

// mostAltered is how many instances of a run a preview lists.
const mostAltered = 200

// on reports whether a box of a form is ticked.
func on(q url.Values, name string) bool { return q.Get(name) != "" }

// clearRequest is what a form asks to clear.
func clearRequest(dagID, runID string, index int, q url.Values) api.ClearRequest {
	r := api.ClearRequest{
		DAGID: dagID, RunID: runID, Past: on(q, "past"), Future: on(q, "future"), Upstream: on(q, "upstream"), Downstream: on(q, "downstream"),
		OnlyFailed: on(q, "only_failed"), OnlyRunning: on(q, "only_running"), Latest: on(q, "latest"),
	}
	if t := q.Get("task_id"); t != "" {
		r.TaskIDs = []string{t}
		if index >= 0 {
			r.MapIndexes = []int{index}
		}
	}
	return r
}

// showClear shows what would be cleared, with the choices that there are.
func showClear(v *view) error {
	h, runID, err := v.altering()
	if err != nil {
		return err
	}
	index, err := mapIndex(v.r.URL.Query().Get("map_index"))
	if err != nil {
		return err
	}
	r := clearRequest(h.ID, runID, index, v.r.URL.Query())
	d := alterData{Head: h, RunID: runID, TaskID: v.r.URL.Query().Get("task_id"), MapIndex: index, Clear: &r, Shown: mostAltered}
	ask := r
	ask.DryRun = true
	if err := r.Check(); err != nil {
		d.Problem = v.Said(err)
	} else if d.Altered, err = v.overview.API().Clear(v.ctx(), ask); err != nil {
		if d.Problem = v.said(err); d.Problem == "" {
			return err
		}
	}
	if d.Outdated, d.Over, err = v.outdated(h.ID, runID); err != nil {
		return err
	}
	v.Title = v.say("clear.title") + " · " + h.ID
	return v.render(http.StatusOK, "clear", d)
}

// clearRun clears what the form says.
func clearRun(v *view) error {
	h, runID, err := v.altering()
	if err != nil {
		return err
	}
	index, err := mapIndex(v.r.PostForm.Get("map_index"))
	if err != nil {
		return err
	}
	r := clearRequest(h.ID, runID, index, v.r.PostForm)
	if err := r.Check(); err != nil {
		return &refusedError{http.StatusUnprocessableEntity, "error.options", err}
	}
	if _, err := v.overview.API().Clear(v.ctx(), r); err != nil {
		return err
	}
	return v.after(h.ID, runID, v.r.PostForm.Get("task_id"), index)
}

// markRequest is what a form asks to mark.
func markRequest(dagID, runID string, q url.Values) (api.MarkRequest, error) {
	r := api.MarkRequest{
		DAGID: dagID, RunID: runID, TaskID: q.Get("task_id"), Past: on(q, "past"), Future: on(q, "future"), Upstream: on(q, "upstream"), Downstream: on(q, "downstream"),
	}
	switch index, err := mapIndex(q.Get("map_index")); {
	case err != nil:
		return r, err
	case index >= 0 && r.TaskID != "":
		r.MapIndex = &index
	}
	switch q.Get("state") {
	case "success":
		r.State = "success"
	case "failed":
		r.State = "failed"
	default:
		return r, &refusedError{http.StatusUnprocessableEntity, "error.mark", nil}
	}
	if r.TaskID == "" && (r.Past || r.Future || r.Upstream || r.Downstream) {
		return r, &refusedError{http.StatusUnprocessableEntity, "error.mark_task", nil}
	}
	return r, nil
}

// showMark shows what would be marked.
func showMark(v *view) error {
	h, runID, err := v.altering()
	if err != nil {
		return err
	}
	r, err := markRequest(h.ID, runID, v.r.URL.Query())
	if err != nil {
		return err
	}
	d := alterData{Head: h, RunID: runID, TaskID: r.TaskID, MapIndex: -1, Mark: &r, State: string(r.State), Shown: mostAltered}
	if r.MapIndex != nil {
		d.MapIndex = *r.MapIndex
	}
	ask := r
	ask.DryRun = true
	if d.Altered, err = v.overview.API().Mark(v.ctx(), ask); err != nil {
		if d.Problem = v.said(err); d.Problem == "" {
			return err
		}
	}
	v.Title = v.say("mark.title") + " · " + h.ID
	return v.render(http.StatusOK, "mark", d)
}

// markRun marks what the form says.
func markRun(v *view) error {
	h, runID, err := v.altering()
	if err != nil {
		return err
	}
	r, err := markRequest(h.ID, runID, v.r.PostForm)
	if err != nil {
		return err
	}
	if _, err := v.overview.API().Mark(v.ctx(), r); err != nil {
		return err
	}
	index := -1
	if r.MapIndex != nil {
		index = *r.MapIndex
	}
	return v.after(h.ID, runID, r.TaskID, index)
}

// altering is the DAG and the run of the path, for somebody who may change them.
func (v *view) altering() (*dagHead, string, error) {
	if _, err := v.operated(); err != nil {
		return nil, "", err
	}
	h, err := v.headFor("")
	if err != nil {
		return nil, "", err
	}
	r, err := v.overview.API().Run(v.ctx(), h.ID, v.r.PathValue("run_id"))
	return h, r.RunID, err
}

// outdated reports whether a DAG has changed since a run was created, which keeps its version unless it is cleared on
// the latest one, and whether that run is over.
func (v *view) outdated(dagID, runID string) (outdated, over bool, err error) {
	r, err := v.overview.API().Run(v.ctx(), dagID, runID)
	if err != nil {
		return false, false, err
	}
	newest, err := v.overview.API().KnownVersion(v.ctx(), dagID)
	if errors.Is(err, api.ErrNotFound) {
		return false, false, nil // no scheduler has seen the DAG yet
	}
	return newest != r.Version, r.State.Finished(), err
}

// said is the text of an error that is somebody's mistake, for the form that it was made in, or empty.
func (v *view) said(err error) string {
	if failureOf(err).Status == http.StatusInternalServerError {
		return ""
	}
	return v.Said(err)
}

// date reads a date and time as a browser's field gives it, in the zone of whoever asks, or with an offset.
func (v *view) date(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, v.zone); err == nil {
			return at, nil
		}
	}
	return time.Parse(time.RFC3339, text)
}

// after leads to what was changed.
func (v *view) after(dagID, runID, taskID string, index int) error {
	to := v.Link("dags", dagID, "runs", runID)
	if taskID != "" {
		to = v.TaskLink(dagID, runID, taskID, index)
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther) //nolint:gosec // a path of ours, escaped
	return nil
}

// triggerData is the form for a new run.
type triggerData struct {
	Head   *dagHead
	Params []overview.Param
	// Values are what was filled in, by name; Problem is what is wrong with it.
	Values  map[string]string
	Problem string
	RunID   string
	Date    string
}

// paramField begins the names of the fields of params.
const paramField = "param."

func showTrigger(v *view) error {
	if _, err := v.operated(); err != nil {
		return err
	}
	return v.triggerForm(http.StatusOK, nil, "")
}

// triggerForm shows the form with what was filled in, or with the defaults.
func (v *view) triggerForm(status int, form url.Values, problem string) error {
	h, err := v.headFor("")
	if err != nil {
		return err
	}
	params, err := v.overview.Params(h.ID)
	if err != nil {
		return err
	}
	d := triggerData{Head: h, Params: params, Values: map[string]string{}, Problem: problem, RunID: form.Get("run_id"), Date: form.Get("logical_date")}
	for _, p := range params {
		d.Values[p.Name] = p.Default
		if form != nil {
			d.Values[p.Name] = form.Get(paramField + p.Name)
		}
	}
	v.Title = v.say("trigger.title") + " · " + h.ID
	return v.render(status, "trigger", d)
}

// trigger makes a run, or shows the form again with what is wrong.
func trigger(v *view) error {
	h, err := v.operated()
	if err != nil {
		return err
	}
	params, err := v.overview.Params(h.ID)
	if err != nil {
		return err
	}
	form := v.r.PostForm
	t := api.Trigger{DAGID: h.ID, RunID: strings.TrimSpace(form.Get("run_id"))}
	if text := strings.TrimSpace(form.Get("logical_date")); text != "" {
		at, err := v.date(text)
		if err != nil {
			return v.triggerForm(http.StatusUnprocessableEntity, form, v.say("trigger.bad_date", text))
		}
		t.LogicalDate = at
	}
	values := map[string]string{}
	for _, p := range params {
		if form.Has(paramField + p.Name) {
			values[p.Name] = strings.ReplaceAll(form.Get(paramField+p.Name), "\r\n", "\n")
		}
	}
	conf, err := overview.Conf(params, values)
	if err != nil {
		return v.triggerForm(http.StatusUnprocessableEntity, form, v.Said(err))
	}
	t.Conf = conf
	done, err := v.overview.API().Trigger(v.ctx(), t)
	if f := failureOf(err); err != nil && (f.Status == http.StatusUnprocessableEntity || errors.Is(err, api.ErrExists)) {
		return v.triggerForm(f.Status, form, v.Said(err))
	}
	if err != nil {
		return fmt.Errorf("trigger %s: %w", h.ID, err)
	}
	return v.after(h.ID, done.Run.RunID, "", -1)
}
