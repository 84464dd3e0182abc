package alerts

import (
	"context"
	"strconv"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/web/rest"
)

// snoozeRoutes adds the calls about silence.
func (c *calls) snoozeRoutes(get, post func(id, path, summary string) rest.Operation) {
	snooze := func(op rest.Operation) rest.Operation {
		op.Tag = "Snooze"
		return op
	}
	rest.Register(c.srv, snooze(get("get_snoozes", "/snoozes", "Times in which alerts are silent")), c.snoozes)
	rest.Register(c.srv, snooze(get("get_snooze", "/snoozes/{snooze_id}", "One of these")), c.snooze)
	rest.Register(c.srv, snooze(post("post_snooze", "/snoozes", "Silence alerts from now on until a moment")), c.make)
	rest.Register(c.srv, snooze(post("end_snooze", "/snoozes/{snooze_id}/end", "End a snooze now")), c.end)
}

// Snooze is a time in which some alerts are silent.
type Snooze struct {
	SnoozeID int64      `json:"snooze_id"`
	Kind     string     `json:"kind" doc:"snooze for one that somebody made; maintenance for one of the settings, double for alerts that say the same."`
	What     string     `json:"what" doc:"What it is of, in words."`
	DagIDs   []string   `json:"dag_ids" doc:"Ids or patterns of DAGs; none stands for all."`
	TaskID   *string    `json:"task_id"`
	Robots   []string   `json:"robots" doc:"Connections; none stands for all."`
	Urgent   bool       `json:"urgent" doc:"Whether it silences urgent alerts too."`
	Since    rest.Time  `json:"since"`
	Until    rest.Time  `json:"until"`
	Reason   *string    `json:"reason"`
	MadeBy   *string    `json:"made_by"`
	EndedBy  *string    `json:"ended_by"`
	ToldBy   *int64     `json:"told_by" doc:"The alert that told what doubles say."`
	Silenced int        `json:"silenced" doc:"How many alerts it keeps back."`
	SummedUp *rest.Time `json:"summed_up" doc:"When people were told what it kept back."`
	Warnings []string   `json:"warnings" doc:"What could not be checked of one that was just made."`
}

func snoozeOf(s *api.Silence) Snooze {
	return Snooze{
		SnoozeID: s.ID, Kind: string(s.Kind), What: s.What, DagIDs: s.DAGs, TaskID: rest.Some(s.TaskID), Robots: s.Robots, Urgent: s.Urgent, Since: rest.At(s.Since), Until: rest.At(s.Until),
		Reason: rest.Some(s.Reason), MadeBy: rest.Some(s.By), EndedBy: rest.Some(s.EndedBy), ToldBy: rest.Some(s.ToldBy), Silenced: s.Silenced, SummedUp: rest.Moment(s.SummedUp), Warnings: append([]string{}, s.Warnings...),
	}
}

// SnoozeCollection is a page of them.
type SnoozeCollection struct {
	Snoozes      []Snooze `json:"snoozes"`
	TotalEntries int      `json:"total_entries"`
}

func (c *calls) snoozes(ctx context.Context, in *struct {
	rest.Page

	All   bool   `query:"all" doc:"Those that are over too."`
	DagID string `query:"dag_id" doc:"Those of this DAG alone."`
},
) (*SnoozeCollection, error) {
	if in.DagID != "" {
		if err := c.srv.May(ctx, access.Read, in.DagID); err != nil {
			return nil, err
		}
	}
	all, err := c.o.API(ctx).Silences(ctx, in.All, 0)
	if err != nil {
		return nil, err
	}
	found := []Snooze{}
	for i := range all {
		if in.DagID == "" || api.SoleDAG(all[i].DAGs) == in.DagID {
			found = append(found, snoozeOf(&all[i]))
		}
	}
	return &SnoozeCollection{rest.Cut(in.Page, found), len(found)}, nil
}

// silence is the one with a number.
func (c *calls) silence(ctx context.Context, id int64) (api.Silence, error) {
	s, err := c.o.API(ctx).Silence(ctx, id)
	return s, missing(err, "no snooze %d: snoozes has those that there are", id)
}

func (c *calls) snooze(ctx context.Context, in *struct {
	ID int64 `path:"snooze_id"`
},
) (*Snooze, error) {
	s, err := c.silence(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return new(snoozeOf(&s)), nil
}

// SnoozeBody is a new snooze.
type SnoozeBody struct {
	DagID  *string   `json:"dag_id" doc:"A DAG, or a pattern of ids."`
	TaskID *string   `json:"task_id"`
	Robot  *string   `json:"robot" doc:"The connection through which alerts leave."`
	All    bool      `json:"all" default:"false" doc:"That all alerts are meant, where there is neither DAG nor robot."`
	Urgent bool      `json:"urgent" default:"false" doc:"That urgent alerts are silent too."`
	Until  rest.Time `json:"until" required:"true" zone:"true"`
	Reason *string   `json:"reason" maxLength:"1000"`
}

func (c *calls) make(ctx context.Context, in *struct{ Body SnoozeBody }) (*Snooze, error) {
	b := &in.Body
	of := ""
	if id := rest.OrEmpty(b.DagID); id != "" {
		of = api.SoleDAG([]string{id})
	}
	if err := c.srv.May(ctx, access.Operate, of); err != nil {
		return nil, err
	}
	s, err := c.o.API(ctx).Snooze(ctx, api.Snooze{DAGID: rest.OrEmpty(b.DagID), TaskID: rest.OrEmpty(b.TaskID), Robot: rest.OrEmpty(b.Robot), All: b.All, Urgent: b.Urgent, Until: b.Until.Time, Reason: rest.OrEmpty(b.Reason)})
	if err != nil {
		return nil, c.unknown(ctx, of, err)
	}
	return new(snoozeOf(&s)), nil
}

// end ends a snooze now. One that is over is over, as was asked for.
func (c *calls) end(ctx context.Context, in *struct {
	ID int64 `path:"snooze_id"`
},
) (*Snooze, error) {
	s, err := c.silence(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if s.Kind != "snooze" {
		return nil, rest.Conflict("silence %d is of the kind %s, which nobody can end: only snoozes", s.ID, s.Kind)
	}
	if s.Until.After(c.srv.Clock()) {
		if _, err := c.o.API(ctx).Unsnooze(ctx, strconv.FormatInt(in.ID, 10)); err != nil {
			return nil, err
		}
		if s, err = c.o.API(ctx).Silence(ctx, in.ID); err != nil {
			return nil, err
		}
	}
	return new(snoozeOf(&s)), nil
}
