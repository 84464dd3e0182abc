package schedule

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/former"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/timetable"
	"github.com/dingdag/dingdag/yamlvalue"
)

// assetReader reads assets, by the names of a catalogue file if there is one.
type assetReader struct {
	*Reader
	// what is the key that is read, for messages.
	what string
	// names are the URIs of the catalogue by name, nil without one.
	names map[string]string
}

// Assets reads the key name of a task, which is inlets or outlets: a list, one typed asset, or
// names of a catalogue.
func (r *Reader) Assets(name string, n *yaml.Node) []*dag.Asset {
	n, ok := r.Builtin(n)
	if !ok {
		return nil
	}
	a := &assetReader{Reader: r, what: name}
	switch yamlvalue.KindOf(n) {
	case yamlvalue.List:
		return a.list(n)
	case yamlvalue.Map:
		if reading.TypeOf(n) != "" {
			one, _ := a.typedAsset(n)
			if one == nil {
				return nil
			}
			return []*dag.Asset{one}
		}
		return a.fromCatalogue(n)
	default:
		r.Errorf(n, "%s: want a list of URIs or assets, not %s: write [s3://bucket/name]", name, reading.Show(n))
		return nil
	}
}

// fromCatalogue reads {file: PATH, datasets: [names]} of a task.
func (a *assetReader) fromCatalogue(n *yaml.Node) []*dag.Asset {
	var file, list *yaml.Node
	for k, v := range yamlvalue.Pairs(n) {
		switch k.Value {
		case "file":
			file = v
		case "datasets":
			list = v
		case "__and__", "__or__":
			a.Errorf(k, "%s: a condition is allowed only in schedule: write a list", a.what)
			return nil
		default:
			a.Errorf(k, "%s has no key %q: it takes a list, or file and datasets", a.what, yamlvalue.Excerpt(k.Value))
			return nil
		}
	}
	if file == nil || list == nil {
		a.Errorf(n, "%s: a mapping needs file and datasets", a.what)
		return nil
	}
	if yamlvalue.KindOf(list) != yamlvalue.List {
		a.Errorf(list, "datasets: want a list of names, not %s", reading.Show(list))
		return nil
	}
	if !a.readCatalogue(file) {
		return nil
	}
	return a.list(list)
}

// list reads a list of assets. Empty elements are left out, as dag-factory does.
func (a *assetReader) list(n *yaml.Node) []*dag.Asset {
	var found []*dag.Asset
	seen := map[string]bool{}
	for _, item := range n.Content {
		one, ok := a.item(item)
		if !ok || one == nil {
			continue
		}
		if seen[one.URI] {
			a.Warnf(item, "%s: the asset %q appears twice", a.what, yamlvalue.Excerpt(one.Name))
			continue
		}
		seen[one.URI] = true
		found = append(found, one)
	}
	return found
}

// item reads one element of a list: text or a typed asset. It is nil for an empty one.
func (a *assetReader) item(n *yaml.Node) (*dag.Asset, bool) {
	n, ok := a.Builtin(n)
	if !ok {
		return nil, false
	}
	switch yamlvalue.KindOf(n) {
	case yamlvalue.Null:
		return nil, true
	case yamlvalue.Map:
		if reading.TypeOf(n) != "" {
			return a.typedAsset(n)
		}
	case yamlvalue.Text:
		text := strings.TrimSpace(n.Value)
		if text == "" {
			return nil, true
		}
		return a.named(n, text)
	case yamlvalue.Bool, yamlvalue.Int, yamlvalue.Float, yamlvalue.Date:
		_, ok := a.Text(a.what, n)
		return nil, ok
	default:
	}
	a.Errorf(n, "%s: want a URI or an asset, not %s", a.what, reading.Show(n))
	return nil, false
}

func isCron(text string) bool {
	_, err := timetable.Cron(text, time.UTC)
	return err == nil && strings.Contains(text, " ")
}

// named makes the asset of a URI, or of a name of the catalogue.
func (a *assetReader) named(n *yaml.Node, text string) (*dag.Asset, bool) {
	if strings.HasPrefix(text, "@") || isCron(text) {
		a.Errorf(n, "%s: %q is not an asset but a time: put several cron expressions under cron:", a.what, yamlvalue.Excerpt(text))
		return nil, false
	}
	if a.names == nil || strings.Contains(text, "://") {
		return a.asset(n, text, text)
	}
	uri, known := a.names[text]
	if !known {
		a.Errorf(n, "%s: the file has no dataset %q%s", a.what, yamlvalue.Excerpt(text), a.Suggest(text, maps.Keys(a.names)))
		return nil, false
	}
	return a.asset(n, text, uri)
}

// asset checks a name and a URI.
func (a *assetReader) asset(at *yaml.Node, name, uri string) (*dag.Asset, bool) {
	normal, dropped, err := dag.AssetURI(uri)
	if err != nil {
		a.Errorf(at, "%s: %v", a.what, err)
		return nil, false
	}
	if dropped {
		a.Warnf(at, "%s: the URI of an asset must not have a user or password, which are left out", a.what)
	}
	if name == uri {
		name = normal
	}
	if err := dag.CheckAssetText(name); err != nil {
		a.Errorf(at, "%s: the name of an asset %v", a.what, err)
		return nil, false
	}
	if name == "self" || name == "context" {
		a.Errorf(at, "%s: an asset must not have the name %q, which is reserved", a.what, name)
		return nil, false
	}
	return &dag.Asset{URI: normal, Name: name, Group: dag.DefaultAssetGroup}, true
}

// typedAsset reads an Asset or a Dataset of Python.
func (a *assetReader) typedAsset(n *yaml.Node) (*dag.Asset, bool) {
	t, ok := a.Typed(n)
	if !ok {
		return nil, false
	}
	signature := []string{"name", "uri", "*", "group", "extra", "watchers"}
	switch t.Path {
	case reading.TypeAsset:
	case reading.TypeDataset:
		signature = []string{"uri", "extra", "*", "name", "group", "watchers"}
	default:
		a.Errorf(n, "%s: %s is not an asset", a.what, t.Path)
		return nil, false
	}
	args, ok := a.Bind(t, signature...)
	if !ok {
		return nil, false
	}
	name, ok := a.optionalText("name", args["name"])
	uri, fine := a.optionalText("uri", args["uri"])
	if !ok || !fine {
		return nil, false
	}
	switch {
	case args["name"] == nil && args["uri"] == nil:
		a.Errorf(n, "%s: %s needs a name or a uri", a.what, t.Path)
		return nil, false
	case args["name"] == nil:
		name = uri
	case args["uri"] == nil:
		uri = name
	}
	one, ok := a.asset(n, name, uri)
	if !ok {
		return nil, false
	}
	watchers, ok := a.watchers(args["watchers"])
	one.Watchers = watchers
	return one, a.assetDetails(one, args) && ok
}

func (a *assetReader) optionalText(name string, n *yaml.Node) (string, bool) {
	if n == nil {
		return "", true
	}
	return a.Text(name, n)
}

func (a *assetReader) assetDetails(one *dag.Asset, args map[string]*yaml.Node) bool {
	if v := args["group"]; v != nil {
		group, ok := a.Text("group", v)
		if !ok {
			return false
		}
		if err := dag.CheckAssetText(group); err != nil {
			a.Errorf(v, "%s: the group of an asset %v", a.what, err)
			return false
		}
		one.Group = group
	}
	if v := args["extra"]; v != nil && yamlvalue.KindOf(v) != yamlvalue.Null {
		if !a.Mapping("extra", v) {
			return false
		}
		a.WarnSecrets(v)
		extra, ok := a.FreeMap("extra", v)
		if !ok {
			return false
		}
		if extra.Len() > 0 {
			one.Extra = extra
		}
	}
	return true
}

// readCatalogue reads the file that gives URIs to names: a mapping whose key datasets is
// a list of mappings with name and uri. Its path is absolute or from the DAG file's folder
// on, and lies in the DAGs folder.
func (a *assetReader) readCatalogue(n *yaml.Node) bool {
	a.Rests.Volatile = true
	text, ok := a.Text("file", n)
	if !ok {
		return false
	}
	path := text
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(a.File), path)
	}
	if _, err := os.Stat(path); err == nil && !discover.StaysIn(path, a.Root) {
		a.Errorf(n, "the file of the assets %q is outside the DAGs folder", yamlvalue.Excerpt(text))
		return false
	}
	data, err := document.ReadFile(path)
	if err != nil {
		a.Errorf(n, "read the file of the assets %q: %s", yamlvalue.Excerpt(text), document.ErrorText(err))
		return false
	}
	a.names = readDatasets(a.In(path), data, a.Document)
	return a.names != nil
}

// readDatasets returns the URIs of a catalogue by name, nil after an error.
func readDatasets(s reading.Scope, data []byte, opts document.Options) map[string]string {
	before := s.Failed()
	root := document.Read(s, data, opts)
	if root == nil {
		return nil
	}
	_, list := yamlvalue.Lookup(root, "datasets")
	if list == nil || yamlvalue.KindOf(list) != yamlvalue.List {
		s.Errorf(root, "the file of the assets needs the key datasets: a list of mappings with name and uri")
		return nil
	}
	names := make(map[string]string, len(list.Content))
	for _, item := range list.Content {
		_, nameNode := yamlvalue.Lookup(item, "name")
		_, uriNode := yamlvalue.Lookup(item, "uri")
		if nameNode == nil || uriNode == nil {
			s.Errorf(item, "datasets: want a mapping with name and uri, not %s", reading.Show(item))
			continue
		}
		name, ok := s.Text("name", nameNode)
		uri, fine := s.Text("uri", uriNode)
		if !ok || !fine {
			continue
		}
		if _, twice := names[name]; twice {
			s.Errorf(nameNode, "datasets: the name %q appears twice", yamlvalue.Excerpt(name))
			continue
		}
		names[name] = uri
	}
	if s.Failed() > before {
		return nil
	}
	return names
}

// assetSchedule reads a schedule by assets: a list, an expression, or a mapping with
// datasets. It returns the schedule by time beside it, if any.
func (r *Reader) assetSchedule(n *yaml.Node) (by dag.Schedule, on *dag.AssetCondition, ok bool) {
	a := &assetReader{Reader: r, what: "schedule"}
	if _, v := yamlvalue.Lookup(n, "datasets"); v == nil && !hasAny(n, "file", "timetable") {
		on, ok = a.condition(n, false)
		return by, on, ok
	}
	var datasets, file, times *yaml.Node
	ok = true
	for k, v := range yamlvalue.Pairs(n) {
		switch k.Value {
		case "datasets":
			datasets = v
		case "file":
			file = v
		case "timetable":
			times = v
		default:
			r.Errorf(k, "schedule has no key %q beside datasets: it takes file and timetable there", yamlvalue.Excerpt(k.Value))
			ok = false
		}
	}
	if datasets == nil {
		r.Errorf(n, "schedule: file and timetable need datasets, which is missing")
		return by, nil, false
	}
	if file != nil && !a.readCatalogue(file) || !ok {
		return by, nil, false
	}
	if on, ok = a.condition(datasets, true); !ok || times == nil {
		return by, on, ok
	}
	by, ok = r.timesBeside(times)
	return by, on, ok
}

// timesBeside reads the timetable of a schedule by time or assets.
func (r *Reader) timesBeside(n *yaml.Node) (dag.Schedule, bool) {
	n, ok := r.Builtin(n)
	if !ok {
		return dag.Schedule{}, false
	}
	if isAssetSchedule(n) {
		r.Errorf(n, "timetable: want a schedule by time, not assets")
		return dag.Schedule{}, false
	}
	plan, ok := r.times(n)
	if ok && (plan.Kind == dag.NoSchedule || plan.Kind == dag.ContinuousSchedule) {
		r.Errorf(n, "timetable: want a schedule by time, not %s: leave it out", reading.Show(n))
		return dag.Schedule{}, false
	}
	return plan, ok
}

// isAssetSchedule reports whether the value of schedule is about assets.
func isAssetSchedule(n *yaml.Node) bool {
	switch reading.TypeOf(n) {
	case reading.TypeAsset, reading.TypeDataset:
		return true
	case "":
		return yamlvalue.KindOf(n) == yamlvalue.List || hasAny(n, "__and__", "__or__", "and", "or", "datasets", "file", "timetable")
	default:
		return false
	}
}

func hasAny(n *yaml.Node, names ...string) bool {
	for _, name := range names {
		if k, _ := yamlvalue.Lookup(n, name); k != nil {
			return true
		}
	}
	return false
}

// condition reads a condition on assets. Text is a condition itself where inText says so,
// else a URI.
func (a *assetReader) condition(n *yaml.Node, inText bool) (*dag.AssetCondition, bool) {
	n, ok := a.Builtin(n)
	if !ok {
		return nil, false
	}
	switch {
	case yamlvalue.KindOf(n) == yamlvalue.List:
		return a.allOf(n)
	case yamlvalue.KindOf(n) == yamlvalue.Text && inText:
		return a.conditionText(n)
	case yamlvalue.KindOf(n) == yamlvalue.Map && reading.TypeOf(n) == "" && hasAny(n, "__and__", "__or__", "and", "or"):
		return a.expression(n, inText)
	}
	one, ok := a.item(n)
	if !ok {
		return nil, false
	}
	if one == nil {
		a.Errorf(n, "%s: the list of assets is empty", a.what)
		return nil, false
	}
	return &dag.AssetCondition{Asset: one}, true
}

// allOf reads a list, all of which must be updated.
func (a *assetReader) allOf(n *yaml.Node) (*dag.AssetCondition, bool) {
	before := a.Failed()
	var parts []*dag.AssetCondition
	for _, one := range a.list(n) {
		parts = append(parts, &dag.AssetCondition{Asset: one})
	}
	if a.Failed() > before {
		return nil, false
	}
	if len(parts) == 0 {
		a.Errorf(n, "%s: the list of assets is empty", a.what)
		return nil, false
	}
	return dag.JoinConditions(false, parts), true
}

// expression reads {__and__: […]} and {__or__: […]}.
func (a *assetReader) expression(n *yaml.Node, inText bool) (*dag.AssetCondition, bool) {
	k, list := n.Content[0], n.Content[1]
	if len(n.Content) > 2 {
		a.Errorf(n, "__and__ and __or__ must be alone in their mapping")
		return nil, false
	}
	what := k.Value
	if now := former.Operand(what); now != "" {
		a.Warnf(k, "the key %s was removed: write %s%s", what, now, former.Converts)
		what = now
	}
	if yamlvalue.KindOf(list) != yamlvalue.List {
		a.Errorf(list, "%s takes a list, not %s", what, reading.Show(list))
		return nil, false
	}
	if len(list.Content) == 0 {
		a.Errorf(list, "%s: the list of assets is empty", what)
		return nil, false
	}
	parts, ok := make([]*dag.AssetCondition, 0, len(list.Content)), true
	for _, item := range list.Content {
		part, fine := a.condition(item, inText)
		if ok = ok && fine; fine {
			parts = append(parts, part)
		}
	}
	if !ok {
		return nil, false
	}
	return dag.JoinConditions(what == "__or__", parts), true
}

// conditionText reads a condition that is written as text.
func (a *assetReader) conditionText(n *yaml.Node) (*dag.AssetCondition, bool) {
	reported := a.Failed()
	c, err := parseCondition(n.Value, func(word string) (*dag.AssetCondition, error) {
		one, ok := a.named(n, word)
		if !ok {
			return nil, errReported
		}
		return &dag.AssetCondition{Asset: one}, nil
	})
	if err != nil {
		if a.Failed() == reported {
			a.Errorf(n, "datasets: %v", err)
		}
		return nil, false
	}
	return c, true
}
