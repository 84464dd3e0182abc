package live

import (
	"maps"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
)

// Load is what is under way: the running runs and what their tasks take.
type Load struct {
	// Runs counts the running runs.
	Runs int
	// Tasks counts their task instances that have begun and not ended, by state.
	Tasks map[dag.State]int
	// Pools are those that exist and those that tasks name, by name.
	Pools map[string]*PoolLoad
}

// PoolLoad is what is taken of a pool, in slots.
type PoolLoad struct {
	// Slots is how many it has; negative for no bound.
	Slots int
	// Open is how many are free, never fewer than none; negative where there is no bound.
	Open                                 int
	Queued, Running, Scheduled, Deferred int
	// Starving counts the task instances that wait and find too few slots open.
	Starving int
}

// Load counts what is under way. It holds each run for as long as that takes.
func (rs *Runs) Load() Load {
	rs.mu.Lock()
	all := slices.Collect(maps.Values(rs.live))
	pools := maps.Clone(rs.pools)
	rs.mu.Unlock()
	l := Load{Runs: len(all), Tasks: map[dag.State]int{}, Pools: map[string]*PoolLoad{}}
	for name, p := range pools {
		l.Pools[name] = &PoolLoad{Slots: p.Slots}
	}
	if l.Pools[dagrun.DefaultPool] == nil {
		l.Pools[dagrun.DefaultPool] = &PoolLoad{Slots: dagrun.DefaultPoolSlots}
	}
	waiting := map[string][]int{} // how many slots each wants that waits
	for _, lr := range all {
		lr.count(&l, waiting)
	}
	for name, p := range l.Pools {
		p.settle(pools[name].IncludeDeferred, waiting[name])
	}
	return l
}

// count adds the instances of a run.
func (lr *Run) count(l *Load, waiting map[string][]int) {
	defer lr.Hold()()
	for at, s := range lr.Machine.All() {
		if s == dag.None || s.Finished() {
			continue
		}
		l.Tasks[s]++
		name, slots := dagrun.PoolOf(lr.Task(at))
		p := l.Pools[name]
		if p == nil {
			p = &PoolLoad{}
			l.Pools[name] = p
		}
		switch s {
		case dag.Queued:
			p.Queued += slots
		case dag.Running:
			p.Running += slots
		case dag.Deferred:
			p.Deferred += slots
		case dag.Scheduled:
			p.Scheduled += slots
			waiting[name] = append(waiting[name], slots)
		default: // it takes nothing
		}
	}
}

// settle works out what is open, and who starves.
func (p *PoolLoad) settle(includesDeferred bool, waiting []int) {
	if p.Slots < 0 {
		p.Open = -1
		return
	}
	used := p.Queued + p.Running
	if includesDeferred {
		used += p.Deferred
	}
	p.Open = max(p.Slots-used, 0)
	for _, slots := range waiting {
		if slots > p.Open {
			p.Starving++
		}
	}
}
