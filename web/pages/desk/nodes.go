package desk

import (
	"time"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/web/pages/page"
)

const (
	// daysOfNodes is how far back nodes are shown, and mostNodes how many at most.
	daysOfNodes = 30
	mostNodes   = 100
	// mostAtWork is how many of the tasks that are running are named.
	mostAtWork = 100
)

// nodesData are the processes that work, and those that did.
type nodesData struct {
	Nodes []nodes.Node
	Days  int
	// More is how many older ones are not shown.
	More int
	// Tasks are what runs, the one that began first at the beginning, of the DAGs that whoever asks may see. Running is how many.
	Tasks   []*browse.Instance
	Running int
}

func (d *Desk) showNodes(r page.Request) error {
	ctx := r.HTTP().Context()
	all, err := d.o.Nodes(ctx, r.Time().Add(-daysOfNodes*24*time.Hour))
	if err != nil {
		return err
	}
	data := nodesData{Nodes: all, Days: daysOfNodes}
	if data.More = max(0, len(all)-mostNodes); data.More > 0 {
		data.Nodes = all[:mostNodes]
	}
	var f browse.InstanceFilter
	f.States = []string{"running"}
	if data.Tasks, data.Running, err = d.o.Browse.Instances(ctx, f, browse.Page{Limit: mostAtWork, Order: []browse.Key{{Name: "start_date"}}}); err != nil {
		return err
	}
	return r.Show(page.Head{Name: "desk_nodes", Nav: "system", Title: r.Say("nodes.title"), Live: true}, data)
}

// drainNode has a process take no more attempts, or take them again.
func (d *Desk) drainNode(r page.Request) error {
	f := r.HTTP().PostForm
	if err := d.o.Drain(r.HTTP().Context(), f.Get("node"), f.Get("drain") != ""); err != nil {
		return err
	}
	return r.Go(r.Link("nodes"))
}
