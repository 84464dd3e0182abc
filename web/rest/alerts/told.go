package alerts

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/told"
	"github.com/dingdag/dingdag/web/rest"
)

// ToldAlert is a message about something that went wrong, with what tells the same in its place.
type ToldAlert struct {
	Alert

	Delivered  bool       `json:"delivered" doc:"Whether it arrived, by itself or by another alert."`
	Digest     *Alert     `json:"digest" doc:"The alert that tells a folded one."`
	Instead    *ToldAlert `json:"instead" doc:"The alert in place of one that did not arrive."`
	Snooze     *Snooze    `json:"snooze" doc:"What keeps a silenced one back."`
	SummedUpBy *Alert     `json:"summed_up_by" doc:"The alert that told what a silence kept back."`
}

// Told is whether somebody was told of a run.
type Told struct {
	DagID    string  `json:"dag_id"`
	DagRunID *string `json:"dag_run_id" doc:"Null for ticks that started no run."`
	RunState *string `json:"run_state"`
	// Failed says that there was something to tell.
	Failed     bool        `json:"failed"`
	Told       bool        `json:"told" doc:"Whether a message about what went wrong was delivered."`
	Open       bool        `json:"open" doc:"Whether somebody may yet be told, by a message that has not come to its end."`
	Configured bool        `json:"configured" doc:"Whether a callback of the DAG or of a task in it is for failures."`
	Others     int         `json:"others" doc:"How many messages about other events there are."`
	Alerts     []ToldAlert `json:"alerts"`
}

// ToldCollection is that of some runs.
type ToldCollection struct {
	Told         []Told `json:"told"`
	TotalEntries int    `json:"total_entries"`
}

func toldAlertOf(x *told.Alert) ToldAlert {
	out := ToldAlert{Alert: alertOf(&x.Alert), Delivered: x.Delivered()}
	other := func(a *api.Alert) *Alert {
		if a == nil {
			return nil
		}
		return new(alertOf(a))
	}
	out.Digest, out.SummedUpBy = other(x.Digest), other(x.SummedUpBy)
	if x.Instead != nil {
		out.Instead = new(toldAlertOf(x.Instead))
	}
	if x.Silence != nil {
		out.Snooze = new(snoozeOf(x.Silence))
	}
	return out
}

func (c *calls) told(ctx context.Context, q told.Query) (*ToldCollection, error) {
	all, err := told.Was(ctx, c.o.API(ctx), q)
	if err != nil {
		return nil, err
	}
	out := &ToldCollection{Told: []Told{}, TotalEntries: len(all)}
	for i := range all {
		t := &all[i]
		one := Told{DagID: q.DAGID, Failed: t.Failed(), Told: t.Told, Open: t.Open(), Configured: t.Configured, Others: t.Others, Alerts: []ToldAlert{}}
		if t.Run != nil {
			one.DagRunID, one.RunState = &t.Run.RunID, new(string(t.Run.State))
		}
		for j := range t.Alerts {
			one.Alerts = append(one.Alerts, toldAlertOf(&t.Alerts[j]))
		}
		out.Told = append(out.Told, one)
	}
	return out, nil
}

func (c *calls) toldOfDAG(ctx context.Context, in *struct {
	DAGID  string     `path:"dag_id"`
	At     *rest.Time `query:"at" doc:"The runs that were due or ended in the minute of this moment, or else those at work then, or else the next one within a quarter of an hour; without it the newest run that failed."`
	TaskID string     `query:"task_id"`
	All    bool       `query:"all" doc:"Alerts of other events too: retries, successes, recoveries."`
},
) (*ToldCollection, error) {
	if err := c.o.Browse.NamedDAG(ctx, in.DAGID); err != nil {
		return nil, err
	}
	return c.told(ctx, told.Query{DAGID: in.DAGID, At: rest.OrZero(in.At).Truncate(time.Minute), TaskID: in.TaskID, All: in.All})
}

func (c *calls) toldOfRun(ctx context.Context, in *struct {
	DAGID    string `path:"dag_id"`
	DagRunID string `path:"dag_run_id"`
	TaskID   string `query:"task_id"`
	All      bool   `query:"all" doc:"Alerts of other events too: retries, successes, recoveries."`
},
) (*Told, error) {
	if _, err := c.o.Browse.Run(ctx, in.DAGID, in.DagRunID); err != nil {
		return nil, err
	}
	all, err := c.told(ctx, told.Query{DAGID: in.DAGID, RunID: in.DagRunID, TaskID: in.TaskID, All: in.All})
	if err != nil {
		return nil, err
	}
	return &all.Told[0], nil
}
