package runs

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
)

const xcoms = instance + "/xcomEntries"

// xcomRoutes adds the calls about XComs.
func (c *calls) xcomRoutes(s *rest.Server, get, operate func(id, path string) rest.Operation) {
	with := func(op rest.Operation, method string, status int) rest.Operation {
		op.Method, op.Status = method, status
		return op
	}
	rest.Register(s, get("get_xcom_entries", xcoms), c.xcoms)
	rest.Register(s, get("get_xcom_entry", xcoms+"/{xcom_key}"), c.xcom)
	rest.Register(s, with(operate("create_xcom_entry", xcoms), http.MethodPost, http.StatusCreated), c.createXCom)
	rest.Register(s, with(operate("update_xcom_entry", xcoms+"/{xcom_key}"), http.MethodPatch, http.StatusOK), c.updateXCom)
	rest.Register(s, with(operate("delete_xcom_entry", xcoms+"/{xcom_key}"), http.MethodDelete, http.StatusNoContent), c.deleteXCom)
}

// XCom is a value that a task left for others, in a list.
type XCom struct {
	Key             string     `json:"key"`
	Timestamp       rest.Time  `json:"timestamp"`
	LogicalDate     *rest.Time `json:"logical_date"`
	MapIndex        int        `json:"map_index"`
	TaskID          string     `json:"task_id"`
	DagID           string     `json:"dag_id"`
	RunID           string     `json:"run_id"`
	DagDisplayName  string     `json:"dag_display_name"`
	TaskDisplayName string     `json:"task_display_name"`
	RunAfter        rest.Time  `json:"run_after"`
}

// XComValue is one with its value.
type XComValue struct {
	XCom

	Value rest.Any `json:"value"`
}

// XComCollection is a page of XComs.
type XComCollection struct {
	XComEntries  []XCom `json:"xcom_entries"`
	TotalEntries int    `json:"total_entries"`
}

func xcomOf(x *browse.XCom) XCom {
	return XCom{
		x.Key, rest.At(x.At), rest.Maybe(x.Run.LogicalDate), x.MapIndex, x.TaskID, x.Run.DAGID, x.Run.RunID, x.Run.DisplayName(), x.TaskName(), rest.At(x.Run.RunAfter),
	}
}

func (c *calls) xcoms(ctx context.Context, in *struct {
	rest.Page
	namedTask

	Key         *string        `query:"xcom_key"`
	MapIndex    *int           `query:"map_index" minimum:"-1"`
	KeyPattern  rest.Pattern   `query:"xcom_key_pattern"`
	NamePattern rest.Pattern   `query:"dag_display_name_pattern"`
	RunPattern  rest.Pattern   `query:"run_id_pattern"`
	TaskPattern rest.Pattern   `query:"task_id_pattern"`
	IndexFilter *int           `query:"map_index_filter"`
	LogicalDate rest.TimeRange `query:"logical_date"`
	RunAfter    rest.TimeRange `query:"run_after"`
},
) (*XComCollection, error) {
	if err := c.check(ctx, in.DAGID, in.DagRunID); err != nil {
		return nil, err
	}
	f := browse.XComFilter{NameLike: in.NamePattern.Like()}
	f.Runs = browse.RunFilter{DAGIDs: one(in.DAGID), RunIDs: one(in.DagRunID), RunIDLike: in.RunPattern.Like(), LogicalDate: in.LogicalDate, RunAfter: in.RunAfter}
	f.TaskIDs, f.TaskIDLike, f.Key, f.KeyLike = one(in.TaskID), in.TaskPattern.Like(), in.Key, in.KeyPattern.Like()
	for _, index := range []*int{in.MapIndex, in.IndexFilter} {
		if index != nil {
			f.MapIndexes = append(f.MapIndexes, []int{*index})
		}
	}
	found, n, err := c.browse.XComs(ctx, f, in.Of(nil))
	if err != nil {
		return nil, err
	}
	out := &XComCollection{make([]XCom, len(found)), n}
	for i, x := range found {
		out.XComEntries[i] = xcomOf(x)
	}
	return out, nil
}

type namedXCom struct {
	namedTask

	Key string `path:"xcom_key"`
}

func (in *namedXCom) of(index int) browse.XComOf {
	return browse.XComOf{DAGID: in.DAGID, RunID: in.DagRunID, TaskID: in.TaskID, MapIndex: index, Key: in.Key}
}

func (c *calls) xcom(ctx context.Context, in *struct {
	namedXCom

	MapIndex    int  `query:"map_index" default:"-1" minimum:"-1"`
	Deserialize bool `query:"deserialize" default:"false"`
	Stringify   bool `query:"stringify" default:"false"`
},
) (*XComValue, error) {
	x, err := c.browse.XCom(ctx, in.of(in.MapIndex))
	if err != nil {
		return nil, err
	}
	return valued(x, in.Deserialize, in.Stringify)
}

// valued is an XCom with its value: as the JSON text that it is stored as, or what that says, or a text of what it says.
func valued(x *browse.XCom, native, text bool) (*XComValue, error) {
	out := &XComValue{xcomOf(x), x.Value}
	said := bytes.TrimSpace(x.Value)
	switch {
	case native && !text, native && string(said) == "null":
	case native && len(said) > 0 && said[0] == '"': // it is a text
	default:
		b, err := json.Marshal(browse.PythonJSON(x.Value))
		if err != nil {
			return nil, err
		}
		out.Value = b
	}
	return out, nil
}

// XComCreateBody is a value to be left.
type XComCreateBody struct {
	Key      string   `json:"key" required:"true" minLength:"1"`
	Value    rest.Any `json:"value" required:"true" nullable:"true"`
	MapIndex int      `json:"map_index" default:"-1" minimum:"-1"`
}

func (c *calls) createXCom(ctx context.Context, in *struct {
	namedTask

	Body XComCreateBody
},
) (*XComValue, error) {
	at := namedXCom{in.namedTask, in.Body.Key}
	x, err := c.browse.AddXCom(ctx, at.of(in.Body.MapIndex), in.Body.Value)
	if err != nil {
		return nil, err
	}
	return valued(x, false, false)
}

// XComUpdateBody is another value.
type XComUpdateBody struct {
	Value    rest.Any `json:"value" required:"true" nullable:"true"`
	MapIndex int      `json:"map_index" default:"-1" minimum:"-1"`
}

func (c *calls) updateXCom(ctx context.Context, in *struct {
	namedXCom

	Body XComUpdateBody
},
) (*XComValue, error) {
	x, err := c.browse.SetXCom(ctx, in.of(in.Body.MapIndex), in.Body.Value)
	if err != nil {
		return nil, err
	}
	return valued(x, false, false)
}

func (c *calls) deleteXCom(ctx context.Context, in *struct {
	namedXCom

	MapIndex int `query:"map_index" default:"-1" minimum:"-1"`
},
) (*struct{}, error) {
	return nil, c.browse.RemoveXCom(ctx, in.of(in.MapIndex))
}
