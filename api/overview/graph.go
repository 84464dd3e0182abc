package overview

import (
	"context"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
)

// Graph is the tasks of a DAG with what runs after what.
type Graph struct {
	Nodes []Node
	Edges []Edge
	// Run is the run whose states the graph has, nil for the DAG as such.
	Run *Run
	// Partial says why edges and tasks may be missing, or is empty.
	Partial string
}

// Graph is that of a run, or with an empty run id that of the DAG as its file has it. Of a DAG without a file, or whose
// file can't be loaded, it is as the last run knows it.
func (o *Overview) Graph(ctx context.Context, dagID, runID string) (*Graph, error) {
	if runID == "" {
		return o.graphOfDAG(ctx, dagID)
	}
	r, err := o.Run(ctx, dagID, runID)
	if err != nil {
		return nil, err
	}
	g := &Graph{Nodes: r.Nodes, Run: r, Partial: r.Partial}
	if shape, err := o.shape(ctx, r.Version); err == nil { // why it can't be read is in Partial
		g.Edges = shape.Edges
	}
	return g, nil
}

func (o *Overview) graphOfDAG(ctx context.Context, dagID string) (*Graph, error) {
	d, err := o.o.Folder.DAG(dagID)
	if err != nil {
		g := &Graph{Partial: o.o.Masker.Mask(err.Error())}
		l, err := o.o.API.Runs(ctx, api.RunQuery{DAGID: dagID, Page: api.Page{Limit: 1}})
		if err != nil {
			return nil, err
		}
		if len(l.Items) == 0 {
			return g, nil
		}
		shape, err := o.shape(ctx, l.Items[0].Version)
		if err != nil {
			return g, nil //nolint:nilerr // the graph says what is wrong with the DAG already
		}
		return &Graph{Nodes: shape.Nodes, Edges: shape.Edges}, nil
	}
	shape, err := o.o.Shapes.of(d.Version, func() (*dag.DAG, error) { return d, nil })
	if err != nil {
		return nil, err
	}
	return &Graph{Nodes: shape.Nodes, Edges: shape.Edges}, nil
}
