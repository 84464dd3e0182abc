package pages

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/web/pages/draw"
	"github.com/dingdag/dingdag/web/pages/words"
)

const (
	// perBackfills is how many backfills a page of the list has.
	perBackfills = 20
	// mostDates is how many dates a preview lists.
	mostDates = 500
)

// backfillsData is the list of the backfills of a DAG.
type backfillsData struct {
	Head      *dagHead
	Backfills []api.Backfill
	Older     string
	Before    string
	// Waiting says that one is open that no run starts for, because the DAG is paused.
	Waiting bool
}

func showBackfills(v *view) error {
	h, err := v.headFor("backfills")
	if err != nil {
		return err
	}
	d := backfillsData{Head: h, Before: v.r.URL.Query().Get("before")}
	l, err := v.overview.API().Backfills(v.ctx(), api.BackfillQuery{DAGID: h.ID, Page: api.Page{Limit: perBackfills, Cursor: d.Before}})
	if err != nil {
		return err
	}
	d.Backfills, d.Older = l.Items, l.Next
	for _, b := range d.Backfills {
		d.Waiting = d.Waiting || h.Paused && b.State == "running"
	}
	v.Title = v.say("backfills.title") + " · " + h.ID
	v.follow(h.ID, "")
	return v.render(http.StatusOK, "backfills", d)
}

// progressWidth is how wide the bar of a backfill is.
const progressWidth = 160

// Progress is a bar with how far a backfill has come.
func (v *view) Progress(b api.Backfill) template.HTML {
	w := &draw.Writer{}
	w.Raw(`<svg class="progress" width="`, strconv.Itoa(progressWidth), `" height="12" role="img" aria-label="`).Text(v.progressSays(b)).Raw(`"><title>`).Text(v.progressSays(b)).Raw(`</title><rect class="rest" width="`, strconv.Itoa(progressWidth), `" height="12" rx="3"/>`)
	sum, total := 0, max(1, b.Total)
	for _, p := range []struct {
		state string
		n     int
	}{{"success", b.Done}, {"failed", b.Failed}, {"running", b.Active}, {"skipped", b.Untouched}, {"removed", b.Removed}} {
		from, to := sum*progressWidth/total, (sum+p.n)*progressWidth/total
		if sum += p.n; to > from {
			w.Raw(`<rect class="`, p.state, `" x="`, strconv.Itoa(from), `" width="`, strconv.Itoa(to-from), `" height="12"/>`)
		}
	}
	w.Raw(`</svg>`)
	return template.HTML(w.String()) //nolint:gosec // each part is escaped
}

// progressSays is the same in words.
func (v *view) progressSays(b api.Backfill) string {
	parts := []string{v.say("backfills.dates", b.Total)}
	for _, p := range []struct {
		text words.Key
		n    int
	}{
		{"backfills.done", b.Done},
		{"backfills.failed", b.Failed},
		{"backfills.active", b.Active},
		{"backfills.left", b.Left},
		{"backfills.untouched", b.Untouched},
		{"backfills.removed", b.Removed},
	} {
		if p.n > 0 {
			parts = append(parts, v.say(p.text, p.n))
		}
	}
	return strings.Join(parts, ", ")
}

// ProgressSays is the bar of a backfill in words.
func (v *view) ProgressSays(b api.Backfill) string { return v.progressSays(b) }

// backfillData is the form for a backfill, with what it would do.
type backfillData struct {
	Head *dagHead
	// Values are what was filled in, by field; Problem is what is wrong with it.
	Values  map[string]string
	Problem string
	// Asked is what would be created with the dates of the preview, in a form that no zone changes; nil before a preview.
	Asked map[string]string
	Dates []api.BackfillDate
	// Counts are the dates by what becomes of them, Total how many there are, Cut whether not all are listed.
	Counts []counted
	Total  int
	Cut    bool
	// Future is the last date when it has not come, so that dates are left out.
	Future time.Time
}

// counted is how many there are of something.
type counted struct {
	Text string
	N    int
}

// backfillFields are the fields of the form with their defaults.
var backfillFields = map[string]string{ //nolint:gochecknoglobals // a constant
	"from_date": "", "to_date": "", "reprocess_behavior": "none", "max_active_runs": strconv.Itoa(api.DefaultBackfillRuns), "run_backwards": "", "run_on_latest_version": "on", "dag_run_conf": "",
}

// reprocessing are the ways to treat runs that there are.
var reprocessing = []string{"none", "failed", "completed"} //nolint:gochecknoglobals // a constant

// Reprocess are the ways to treat runs that there are.
func (*view) Reprocess() []string { return reprocessing }

func newBackfill(v *view) error {
	if _, err := v.operated(); err != nil {
		return err
	}
	return v.backfillForm(http.StatusOK, nil, nil, "")
}

// backfillForm shows the form with what was filled in, and what that would do when it has been asked.
func (v *view) backfillForm(status int, form url.Values, fill func(*backfillData), problem string) error {
	h, err := v.headFor("")
	if err != nil {
		return err
	}
	d := backfillData{Head: h, Values: map[string]string{}, Problem: problem}
	for name, value := range backfillFields {
		if d.Values[name] = value; form != nil {
			d.Values[name] = form.Get(name)
		}
	}
	if fill != nil {
		fill(&d)
	}
	v.Title = v.say("backfill.title") + " · " + h.ID
	return v.render(status, "backfill", d)
}

// mistake is what is wrong with a form, in the language of whoever has filled it in.
type mistake string

func (m mistake) Error() string { return string(m) }

// backfillRequest reads the form. Its error is a [mistake].
func (v *view) backfillRequest(dagID string, form url.Values) (api.BackfillRequest, error) {
	r := api.BackfillRequest{DAGID: dagID, Backwards: on(form, "run_backwards"), Latest: on(form, "run_on_latest_version")}
	for _, f := range []struct {
		name string
		to   *time.Time
	}{{"from_date", &r.From}, {"to_date", &r.To}} {
		text := strings.TrimSpace(form.Get(f.name))
		if text == "" {
			continue // the rules of backfills say that it is missing
		}
		at, err := v.date(text)
		if err != nil {
			return r, mistake(v.say("trigger.bad_date", text))
		}
		*f.to = at
	}
	switch form.Get("reprocess_behavior") {
	case "none":
		r.Reprocess = "none"
	case "failed":
		r.Reprocess = "failed"
	case "completed":
		r.Reprocess = "completed"
	default:
		return r, mistake(v.say("backfill.bad_reprocess"))
	}
	n, err := strconv.Atoi(strings.TrimSpace(form.Get("max_active_runs")))
	if err != nil || n < 1 {
		return r, mistake(v.say("backfill.bad_runs"))
	}
	r.MaxActiveRuns = n
	if text := strings.TrimSpace(form.Get("dag_run_conf")); text != "" {
		r.Conf = json.RawMessage(text)
	}
	return r, nil
}

// previewBackfill shows what a backfill would do, and changes nothing.
func previewBackfill(v *view) error {
	h, err := v.operated()
	if err != nil {
		return err
	}
	form := v.r.PostForm
	r, err := v.backfillRequest(h.ID, form)
	if err != nil {
		return v.backfillForm(http.StatusUnprocessableEntity, form, nil, err.Error())
	}
	dates, err := v.overview.API().PlanBackfill(v.ctx(), r)
	if err != nil {
		return v.badBackfill(form, err)
	}
	return v.backfillForm(http.StatusOK, form, func(d *backfillData) {
		d.Total = len(dates)
		d.Cut, d.Dates = d.Total > mostDates, dates[:min(d.Total, mostDates)]
		n := map[string]int{}
		for _, x := range dates {
			n[string(x.Outcome)]++
		}
		for _, o := range outcomes {
			if n[o] > 0 {
				d.Counts = append(d.Counts, counted{v.say(words.Key("outcome." + o)), n[o]})
			}
		}
		if r.From.Before(v.now) && r.To.After(v.now) {
			d.Future = r.To
		}
		d.Asked = map[string]string{}
		for name := range backfillFields {
			d.Asked[name] = form.Get(name)
		}
		d.Asked["from_date"], d.Asked["to_date"] = r.From.Format(time.RFC3339), r.To.Format(time.RFC3339)
	}, "")
}

// outcomes are what may become of a date of a backfill.
var outcomes = []string{"created", "cleared", "in flight", "already exists"} //nolint:gochecknoglobals // a constant

// badBackfill shows the form again with what is wrong, if that is somebody's mistake.
func (v *view) badBackfill(form url.Values, err error) error {
	if problem := v.said(err); problem != "" {
		return v.backfillForm(failureOf(err).Status, form, nil, problem)
	}
	return err
}

// createBackfill makes a backfill, or shows the form again with what is wrong.
func createBackfill(v *view) error {
	h, err := v.operated()
	if err != nil {
		return err
	}
	r, err := v.backfillRequest(h.ID, v.r.PostForm)
	if err != nil {
		return v.backfillForm(http.StatusUnprocessableEntity, v.r.PostForm, nil, err.Error())
	}
	if _, err := v.overview.API().CreateBackfill(v.ctx(), r); err != nil {
		return v.badBackfill(v.r.PostForm, err)
	}
	http.Redirect(v.w, v.r, v.Link("dags", h.ID, "backfills"), http.StatusSeeOther) //nolint:gosec // a path of ours, escaped
	return nil
}

// setBackfill pauses a backfill, lets it run again, or cancels it.
func setBackfill(v *view) error {
	h, err := v.operated()
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(v.r.PathValue("backfill_id"), 10, 64)
	if err != nil {
		return errNoPage
	}
	b, err := v.overview.API().Backfill(v.ctx(), id)
	if err != nil {
		return err
	}
	if b.DAGID != h.ID { // whose it is is not for everybody to know
		return fmt.Errorf("no backfill %d of dag %q: %w", id, h.ID, api.ErrNotFound)
	}
	switch v.r.PostForm.Get("state") {
	case "paused":
		_, err = v.overview.API().SetBackfill(v.ctx(), id, "paused")
	case "running":
		_, err = v.overview.API().SetBackfill(v.ctx(), id, "running")
	case "cancelled":
		_, err = v.overview.API().SetBackfill(v.ctx(), id, "cancelled")
	default:
		return &refusedError{http.StatusUnprocessableEntity, "error.backfill_state", nil}
	}
	if err != nil {
		return err
	}
	return v.back(v.Link("dags", h.ID, "backfills"))
}
