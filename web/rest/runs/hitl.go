package runs

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/object"
)

// askRoutes adds the calls about what tasks ask people.
func (c *calls) askRoutes(s *rest.Server, get, operate func(id, path string) rest.Operation) {
	rest.Register(s, get("get_hitl_details", dagRun+"/hitlDetails"), c.asks)
	rest.Register(s, get("get_hitl_detail", mapped+"/hitlDetails"), c.ask)
	rest.Register(s, get("get_hitl_detail_try_detail", mapped+"/hitlDetails/tries/{try_number}"), c.askOfTry)
	answer := operate("update_hitl_detail", mapped+"/hitlDetails")
	answer.Method = http.MethodPatch
	rest.Register(s, answer, c.answer)
}

// HITLUser is somebody who may answer, or has.
type HITLUser struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// HITLBase is what a task asks, be it in its last try or in an old one.
type HITLBase struct {
	Options         []string    `json:"options"`
	Subject         string      `json:"subject"`
	Body            *string     `json:"body"`
	Defaults        []string    `json:"defaults" nullable:"true"`
	Multiple        bool        `json:"multiple"`
	Params          rest.Object `json:"params"`
	AssignedUsers   []HITLUser  `json:"assigned_users"`
	CreatedAt       rest.Time   `json:"created_at"`
	RespondedByUser *HITLUser   `json:"responded_by_user"`
	RespondedAt     *rest.Time  `json:"responded_at"`
	ChosenOptions   []string    `json:"chosen_options" nullable:"true"`
	ParamsInput     rest.Any    `json:"params_input"`
	Received        bool        `json:"response_received"`
}

// HITLDetail is what a task instance asks.
type HITLDetail struct {
	HITLBase

	TaskInstance object.TaskInstance `json:"task_instance"`
}

// HITLDetailHistory is what a try of a task instance asked.
type HITLDetailHistory struct {
	HITLBase

	TaskInstance object.TaskInstanceHistory `json:"task_instance"`
}

// HITLDetailCollection is a page of what tasks ask.
type HITLDetailCollection struct {
	HITLDetails  []HITLDetail `json:"hitl_details"`
	TotalEntries int          `json:"total_entries"`
}

// askOf is what a task asks as it is answered. One that nobody needs to answer any more has no response.
func askOf(of *browse.Ask) HITLBase {
	a := asks.Of(of.Ask)
	out := HITLBase{
		Options: a.Options, Subject: a.Subject, Multiple: a.Multiple, Params: rest.Object{}, AssignedUsers: []HITLUser{}, CreatedAt: rest.At(a.CreatedAt),
		ParamsInput: rest.Any("{}"), Received: a.Answered(),
	}
	if a.Body != "" {
		out.Body = &a.Body
	}
	if len(a.Defaults) > 0 {
		out.Defaults = a.Defaults
	}
	for _, p := range a.Params {
		param := map[string]any{"value": p.Value, "description": optional(p.Description), "schema": p.Schema}
		if p.Schema == nil {
			param["schema"] = rest.Object{}
		}
		out.Params[p.Name] = param
	}
	for _, p := range a.Assigned {
		out.AssignedUsers = append(out.AssignedUsers, HITLUser{p.ID, p.Name})
	}
	if !out.Received {
		return out
	}
	out.RespondedAt, out.ChosenOptions, out.ParamsInput = rest.Moment(a.SettledAt), a.Chosen, a.Input
	if p := a.RespondedBy; p != nil {
		out.RespondedByUser = &HITLUser{p.ID, p.Name}
	}
	return out
}

func (c *calls) asks(ctx context.Context, in *struct {
	rest.Page
	named

	DAGIDPattern rest.Pattern   `query:"dag_id_pattern"`
	TaskID       string         `query:"task_id"`
	TaskPattern  rest.Pattern   `query:"task_id_pattern"`
	MapIndex     *int           `query:"map_index"`
	State        rest.Filter    `query:"state" enum:"removed,scheduled,queued,running,success,restarting,failed,up_for_retry,up_for_reschedule,upstream_failed,skipped,deferred,no_status,none"`
	Received     *bool          `query:"response_received"`
	ByID         []string       `query:"responded_by_user_id"`
	ByName       []string       `query:"responded_by_user_name"`
	Subject      rest.Pattern   `query:"subject_search"`
	Text         rest.Pattern   `query:"body_search"`
	CreatedAt    rest.TimeRange `query:"created_at"`
	Order        rest.Order     `query:"order_by" order:"ti_id,subject,responded_at,created_at,responded_by_user_id,responded_by_user_name,dag_id,run_id,task_display_name,run_after,rendered_map_index,task_instance_operator,task_instance_state" default:"ti_id"`
},
) (*HITLDetailCollection, error) {
	if err := c.check(ctx, in.DAGID, in.DagRunID); err != nil {
		return nil, err
	}
	f := browse.AskFilter{
		TaskIDLike: in.TaskPattern.Like(), MapIndex: in.MapIndex, States: stored(in.State), Answered: in.Received, ByID: some(in.ByID), ByName: some(in.ByName),
		Subject: in.Subject.Like(), BodyLike: in.Text.Like(), CreatedAt: in.CreatedAt,
	}
	f.Runs = browse.RunFilter{DAGIDs: one(in.DAGID), RunIDs: one(in.DagRunID), DAGIDLike: in.DAGIDPattern.Like()}
	if in.TaskID != "" {
		f.TaskIDs = []string{in.TaskID}
	}
	found, n, err := c.browse.Asks(ctx, f, in.Of(in.Order))
	if err != nil {
		return nil, err
	}
	out := &HITLDetailCollection{make([]HITLDetail, len(found)), n}
	for i, a := range found {
		out.HITLDetails[i] = HITLDetail{askOf(a), object.InstanceOf(a.Instance)}
	}
	return out, nil
}

func (c *calls) ask(ctx context.Context, in *namedIndex) (*HITLDetail, error) {
	a, err := c.browse.AskOf(ctx, in.DAGID, in.DagRunID, in.TaskID, in.MapIndex, 0)
	if err != nil {
		return nil, err
	}
	return &HITLDetail{askOf(a), object.InstanceOf(a.Instance)}, nil
}

func (c *calls) askOfTry(ctx context.Context, in *struct {
	namedIndex

	Try int `path:"try_number"`
},
) (*HITLDetailHistory, error) {
	a, err := c.browse.AskOf(ctx, in.DAGID, in.DagRunID, in.TaskID, in.MapIndex, max(in.Try, 0))
	if err != nil {
		return nil, err
	}
	return &HITLDetailHistory{askOf(a), object.TryOf(a.Instance)}, nil
}

// UpdateHITLDetailPayload is an answer.
type UpdateHITLDetailPayload struct {
	ChosenOptions []string    `json:"chosen_options" required:"true" minItems:"1"`
	ParamsInput   rest.Object `json:"params_input"`
}

// HITLDetailResponse is an answer as it was taken.
type HITLDetailResponse struct {
	RespondedBy   HITLUser  `json:"responded_by"`
	RespondedAt   rest.Time `json:"responded_at"`
	ChosenOptions []string  `json:"chosen_options"`
	ParamsInput   rest.Any  `json:"params_input"`
}

func (c *calls) answer(ctx context.Context, in *struct {
	namedIndex

	Body UpdateHITLDetailPayload
},
) (*HITLDetailResponse, error) {
	a, err := c.browse.AskOf(ctx, in.DAGID, in.DagRunID, in.TaskID, in.MapIndex, 0)
	if err != nil {
		return nil, err
	}
	reply := asks.Answer{ID: a.Ask.ID, Chosen: in.Body.ChosenOptions}
	if len(in.Body.ParamsInput) > 0 {
		if reply.Input, err = json.Marshal(in.Body.ParamsInput); err != nil {
			return nil, err
		}
	}
	done, err := c.o.Asks(ctx).Respond(ctx, reply)
	switch {
	case errors.Is(err, asks.ErrSettled):
		return nil, rest.Conflict("%v", err)
	case errors.Is(err, asks.ErrNotAssigned):
		return nil, rest.Errorf(http.StatusForbidden, "%v", err)
	case err != nil:
		return nil, err
	}
	out := &HITLDetailResponse{RespondedAt: rest.At(*done.SettledAt), ChosenOptions: done.Chosen, ParamsInput: done.Input}
	if p := done.RespondedBy; p != nil {
		out.RespondedBy = HITLUser{p.ID, p.Name}
	}
	return out, nil
}
