package api

import (
	"context"
	"slices"
	"time"

	"github.com/dingdag/dingdag/api/waiting"
	"github.com/dingdag/dingdag/store"
)

// AlertContent is what a message says, without credentials.
type AlertContent struct {
	// Title is empty where the message has none.
	Title string `json:"title,omitempty"`
	Text  string `json:"text"`
	// Mentions are who is notified by it, of mobile numbers only the last four digits.
	Mentions []string `json:"mentions,omitempty"`
}

// AlertTry is one try to send a message. Moments are in UTC.
type AlertTry struct {
	Number    int                  `json:"number"`
	StartDate time.Time            `json:"start_date"`
	EndDate   time.Time            `json:"end_date"`
	Node      string               `json:"node"`
	Outcome   store.AttemptOutcome `json:"outcome"`
	// Code and HTTPStatus are those of the receiver's answer; empty and 0 without any.
	Code       string `json:"code,omitempty"`
	HTTPStatus int    `json:"http_status,omitempty"`
	// Message is the receiver's answer, or why it failed.
	Message string `json:"message"`
	// PartsTaken is how many parts the receiver took this time, Parts how many there are, 0 where that is
	// not known.
	PartsTaken int `json:"parts_taken"`
	Parts      int `json:"parts,omitempty"`
	// NextTry is when the next one may be; null for at once and for none.
	NextTry *time.Time `json:"next_try"`
}

// AlertDetails is all that is known of a message.
type AlertDetails struct {
	Alert
	// Content is null where nobody knows how to show it.
	Content *AlertContent `json:"content"`
	Tries   []AlertTry    `json:"tries"`
	// Members are the messages that it tells, ReplacedBy those that stand in for it, oldest first.
	Members    []Alert `json:"members,omitempty"`
	ReplacedBy []Alert `json:"replaced_by,omitempty"`
	// Wait is null for a message that does not wait.
	Wait *waiting.Wait `json:"wait"`
}

// AlertDetails is one message with all that is known of it. Its error wraps [ErrNotFound] when there is none.
func (a *API) AlertDetails(ctx context.Context, id int64) (*AlertDetails, error) {
	shown, err := a.Alert(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &AlertDetails{Alert: shown}
	d, err := a.o.Store.Delivery(ctx, id)
	if err != nil {
		return nil, err
	}
	if a.o.Content != nil {
		c, err := a.o.Content(d)
		if err != nil {
			return nil, err
		}
		c.Title, c.Text = a.o.Masker.Mask(c.Title), a.o.Masker.Mask(c.Text)
		out.Content = &c
	}
	tries, err := a.AlertTries(ctx, id)
	if err != nil {
		return nil, err
	}
	out.Tries = slices.Concat([]AlertTry{}, tries[id])
	if out.Members, err = a.linked(ctx, store.DeliveryFilter{DigestID: id}); err != nil {
		return nil, err
	}
	if out.ReplacedBy, err = a.linked(ctx, store.DeliveryFilter{StandsInFor: []int64{id}}); err != nil {
		return nil, err
	}
	if d.State == store.DeliveryWaiting {
		out.Wait, err = waiting.Of(ctx, a.o.Store, a.o.Clock(), d)
	}
	return out, err
}

// linked are the messages that match, oldest first.
func (a *API) linked(ctx context.Context, f store.DeliveryFilter) (out []Alert, err error) {
	mine, err := a.Only(ctx)
	if err != nil {
		return nil, err
	}
	f.DAGIDs = mine.Within(nil)
	ds, err := a.o.Store.DeliveryLog(ctx, f)
	for _, d := range slices.Backward(ds) {
		out = append(out, a.alertOf(d))
	}
	return out, err
}

// AlertTries are the tries of messages by their ids, oldest first.
func (a *API) AlertTries(ctx context.Context, ids ...int64) (map[int64][]AlertTry, error) {
	out := map[int64][]AlertTry{}
	if a.o.Store == nil {
		return out, nil
	}
	rows, err := a.o.Store.DeliveryAttempts(ctx, ids...)
	for _, r := range rows {
		out[r.DeliveryID] = append(out[r.DeliveryID], AlertTry{
			Number: r.Attempt, StartDate: r.At, EndDate: r.EndedAt, Node: r.Node, Outcome: r.Outcome, Code: r.Code, HTTPStatus: r.HTTPStatus,
			Message: a.o.Masker.Mask(r.Message), PartsTaken: r.PartsTaken, Parts: r.Parts, NextTry: optional(r.NextTry),
		})
	}
	return out, err
}

// AlertCounts is how many messages are in each state.
type AlertCounts map[store.DeliveryState]int

// AlertsOfRuns counts the messages about runs of a DAG, by run.
func (a *API) AlertsOfRuns(ctx context.Context, dagID string, runIDs ...string) (map[string]AlertCounts, error) {
	out := map[string]AlertCounts{}
	if a.o.Store == nil {
		return out, nil
	}
	counts, err := a.o.Store.CountDeliveriesOfRuns(ctx, dagID, runIDs...)
	for _, c := range counts {
		if out[c.RunID] == nil {
			out[c.RunID] = AlertCounts{}
		}
		out[c.RunID][c.State] = c.N
	}
	return out, err
}

// AlertsOf counts the messages about a run, or about a task in it unless that is empty.
func (a *API) AlertsOf(ctx context.Context, dagID, runID, taskID string) (AlertCounts, error) {
	if taskID == "" {
		all, err := a.AlertsOfRuns(ctx, dagID, runID)
		return all[runID], err
	}
	out := AlertCounts{}
	if a.o.Store == nil {
		return out, nil
	}
	rows, err := a.o.Store.DeliveryLog(ctx, store.DeliveryFilter{DAGID: dagID, RunID: runID, TaskID: taskID})
	for _, d := range rows {
		out[d.State]++
	}
	return out, err
}
