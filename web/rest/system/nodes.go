package system

import (
	"context"
	"slices"

	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/web/rest"
)

// Node is a process, or on a store that one process works on alone the stretch of time in which it worked.
type Node struct {
	NodeID         string     `json:"node_id" doc:"HOST:PID/WORD for a process that shares the store with others, a number for one alone."`
	State          string     `json:"state" enum:"working,draining,stopping,stopped,lost"`
	Leads          bool       `json:"leads" doc:"Whether it schedules and changes runs now."`
	Roles          []string   `json:"roles" doc:"What it does: scheduler, worker."`
	Hostname       *string    `json:"hostname"`
	Pid            *int       `json:"pid"`
	Version        *string    `json:"version" doc:"That of the program."`
	Queues         *[]string  `json:"queues" doc:"Those of which a worker takes tasks; null is all."`
	Running        int        `json:"running" doc:"How many tries it runs, as it said last; not known of one alone on the store."`
	Workers        *int       `json:"workers" doc:"How many tries it runs at once."`
	ClockAhead     float64    `json:"clock_ahead_seconds" doc:"By how many seconds its clock is ahead of that of the database, below 0 behind it; 0 while they differ by at most five."`
	OtherKey       bool       `json:"other_key" doc:"Whether its secret key is another one than that of the first to start of those that have not ended."`
	LogsWaiting    int        `json:"logs_waiting" doc:"How many of its task logs are not in the log store yet although they could be."`
	LogsWaitingFor float64    `json:"logs_waiting_seconds" doc:"For how long the first of them has waited."`
	StartDate      rest.Time  `json:"start_date"`
	LatestSeen     rest.Time  `json:"latest_seen" doc:"When it is last known to have worked."`
	LeasedUntil    *rest.Time `json:"leased_until" doc:"When the lease of one that has not ended ends unless it is renewed."`
}

func nodeOf(n *nodes.Node) Node {
	out := Node{
		NodeID: n.ID, State: string(n.State), Leads: n.Leads, Roles: append([]string{}, n.Roles...), Hostname: rest.Some(n.Host), Pid: rest.Some(n.PID), Version: rest.Some(n.Version),
		Running: n.Running, Workers: rest.Some(n.Workers), ClockAhead: n.ClockAhead.Seconds(), OtherKey: n.OtherKey, LogsWaiting: n.LogsWaiting, LogsWaitingFor: n.LogsWaitingFor.Seconds(),
		StartDate: rest.At(n.StartedAt), LatestSeen: rest.At(n.SeenAt), LeasedUntil: rest.Maybe(n.LeasedUntil),
	}
	if n.Queues != nil {
		out.Queues = &n.Queues
	}
	return out
}

// NodeCollection is a page of them.
type NodeCollection struct {
	Nodes        []Node `json:"nodes"`
	TotalEntries int    `json:"total_entries"`
}

// nodeKeys are what they are ordered by.
var nodeKeys = map[string]func(Node) any{ //nolint:gochecknoglobals // a table
	"node_id": func(n Node) any { return n.NodeID }, "start_date": func(n Node) any { return int(n.StartDate.UnixMilli()) },
	"latest_seen": func(n Node) any { return int(n.LatestSeen.UnixMilli()) }, "hostname": func(n Node) any { return rest.Nullable(n.Hostname) },
}

func (c *calls) nodes(ctx context.Context, in *struct {
	rest.Page

	State rest.Filter `query:"state" enum:"working,draining,stopping,stopped,lost"`
	Order rest.Order  `query:"order_by" order:"node_id,start_date,latest_seen,hostname" default:"-latest_seen"`
},
) (*NodeCollection, error) {
	all, err := c.browse.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	found := []Node{}
	for i := range all {
		if len(in.State) == 0 || slices.Contains(in.State, string(all[i].State)) {
			found = append(found, nodeOf(&all[i]))
		}
	}
	rest.Sort(found, in.Order, nodeKeys)
	return &NodeCollection{rest.Cut(in.Page, found), len(found)}, nil
}

// NodePatchBody says what is wanted of a process.
type NodePatchBody struct {
	Draining bool `json:"draining" doc:"Whether it is to take no more tasks and not to lead. Those that it runs go on."`
}

func (c *calls) drain(ctx context.Context, in *struct {
	ID   string `path:"node_id" doc:"Its id, or a part that no other one has, such as the host."`
	Body NodePatchBody
},
) (*Node, error) {
	n, err := c.browse.DrainNode(ctx, in.ID, in.Body.Draining)
	if err != nil {
		return nil, err
	}
	return new(nodeOf(&n)), nil
}
