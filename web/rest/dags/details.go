package dags

import (
	"context"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/object"
)

// DAGDetails is a DAG with all that is known of it.
type DAGDetails struct {
	DAG

	Catchup                   bool               `json:"catchup"`
	DagRunTimeout             *string            `json:"dag_run_timeout" format:"duration"`
	AssetExpression           rest.Any           `json:"asset_expression"`
	DocMD                     *string            `json:"doc_md"`
	StartDate                 *rest.Time         `json:"start_date"`
	EndDate                   *rest.Time         `json:"end_date"`
	IsPausedUponCreation      *bool              `json:"is_paused_upon_creation"`
	Params                    map[string]Param   `json:"params"`
	RenderTemplateAsNativeObj bool               `json:"render_template_as_native_obj"`
	TemplateSearchPath        []string           `json:"template_search_path" nullable:"true"`
	Timezone                  *string            `json:"timezone"`
	LastParsed                *rest.Time         `json:"last_parsed"`
	DefaultArgs               rest.Object        `json:"default_args" nullable:"true"`
	OwnerLinks                map[string]string  `json:"owner_links"`
	IsFavorite                bool               `json:"is_favorite"`
	ActiveRunsCount           int                `json:"active_runs_count"`
	Concurrency               int                `json:"concurrency"`
	LatestDagVersion          *object.DagVersion `json:"latest_dag_version"`
}

// Param is a param with its default and its JSON Schema.
type Param struct {
	Class       string      `json:"__class"` //nolint:tagliatelle // Airflow's key
	Value       any         `json:"value"`
	Description *string     `json:"description"`
	Schema      rest.Object `json:"schema"`
}

func (c *calls) details(ctx context.Context, in *one) (*DAGDetails, error) {
	d, full, err := c.browse.DAG(ctx, in.DAGID)
	if err != nil {
		return nil, err
	}
	out := &DAGDetails{
		DAG: dagOf(d), Catchup: full.Catchup, StartDate: rest.Maybe(full.StartDate), EndDate: rest.Maybe(full.EndDate),
		IsPausedUponCreation: full.IsPausedUponCreation, Params: paramsOf(full.ParamNames, full.Params.Get, full.ParamSchemas),
		RenderTemplateAsNativeObj: full.RenderTemplateAsNative, TemplateSearchPath: full.TemplateSearchPath, Timezone: new(full.Location.String()),
		LastParsed: rest.Maybe(d.Loaded), OwnerLinks: full.OwnerLinks, Concurrency: full.MaxActiveTasks, AssetExpression: rest.Any("null"), DefaultArgs: c.browse.DefaultArgs(d, full),
		DagRunTimeout: rest.Some(api.RunTimeout(full)),
	}
	if full.DocMD != "" {
		out.DocMD = new(full.DocMD)
	}
	if out.OwnerLinks == nil {
		out.OwnerLinks = map[string]string{}
	}
	if out.AssetExpression, err = c.browse.AssetExpression(full); err != nil {
		return nil, err
	}
	if out.ActiveRunsCount, err = c.browse.ActiveRuns(ctx, in.DAGID); err != nil {
		return nil, err
	}
	favorites, err := c.browse.Favorites(ctx)
	if err != nil {
		return nil, err
	}
	out.IsFavorite = favorites[in.DAGID]
	v, err := c.browse.LatestVersion(ctx, in.DAGID)
	if err != nil {
		return nil, err
	}
	out.LatestDagVersion = object.VersionOf(v)
	return out, nil
}

// paramsOf are params by their names.
func paramsOf(names []string, value func(string) (any, bool), schemas map[string]map[string]any) map[string]Param {
	out := map[string]Param{}
	for _, name := range names {
		v, _ := value(name)
		p := Param{Class: "airflow.sdk.definitions.param.Param", Value: v, Schema: rest.Object{}}
		for key, s := range schemas[name] {
			if text, ok := s.(string); ok && key == "description" {
				p.Description = &text
				continue
			}
			p.Schema[key] = s
		}
		out[name] = p
	}
	return out
}
