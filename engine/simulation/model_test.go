package simulation_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore"
)

// checkDelivery checks what became of a message.
func (sim *simulation) checkDelivery(d *store.Delivery, text string) {
	sender := sim.known[d.Node]
	arrived, torn := 0, sender != nil && sender.shaken // it may have died before it began to send
	for _, s := range sim.messages[strconv.FormatInt(d.ID, 10)] {
		if s.arrived {
			arrived++
		}
		torn = torn || s.torn || s.n.l.dead || s.n.shaken
	}
	switch {
	case arrived > 1:
		sim.broke("message %q has arrived %d times", text, arrived)
	case d.State == store.DeliveryDelivered && arrived != 1:
		sim.broke("message %q counts as delivered, and has not arrived", text)
	case d.State == store.DeliveryUncertain && !torn:
		sim.broke("message %q is uncertain though nothing has happened to its sender: %s", text, d.Error)
	case d.State != store.DeliveryDelivered && d.State != store.DeliveryUncertain:
		sim.broke("message %q is %s: %s", text, d.State, d.Error)
	}
}

// counts are the states of what is upstream of a task.
type counts map[dag.State]int

// verdicts are the states that a trigger rule leads to, once all that is upstream has ended. What it lets run is "run".
func verdicts(rule string, c counts) []dag.State {
	const run dag.State = "run"
	s, f, k := c[dag.Success], c[dag.Failed]+c[dag.UpstreamFailed], c[dag.Skipped]
	total := s + f + k
	when := func(ok bool, other ...dag.State) []dag.State {
		if ok {
			return []dag.State{run}
		}
		return other
	}
	if total == 0 {
		return []dag.State{run}
	}
	switch rule {
	case "all_success":
		var out []dag.State
		if f > 0 {
			out = append(out, dag.UpstreamFailed)
		}
		if k > 0 {
			out = append(out, dag.Skipped) // whichever was there first
		}
		return when(s == total, out...)
	case "all_failed":
		return when(f == total, dag.Skipped)
	case "all_done", "always":
		return []dag.State{run}
	case "one_failed":
		return when(f > 0, dag.Skipped)
	case "one_success":
		if k == total {
			return []dag.State{dag.Skipped}
		}
		return when(s > 0, dag.UpstreamFailed)
	case "one_done":
		return when(s+c[dag.Failed] > 0, dag.Skipped)
	case "none_failed":
		return when(f == 0, dag.UpstreamFailed)
	case "none_failed_min_one_success":
		if f > 0 {
			return []dag.State{dag.UpstreamFailed}
		}
		return when(s > 0, dag.Skipped)
	case "none_skipped":
		return when(k == 0, dag.Skipped)
	case "all_skipped":
		return when(k == total, dag.Skipped)
	default:
		panic("unknown rule " + rule)
	}
}

// scripted is the state that the script of a task leads to, and the number of the last try.
func (t *taskSpec) scripted(mapIndex int) (dag.State, int) {
	if t.operator == "nop" {
		return dag.Success, 1
	}
	for try := 1; ; try++ {
		switch t.of(mapIndex, try) {
		case succeeds:
			return dag.Success, try
		case skips:
			return dag.Skipped, try
		case fails:
			return dag.Failed, try
		case errs:
			if try > t.retries {
				return dag.Failed, try
			}
		}
	}
}

// checkRun checks the end of a run, and takes from told what it should tell.
func (sim *simulation) checkRun(d *dagSpec, r *store.Run, is []*store.Instance, told map[string]int) {
	at := d.id + "/" + r.RunID
	if !r.State.Finished() {
		sim.broke("%s has not ended: it is %s", at, r.State)
		for _, in := range is {
			if !in.State.Finished() {
				sim.tell("%s[%d] is %s, try %d", in.TaskID, in.MapIndex, in.State, in.Try)
			}
		}
		return
	}
	states := map[string]counts{}
	of := map[string][]*store.Instance{}
	for _, in := range is {
		of[in.TaskID] = append(of[in.TaskID], in)
		if states[in.TaskID] == nil {
			states[in.TaskID] = counts{}
		}
		states[in.TaskID][in.State]++
	}
	failed := false
	for i := range d.tasks {
		t := &d.tasks[i]
		all := counts{}
		for _, u := range t.ups {
			for state, n := range states[d.tasks[u].id] {
				all[state] += n
			}
		}
		allowed := verdicts(t.rule, all)
		want := max(t.mapped, 1)
		if len(of[t.id]) != want && (allowed[0] == "run" || len(of[t.id]) != 1) {
			sim.broke("%s/%s has %d instances, want %d", at, t.id, len(of[t.id]), want)
		}
		leaf := !slices.ContainsFunc(d.tasks, func(o taskSpec) bool { return slices.Contains(o.ups, i) })
		for _, in := range of[t.id] {
			sim.checkInstance(d, t, r, in, allowed, told)
			failed = failed || leaf && (in.State == dag.Failed || in.State == dag.UpstreamFailed)
		}
	}
	want := dag.RunSuccess
	if failed {
		want = dag.RunFailed
	}
	if r.State != want {
		sim.broke("%s is %s, want %s", at, r.State, want)
	}
	if d.callbacks {
		kind := "on_success"
		if failed {
			kind = "on_failure"
		}
		sim.expect(told, fmt.Sprintf("%s %s", kind, keyOf(d.id, r.RunID, "", -1, 0)))
	}
}

// expect takes a message from those that were told, once each.
func (sim *simulation) expect(told map[string]int, text string) {
	if told[text] != 1 {
		sim.broke("%q is told %d times, want 1", text, told[text])
	}
	delete(told, text)
}

func (sim *simulation) checkInstance(d *dagSpec, t *taskSpec, r *store.Run, in *store.Instance, allowed []dag.State, told map[string]int) {
	at := fmt.Sprintf("%s/%s/%s[%d]", d.id, r.RunID, in.TaskID, in.MapIndex)
	if allowed[0] != "run" {
		if !slices.Contains(allowed, in.State) {
			sim.broke("%s is %s, want %v by its rule", at, in.State, allowed)
		}
		return
	}
	if t.mapped == 0 {
		if in.State != dag.Skipped {
			sim.broke("%s is %s, want skipped, as it is mapped over nothing", at, in.State)
		}
		return
	}
	want, last := t.scripted(in.MapIndex)
	lost, harmed := false, false // whether a try may have been lost too often, or while it may not be repeated
	for try := 1; try <= t.retries+1; try++ {
		all := sim.tries[keyOf(d.id, r.RunID, in.TaskID, in.MapIndex, try)]
		torn := 0
		for _, tr := range all {
			if tr.why != "" {
				torn++
			}
		}
		lost = lost || torn >= 3
		harmed = harmed || t.operator == "harm" && sim.troubled
	}
	if (in.State != want || in.Try != last && t.operator != "nop") && !lost && (!harmed || in.State != dag.Failed) {
		sim.broke("%s is %s after try %d, want %s after try %d: %s", at, in.State, in.Try, want, last, in.Error)
	}
	if t.operator != "nop" && !harmed && !lost {
		for try := 1; try <= last; try++ {
			if key := keyOf(d.id, r.RunID, in.TaskID, in.MapIndex, try); len(sim.tries[key]) == 0 {
				sim.broke("%s was never run", key)
			}
		}
	}
	if !t.callbacks {
		return
	}
	key := func(try int) string { return keyOf(d.id, r.RunID, in.TaskID, in.MapIndex, try) }
	for try := 1; try <= in.Try; try++ {
		begun := "on_execute " + key(try)
		n := 0
		for _, tr := range sim.tries[key(try)] {
			if !tr.again || !tr.done {
				n++
			}
		}
		n = max(n, 1)
		if told[begun] > n+t.looks || told[begun] < 1 && len(sim.tries[key(try)]) > 0 && !harmed {
			sim.broke("%q is told %d times, and the try has begun %d times", begun, told[begun], n)
		}
		delete(told, begun)
		if try < in.Try {
			sim.expect(told, "on_retry "+key(try))
		}
	}
	switch in.State { //nolint:exhaustive // the others have no callback
	case dag.Success:
		sim.expect(told, "on_success "+key(in.Try))
	case dag.Failed:
		sim.expect(told, "on_failure "+key(in.Try))
	}
}

// checkTicks checks that each due tick has a record.
func (sim *simulation) checkTicks(ctx context.Context, t *testing.T, q sqlstore.Queries, d *dagSpec, rs []*store.Run) {
	t.Helper()
	if d.every == 0 || !d.catchup {
		return
	}
	for at := begin.Add(d.every); !at.After(begin.Add(lastTick)); at = at.Add(d.every) {
		record, err := q.TickRangeAt(ctx, d.id, at)
		if err != nil {
			t.Fatal(err)
		}
		ran := slices.ContainsFunc(rs, func(r *store.Run) bool { return r.RunAfter.Equal(at) })
		if !ran && record == nil {
			sim.broke("nothing is known of the tick of %s at %s", d.id, at.Sub(begin))
		}
	}
}
