package v1

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// datasetRoutes adds the calls about assets, which version 1 calls datasets and names by their URIs.
func (s *Server) datasetRoutes() {
	s.add(http.MethodGet, "/datasets", list("/assets", "assets", datasetOf, "datasets"))
	s.add(http.MethodGet, "/datasets/events", list("/assets/events", "asset_events", datasetEventOf, "dataset_events"))
	s.add(http.MethodPost, "/datasets/events", (*call).updateDataset)
	const queued = "/queuedEvent/{uri...}"
	s.add(http.MethodGet, "/datasets"+queued, (*call).queuedOfDataset)
	s.add(http.MethodDelete, "/datasets"+queued, (*call).forgetDataset)
	s.add(http.MethodGet, "/datasets/{uri...}", (*call).dataset)
	s.add(http.MethodGet, dagPath+"/datasets/queuedEvent", (*call).queuedOfDAG)
	s.add(http.MethodDelete, dagPath+"/datasets/queuedEvent", (*call).forgetDatasets)
	s.add(http.MethodGet, dagPath+"/datasets"+queued, (*call).queuedOfDAGAndDataset)
	s.add(http.MethodDelete, dagPath+"/datasets"+queued, (*call).forgetDataset)
	s.add(http.MethodGet, runPath+"/upstreamDatasetEvents", list(runPath+"/upstreamAssetEvents", "asset_events", datasetEventOf, "dataset_events"))
}

// asset finds the asset of version 2 that has a URI.
func (c *call) asset(uri string) (object, error) {
	q := url.Values{"uri_pattern": {uri}, "limit": {pageSize}}
	for at := 0; ; at += 100 {
		q.Set("offset", strconv.Itoa(at))
		found, err := c.get("/assets", q)
		if err != nil {
			return nil, err
		}
		all, _ := found["assets"].([]any)
		for _, item := range all {
			if a, _ := item.(object); a["uri"] == uri {
				return a, nil
			}
		}
		if len(all) < 100 {
			return nil, problem(http.StatusNotFound, "The Dataset with uri: `"+uri+"` was not found")
		}
	}
}

func (c *call) dataset() (any, error) {
	a, err := c.asset(c.names["uri"])
	if err != nil {
		return nil, err
	}
	return datasetOf(a), nil
}

func (c *call) updateDataset() (any, error) {
	body, err := c.take("dataset_uri", "extra")
	if err != nil {
		return nil, err
	}
	uri, _ := body["dataset_uri"].(string)
	if uri == "" {
		return nil, problem(http.StatusBadRequest, "dataset_uri: the field is missing")
	}
	a, err := c.asset(uri)
	if err != nil {
		return nil, err
	}
	delete(body, "dataset_uri")
	if body["extra"] == nil {
		delete(body, "extra")
	}
	body["asset_id"] = a["id"]
	done, err := c.objectOf(http.MethodPost, "/assets/events", nil, body)
	if err != nil {
		return nil, err
	}
	return datasetEventOf(done), nil
}

func datasetOf(a object) object {
	out := pick(a, "id", "uri", "extra", "created_at", "updated_at", "producing_tasks")
	out["consuming_dags"] = a["scheduled_dags"]
	return out
}

func datasetEventOf(e object) object {
	out := pick(e, "id", "extra", "source_dag_id", "source_task_id", "source_run_id", "source_map_index", "created_dagruns", "timestamp")
	out["dataset_id"], out["dataset_uri"] = e["asset_id"], e["uri"]
	runs, _ := e["created_dagruns"].([]any)
	for _, item := range runs {
		if r, _ := item.(object); r != nil {
			delete(r, "partition_key")
			if r["logical_date"] == nil {
				r["logical_date"] = dateOf(r)
			}
		}
	}
	return out
}

// dateOf is the logical date that a run without one has in version 1, see [dated]: its id has that, after its type.
func dateOf(r object) any {
	id, _ := r["run_id"].(string)
	if _, text, ok := strings.Cut(id, "__"); ok {
		text, _, _ = strings.Cut(text, "_") // what tells runs of one moment apart
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return moment(at)
		}
	}
	return r["start_date"]
}

// expressionOf is what a DAG waits for, with the URIs in place of the assets; null when it waits for none.
func expressionOf(assets any) any {
	o, ok := assets.(object)
	if !ok {
		return nil
	}
	named := inExpression(o)
	if uri, ok := named.(string); ok {
		return object{"all": []any{uri}}
	}
	return named
}

func inExpression(of any) any {
	o, _ := of.(object)
	if a, ok := o["asset"].(object); ok {
		return a["uri"]
	}
	out := object{}
	for how, of := range o {
		parts, _ := of.([]any)
		named := make([]any, 0, len(parts))
		for _, p := range parts {
			named = append(named, inExpression(p))
		}
		out[how] = named
	}
	return out
}

// queuedOf is an update that a DAG has been told of and that no run has taken yet.
func queuedOf(e object, uri any) object {
	out := pick(e, "dag_id", "created_at")
	out["uri"] = uri
	return out
}

func (c *call) queuedOfDataset() (any, error) {
	a, err := c.asset(c.names["uri"])
	if err != nil {
		return nil, err
	}
	found, err := c.get(path("/assets/%s/queuedEvents", numberOf(a)), c.query)
	if err != nil {
		return nil, err
	}
	return each(found, "queued_events", func(e object) object { return queuedOf(e, a["uri"]) }), nil
}

func (c *call) queuedOfDAG() (any, error) {
	found, err := c.get(c.at(dagPath+"/assets/queuedEvents"), c.query)
	if err != nil {
		return nil, err
	}
	all, _ := found["queued_events"].([]any)
	uris := map[string]any{}
	for _, item := range all {
		e, _ := item.(object)
		id := fmt.Sprint(e["asset_id"])
		if _, ok := uris[id]; ok {
			continue
		}
		a, err := c.get(path("/assets/%s", id), nil)
		if err != nil {
			return nil, err
		}
		uris[id] = a["uri"]
	}
	return each(found, "queued_events", func(e object) object { return queuedOf(e, uris[fmt.Sprint(e["asset_id"])]) }), nil
}

func (c *call) queuedOfDAGAndDataset() (any, error) {
	a, err := c.asset(c.names["uri"])
	if err != nil {
		return nil, err
	}
	e, err := c.get(path("/dags/%s/assets/%s/queuedEvents", c.names["dag_id"], numberOf(a)), c.query)
	if err != nil {
		return nil, err
	}
	return queuedOf(e, a["uri"]), nil
}

// forgetDataset takes back what DAGs were told of a dataset, or what one was.
func (c *call) forgetDataset() (any, error) {
	a, err := c.asset(c.names["uri"])
	if err != nil {
		return nil, err
	}
	at := path("/assets/%s/queuedEvents", numberOf(a))
	if id := c.names["dag_id"]; id != "" {
		at = path("/dags/%s/assets/%s/queuedEvents", id, numberOf(a))
	}
	_, err = c.ask(http.MethodDelete, at, c.query, nil)
	return nil, err
}

// forgetDatasets takes back what a DAG was told of all datasets.
func (c *call) forgetDatasets() (any, error) {
	_, err := c.ask(http.MethodDelete, c.at(dagPath+"/assets/queuedEvents"), c.query, nil)
	return nil, err
}

// numberOf is the number by which version 2 knows an asset.
func numberOf(a object) string { return fmt.Sprint(a["id"]) }
