package schedule

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

func (r *Reader) textSchedule(text string) dag.Schedule {
	text = strings.TrimSpace(text)
	switch strings.ToLower(text) {
	case "none":
		return dag.Schedule{}
	case "@once":
		return dag.Schedule{Kind: dag.OnceSchedule}
	case "@continuous":
		return dag.Schedule{Kind: dag.ContinuousSchedule}
	}
	return dag.Schedule{Kind: dag.CronSchedule, Crons: text, Interval: r.Intervals}
}

// mappedSchedule reads {every: 30m} and {cron: …, timezone: …, mode: …}.
func (r *Reader) mappedSchedule(n *yaml.Node) (dag.Schedule, bool) {
	result, ok := dag.Schedule{}, true
	var mode *yaml.Node
	for k, v := range yamlvalue.Pairs(n) {
		var fine bool
		switch k.Value {
		case "every":
			result.Kind = dag.EverySchedule
			result.Every, fine = r.Duration("every", v)
		case "cron":
			result.Kind = dag.CronSchedule
			result.Crons, fine = r.cronTexts(v)
		case "timezone":
			result.Zone, fine = r.zoneName(v)
		case "mode":
			mode = v
			result.Interval, fine = r.cronMode(v)
		case "assets":
			r.Errorf(k, "schedule has no key \"assets\": write datasets, or the list itself")
			return dag.Schedule{}, false
		case "type", "value":
			r.Errorf(k, "schedule has no key %q: write the expression itself, or a mapping with every or cron", k.Value)
			fine = false
		default:
			r.Errorf(k, "schedule has no key %q: it takes every, cron with timezone and mode, or datasets", yamlvalue.Excerpt(k.Value))
			fine = false
		}
		ok = ok && fine
	}
	_, every := yamlvalue.Lookup(n, "every")
	_, cron := yamlvalue.Lookup(n, "cron")
	switch {
	case !ok:
	case (every == nil) == (cron == nil):
		r.Errorf(n, "schedule needs exactly one of every and cron")
		ok = false
	case every != nil && result.Zone != "":
		r.Errorf(n, "schedule: timezone has no meaning beside every")
		ok = false
	case mode == nil:
		result.Interval = r.Intervals
	}
	return result, ok && r.checkCrons(n, result)
}

func (r *Reader) cronMode(n *yaml.Node) (interval, ok bool) {
	mode, ok := r.Text("mode", n)
	if ok && mode != "trigger" && mode != "interval" {
		r.Errorf(n, "mode %q is unknown: want trigger or interval", yamlvalue.Excerpt(mode))
		return false, false
	}
	return mode == "interval", ok
}

// checkCrons refuses what no timetable can do.
func (r *Reader) checkCrons(n *yaml.Node, c dag.Schedule) bool {
	if c.Interval && strings.Contains(c.Crons, "\n") {
		r.Errorf(n, "schedule: several cron expressions work in trigger mode only: write mode: trigger")
		return false
	}
	return true
}

// cronTexts reads one expression or a list of them.
func (r *Reader) cronTexts(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.SequenceNode {
		return r.Text("cron", n)
	}
	list, ok := r.Texts("cron", n)
	if ok && len(list) == 0 {
		r.Errorf(n, "cron: the list is empty")
		return "", false
	}
	return strings.Join(list, "\n"), ok
}

func (r *Reader) zoneName(n *yaml.Node) (string, bool) {
	loc, ok := r.Zone(n, r.Zones)
	if !ok {
		return "", false
	}
	return loc.String(), true
}

// typedSchedule reads a timedelta or one of the timetable classes.
func (r *Reader) typedSchedule(n *yaml.Node) (dag.Schedule, bool) {
	t, ok := r.Typed(n)
	if !ok {
		return dag.Schedule{}, false
	}
	switch t.Path {
	case reading.TypeTimedelta:
		d, ok := r.Timedelta(n)
		return dag.Schedule{Kind: dag.EverySchedule, Every: d, Interval: r.Intervals}, ok
	case reading.TypeCron:
		return r.cronTimetable(t, "cron", "*", "timezone", "interval", "run_immediately")
	case reading.TypeCronInterval:
		return r.cronTimetable(t, "cron", "timezone")
	case reading.TypeCrons:
		return r.multipleCron(t)
	case reading.TypeDelta:
		return r.deltaTimetable(t, "delta", "*", "interval")
	case reading.TypeDeltaInterval:
		return r.deltaTimetable(t, "delta")
	default:
		r.Errorf(n, "%s is not a valid schedule", t.Path)
	}
	return dag.Schedule{}, false
}

func (r *Reader) cronTimetable(t reading.Typed, signature ...string) (dag.Schedule, bool) {
	args, ok := r.Bind(t, signature...)
	if !ok || !r.requireArgs(t, args, "cron", "timezone") || !r.checkDefaults(args) {
		return dag.Schedule{}, false
	}
	cron, ok := r.Text("cron", args["cron"])
	zone, fine := r.zoneName(args["timezone"])
	return dag.Schedule{Kind: dag.CronSchedule, Crons: cron, Zone: zone, Interval: t.Path == reading.TypeCronInterval}, ok && fine
}

// multipleCron reads a class whose positional arguments are any number of expressions.
func (r *Reader) multipleCron(t reading.Typed) (dag.Schedule, bool) {
	named := t
	named.Args = nil
	args, ok := r.Bind(named, "*", "timezone", "interval", "run_immediately")
	if !ok || !r.requireArgs(t, args, "timezone") || !r.checkDefaults(args) {
		return dag.Schedule{}, false
	}
	if len(t.Args) == 0 {
		r.Errorf(t.Node, "%s needs cron expressions in __args__", t.Path)
		return dag.Schedule{}, false
	}
	crons := make([]string, len(t.Args))
	for i, arg := range t.Args {
		if crons[i], ok = r.Text("cron", arg); !ok {
			return dag.Schedule{}, false
		}
	}
	zone, ok := r.zoneName(args["timezone"])
	return dag.Schedule{Kind: dag.CronSchedule, Crons: strings.Join(crons, "\n"), Zone: zone}, ok
}

func (r *Reader) deltaTimetable(t reading.Typed, signature ...string) (dag.Schedule, bool) {
	args, ok := r.Bind(t, signature...)
	if !ok || !r.requireArgs(t, args, "delta") || !r.checkDefaults(args) {
		return dag.Schedule{}, false
	}
	d, ok := r.Duration("delta", args["delta"])
	return dag.Schedule{Kind: dag.EverySchedule, Every: d, Interval: t.Path == reading.TypeDeltaInterval}, ok
}

func (r *Reader) requireArgs(t reading.Typed, args map[string]*yaml.Node, names ...string) bool {
	for _, name := range names {
		if args[name] == nil {
			r.Errorf(t.Node, "%s needs %s", t.Path, name)
			return false
		}
	}
	return true
}

// checkDefaults refuses the timetable arguments that are understood at their defaults only.
func (r *Reader) checkDefaults(args map[string]*yaml.Node) bool {
	if v := args["interval"]; v != nil && yamlvalue.KindOf(v) != yamlvalue.Null {
		if d, ok := r.Duration("interval", v); !ok || d != 0 {
			r.Errorf(v, "interval is not supported: use airflow.timetables.interval.CronDataIntervalTimetable")
			return false
		}
	}
	if v := args["run_immediately"]; v != nil && yamlvalue.KindOf(v) != yamlvalue.Null {
		if now, ok := r.Boolean("run_immediately", v); !ok || now {
			r.Errorf(v, "run_immediately is not supported: set start_date and catchup")
			return false
		}
	}
	return true
}
