package alerts

import (
	"context"
	"slices"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/web/rest"
)

// mostDecided is how many alerts one call decides about at most.
const mostDecided = 1000

// AckBody says which alerts were seen.
type AckBody struct {
	AlertIDs []int64  `json:"alert_ids" nullable:"true"`
	DagID    *string  `json:"dag_id"`
	DagRunID *string  `json:"dag_run_id"`
	TaskID   *string  `json:"task_id"`
	DigestID *int64   `json:"digest_id" minimum:"1"`
	States   []string `json:"states" nullable:"true" enum:"waiting,sending,delivered,refused,uncertain,folded,silenced"`
	Note     *string  `json:"note" maxLength:"1000"`
	DryRun   bool     `json:"dry_run" default:"false"`
}

// AckResponse is how many alerts are acknowledged now that were not, or would be.
type AckResponse struct {
	Acked  int  `json:"acked"`
	DryRun bool `json:"dry_run"`
}

func (c *calls) ack(ctx context.Context, in *struct{ Body AckBody }) (*AckResponse, error) {
	b := &in.Body
	if len(b.AlertIDs) == 0 && rest.OrEmpty(b.DagID) == "" && b.DigestID == nil {
		return nil, rest.BadRequest("which alerts were seen? Name some in alert_ids, or give dag_id or digest_id")
	}
	q, err := c.chosen(ctx, b.AlertIDs, choice{states: b.States, dagID: rest.OrEmpty(b.DagID), runID: rest.OrEmpty(b.DagRunID), taskID: rest.OrEmpty(b.TaskID)})
	if err != nil {
		return nil, err
	}
	if b.DigestID != nil {
		q.DigestID = *b.DigestID
	}
	out := &AckResponse{DryRun: b.DryRun}
	if b.DryRun {
		q.Unacked, q.Page = true, api.Page{Limit: 1, Count: true}
		found, err := c.o.API(ctx).Alerts(ctx, q)
		if err != nil {
			return nil, c.unknown(ctx, q.DAGID, err)
		}
		out.Acked = found.Total
		return out, nil
	}
	out.Acked, err = c.o.API(ctx).AckAlerts(ctx, q, rest.OrEmpty(b.Note))
	return out, err
}

// chosen is a query of alerts that are to be changed. Each that is named must be there.
func (c *calls) chosen(ctx context.Context, ids []int64, f choice) (api.AlertQuery, error) {
	q, err := c.query(ctx, f, access.Operate)
	if err != nil {
		return q, err
	}
	if len(ids) > mostDecided {
		return q, rest.BadRequest("alert_ids: at most %d, not %d", mostDecided, len(ids))
	}
	for _, id := range ids {
		if _, err := c.o.API(ctx).Alert(ctx, id); err != nil {
			return q, noAlert(err, id)
		}
	}
	q.IDs = ids
	return q, nil
}

// DecideBody says about which alerts something is decided: those with some ids, or those that the other fields select.
type DecideBody struct {
	AlertIDs []int64    `json:"alert_ids" nullable:"true"`
	DagID    *string    `json:"dag_id"`
	DagRunID *string    `json:"dag_run_id"`
	TaskID   *string    `json:"task_id"`
	Channel  *string    `json:"channel"`
	Robot    *string    `json:"robot"`
	States   []string   `json:"states" nullable:"true" enum:"waiting,refused,uncertain,silenced"`
	Since    *rest.Time `json:"since" zone:"true"`
	Until    *rest.Time `json:"until" zone:"true"`
	DryRun   bool       `json:"dry_run" default:"false"`
}

// RefusedDecision is an alert about which nothing was decided, and why not.
type RefusedDecision struct {
	AlertID int64  `json:"alert_id"`
	Detail  string `json:"detail"`
}

// DecideResponse is what became of it.
type DecideResponse struct {
	Alerts  []Alert           `json:"alerts" doc:"Those about which it was decided, or would be."`
	Refused []RefusedDecision `json:"refused"`
	DryRun  bool              `json:"dry_run"`
	// The others are those that the fields select and that are left out.
	Told     []int64 `json:"told" doc:"Left out, since another alert tells them; their ids in alert_ids send them all the same."`
	StandIns []int64 `json:"stand_ins" doc:"Left out, since what they stand in for is sent again itself."`
	Closed   []int64 `json:"closed" doc:"Left out, since their state does not permit it."`
}

func (c *calls) retry(ctx context.Context, in *struct{ Body DecideBody }) (*DecideResponse, error) {
	return c.decide(ctx, &in.Body, api.RetryAlert, "refused")
}

func (c *calls) drop(ctx context.Context, in *struct{ Body DecideBody }) (*DecideResponse, error) {
	return c.decide(ctx, &in.Body, api.DropAlert, "waiting")
}

// decide decides about alerts. A state is the one of those that fields select unless they say so.
func (c *calls) decide(ctx context.Context, b *DecideBody, what api.AlertDecision, standard string) (*DecideResponse, error) {
	f := choice{b.States, rest.OrEmpty(b.Channel), rest.OrEmpty(b.Robot), rest.OrEmpty(b.DagID), rest.OrEmpty(b.DagRunID), rest.OrEmpty(b.TaskID), b.Since, b.Until}
	selects := f.channel+f.robot+f.dagID+f.runID+f.taskID != "" || len(f.states) > 0 || f.since != nil || f.until != nil
	switch {
	case len(b.AlertIDs) > 0 && selects:
		return nil, rest.BadRequest("alert_ids: give these, or the fields that select alerts, not both")
	case len(b.AlertIDs) == 0 && !selects:
		return nil, rest.BadRequest("which alerts? Name some in alert_ids, or select some, for instance by robot or since")
	case len(f.states) == 0 && selects:
		f.states = []string{standard}
	}
	q, err := c.chosen(ctx, b.AlertIDs, f)
	if err != nil {
		return nil, err
	}
	ask := c.o.API(ctx)
	out := &DecideResponse{Alerts: []Alert{}, Refused: []RefusedDecision{}, DryRun: b.DryRun, Told: []int64{}, StandIns: []int64{}, Closed: []int64{}}
	var open []api.Alert
	if selects {
		found, err := ask.Undecided(ctx, q, what)
		if err != nil {
			return nil, c.unknown(ctx, q.DAGID, err)
		}
		if n := len(found.Open); n > mostDecided {
			return nil, rest.BadRequest("%d alerts are selected, of which one call takes %d: select fewer, for instance by since and until", n, mostDecided)
		}
		open, out.Told, out.StandIns, out.Closed = found.Open, ids(found.Told), ids(found.StandIns), ids(found.Closed)
	}
	for _, id := range b.AlertIDs {
		x, err := ask.Alert(ctx, id)
		if err != nil {
			return nil, err
		}
		open = append(open, x)
	}
	var last error
	for _, x := range open {
		if b.DryRun {
			if slices.Contains(x.Decisions, what) {
				out.Alerts = append(out.Alerts, alertOf(&x))
			} else {
				out.Closed = append(out.Closed, x.ID)
			}
			continue
		}
		now, err := ask.DecideAlert(ctx, x.ID, what)
		switch said := rest.ErrorOf(err); {
		case err == nil:
			out.Alerts = append(out.Alerts, alertOf(&now))
		case said == nil: // nobody who asks can do anything about it
			return nil, err
		default:
			last = err
			out.Refused = append(out.Refused, RefusedDecision{x.ID, err.Error()})
		}
	}
	if len(out.Alerts) == 0 && len(open) == 1 && last != nil {
		return nil, last
	}
	return out, nil
}

func ids(all []api.Alert) []int64 {
	out := make([]int64, len(all))
	for i := range all {
		out[i] = all[i].ID
	}
	return out
}
