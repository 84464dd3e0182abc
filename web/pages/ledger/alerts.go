package ledger

import (
	"errors"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/web/pages/page"
)

// alertsData is a list of alerts.
type alertsData struct {
	Rows  []alertRow
	Older string
	// States are those to choose from; the others are the filters as they were sent.
	States                []string
	State, DAGID, Channel string
	Since, Until, Before  string
	Unacked, Filtered     bool
	// Acks says that some of the rows can be acknowledged.
	Acks bool
}

// alertRow is an alert with what whoever asks may do about it.
type alertRow struct {
	api.Alert

	Acks, Retries bool
	// Run says that its run is there: alerts are kept for longer.
	Run bool
}

// Tag is the class of its state.
func (a alertRow) Tag() string { return tag(a.Alert) }

// tag is the class of the state of an alert.
func tag(a api.Alert) string {
	switch string(a.State) {
	case "delivered":
		return "ok"
	case "refused":
		return "bad"
	case "uncertain":
		return "warn"
	default:
		return ""
	}
}

func (l *Ledger) showAlerts(r page.Request) error {
	f := r.HTTP().URL.Query()
	d := alertsData{
		States: names(api.AlertStates()), State: f.Get("state"), DAGID: strings.TrimSpace(f.Get("dag_id")), Channel: strings.TrimSpace(f.Get("channel")),
		Since: f.Get("since"), Until: f.Get("until"), Before: f.Get("before"), Unacked: f.Get("unacked") != "",
	}
	q := api.AlertQuery{DAGID: d.DAGID, RunID: f.Get("run_id"), TaskID: f.Get("task_id"), Channel: d.Channel, Unacked: d.Unacked}
	var err error
	if q.States, err = oneOf(d.State, api.AlertStates()); err != nil {
		return err
	}
	if q.Since, err = page.Moment(r, d.Since); err != nil {
		return err
	}
	if q.Until, err = page.Moment(r, d.Until); err != nil {
		return err
	}
	if d.DAGID != "" {
		if err := l.named(r, d.DAGID, l.sees); err != nil {
			return err
		}
	}
	d.Filtered = d.State+d.DAGID+d.Channel+d.Since+d.Until+q.RunID+q.TaskID != "" || d.Unacked
	sees, err := l.sees(r)
	if err != nil {
		return err
	}
	ctx, ask := r.HTTP().Context(), l.ask(r)
	all, older, err := page.Scan(perPage, d.Before, func(p api.Page) (api.List[api.Alert], error) {
		q.Page = p
		return ask.Alerts(ctx, q)
	}, func(a api.Alert) int64 { return a.ID }, func(a api.Alert) (bool, error) { return sees.Has(ctx, a.DAGID) })
	if err != nil {
		return err
	}
	d.Older = older
	for _, a := range all {
		row, err := l.row(r, a)
		if err != nil {
			return err
		}
		d.Rows = append(d.Rows, row)
		d.Acks = d.Acks || row.Acks
	}
	return r.Show(page.Head{Name: "ledger_alerts", Nav: "alerts", Title: r.Say("alerts.title"), Live: true}, d)
}

// row is an alert with what whoever asks may do about it.
func (l *Ledger) row(r page.Request, a api.Alert) (alertRow, error) {
	operates, err := l.operates(r)
	if err != nil {
		return alertRow{}, err
	}
	ctx := r.HTTP().Context()
	may, err := operates.Has(ctx, a.DAGID)
	if err != nil {
		return alertRow{}, err
	}
	row := alertRow{Alert: a, Acks: may && a.AckedAt == nil, Retries: may && slices.Contains(a.Decisions, api.RetryAlert)}
	if a.RunID != "" {
		_, err := l.ask(r).Run(ctx, a.DAGID, a.RunID)
		if err != nil && !errors.Is(err, api.ErrNotFound) {
			return alertRow{}, err
		}
		row.Run = err == nil
	}
	return row, nil
}

// alertData is one alert.
type alertData struct {
	alertRow

	Details *api.AlertDetails
	// Drops says that it may be dropped, Snoozes that its DAG may be silenced.
	Drops, Snoozes bool
	// Members and ReplacedBy are those of the details that whoever asks may see.
	Members, ReplacedBy []alertRow
}

// alert is that of the path, for somebody who may see it.
func (l *Ledger) alert(r page.Request) (api.Alert, error) {
	id, err := page.Number(r.HTTP().PathValue("alert_id"))
	if err != nil {
		return api.Alert{}, err
	}
	a, err := l.ask(r).Alert(r.HTTP().Context(), id)
	if err != nil {
		return a, l.hide(r, err)
	}
	return a, must(r, a.DAGID, l.sees)
}

// hide keeps from those who see some DAGs alone which numbers there are.
func (l *Ledger) hide(r page.Request, err error) error {
	if r.Who().Sees != nil && r.Mistake(err) != "" {
		return page.Forbidden()
	}
	return err
}

func (l *Ledger) showAlert(r page.Request) error {
	a, err := l.alert(r)
	if err != nil {
		return err
	}
	d := alertData{}
	if d.alertRow, err = l.row(r, a); err != nil {
		return err
	}
	if may := must(r, a.DAGID, l.operates); may == nil {
		d.Drops, d.Snoozes = slices.Contains(a.Decisions, api.DropAlert), a.DAGID != ""
	}
	if d.Details, err = l.ask(r).AlertDetails(r.HTTP().Context(), a.ID); err != nil {
		return err
	}
	for _, list := range []struct {
		from []api.Alert
		to   *[]alertRow
	}{{d.Details.Members, &d.Members}, {d.Details.ReplacedBy, &d.ReplacedBy}} {
		for _, m := range list.from {
			if must(r, m.DAGID, l.sees) != nil {
				continue
			}
			row, err := l.row(r, m)
			if err != nil {
				return err
			}
			*list.to = append(*list.to, row)
		}
	}
	return r.Show(page.Head{Name: "ledger_alert", Nav: "alerts", Title: r.Say("alerts.one", a.ID), Live: true}, d)
}

// decide sends an alert again, or drops it.
func (l *Ledger) decide(r page.Request) error {
	a, err := l.alert(r)
	if err != nil {
		return err
	}
	if err := must(r, a.DAGID, l.operates); err != nil {
		return err
	}
	what := api.AlertDecision(r.HTTP().PostForm.Get("decision"))
	if what != api.RetryAlert && what != api.DropAlert {
		return page.Wrong("error.word")
	}
	if _, err := l.ask(r).DecideAlert(r.HTTP().Context(), a.ID, what); err != nil {
		return err
	}
	return r.Go(r.Link("alerts", a.ID))
}

// maxNote is how long a note may be, in bytes.
const maxNote = 1000

// ackAlerts notes that whoever asks has seen the alerts that the form names.
func (l *Ledger) ackAlerts(r page.Request) error {
	form, ctx := r.HTTP().PostForm, r.HTTP().Context()
	ids := form["alert_id"]
	if len(ids) == 0 || len(ids) > scannedMost {
		return page.Wrong("error.ack_none")
	}
	note := strings.TrimSpace(form.Get("note"))
	if len(note) > maxNote {
		return page.Wrong("error.note")
	}
	var q api.AlertQuery
	for _, text := range ids {
		id, err := page.Number(text)
		if err != nil {
			return err
		}
		a, err := l.ask(r).Alert(ctx, id)
		if err != nil {
			return l.hide(r, err)
		}
		if err := must(r, a.DAGID, l.sees, l.operates); err != nil {
			return err
		}
		q.IDs = append(q.IDs, id)
	}
	if _, err := l.ask(r).AckAlerts(ctx, q, note); err != nil {
		return err
	}
	if len(q.IDs) == 1 && form.Get("list") == "" {
		return r.Go(r.Link("alerts", q.IDs[0]))
	}
	return r.Go(r.Link("alerts"))
}

// scannedMost is how many alerts a form may name.
const scannedMost = 200
