package dagfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/dagfile/schedule"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Source returns the canonical form of the DAG: a DAG file with defaults merged and
// applied, from which [Restore] makes the same DAG. It is built on each call.
func Source(d *dag.DAG) []byte {
	zone := d.PlainZone
	body := canonical.Fields{}
	if plan := schedule.Canonical(d); plan != "" {
		body = body.With("schedule", plan)
	}
	if !d.StartDate.IsZero() {
		body = body.With("start_date", reading.WallText(d.StartDate, zone))
	}
	if !d.EndDate.IsZero() {
		body = body.With("end_date", reading.WallText(d.EndDate, zone))
	}
	body = body.With("timezone", zone.String())
	body = append(body, keys.DAGs.Emit(&keys.DAG{DAG: d}, zone)...)
	o := newOutline(d)
	if len(d.Groups) > 0 {
		var groups []any
		for _, g := range d.Groups {
			groups = append(groups, o.group(g))
		}
		body = body.With("task_groups", groups)
	}
	var tasks []any
	for _, t := range d.Tasks {
		tasks = append(tasks, o.task(t))
	}
	body = body.With("tasks", tasks)
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(canonical.Node(append(canonical.Of(d.ID, body), templateFiles(d.TemplateFiles)...))); err != nil {
		panic(fmt.Sprintf("dag: encode the canonical form of %s: %v", d.ID, err)) // only made of checked values
	}
	return b.Bytes()
}

// outline is what the canonical form of tasks and groups looks up.
type outline struct {
	*dag.DAG
	// labels maps the full ids of groups to their bare names, fullIDs those of tasks to the tasks.
	labels  map[string]string
	fullIDs map[string]*dag.Task
	// byLabel maps the bare names of tasks to the tasks.
	byLabel map[string]*dag.Task
}

func newOutline(d *dag.DAG) outline {
	o := outline{d, map[string]string{}, map[string]*dag.Task{}, map[string]*dag.Task{}}
	for _, g := range d.Groups {
		o.labels[g.ID] = g.Label
	}
	for _, t := range d.Tasks {
		o.fullIDs[t.ID], o.byLabel[t.Label] = t, t
	}
	return o
}

func (o outline) group(g *dag.Group) canonical.Fields {
	f := canonical.Of("group_name", g.Label)
	if g.Parent != "" {
		f = f.With("parent_group_name", o.labels[g.Parent])
	}
	f = append(f, o.dependencies(o.Declared[g.Label])...)
	return append(f, keys.Groups.Emit(&keys.Group{Group: *g, Prefix: !g.NoPrefix}, nil)...)
}

func (o outline) task(t *dag.Task) canonical.Fields {
	f := canonical.Of("task_id", t.Label).With("operator", t.Operator)
	if t.Group != "" {
		f = f.With("task_group_name", o.labels[t.Group])
	}
	names := o.Declared[t.Label]
	if o.Declared == nil {
		for _, up := range t.Upstream {
			names = append(names, o.Tasks[up].Label)
		}
		// The order of the file must not count.
		slices.Sort(names)
	}
	f = append(f, o.dependencies(names)...)
	f = append(f, keys.Tasks.Emit(&keys.Task{Base: keys.Base{Task: *t}}, nil)...)
	f = append(f, keys.Common.Emit(&keys.Base{Task: *t}, o.PlainZone)...)
	own := map[string]*yaml.Node{}
	for k, v := range yamlvalue.Pairs(t.Args.Node()) {
		own[k.Value] = v
	}
	if t.Sensor != nil {
		f = append(f, keys.Sensors.Emit(t.Sensor, nil).Except(func(name string) bool { return own[name] != nil })...)
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		f = f.With(name, own[name])
	}
	return append(f, o.mapping(t)...)
}

// dependencies names tasks and groups by their bare names; a task whose bare name is
// the full id of another one by its full id.
func (o outline) dependencies(labels []string) canonical.Fields {
	if len(labels) == 0 {
		return nil
	}
	names := make([]string, len(labels))
	for i, label := range labels {
		names[i] = label
		if t := o.byLabel[label]; t != nil && o.fullIDs[label] != nil && o.fullIDs[label] != t {
			names[i] = t.ID
		}
	}
	return canonical.Of("dependencies", names)
}

// version is the name of a canonical form: the first half of its SHA-256 in hex.
func version(source []byte) string {
	sum := sha256.Sum256(source)
	return hex.EncodeToString(sum[:16])
}

// Restore makes the DAG again from its [Source]: the same version, tasks and
// edges. Positions are those in the source, without a file; a caller who knows the
// file sets it in Pos.File. The error holds the diagnostics, for instance when the
// catalog no longer has an operator.
func Restore(source []byte, catalog Catalog, opts Options) (*dag.DAG, error) {
	opts.restoring, opts.CronIntervals, opts.CatchupByDefault, opts.LookupEnv = true, false, false, nil
	dags, found := Parse("", source, catalog, opts)
	if len(dags) != 1 || found.HasErrors() {
		return nil, errors.New("version of the run, " + unrestored(found))
	}
	return dags[0], nil
}

// unrestored writes the errors among findings in a source, which has no file, as one line.
func unrestored(found dag.Diagnostics) string {
	var all []string
	for _, d := range found {
		if d.Severity != dag.Error {
			continue
		}
		text := d.Text
		if d.TaskID != "" {
			text = fmt.Sprintf("task %q: %s", d.TaskID, text)
		}
		if d.Line > 0 {
			text = fmt.Sprintf("line %d column %d: %s", d.Line, d.Column, text)
		}
		all = append(all, strings.ReplaceAll(text, "\n", " "))
	}
	if len(all) == 0 {
		return "which holds no DAG"
	}
	return strings.Join(all, "; ")
}
