package emit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
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
		return nil, &api.FieldError{Field: "uri", Err: errors.New("is empty: name one asset by its URI or its name")}
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
	id, err := producerOf(ds, m.URI, m.Name)
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
func producerOf(ds []*dag.DAG, uri, name string) (string, error) {
	found, err := api.FindAsset(ds, uri, name)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, p := range found.Producers {
		if !slices.Contains(ids, p.DAGID) {
			ids = append(ids, p.DAGID)
		}
	}
	switch len(ids) {
	case 0:
		return "", fmt.Errorf("no task has the asset %q among its outlets", found.URI)
	case 1:
		return ids[0], nil
	default:
		slices.Sort(ids)
		return "", fmt.Errorf("more than one DAG produces the asset %q: %s; run the one you mean with dingdag dags trigger", found.URI, strings.Join(ids, ", "))
	}
}
