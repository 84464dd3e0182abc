package dagfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// field is one key of a canonical mapping, fields the mapping in order.
type (
	field struct {
		name  string
		value any
	}
	fields []field
)

// Source returns the canonical form of the DAG: a DAG file with defaults merged and
// applied, from which [Restore] makes the same DAG. It is built on each call.
func Source(d *dag.DAG) []byte {
	zone := d.PlainZone
	body := fields{}
	if plan := canonicalSchedule(d); plan != "" {
		body = append(body, field{"schedule", plan})
	}
	if !d.StartDate.IsZero() {
		body = append(body, field{"start_date", reading.WallText(d.StartDate, zone)})
	}
	if !d.EndDate.IsZero() {
		body = append(body, field{"end_date", reading.WallText(d.EndDate, zone)})
	}
	body = append(body, field{"timezone", zone.String()})
	body = append(body, emitAll(dagKeys, &dagDraft{DAG: d}, zone)...)
	o := newOutline(d)
	if len(d.Groups) > 0 {
		var groups []any
		for _, g := range d.Groups {
			groups = append(groups, o.group(g))
		}
		body = append(body, field{"task_groups", groups})
	}
	var tasks []any
	for _, t := range d.Tasks {
		tasks = append(tasks, o.task(t))
	}
	body = append(body, field{"tasks", tasks})
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(canonicalNode(fields{{d.ID, body}})); err != nil {
		panic(fmt.Sprintf("dag: encode the canonical form of %s: %v", d.ID, err)) // only made of checked values
	}
	return b.Bytes()
}

// plainZone is where Restore reads a plain cron expression: the zone of the start
// date, or none that is sure.
func plainZone(d *dag.DAG) string {
	if d.StartDate.IsZero() {
		return ""
	}
	return d.PlainZone.String()
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

func (o outline) group(g *dag.Group) fields {
	f := fields{{"group_name", g.Label}}
	if g.Parent != "" {
		f = append(f, field{"parent_group_name", o.labels[g.Parent]})
	}
	f = append(f, o.dependencies(o.Declared[g.Label])...)
	return append(f, emitAll(groupKeys, &groupDraft{Group: *g, prefix: !g.NoPrefix}, nil)...)
}

func (o outline) task(t *dag.Task) fields {
	f := fields{{"task_id", t.Label}, {"operator", t.Operator}}
	if t.Group != "" {
		f = append(f, field{"task_group_name", o.labels[t.Group]})
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
	f = append(f, emitAll(taskKeys, &taskDraft{taskBase: taskBase{Task: *t}}, nil)...)
	f = append(f, emitAll(commonKeys, &taskBase{Task: *t}, o.PlainZone)...)
	own := map[string]*yaml.Node{}
	for k, v := range yamlvalue.Pairs(t.Args) {
		own[k.Value] = v
	}
	if t.Sensor != nil {
		for _, k := range emitAll(sensorKeys, t.Sensor, nil) {
			if own[k.name] == nil {
				f = append(f, k)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		f = append(f, field{name, own[name]})
	}
	return append(f, o.mapping(t)...)
}

// dependencies names tasks and groups by their bare names; a task whose bare name is
// the full id of another one by its full id.
func (o outline) dependencies(labels []string) fields {
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
	return fields{{"dependencies", names}}
}

// emitAll returns the fields of a table that differ from their defaults.
func emitAll[T any](t table[T], src *T, zone *time.Location) fields {
	var list fields
	for _, k := range t.keys {
		if k.emit == nil {
			continue
		}
		value := k.emit(src)
		if moment, ok := value.(time.Time); ok {
			value = reading.WallText(moment, zone)
		}
		if value != nil {
			list = append(list, field{k.name, value})
		}
	}
	return list
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

// canonicalNode builds the YAML of a value. Text is always quoted, so that no reader
// takes it for anything else.
func canonicalNode(v any) *yaml.Node {
	switch v := v.(type) {
	case *yaml.Node:
		return canonicalCopy(v)
	case fields:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range v {
			n.Content = append(n.Content, keyNode(f.name), canonicalNode(f.value))
		}
		return n
	case *dag.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for name, value := range v.All() {
			n.Content = append(n.Content, keyNode(name), canonicalNode(value))
		}
		return n
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, keyNode(name), canonicalNode(v[name]))
		}
		return n
	case []dag.Callback:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, c := range v {
			item := canonicalCopy(c.Args)
			item.Content = append([]*yaml.Node{keyNode("callback"), yamlvalue.NewScalar(yamlvalue.Text, c.Name, nil)}, item.Content...)
			n.Content = append(n.Content, item)
		}
		return n
	case []string:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, text := range v {
			n.Content = append(n.Content, yamlvalue.NewScalar(yamlvalue.Text, text, nil))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			n.Content = append(n.Content, canonicalNode(item))
		}
		return n
	default:
		return scalarNode(v)
	}
}

func scalarNode(v any) *yaml.Node {
	plain := func(tag, text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text} }
	switch v := v.(type) {
	case string:
		return yamlvalue.NewScalar(yamlvalue.Text, v, nil)
	case bool:
		return plain("!!bool", strconv.FormatBool(v))
	case int:
		return plain("!!int", strconv.Itoa(v))
	case int64:
		return plain("!!int", strconv.FormatInt(v, 10))
	case float64:
		return plain("!!float", yamlvalue.FloatText(v))
	case nil:
		return plain("!!null", "null")
	default:
		panic(fmt.Sprintf("dag: no canonical form of a %T", v))
	}
}

// canonicalCopy copies a node with one spelling for each value.
func canonicalCopy(n *yaml.Node) *yaml.Node {
	switch yamlvalue.KindOf(n) {
	case yamlvalue.Map:
		c := &yaml.Node{Kind: yaml.MappingNode}
		for k, v := range yamlvalue.Pairs(n) {
			c.Content = append(c.Content, keyNode(k.Value), canonicalCopy(v))
		}
		return c
	case yamlvalue.List:
		c := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range n.Content {
			c.Content = append(c.Content, canonicalCopy(item))
		}
		return c
	case yamlvalue.Null:
		return scalarNode(nil)
	case yamlvalue.Bool:
		if v, ok := yamlvalue.ParseBool(n.Value); ok {
			return scalarNode(v)
		}
	case yamlvalue.Int:
		if v, err := yamlvalue.ParseInt(n.Value); err == nil {
			return scalarNode(v)
		}
	case yamlvalue.Float:
		if v, err := yamlvalue.ParseNumber(n); err == nil && v-v == 0 { // not infinite, not NaN
			return scalarNode(v)
		}
	case yamlvalue.Text:
		return yamlvalue.NewScalar(yamlvalue.Text, n.Value, nil)
	default:
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: n.Value}
}

// keyNode leaves a key plain where nothing can be taken for another type.
func keyNode(name string) *yaml.Node {
	for i, c := range name {
		if c != '_' && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return yamlvalue.NewScalar(yamlvalue.Text, name, nil)
		}
	}
	if yamlvalue.PlainKind(name) != yamlvalue.Text {
		return yamlvalue.NewScalar(yamlvalue.Text, name, nil)
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
}
