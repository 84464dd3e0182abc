package dagfile

import (
	"strings"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
)

// canonicalAsset returns the canonical form of an asset.
func canonicalAsset(a *dag.Asset) any {
	plain := a.Name == a.URI && a.Group == dag.DefaultAssetGroup && a.Extra.Len() == 0
	if plain && strings.Contains(a.URI, "://") && !strings.ContainsAny(a.URI, " ()&|") {
		return a.URI
	}
	call := fields{{"__type__", reading.TypeAsset}, {"name", a.Name}, {"uri", a.URI}}
	if a.Group != dag.DefaultAssetGroup {
		call = append(call, field{"group", a.Group})
	}
	if a.Extra.Len() > 0 {
		call = append(call, field{"extra", a.Extra})
	}
	return call
}

// canonicalCondition returns the canonical form of a condition. A plain text would be a cron
// expression, so that one asset is a list too.
func canonicalCondition(c *dag.AssetCondition) any {
	if c.Asset != nil {
		return []any{canonicalAsset(c.Asset)}
	}
	parts := make([]any, len(c.Of))
	for i, part := range c.Of {
		if parts[i] = canonicalCondition(part); part.Asset != nil {
			parts[i] = canonicalAsset(part.Asset)
		}
	}
	switch {
	case c.Any:
		return fields{{"__or__", parts}}
	default:
		return fields{{"__and__", parts}}
	}
}

// canonicalSchedule returns the canonical form of the schedule, "" for none.
func canonicalSchedule(d *dag.DAG) any {
	plan := canonicalTimes(d.Schedule, d.Location.String(), plainZone(d))
	switch {
	case d.Assets == nil:
		return plan
	case d.Schedule.Kind == dag.NoSchedule:
		return canonicalCondition(d.Assets)
	default:
		return fields{{"datasets", canonicalCondition(d.Assets)}, {"timetable", plan}}
	}
}
