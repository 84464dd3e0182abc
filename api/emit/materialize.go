package emit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/lineage"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
)

// Materialization asks for a run of the DAG that makes an asset.
type Materialization struct {
	// URI or Name is the asset; both may be given, and a URI that there is wins.
	URI  string `json:"uri,omitempty"`
	Name string `json:"name,omitempty"`
	// Conf is a JSON object for the run's conf and params, or nil.
	Conf json.RawMessage `json:"conf,omitempty"`
}

// Materialize asks for a manual run of the only DAG with a task that has the asset among its outlets: of
// the whole DAG, as Airflow does. Its errors are those of [api.API.Trigger]. An asset that there is not is
// an error that wraps [api.ErrNotFound].
func Materialize(ctx context.Context, ask *api.API, f Folder, m Materialization) (*api.Triggered, error) {
	if m.URI == "" && m.Name == "" {
		return nil, &api.FieldError{Field: "uri", Err: phrase.Err("asset.unnamed")}
	}
	if m.URI != "" {
		uri, _, err := dag.AssetURI(m.URI)
		if err != nil {
			return nil, &api.FieldError{Field: "uri", Err: err}
		}
		m.URI = uri
	}
	ds, broken, err := f.Load()
	if err != nil {
		return nil, err
	}
	mine, err := ask.Only(ctx)
	if err != nil {
		return nil, err
	}
	id, err := producerOf(ds, mine, m.URI, m.Name)
	if err != nil {
		if broken {
			err = fmt.Errorf("%w (some DAG files have errors: see dingdag dags list-import-errors)", err)
		}
		return nil, err
	}
	return ask.Trigger(ctx, api.Trigger{DAGID: id, Conf: m.Conf})
}

// producerOf is the only DAG with a task that makes the asset with a URI or, if there is none, with
// a name. Either may be empty.
func producerOf(ds []*dag.DAG, mine access.Only, uri, name string) (string, error) {
	found, err := lineage.Find(lineage.Within(ds, mine), uri, name)
	if err != nil {
		return "", err
	}
	if found, err = lineage.Find(ds, found.URI, ""); err != nil { // with all that produce it
		return "", err
	}
	var ids []string
	for _, p := range found.Producers {
		if !slices.Contains(ids, p.DAGID) {
			ids = append(ids, p.DAGID)
		}
	}
	slices.Sort(ids)
	seen := mine.Within(ids)
	switch {
	case len(ids) == 0:
		return "", fmt.Errorf("no task has the asset %q among its outlets", found.URI)
	case len(seen) == 0:
		return "", fmt.Errorf("none of the DAGs that the user or the token is limited to produces the asset %q", found.URI)
	case len(ids) == 1:
		return ids[0], nil
	case len(seen) < len(ids):
		return "", fmt.Errorf("more than one DAG produces the asset %q: %s, and others that the user or the token is not limited to; run the one you mean with dingdag dags trigger", found.URI, strings.Join(seen, ", "))
	default:
		return "", fmt.Errorf("more than one DAG produces the asset %q: %s; run the one you mean with dingdag dags trigger", found.URI, strings.Join(ids, ", "))
	}
}
