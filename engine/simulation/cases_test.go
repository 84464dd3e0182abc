package simulation_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// scenario is what happens in one simulation.
type scenario struct {
	seed  uint64
	nodes []nodeSpec
	dags  []dagSpec
	// slots are those of the one pool.
	slots    int
	triggers []triggerSpec
	faults   []faultSpec
}

// nodeSpec is a process that is started again after each of its ends.
type nodeSpec struct {
	leads, works bool
	queues       []string
	workers      int
}

// dagSpec is a DAG. With every it has a schedule until half a minute has passed.
type dagSpec struct {
	id                 string
	maxTasks, maxRuns  int
	every              time.Duration
	catchup, callbacks bool
	tasks              []taskSpec
}

// taskSpec is a task. Its script says what becomes of each try, by the number of the try and the map index.
type taskSpec struct {
	id, operator, rule, queue string
	ups                       []int
	pooled                    bool
	slots, weight, perDAG     int
	retries, mapped           int // mapped is -1 for a task that is not
	looks                     int
	script                    []outcome
	took                      []time.Duration
	callbacks                 bool
}

// outcome is what becomes of a try.
type outcome string

const (
	succeeds outcome = "success"
	errs     outcome = "error"
	fails    outcome = "fail"
	skips    outcome = "skip"
)

// of is what becomes of a try.
func (t *taskSpec) of(mapIndex, try int) outcome {
	return t.script[(try-1+max(mapIndex, 0))%len(t.script)]
}

// takes is how long it takes.
func (t *taskSpec) takes(mapIndex, try int) time.Duration {
	return t.took[(try-1+max(mapIndex, 0))%len(t.took)]
}

// triggerSpec asks a node for a run.
type triggerSpec struct {
	at             time.Duration
	node, dag, day int
}

// faultSpec is what goes wrong with a node, and for how long.
type faultSpec struct {
	at, lasts time.Duration
	node      int
	kind      string
}

// The kinds of faults.
const (
	kills   = "kill"
	freezes = "freeze"
	parts   = "part"   // nothing comes back
	refuses = "refuse" // it is known at once
	loses   = "lose"   // connections break now and then
	stops   = "stop"
	drains  = "drain"
)

const (
	// lastTick is after when nothing is due any more.
	lastTick = 20 * time.Second
)

var rules = []string{
	"all_success", "all_success", "all_success", "all_failed", "all_done", "one_failed", "one_success", "one_done", "none_failed",
	"none_failed_min_one_success", "none_skipped", "all_skipped", "always",
}

// between is a number, all of which are as likely, as those of rapid are not.
func between(t *rapid.T, from, to int, label string) int {
	n := 0
	for i, bit := range rapid.SliceOfN(rapid.Bool(), 14, 14).Draw(t, label) {
		if bit {
			n |= 1 << i
		}
	}
	return from + n%(to-from+1)
}

func millis(t *rapid.T, from, to int, label string) time.Duration {
	return time.Duration(between(t, from, to, label)) * time.Millisecond
}

func of[T any](t *rapid.T, all []T, label string) T { return all[between(t, 0, len(all)-1, label)] }

// often is a boolean that is true one time in n.
func often(t *rapid.T, n int, label string) bool { return between(t, 1, n, label) == n }

var scenarios = rapid.Custom(func(t *rapid.T) *scenario {
	s := &scenario{seed: rapid.Uint64().Draw(t, "seed"), slots: between(t, 1, 4, "slots")}
	for i := range between(t, 2, 4, "nodes") {
		n := nodeSpec{leads: i < 2 || rapid.Bool().Draw(t, "leads"), works: true, workers: between(t, 1, 4, "workers")}
		switch {
		case i == 0:
			n.works = rapid.Bool().Draw(t, "works")
		case i > 1 && often(t, 3, "queues"):
			n.queues = []string{"special"}
			if rapid.Bool().Draw(t, "both") {
				n.queues = []string{"default", "special"}
			}
		}
		s.nodes = append(s.nodes, n)
	}
	for i := range between(t, 1, 2, "dags") {
		s.dags = append(s.dags, drawDAG(t, "d"+strconv.Itoa(i), s.slots))
	}
	for range between(t, 1, 4, "triggers") {
		s.triggers = append(s.triggers, triggerSpec{
			at: millis(t, 0, 12000, "at"), node: between(t, 0, len(s.nodes)-1, "node"), dag: between(t, 0, len(s.dags)-1, "dag"),
			day: between(t, 1, 3, "day"),
		})
	}
	for range between(t, 0, 5, "faults") {
		f := faultSpec{
			at: millis(t, 0, 14000, "at"), lasts: millis(t, 50, 10000, "lasts"), node: between(t, 0, len(s.nodes)-1, "node"),
			kind: of(t, []string{kills, kills, freezes, parts, refuses, loses, stops, drains}, "kind"),
		}
		if !slices.ContainsFunc(s.faults, func(o faultSpec) bool {
			return o.node == f.node && o.at < f.at+f.lasts+time.Second && f.at < o.at+o.lasts+time.Second
		}) {
			s.faults = append(s.faults, f) // one at a time for each node
		}
	}
	return s
})

func drawDAG(t *rapid.T, id string, slots int) dagSpec {
	d := dagSpec{id: id, maxTasks: between(t, 1, 6, "max tasks"), maxRuns: between(t, 1, 3, "max runs"), callbacks: rapid.Bool().Draw(t, "callbacks")}
	if often(t, 2, "scheduled") {
		d.every, d.catchup = time.Duration(between(t, 4, 11, "every"))*time.Second, rapid.Bool().Draw(t, "catchup")
	}
	for i := range between(t, 1, 7, "tasks") {
		k := taskSpec{
			id: "t" + strconv.Itoa(i), operator: of(t, []string{"work", "work", "work", "harm", "look", "nop"}, "operator"), rule: "all_success",
			slots: 1, weight: 1, mapped: -1, retries: between(t, 0, 2, "retries"), callbacks: often(t, 2, "callbacks"),
		}
		for up := range i {
			if often(t, 3, "edge") {
				k.ups = append(k.ups, up)
			}
		}
		if len(k.ups) > 0 {
			k.rule = of(t, rules, "rule")
		}
		if often(t, 3, "pooled") {
			k.pooled, k.slots = true, between(t, 1, slots, "slots")
		}
		if often(t, 4, "weighs") {
			k.weight = between(t, 1, 9, "weight")
		}
		if often(t, 5, "few") {
			k.perDAG = between(t, 1, 2, "per dag")
		}
		if k.operator != "nop" && k.rule != "always" && often(t, 4, "mapped") {
			k.mapped = between(t, 0, 3, "length")
		}
		if k.operator == "look" {
			k.looks = between(t, 0, 3, "looks")
		}
		if often(t, 5, "queue") {
			k.queue = "special"
		}
		for range between(t, 1, 4, "tries") {
			k.script = append(k.script, of(t, []outcome{succeeds, succeeds, succeeds, errs, errs, fails, skips}, "outcome"))
			k.took = append(k.took, millis(t, 0, of(t, []int{60, 1500, 6000}, "most"), "took"))
		}
		d.tasks = append(d.tasks, k)
	}
	return d
}

// file is the DAG as people write it.
func (d *dagSpec) file() string {
	var b strings.Builder
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) } // it cannot fail
	p("%s:\n  max_active_tasks: %d\n  max_active_runs: %d\n  catchup: %v\n", d.id, d.maxTasks, d.maxRuns, d.catchup)
	if d.every > 0 {
		p("  schedule: {every: %s}\n  start_date: 2000-01-01\n  end_date: '%s'\n", d.every, begin.Add(lastTick).Format("2006-01-02T15:04:05"))
	}
	if d.callbacks {
		p("  on_success_callback: say\n  on_failure_callback: say\n")
	}
	p("  default_args: {retry_delay: 0.5}\n  tasks:\n")
	for i := range d.tasks {
		t := &d.tasks[i]
		p("    - {task_id: %s, operator: %s, retries: %d, trigger_rule: %s, priority_weight: %d", t.id, t.operator, t.retries, t.rule, t.weight)
		if len(t.ups) > 0 {
			var ups []string
			for _, u := range t.ups {
				ups = append(ups, d.tasks[u].id)
			}
			p(", dependencies: [%s]", strings.Join(ups, ", "))
		}
		if t.pooled {
			p(", pool: db, pool_slots: %d", t.slots)
		}
		if t.perDAG > 0 {
			p(", max_active_tis_per_dag: %d", t.perDAG)
		}
		if t.mapped >= 0 {
			p(", expand: {text: [%s]}", strings.TrimSuffix(strings.Repeat("x, ", t.mapped), ", "))
		}
		if t.operator == "look" {
			p(", mode: reschedule, poke_interval: 1, timeout: 1h")
		}
		if t.queue != "" {
			p(", queue: %s", t.queue)
		}
		if t.callbacks {
			p(", on_success_callback: say, on_failure_callback: say, on_retry_callback: say, on_execute_callback: say")
		}
		p("}\n")
	}
	return b.String()
}

// String tells all of it.
func (s *scenario) String() string {
	var b strings.Builder
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) } // it cannot fail
	p("seed %d, a pool of %d slots\n", s.seed, s.slots)
	for i, n := range s.nodes {
		p("node %d: leads %v, works %v (%d), queues %v\n", i, n.leads, n.works, n.workers, n.queues)
	}
	for i := range s.dags {
		p("%s", s.dags[i].file())
		for _, t := range s.dags[i].tasks {
			p("# %s: %v takes %v, looks %d\n", t.id, t.script, t.took, t.looks)
		}
	}
	for _, t := range s.triggers {
		p("at %s node %d is asked for %s of day %d\n", t.at, t.node, s.dags[t.dag].id, t.day)
	}
	for _, f := range s.faults {
		p("at %s node %d: %s for %s\n", f.at, f.node, f.kind, f.lasts)
	}
	return b.String()
}
