package pages

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/page"
)

// perInstances is how many instances of a mapped task a page has.
const perInstances = 100

// taskData is a task of a run.
type taskData struct {
	page.Pager

	Head *dagHead
	Task *overview.Task
	// MapIndex is -1 for a task as a whole.
	MapIndex int
	// Self is the address of the page without its query.
	Self string
	// Tries are those of the instance, the last one last; Try is the number of the one that is shown.
	Tries  []api.Try
	Try    int
	Shown  *api.Try
	Last   bool
	Log    *logData
	Fields []field
	// FieldsNote says why there are no fields, Kept that they are those of the try.
	FieldsNote string
	Kept       bool
	XComs      []api.XCom
	Why        string
	// Ask is the number of the question to which the task waits for an answer, or 0.
	Ask int64
	// Note is nil for a mapped task as a whole.
	Note   *noteData
	Alerts []api.Alert
}

// field is a templated field as it was rendered.
type field struct{ Name, Value string }

// instance is the map index in the path, -1 without one.
func (v *view) instance() (int, error) { return mapIndex(v.r.PathValue("map_index")) }

// mapIndex reads a map index, which is -1 where there is none.
func mapIndex(text string) (int, error) {
	if text == "" {
		return -1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, errNoPage
	}
	return n, nil
}

func showTask(v *view) error {
	h, err := v.headFor("")
	if err != nil {
		return err
	}
	d := taskData{Head: h}
	if d.MapIndex, err = v.instance(); err != nil {
		return err
	}
	n, err := page.At(v.r)
	if err != nil {
		return err
	}
	runID, taskID := v.r.PathValue("run_id"), v.r.PathValue("task_id")
	if d.Task, err = v.overview.Task(v.ctx(), h.ID, runID, taskID, d.MapIndex, perInstances, (n-1)*perInstances); err != nil {
		return err
	}
	d.Self = v.TaskLink(h.ID, runID, taskID, d.MapIndex)
	d.Pager = page.Paged(n, d.Task.Total, perInstances)
	v.Title = taskID + " · " + h.ID
	v.follow(h.ID, runID)
	if d.Task.Total == 0 {
		if err := d.fill(v, runID, taskID); err != nil {
			return err
		}
	}
	alerts, err := v.overview.API().Alerts(v.ctx(), api.AlertQuery{DAGID: h.ID, RunID: runID, TaskID: taskID, Page: api.Page{Limit: mostAlerts}})
	if err != nil {
		return err
	}
	for _, a := range alerts.Items {
		if d.Task.Total > 0 || a.MapIndex == d.MapIndex {
			d.Alerts = append(d.Alerts, a)
		}
	}
	return v.render(http.StatusOK, "task", d)
}

// fill adds what is known of one instance.
func (d *taskData) fill(v *view, runID, taskID string) error {
	ask, ctx := v.overview.API(), v.ctx()
	q := api.TryQuery{DAGID: d.Head.ID, RunID: runID, TaskID: taskID, MapIndex: d.MapIndex}
	if in := d.Task.Instance; in != nil && in.TryNumber > 0 {
		tries, err := ask.Tries(ctx, q)
		if err != nil {
			return err
		}
		for _, t := range tries {
			if t.MapIndex == d.MapIndex {
				t.Error = v.p.mask(t.Error)
				d.Tries = append(d.Tries, t)
			}
		}
		if err := d.choose(v, in.TryNumber); err != nil {
			return err
		}
		q.Try = d.Try
		if d.Log, err = v.logOf(q, d.Self); err != nil {
			return err
		}
	}
	if d.Task.Instance != nil {
		note, err := v.note(d.Head, runID, taskID, d.MapIndex)
		if err != nil {
			return err
		}
		d.Note = note
	}
	d.why(v, runID, taskID)
	if err := d.asked(v, runID, taskID); err != nil {
		return err
	}
	if err := d.rendered(v, q); err != nil {
		return err
	}
	xs, err := ask.TaskXComs(ctx, d.Head.ID, runID, taskID, d.MapIndex)
	if err != nil {
		return err
	}
	for _, x := range xs {
		x.Value = json.RawMessage(pretty(x.Value))
		d.XComs = append(d.XComs, x)
	}
	return nil
}

// choose finds the try that is asked for, or the last one.
func (d *taskData) choose(v *view, last int) error {
	d.Try = last
	if text := v.r.URL.Query().Get("try_number"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return &refusedError{http.StatusUnprocessableEntity, "error.try", nil}
		}
		if n > last {
			return &refusedError{http.StatusNotFound, "error.no_try", fmt.Errorf("try %d", n)}
		}
		d.Try = n
	}
	d.Last = d.Try == last
	for i := range d.Tries {
		if d.Tries[i].TryNumber == d.Try {
			d.Shown = &d.Tries[i]
		}
	}
	return nil
}

// why says what holds an instance, or kept it from running. That nobody can tell is no reason to show nothing.
func (d *taskData) why(v *view, runID, taskID string) {
	if in := d.Task.Instance; in != nil && slices.Contains([]string{"success", "running", "failed"}, in.State) {
		return // the state says it, or the error
	}
	_, whys, err := v.overview.API().WhyTask(v.ctx(), d.Head.ID, taskID, runID)
	if err != nil {
		v.p.o.Log.Warn("say why a task waits", "dag", d.Head.ID, "run", runID, "task", taskID, "error", v.p.masked(err))
		return
	}
	for _, w := range whys {
		if w.MapIndex == d.MapIndex {
			d.Why = v.Tell(w.Said)
		}
	}
}

// asked finds the question that a deferred instance asks.
func (d *taskData) asked(v *view, runID, taskID string) error {
	if d.Task.Instance == nil || d.Task.Instance.State != "deferred" {
		return nil
	}
	open, err := v.p.o.Asks(v.ctx()).List(v.ctx(), asks.Query{DAGID: d.Head.ID, RunID: runID, TaskID: taskID, States: asks.Open(), Page: api.Page{Limit: mostAsks}})
	if err != nil {
		return err
	}
	for _, a := range open.Items {
		if a.MapIndex == d.MapIndex {
			d.Ask = a.ID
		}
	}
	return nil
}

// rendered adds the templated fields.
func (d *taskData) rendered(v *view, q api.TryQuery) error {
	r, err := v.overview.API().Rendered(v.ctx(), q)
	switch {
	case errors.Is(err, api.ErrNotFound):
		return nil
	case err != nil && v.ctx().Err() != nil:
		return err
	case err != nil:
		d.FieldsNote = v.Said(err) // a template may be wrong: people look here to see it
		return nil
	}
	d.Kept = r.Kept || r.Same
	for _, f := range r.Fields {
		d.Fields = append(d.Fields, field{f.Name, shown(f.Value)})
	}
	return nil
}

// shown is a value as people read it: a text as it is, nothing as nothing, anything else as JSON.
func shown(value any) string {
	if value == nil {
		return ""
	}
	if s, ok := value.(string); ok {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSpace(b.String())
}

// pretty is JSON with line breaks, or as it is.
func pretty(raw []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}
