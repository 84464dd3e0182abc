package keys

import (
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

var deadlineReferences = []string{dag.DeadlineQueuedAt, dag.DeadlineLogicalDate, dag.DeadlineAverageRuntime}

const averageRuns = 10

// deadlineKey declares the deadlines of a DAG: one mapping or a list of them.
func deadlineKey() Key[DAG] {
	const name = "deadline"
	return Key[DAG]{
		name: name, doc: "By when a run must have finished, and who is told if it has not: one or a list.",
		schema: map[string]any{"anyOf": []any{
			map[string]any{"$ref": "#/$defs/deadline"}, map[string]any{"type": "array", "items": map[string]any{"$ref": "#/$defs/deadline"}},
		}},
		reset: func(d *DAG) { d.Deadlines = nil },
		set: func(_ *Reader, d *DAG, k, v *yaml.Node) {
			d.Raw.Deadlines = Pair{Key: k, Value: v}
		},
		emit: func(d *DAG) any {
			var list []any
			for _, l := range d.Deadlines {
				list = append(list, canonicalDeadline(l, d.PlainZone))
			}
			if list == nil {
				return nil
			}
			return list
		},
	}
}

// DeadlineSchema is the JSON Schema of one deadline.
func DeadlineSchema() map[string]any {
	return Object(map[string]any{
		"reference": map[string]any{
			"type": "string", "examples": Words(deadlineReferences),
			"description": "What the interval counts from: " + strings.Join(deadlineReferences, ", ") + ", or a date.",
		},
		"interval": map[string]any{"$ref": "#/$defs/duration"},
		"callback": map[string]any{"$ref": "#/$defs/callback"},
		"max_runs": map[string]any{"type": "integer", "minimum": 1, "default": averageRuns, "description": "How many runs average_runtime averages."},
		"min_runs": map[string]any{"type": "integer", "minimum": 1, "default": averageRuns, "description": "With fewer runs there is no deadline."},
	})
}

func canonicalDeadline(l dag.Deadline, zone *time.Location) canonical.Fields {
	ref := l.Reference
	if ref == dag.DeadlineFixed {
		ref = reading.WallText(l.At, zone)
	}
	f := canonical.Of("reference", ref).With("interval", l.Interval.String()).With("callback", l.Callbacks)
	if l.Reference == dag.DeadlineAverageRuntime {
		f = f.With("max_runs", l.MaxRuns).With("min_runs", l.MinRuns)
	}
	return f
}

// Deadlines reads the value of the key deadline once the zone of dates is known.
func (r *Reader) Deadlines(p Pair) []dag.Deadline {
	if !p.Present() {
		return nil
	}
	items := []*yaml.Node{p.Value}
	if yamlvalue.KindOf(p.Value) == yamlvalue.List {
		items = p.Value.Content
	}
	list := make([]dag.Deadline, len(items))
	for i, n := range items {
		list[i] = r.deadline(n)
	}
	return list
}

func (r *Reader) deadline(n *yaml.Node) (l dag.Deadline) {
	if !r.Mapping("deadline", n) {
		return l
	}
	l.MaxRuns, l.MinRuns = averageRuns, averageRuns
	names := []string{"reference", "interval", "callback", "max_runs", "min_runs"}
	given := map[string]*yaml.Node{}
	for k, v := range yamlvalue.Pairs(n) {
		if !slices.Contains(names, k.Value) {
			r.Errorf(k, "deadline: unknown key %q%s", yamlvalue.Excerpt(k.Value), r.Suggest(k.Value, slices.Values(names)))
			continue
		}
		given[k.Value] = k
		switch k.Value {
		case "reference":
			r.deadlineReference(&l, v)
		case "interval":
			l.Interval, _ = r.Duration("interval", v)
		case "callback":
			l.Callbacks = r.Callbacks(r.Scope, k, v)
		case "max_runs":
			l.MaxRuns, _ = r.Integer("max_runs", v, 1, 10_000)
		case "min_runs":
			l.MinRuns, _ = r.Integer("min_runs", v, 1, 10_000)
		}
	}
	for _, name := range names[:3] {
		if given[name] == nil {
			r.Errorf(n, "deadline: %s is missing: it needs reference, interval and callback", name)
		}
	}
	for _, name := range names[3:] {
		if k := given[name]; k != nil && l.Reference != dag.DeadlineAverageRuntime {
			r.Errorf(k, "deadline: %s belongs to reference: %s", name, dag.DeadlineAverageRuntime)
		}
	}
	return l
}

func (r *Reader) deadlineReference(l *dag.Deadline, v *yaml.Node) {
	if yamlvalue.KindOf(v) == yamlvalue.Text {
		word := strings.ToLower(strings.TrimPrefix(v.Value, "DeadlineReference."))
		if slices.Contains(deadlineReferences, word) {
			l.Reference = word
			return
		}
		if strings.IndexFunc(v.Value, func(c rune) bool { return c >= '0' && c <= '9' }) < 0 {
			r.Errorf(v, "deadline: unknown reference %q%s; want %s, or a date", yamlvalue.Excerpt(v.Value),
				r.Suggest(word, slices.Values(deadlineReferences)), strings.Join(deadlineReferences, ", "))
			return
		}
	}
	l.Reference = dag.DeadlineFixed
	l.At, _ = r.Date("reference", v, r.DateZone, r.Now)
}
