package schedule

import (
	"strings"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// CanonicalAsset returns the canonical form of an asset.
func CanonicalAsset(a *dag.Asset) any {
	plain := a.Name == a.URI && a.Group == dag.DefaultAssetGroup && a.Extra.Len() == 0 && len(a.Watchers) == 0
	if plain && strings.Contains(a.URI, "://") && !strings.ContainsAny(a.URI, " ()&|") {
		return a.URI
	}
	typed := canonical.Of("__type__", reading.TypeAsset).With("name", a.Name).With("uri", a.URI)
	if a.Group != dag.DefaultAssetGroup {
		typed = typed.With("group", a.Group)
	}
	if a.Extra.Len() > 0 {
		typed = typed.With("extra", a.Extra)
	}
	if len(a.Watchers) > 0 {
		typed = typed.With("watchers", canonicalWatchers(a.Watchers))
	}
	return typed
}

func canonicalWatchers(list []dag.Watcher) []any {
	out := make([]any, len(list))
	for i, w := range list {
		trigger := canonical.Of("trigger", w.Trigger.Name)
		for k, v := range yamlvalue.Pairs(w.Trigger.Args) {
			trigger = trigger.With(k.Value, v)
		}
		out[i] = canonical.Of("name", w.Name).With("trigger", trigger)
	}
	return out
}

// canonicalCondition returns the canonical form of a condition. A plain text would be a cron
// expression, so that one asset is a list too.
func canonicalCondition(c *dag.AssetCondition) any {
	if c.Asset != nil {
		return []any{CanonicalAsset(c.Asset)}
	}
	parts := make([]any, len(c.Of))
	for i, part := range c.Of {
		if parts[i] = canonicalCondition(part); part.Asset != nil {
			parts[i] = CanonicalAsset(part.Asset)
		}
	}
	switch {
	case c.Any:
		return canonical.Of("__or__", parts)
	default:
		return canonical.Of("__and__", parts)
	}
}

// Canonical returns the canonical form of the schedule, "" for none.
func Canonical(d *dag.DAG) any {
	plan := canonicalTimes(d.Schedule, d.Location.String(), plainZone(d))
	switch {
	case d.Assets == nil:
		return plan
	case d.Schedule.Kind == dag.NoSchedule:
		return canonicalCondition(d.Assets)
	default:
		return canonical.Of("datasets", canonicalCondition(d.Assets)).With("timetable", plan)
	}
}

// plainZone is where Restore reads a plain cron expression: the zone of the start
// date, or none that is sure.
func plainZone(d *dag.DAG) string {
	if d.StartDate.IsZero() {
		return ""
	}
	return d.PlainZone.String()
}

// canonicalTimes returns the canonical form of a schedule that is read in the zone loc.
// plainZone is the zone in which a plain cron string would be read.
func canonicalTimes(c dag.Schedule, loc, plainZone string) any {
	switch {
	case c.Kind == dag.EverySchedule && c.Interval:
		return canonical.Of("__type__", reading.TypeDeltaInterval).With("delta", c.Every.String())
	case c.Kind == dag.EverySchedule:
		return canonical.Of("every", c.Every.String())
	case c.Kind != dag.CronSchedule:
		return c.String()
	case c.Interval:
		return call(reading.TypeCronInterval, c.Crons, loc)
	case strings.Contains(c.Crons, "\n"):
		var crons []any
		for cron := range strings.SplitSeq(c.Crons, "\n") {
			crons = append(crons, cron)
		}
		return call(reading.TypeCrons, crons...).With("timezone", loc)
	case loc != plainZone:
		return call(reading.TypeCron, c.Crons).With("timezone", loc)
	}
	return c.Crons
}

// call is a typed value with positional arguments.
func call(path string, args ...any) canonical.Fields {
	return canonical.Of("__type__", path).With("__args__", args)
}
