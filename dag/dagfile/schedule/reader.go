// Package schedule reads when a DAG runs, by time and by assets, and the assets that tasks
// read and write. It writes both in canonical form.
package schedule

import (
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Reader reads the keys schedule, inlets and outlets of one file.
type Reader struct {
	reading.Scope
	// Root is the DAGs folder, in which the catalogues of assets lie.
	Root string
	// Document says how such a catalogue is resolved.
	Document document.Options
	// Zones are those that were loaded.
	Zones *reading.Zones
	// Intervals makes plain cron strings and intervals run in data-interval mode.
	Intervals bool
	// Trigger makes the trigger of a watcher out of its name and its parameters, and reports what is
	// wrong with them.
	Trigger func(s reading.Scope, name, args *yaml.Node) (dag.Trigger, bool)
}

// Schedule reads the value of the key schedule: when the DAG runs by time, and on which assets.
// on is nil without assets, and may be there although ok is false.
func (r *Reader) Schedule(n *yaml.Node) (times dag.Schedule, on *dag.AssetCondition, ok bool) {
	if n, ok = r.Builtin(n); !ok {
		return dag.Schedule{}, nil, false
	}
	if isAssetSchedule(n) {
		return r.assetSchedule(n)
	}
	times, ok = r.times(n)
	return times, nil, ok
}

// times reads a schedule by time.
func (r *Reader) times(n *yaml.Node) (dag.Schedule, bool) {
	switch yamlvalue.KindOf(n) {
	case yamlvalue.Null:
		return dag.Schedule{}, true
	case yamlvalue.Text:
		return r.textSchedule(n.Value), true
	case yamlvalue.Map:
		if reading.TypeOf(n) != "" {
			return r.typedSchedule(n)
		}
		return r.mappedSchedule(n)
	default:
		r.Errorf(n, "schedule: want a cron expression, a preset such as \"@daily\" or every: 30m, not %s", reading.Show(n))
		return dag.Schedule{}, false
	}
}
