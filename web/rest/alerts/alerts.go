// Package alerts serves the calls about the messages of callbacks, which Airflow has not: what became of them, who was told, what
// people decide about them, and times in which they are silent.
package alerts

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
)

// Options are what the calls ask. All are required.
type Options struct {
	Browse *browse.Browser
	// API asks and changes for whoever is in a context.
	API func(context.Context) *api.API
	// Mask hides the rights of links in what messages say.
	Mask func(string) string
}

// calls are what the calls ask.
type calls struct {
	o   Options
	srv *rest.Server
}

// Routes adds the calls. Who is limited to some DAGs has the alerts of these alone.
func Routes(s *rest.Server, o Options) {
	c := &calls{o, s}
	get := func(id, path, summary string) rest.Operation {
		return rest.Operation{ID: id, Method: http.MethodGet, Path: path, Tag: "Alert", Summary: summary, Many: true}
	}
	post := func(id, path, summary string) rest.Operation {
		return rest.Operation{ID: id, Method: http.MethodPost, Path: path, Tag: "Alert", Summary: summary, Action: access.Operate, Many: true}
	}
	rest.Register(s, get("get_alerts", "/alerts", "The messages of callbacks, and what became of them"), c.list)
	rest.Register(s, get("check_alerts", "/alerts/check", "The alerts of which it is not sure that they were told to anyone"), c.check)
	rest.Register(s, get("get_alert", "/alerts/{alert_id}", "One alert: what it says, each sending, what it tells, why it waits"), c.get)
	rest.Register(s, post("ack_alerts", "/alerts/ack", "Say that alerts were seen"), c.ack)
	rest.Register(s, post("retry_alerts", "/alerts/retry", "Send alerts again that were refused, silenced or uncertain"), c.retry)
	rest.Register(s, post("drop_alerts", "/alerts/drop", "End alerts that wait or are uncertain"), c.drop)
	told := get("get_dag_told", "/dags/{dag_id}/told", "Whether somebody was told of the newest run that failed, or of the runs of a moment")
	told.Many = false
	rest.Register(s, told, c.toldOfDAG)
	told.ID, told.Path, told.Summary = "get_dag_run_told", "/dags/{dag_id}/dagRuns/{dag_run_id}/told", "Whether somebody was told of a run, and by which alerts"
	rest.Register(s, told, c.toldOfRun)
	c.snoozeRoutes(get, post)
}

// Alert is a message of a callback.
type Alert struct {
	AlertID int64  `json:"alert_id"`
	State   string `json:"state" enum:"waiting,sending,delivered,refused,uncertain,folded,silenced"`
	Channel string `json:"channel" doc:"What it is sent by, and to where. Messages of one channel leave one after another."`
	Summary string `json:"summary"`
	Event   string `json:"event" doc:"What happened, such as on_failure."`
	// The ids are null where it was nothing of a DAG, run or task.
	DagID       *string    `json:"dag_id"`
	DagRunID    *string    `json:"dag_run_id"`
	TaskID      *string    `json:"task_id"`
	MapIndex    *int       `json:"map_index" doc:"Null without a task, and -1 for one that is not mapped."`
	TryNumber   int        `json:"try_number"`
	Attempts    int        `json:"attempts" doc:"How often it was sent."`
	NextAttempt *rest.Time `json:"next_attempt" doc:"When one that waits is sent at the earliest; null for at once."`
	CreatedAt   rest.Time  `json:"created_at"`
	UpdatedAt   rest.Time  `json:"updated_at"`
	Receipt     *string    `json:"receipt" doc:"What the receiver answered."`
	Error       *string    `json:"error" doc:"Why it failed last, why it is silenced, or who dropped it."`
	Callback    *string    `json:"callback" doc:"The notifier that wrote it."`
	StandsInFor *int64     `json:"stands_in_for" doc:"The alert that it replaces."`
	DigestID    *int64     `json:"digest_id" doc:"The alert that tells a folded one."`
	NamedIn     *int64     `json:"named_in" doc:"The alert that told people that this one is uncertain."`
	SnoozeID    *int64     `json:"snooze_id" doc:"The silence that keeps it back."`
	AckedAt     *rest.Time `json:"acked_at" doc:"When somebody said that he has seen it."`
	AckedBy     *string    `json:"acked_by"`
	AckedNote   *string    `json:"acked_note"`
	Decisions   []string   `json:"decisions" doc:"What may be decided about it: retry, drop."`
}

func alertOf(a *api.Alert) Alert {
	out := Alert{
		AlertID: a.ID, State: string(a.State), Channel: a.Channel, Summary: a.Summary, Event: a.Event, DagID: rest.Some(a.DAGID), DagRunID: rest.Some(a.RunID), TaskID: rest.Some(a.TaskID),
		TryNumber: a.TryNumber, Attempts: a.Attempts, NextAttempt: rest.Moment(a.NextTry), CreatedAt: rest.At(a.CreatedAt), UpdatedAt: rest.At(a.UpdatedAt),
		Receipt: rest.Some(a.Receipt), Error: rest.Some(a.Error), Callback: rest.Some(a.Callback), StandsInFor: rest.Some(a.StandsInFor), DigestID: rest.Some(a.DigestID),
		NamedIn: rest.Some(a.NamedIn), SnoozeID: rest.Some(a.SilenceID), AckedAt: rest.Moment(a.AckedAt), AckedBy: rest.Some(a.AckedBy), AckedNote: rest.Some(a.AckedNote), Decisions: []string{},
	}
	if a.TaskID != "" {
		out.MapIndex = &a.MapIndex
	}
	for _, d := range a.Decisions {
		out.Decisions = append(out.Decisions, string(d))
	}
	return out
}

func alertsOf(all []api.Alert) []Alert {
	out := make([]Alert, len(all))
	for i := range all {
		out[i] = alertOf(&all[i])
	}
	return out
}

// AlertCollection is a page of alerts.
type AlertCollection struct {
	Alerts       []Alert `json:"alerts"`
	TotalEntries int     `json:"total_entries"`
}

// which selects alerts by a query.
type which struct {
	State       rest.Filter `query:"state" enum:"waiting,sending,delivered,refused,uncertain,folded,silenced"`
	Channel     string      `query:"channel" doc:"What they are sent by, such as dingding:ops."`
	Robot       string      `query:"robot" doc:"The connection of the robot to which they go; short for the channel."`
	DagID       string      `query:"dag_id"`
	DagRunID    string      `query:"dag_run_id"`
	TaskID      string      `query:"task_id"`
	DigestID    int64       `query:"digest_id" minimum:"0" doc:"Those that this alert tells."`
	StandsInFor int64       `query:"stands_in_for" minimum:"0" doc:"Those in place of this alert."`
	Unacked     bool        `query:"unacked" doc:"Those of which nobody has said that he has seen them."`
	Since       *rest.Time  `query:"since" doc:"Those written at or after this moment."`
	Until       *rest.Time  `query:"until" doc:"Those written before this moment."`
}

// choice selects alerts, however it came.
type choice struct {
	states                               []string
	channel, robot, dagID, runID, taskID string
	since, until                         *rest.Time
}

// query is what a choice selects. A DAG that it names must be one that whoever asks may act on.
func (c *calls) query(ctx context.Context, f choice, action access.Action) (api.AlertQuery, error) {
	q := api.AlertQuery{Channel: f.channel, DAGID: f.dagID, RunID: f.runID, TaskID: f.taskID, Since: rest.OrZero(f.since), Until: rest.OrZero(f.until)}
	if f.robot != "" {
		if f.channel != "" {
			return q, rest.BadRequest("robot and channel: give one of them")
		}
		q.Robot = f.robot
	}
	for _, s := range api.AlertStates() {
		if slices.Contains(f.states, string(s)) {
			q.States = append(q.States, s)
		}
	}
	if f.dagID == "" {
		return q, nil
	}
	return q, c.srv.May(ctx, action, f.dagID)
}

func (c *calls) list(ctx context.Context, in *struct {
	rest.Page
	which

	Order rest.Order `query:"order_by" order:"alert_id" default:"-alert_id"`
},
) (*AlertCollection, error) {
	q, err := c.query(ctx, choice{in.State, in.Channel, in.Robot, in.DagID, in.DagRunID, in.TaskID, in.Since, in.Until}, access.Read)
	if err != nil {
		return nil, err
	}
	q.DigestID, q.StandsInFor, q.Unacked, q.Oldest = in.DigestID, in.StandsInFor, in.Unacked, !in.Order[0].Desc
	p := in.Of(in.Order)
	q.Page = api.Page{Limit: max(p.Limit, 1), Offset: p.Offset, Count: true} // an API's limit of 0 is all
	found, err := c.o.API(ctx).Alerts(ctx, q)
	if err != nil {
		return nil, c.unknown(ctx, in.DagID, err)
	}
	return &AlertCollection{alertsOf(found.Items[:min(p.Limit, len(found.Items))]), found.Total}, nil
}

// unknown is an error about a DAG, which says so if there is none.
func (c *calls) unknown(ctx context.Context, dagID string, err error) error {
	if err == nil || dagID == "" {
		return err
	}
	return cmp.Or(c.o.Browse.NamedDAG(ctx, dagID), err)
}

// missing is an error about something with a number, which says if there is nothing that whoever asks may see.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, api.ErrNotFound) {
		return rest.NotFound(format, args...)
	}
	return err
}

// noAlert is an error about an alert.
func noAlert(err error, id int64) error {
	return missing(err, "no alert %d: alerts has those that there are", id)
}

// AlertContent is what a message says.
type AlertContent struct {
	Title    *string  `json:"title"`
	Text     string   `json:"text"`
	Mentions []string `json:"mentions" doc:"Who is notified by it; of mobile numbers only the last four digits."`
}

// AlertAttempt is one sending of a message.
type AlertAttempt struct {
	AttemptNumber int        `json:"attempt_number"`
	StartDate     rest.Time  `json:"start_date"`
	EndDate       rest.Time  `json:"end_date"`
	Outcome       string     `json:"outcome"`
	Code          *string    `json:"code" doc:"That of the receiver's answer."`
	HTTPStatus    *int       `json:"http_status"`
	Message       string     `json:"message" doc:"The receiver's answer, or why it failed."`
	PartsTaken    int        `json:"parts_taken"`
	Parts         *int       `json:"parts" doc:"How many there are; null where that is not known."`
	NextAttempt   *rest.Time `json:"next_attempt"`
}

// AlertWait is why a message waits.
type AlertWait struct {
	Reason  string     `json:"reason"`
	Until   *rest.Time `json:"until"`
	Waiting int        `json:"waiting" doc:"How many wait in its channel, itself among them."`
}

// AlertDetails is all that is known of a message.
type AlertDetails struct {
	Alert

	Content     *AlertContent  `json:"content" doc:"Null where nobody knows how to show it."`
	AttemptList []AlertAttempt `json:"attempt_list"`
	Members     []Alert        `json:"members" doc:"The alerts that it tells."`
	ReplacedBy  []Alert        `json:"replaced_by" doc:"The alerts that stand in for it."`
	Wait        *AlertWait     `json:"wait" doc:"Null unless it waits."`
}

func (c *calls) get(ctx context.Context, in *struct {
	ID int64 `path:"alert_id"`
},
) (*AlertDetails, error) {
	d, err := c.o.API(ctx).AlertDetails(ctx, in.ID)
	if err != nil {
		return nil, noAlert(err, in.ID)
	}
	out := &AlertDetails{Alert: alertOf(&d.Alert), AttemptList: []AlertAttempt{}, Members: alertsOf(d.Members), ReplacedBy: alertsOf(d.ReplacedBy)}
	if d.Content != nil {
		out.Content = &AlertContent{rest.Some(c.o.Mask(d.Content.Title)), c.o.Mask(d.Content.Text), append([]string{}, d.Content.Mentions...)}
	}
	for _, t := range d.Tries {
		out.AttemptList = append(out.AttemptList, AlertAttempt{
			t.Number, rest.At(t.StartDate), rest.At(t.EndDate), string(t.Outcome), rest.Some(t.Code), rest.Some(t.HTTPStatus), c.o.Mask(t.Message), t.PartsTaken, rest.Some(t.Parts), rest.Moment(t.NextTry),
		})
	}
	if d.Wait != nil {
		out.Wait = &AlertWait{d.Wait.Why, rest.Moment(d.Wait.Until), d.Wait.Waiting}
	}
	return out, nil
}

// AlertProblem is an alert of which it is not sure that it was told to anyone.
type AlertProblem struct {
	Alert

	Problem string `json:"problem"`
}

// AlertCheck has those that need a person.
type AlertCheck struct {
	Problems     []AlertProblem `json:"problems"`
	TotalEntries int            `json:"total_entries"`
	KeptBack     int            `json:"kept_back" doc:"How many successes and retries were refused because the quota of their robot is kept for failures."`
}

// checkedSince is how far back alerts are looked at unless somebody says so.
const checkedSince = 24 * time.Hour

func (c *calls) check(ctx context.Context, in *struct {
	rest.Page

	Since *rest.Time `query:"since" doc:"Those written at or after this moment; by default in the last 24 hours. Those that have waited for 10 minutes are there whenever they were written."`
},
) (*AlertCheck, error) {
	since := c.srv.Clock().Add(-checkedSince)
	if in.Since != nil {
		since = in.Since.Time
	}
	if since.After(c.srv.Clock()) {
		return nil, rest.Invalid(rest.ValueError("since must be in the past", in.Since.String(), "query", "since"))
	}
	since = since.Truncate(time.Millisecond)
	ask := c.o.API(ctx)
	found, err := ask.CheckAlerts(ctx, since)
	if err != nil {
		return nil, err
	}
	out := &AlertCheck{Problems: []AlertProblem{}}
	if out.KeptBack, err = ask.KeptBack(ctx, since); err != nil {
		return nil, err
	}
	for _, p := range rest.Cut(in.Page, found) {
		out.Problems = append(out.Problems, AlertProblem{alertOf(&p.Alert), p.Problem})
	}
	out.TotalEntries = len(found)
	return out, nil
}
