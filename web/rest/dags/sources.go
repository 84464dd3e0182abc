package dags

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/object"
)

// recordRoutes adds the calls about what is known of DAGs beside the DAGs themselves.
func (c *calls) recordRoutes(s *rest.Server) {
	rest.Register(s, rest.Operation{
		ID: "get_dag_source", Method: http.MethodGet, Path: "/dagSources/{dag_id}", Tag: "DagSource", Produces: []string{"text/plain"},
	}, c.source)
	rest.Register(s, rest.Operation{ID: "get_dag_versions", Method: http.MethodGet, Path: "/dags/{dag_id}/dagVersions", Tag: "DagVersion"}, c.versions)
	rest.Register(s, rest.Operation{ID: "get_dag_version", Method: http.MethodGet, Path: "/dags/{dag_id}/dagVersions/{version_number}", Tag: "DagVersion"}, c.version)
	rest.Register(s, rest.Operation{ID: "get_dag_stats", Method: http.MethodGet, Path: "/dagStats", Tag: "DagStats", Many: true}, c.stats)
	rest.Register(s, rest.Operation{ID: "get_dag_tags", Method: http.MethodGet, Path: "/dagTags", Tag: "DAG", Many: true}, c.tags)
	rest.Register(s, rest.Operation{ID: "list_dag_warnings", Method: http.MethodGet, Path: "/dagWarnings", Tag: "DagWarning", Many: true}, c.warnings)
	rest.Register(s, rest.Operation{
		ID: "reparse_dag_file", Method: http.MethodPut, Path: "/parseDagFile/{file_token}", Tag: "DAG Parsing", Status: http.StatusCreated, Action: access.Operate, Many: true,
	}, c.reparse)
}

// DAGSource is the text that a DAG was made from.
type DAGSource struct {
	Content        *string `json:"content"`
	DagID          string  `json:"dag_id"`
	VersionNumber  *int    `json:"version_number"`
	DagDisplayName string  `json:"dag_display_name"`
}

// SourceAnswer is it as JSON or as a bare text.
type SourceAnswer = rest.Either[DAGSource]

func (c *calls) source(ctx context.Context, in *struct {
	DAGID   string `path:"dag_id"`
	Version *int   `query:"version_number"`
	Accept  string `header:"Accept"`
},
) (*SourceAnswer, error) {
	text := strings.HasPrefix(in.Accept, "text/plain")
	if !text && in.Accept != "" && !strings.HasPrefix(in.Accept, "*/*") && !strings.HasPrefix(in.Accept, "application/json") {
		return nil, rest.Errorf(http.StatusNotAcceptable, "Only application/json or text/plain is supported")
	}
	src, err := c.browse.Source(ctx, in.DAGID, in.Version)
	if err != nil {
		return nil, err
	}
	if text {
		return &SourceAnswer{Raw: rest.Text(src.Text)}, nil
	}
	out := DAGSource{Content: &src.Text, DagID: in.DAGID, DagDisplayName: src.DisplayName}
	if src.Number > 0 {
		out.VersionNumber = &src.Number
	}
	return &SourceAnswer{Value: out}, nil
}

// DAGVersionCollection is a page of versions.
type DAGVersionCollection struct {
	DagVersions  []object.DagVersion `json:"dag_versions"`
	TotalEntries int                 `json:"total_entries"`
}

func (c *calls) versions(ctx context.Context, in *struct {
	rest.Page

	DAGID         string     `path:"dag_id"`
	Number        *int       `query:"version_number"`
	BundleName    *string    `query:"bundle_name"`
	BundleVersion *string    `query:"bundle_version"`
	Order         rest.Order `query:"order_by" order:"id,version_number,bundle_name,bundle_version" default:"id"`
},
) (*DAGVersionCollection, error) {
	f := browse.VersionFilter{Number: in.Number}
	if in.DAGID != rest.All {
		if err := c.browse.KnownDAG(ctx, in.DAGID); err != nil {
			return nil, err
		}
		f.DAGIDs = []string{in.DAGID}
	}
	out := &DAGVersionCollection{DagVersions: []object.DagVersion{}}
	if in.BundleName != nil && *in.BundleName != object.Bundle || in.BundleVersion != nil {
		return out, nil
	}
	// All are of one bundle, which has no versions.
	by := slices.DeleteFunc(in.Order, func(k browse.Key) bool { return strings.HasPrefix(k.Name, "bundle_") })
	found, n, err := c.browse.Versions(ctx, f, in.Of(by))
	if err != nil {
		return nil, err
	}
	for _, v := range found {
		out.DagVersions = append(out.DagVersions, *object.VersionOf(v))
	}
	out.TotalEntries = n
	return out, nil
}

func (c *calls) version(ctx context.Context, in *struct {
	DAGID  string `path:"dag_id"`
	Number int    `path:"version_number"`
},
) (*object.DagVersion, error) {
	v, err := c.browse.VersionNumbered(ctx, in.DAGID, in.Number)
	if err != nil {
		return nil, err
	}
	return object.VersionOf(v), nil
}

// DagStatsCollection is how many runs DAGs have in each state.
type DagStatsCollection struct {
	DAGs         []DagStats `json:"dags"`
	TotalEntries int        `json:"total_entries"`
}

// DagStats are those of a DAG.
type DagStats struct {
	DagID          string          `json:"dag_id"`
	DagDisplayName string          `json:"dag_display_name"`
	Stats          []DagStatsState `json:"stats"`
}

// DagStatsState is how many runs have a state.
type DagStatsState struct {
	State string `json:"state" enum:"queued,running,success,failed"`
	Count int    `json:"count"`
}

func (c *calls) stats(ctx context.Context, in *struct {
	DAGIDs []string `query:"dag_ids"`
},
) (*DagStatsCollection, error) {
	// An empty one is that of a client which has none to name.
	ids := slices.DeleteFunc(in.DAGIDs, func(id string) bool { return id == "" })
	if len(ids) == 0 {
		ids = nil
	}
	found, err := c.browse.Stats(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := &DagStatsCollection{make([]DagStats, len(found)), len(found)}
	for i, s := range found {
		d := DagStats{s.DAGID, s.DisplayName, nil}
		for _, state := range api.RunStates() {
			d.Stats = append(d.Stats, DagStatsState{string(state), s.Counts[state]})
		}
		out.DAGs[i] = d
	}
	return out, nil
}

// DAGTagCollection is a page of tags.
type DAGTagCollection struct {
	Tags         []string `json:"tags"`
	TotalEntries int      `json:"total_entries"`
}

func (c *calls) tags(ctx context.Context, in *struct {
	rest.Page

	Name  rest.Pattern `query:"tag_name_pattern"`
	Order rest.Order   `query:"order_by" order:"name" default:"name"`
},
) (*DAGTagCollection, error) {
	found, err := c.browse.Tags(ctx, in.Name.Like())
	if err != nil {
		return nil, err
	}
	if len(in.Order) > 0 && in.Order[0].Desc {
		slices.Reverse(found)
	}
	return &DAGTagCollection{rest.Cut(in.Page, found), len(found)}, nil
}

// DAGWarningCollection is a page of warnings.
type DAGWarningCollection struct {
	DagWarnings  []DAGWarning `json:"dag_warnings"`
	TotalEntries int          `json:"total_entries"`
}

// DAGWarning is something about a DAG that people should look at.
type DAGWarning struct {
	DagID          string    `json:"dag_id"`
	WarningType    string    `json:"warning_type" enum:"asset conflict,non-existent pool,runtime varying value"`
	Message        string    `json:"message"`
	Timestamp      rest.Time `json:"timestamp"`
	DagDisplayName string    `json:"dag_display_name"`
}

func (c *calls) warnings(ctx context.Context, in *struct {
	rest.Page

	DAGID string     `query:"dag_id"`
	Type  string     `query:"warning_type" enum:"asset conflict,non-existent pool,runtime varying value"`
	Order rest.Order `query:"order_by" order:"dag_id,warning_type,message,timestamp" default:"dag_id"`
},
) (*DAGWarningCollection, error) {
	found, err := c.browse.Warnings(ctx)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(w browse.Warning) bool {
		return in.DAGID != "" && w.DAGID != in.DAGID || in.Type != "" && w.Type != in.Type
	})
	slices.SortStableFunc(found, func(x, y browse.Warning) int {
		for _, k := range in.Order {
			if k.Desc {
				x, y = y, x
			}
			var n int
			switch k.Name {
			case "dag_id":
				n = strings.Compare(x.DAGID, y.DAGID)
			case "warning_type":
				n = strings.Compare(x.Type, y.Type)
			case "message":
				n = strings.Compare(x.Message, y.Message)
			default:
				n = x.At.Compare(y.At)
			}
			if n != 0 {
				return n
			}
			if k.Desc {
				x, y = y, x
			}
		}
		return 0
	})
	out := &DAGWarningCollection{[]DAGWarning{}, len(found)}
	for _, w := range rest.Cut(in.Page, found) {
		out.DagWarnings = append(out.DagWarnings, DAGWarning{w.DAGID, w.Type, w.Message, rest.At(w.At), w.DisplayName})
	}
	return out, nil
}

func (c *calls) reparse(ctx context.Context, in *struct {
	Token string `path:"file_token"`
},
) (*rest.Null, error) {
	file, ok := object.FileOf(in.Token)
	if ok {
		var err error
		if ok, err = c.browse.HasFile(ctx, file); err != nil {
			return nil, err
		}
	}
	if !ok {
		return nil, rest.NotFound("File not found")
	}
	return nil, c.browse.Reparse(ctx)
}
