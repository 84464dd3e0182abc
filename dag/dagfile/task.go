package dagfile

import (
	"iter"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/former"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/dagfile/wiring"
	"github.com/dingdag/dingdag/yamlvalue"
)

// applyDefaults applies a default_args mapping to what tasks start from.
func (r *dagReader) applyDefaults(base *keys.Base, p keys.Pair) {
	if !p.Present() || !r.Mapping("default_args", p.Value) {
		return
	}
	for k, v := range yamlvalue.Pairs(p.Value) {
		r.WarnOlder(k)
		common, isCommon := keys.Common.Find(k.Value)
		sensor, isSensor := keys.Sensors.Find(k.Value)
		_, isTaskKey := keys.Tasks.Find(k.Value)
		_, isDAGKey := keys.DAGs.Find(k.Value)
		onDAG, isOldDAGKey := former.OfDAG(k.Value)
		why, isRejected := keys.Rejected(k.Value)
		switch {
		case isCommon:
			common.Apply(&r.Reader, base, k, v)
		case isSensor || r.isOperatorParam(k.Value):
			if isSensor {
				sensor.Apply(&r.Reader, &base.Sensing, k, v)
			}
			if base.Defaults == nil {
				base.Defaults = map[string]keys.Pair{}
			}
			base.Defaults[k.Value] = keys.Pair{Key: k, Value: v}
		case k.Value == "timezone":
		case isTaskKey:
			r.Errorf(k, "%s has no effect in default_args: write it on each task", k.Value)
		case isDAGKey:
			r.Warnf(k, "%s has no effect in default_args: write it on the DAG", k.Value)
		case isOldDAGKey:
			r.Warnf(k, "%s has no effect in default_args: write %s on the DAG", k.Value, onDAG.Now)
		case isRejected:
			r.Errorf(k, "%s %s", yamlvalue.Excerpt(k.Value), why)
		default:
			if why := r.catalog.Refused(k.Value); why != "" {
				r.Errorf(k, "%s: %s", yamlvalue.Excerpt(k.Value), why)
				continue
			}
			r.unknownDefault(k)
		}
	}
}

// unknownDefault reports a key of default_args that no operator has as a parameter. Airflow
// ignores such a key in silence: it is an error if it may stand for a parameter.
func (r *dagReader) unknownDefault(k *yaml.Node) {
	const connection = "_conn_id"
	r.Unsure.Misspelt(k.Value)
	name, known := k.Value, seqs(keys.Common.Names(), keys.Sensors.Names(), slices.Values(r.operatorParams()))
	if what, ok := strings.CutSuffix(name, connection); ok { // all of these are alike at their ends
		name, known = what, trimmed(known, connection)
	}
	if near, certain := r.Near(name, known); near != "" || !certain {
		r.Errorf(k, "unknown key %q in default_args%s", yamlvalue.Excerpt(k.Value),
			r.Suggest(k.Value, seqs(keys.Common.Names(), keys.Sensors.Names(), slices.Values(r.operatorParams()))))
		return
	}
	if r.unknownCallback(k) {
		return
	}
	r.Warnf(k, "%s has no effect in default_args: no operator here has such a parameter", yamlvalue.Excerpt(k.Value))
}

// unknownCallback reports an unknown key that names a callback: people may rely on being told.
func (r *dagReader) unknownCallback(k *yaml.Node) bool {
	is := strings.Contains(k.Value, "callback")
	if is {
		r.Errorf(k, "unknown key %q: nobody would be told; name a notifier under on_failure_callback or another of these keys", yamlvalue.Excerpt(k.Value))
	}
	return is
}

// trimmed yields those of names that have an ending, without it.
func trimmed(names iter.Seq[string], ending string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range names {
			if start, ok := strings.CutSuffix(name, ending); ok && !yield(start) {
				return
			}
		}
	}
}

// readTasks reads every task of the DAG; name is where the DAG begins.
func (r *dagReader) readTasks(name *yaml.Node) {
	before := r.Failed()
	list := r.entries(r.draft.Raw.Tasks, "task_id")
	r.Unsure.Tasks = r.Unsure.Tasks || r.Failed() > before
	if p := r.draft.Raw.Tasks; p.Key == nil {
		r.Errorf(name, "the DAG has no tasks: write them under tasks")
	} else if !p.Present() || len(p.Value.Content) == 0 && p.Value.Kind != yaml.ScalarNode {
		r.Errorf(p.Key, "the DAG has no tasks: write them under tasks")
	}
	groups := make(map[string]*wiring.Group, len(r.groups))
	for _, g := range r.groups {
		groups[g.Label] = g
	}
	ids := fullIDs(list, groups)
	for _, e := range list {
		if !checkID(r.Scope, e.name, "task_id", isIDRune, maxIDLength) {
			r.Unsure.Tasks = true
			continue
		}
		r.tasks = append(r.tasks, r.readTask(e, groups, ids))
	}
}

func (r *dagReader) readTask(e entry, groups map[string]*wiring.Group, ids map[string]string) *wiring.Task {
	t := &wiring.Task{Node: e.body, Name: e.name}
	t.In = r.inTask(e.name.Value).findGroup(e.body, groups)
	id := t.In.ChildID(e.name.Value)
	r = r.inTask(id)
	if len([]rune(id)) > maxIDLength {
		r.Errorf(e.name, "the id with its groups must have at most %d characters", maxIDLength)
	} else {
		r.checkPath(e.name, "task_id", id)
	}
	t.Base = r.bases[t.In].Clone()
	t.ID, t.Label, t.Pos = id, e.name.Value, r.Position(reading.FirstKey(e.body))
	if t.In != nil {
		t.Group = t.In.ID
	}
	t.Node = r.withVariables(e.body)
	r.decorated(t, ids)
	r.readTaskKeys(t)
	r.readOperator(t)
	r.readEmail(t)
	if t.WaitForDownstream {
		t.DependsOnPast = true
	}
	r.readTeardown(t)
	if r.draft.FailFast && t.TriggerRule != dag.AllSuccess && t.TriggerRule != dag.AllDoneSetupSuccess {
		r.Errorf(reading.FirstKey(e.body), "a DAG with fail_fast takes only the trigger rule all_success, not %s", t.TriggerRule)
	}
	return t
}

func (r *dagReader) findGroup(body *yaml.Node, groups map[string]*wiring.Group) *wiring.Group {
	_, n := yamlvalue.Lookup(body, "task_group_name")
	if n == nil || yamlvalue.KindOf(n) == yamlvalue.Null {
		return nil
	}
	name, ok := r.Text("task_group_name", n)
	if !ok {
		r.Unsure.Tasks = true
		return nil
	}
	g := groups[name]
	switch declared := r.draft.Raw.Groups; {
	case g != nil:
	case !declared.Present() || len(declared.Value.Content) == 0 && declared.Value.Kind != yaml.ScalarNode:
		key, _ := yamlvalue.Lookup(body, "task_group_name")
		r.Warnf(key, "%s", former.Groupless().Warning())
	default:
		r.Unsure.Tasks = true
		r.Errorf(n, "unknown task group %q%s; declare it under task_groups", yamlvalue.Excerpt(name), r.Suggest(name, r.groupNames))
	}
	return g
}

// readTaskKeys applies the keys of a task. What is left for its operator goes to own.
func (r *dagReader) readTaskKeys(t *wiring.Task) {
	for k, v := range yamlvalue.Pairs(t.Node) {
		r.taskKey(t, k, v)
	}
	r.spreadPartial(t)
}

func (r *dagReader) taskKey(t *wiring.Task, k, v *yaml.Node) {
	r.WarnOlder(k)
	if known, ok := keys.Tasks.Find(k.Value); ok {
		known.Apply(&r.Reader, &t.Task, k, v)
		return
	}
	if common, ok := keys.Common.Find(k.Value); ok {
		common.Apply(&r.Reader, &t.Base, k, v)
		return
	}
	if why, ok := keys.Rejected(k.Value); ok {
		r.Errorf(k, "%s %s", yamlvalue.Excerpt(k.Value), why)
		return
	}
	if k.Value == keys.ParentGroup {
		old, _ := former.OfTask(keys.ParentGroup)
		r.Warnf(k, "%s", old.Warning())
		return
	}
	t.Own = append(t.Own, keys.Pair{Key: k, Value: v})
}

// readOperator resolves the operator, completes its parameters from default_args and
// has them checked.
func (r *dagReader) readOperator(t *wiring.Task) {
	first := reading.FirstKey(t.Node)
	t.Args = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: first.Line, Column: first.Column}
	r.SuppliedLike(t.Args, first)
	op, found := r.findOperator(t)
	if !found {
		return
	}
	t.Operator = op.Name()
	failed := r.Failed()
	for _, p := range t.Own {
		r.ownParam(t, op, p)
	}
	r.inheritParams(t, op)
	r.readSensing(t, op)
	if absent := r.checkRenamed(t, op); t.Raw.Expand.Present() || t.Raw.ExpandKwargs.Present() {
		r.readMapped(t, op, absent)
	} else {
		r.readPlain(t, op, absent)
	}
	op = r.compose(t, op, failed)
	r.checkAsking(t, op)
	if chooser, ok := op.Entry.(Chooser); ok && !r.Restoring {
		t.Targets = chooser.Targets(t.Args)
	}
}

// checkAsking checks what only tasks have that ask people.
func (r *dagReader) checkAsking(t *wiring.Task, op *operatorEntry) {
	asker, ok := op.Entry.(Asker)
	if ok = ok && asker.Asks(); !ok {
		if k, _ := yamlvalue.Lookup(t.Node, keys.Notifiers); k != nil {
			r.Errorf(k, keys.Notifiers+" belongs to operators that ask people, such as approval; operator %s asks nobody: use a callback such as on_success_callback", t.Operator)
		}
		return
	}
	if slices.Contains(t.ParamNames, "_options") {
		at, _ := yamlvalue.Lookup(t.Node, "params")
		if at == nil {
			at = reading.FirstKey(t.Node)
		}
		r.Errorf(at, "a task that asks people cannot have a param _options: the name stands for its options")
	}
}

// findOperator returns the operator that a task names.
func (r *dagReader) findOperator(t *wiring.Task) (*operatorEntry, bool) {
	if decorator, _ := yamlvalue.Lookup(t.Node, "decorator"); decorator != nil && !t.Raw.Operator.Present() {
		return nil, false // reported with its key
	}
	if !t.Raw.Operator.Present() {
		hint := "name one, for instance operator: bash"
		if r.listReplaced {
			hint = "the DAG's list of tasks replaces that of the default block; write both as mappings from task ids to merge them"
		}
		r.Errorf(reading.FirstKey(t.Node), "operator is missing: %s", hint)
		return nil, false
	}
	name, ok := r.Text("operator", t.Raw.Operator.Value)
	if !ok {
		return nil, false
	}
	op, found := r.operator(name)
	if !found {
		r.Errorf(t.Raw.Operator.Value, "%s", r.unknownOperator(name))
	}
	return op, found
}

// readSensing takes the parameters of sensors for those of the task, if it is one.
func (r *dagReader) readSensing(t *wiring.Task, op *operatorEntry) {
	if !op.Sensor() {
		return
	}
	t.Sensor = new(t.Sensing)
	if t.Sensor.SoftFail && t.Sensor.NeverFail {
		r.Errorf(reading.FirstKey(t.Node), "soft_fail and never_fail exclude each other")
	}
}

// readPlain checks the parameters of a task that is not mapped. Those that are absent were
// told already.
func (r *dagReader) readPlain(t *wiring.Task, op *operatorEntry, absent []string) {
	if k, _ := yamlvalue.Lookup(t.Node, "map_index_template"); k != nil {
		r.Warnf(k, "map_index_template has no effect without expand or expand_kwargs")
	}
	if len(t.Args.Content) > 0 || len(op.params) > 0 {
		t.Args = r.checkArgs(told{op, absent}, t.Args)
	}
}

// ownParam sorts one key of a task that is not common: a sensor's, the operator's, or a mistake.
func (r *dagReader) ownParam(t *wiring.Task, op *operatorEntry, p keys.Pair) {
	name := p.Key.Value
	if sensor, ok := keys.Sensors.Find(name); ok && op.Sensor() {
		sensor.Apply(&r.Reader, &t.Sensing, p.Key, p.Value)
		if !op.has(name) {
			return
		}
	}
	if !op.has(name) {
		if why := op.Refused(name); why != "" {
			r.Errorf(p.Key, "%s: %s", yamlvalue.Excerpt(name), why)
			return
		}
		r.Unsure.Misspelt(name)
		known := seqs(keys.Common.Names(), keys.Tasks.Names(), slices.Values(op.params))
		if near := yamlvalue.Nearest(name, known); near != "" && !op.has(near) {
			r.Errorf(p.Key, "unknown parameter %q for operator %s; did you mean %q?", yamlvalue.Excerpt(name), t.Operator, near)
			return
		}
	}
	t.Args.Content = append(t.Args.Content, p.Key, p.Value)
}

// inheritParams adds the parameters from default_args that the operator has and the
// task does not set.
func (r *dagReader) inheritParams(t *wiring.Task, op *operatorEntry) {
	if len(t.Defaults) == 0 {
		return
	}
	for _, name := range op.params {
		p, inherited := t.Defaults[name]
		if !inherited {
			continue
		}
		if own, _ := yamlvalue.Lookup(t.Args, name); own == nil {
			t.Args.Content = append(t.Args.Content, p.Key, p.Value)
		}
	}
}

func (r *dagReader) unknownOperator(name string) string {
	_, _, hint := r.catalog.Operator(name)
	if hint == "" {
		if said := r.unknownCustom(name); said != "" {
			return said
		}
		hint = "dingdag operators list shows those there are; use bash to start a program, or http to call a service"
	}
	return "unknown operator " + strconv.Quote(excerptName(name)) + "; " + strings.TrimPrefix(hint, "; ")
}

// readEmail turns the parameter email into the notifier of that name.
func (r *dagReader) readEmail(t *wiring.Task) {
	if t.Email.To.Key == nil && t.Email.Flag != nil {
		r.Warnf(t.Email.Flag, "%s has no effect without email", t.Email.Flag.Value)
	}
	if nobody(t.Email.To) {
		return
	}
	args := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: t.Email.To.Value.Line, Column: t.Email.To.Value.Column}
	args.Content = []*yaml.Node{yamlvalue.NewScalar(yamlvalue.Text, "to", t.Email.To.Key), t.Email.To.Value}
	entry, found, _ := r.catalog.Callback("email")
	if !found {
		r.Errorf(t.Email.To.Key, "email needs the notifier email, which this program does not have: use on_failure_callback with another notifier")
		return
	}
	checked := r.checkArgs(entry, args)
	mail := dag.Callback{Name: entry.Name(), Pos: r.Position(t.Email.To.Value), Args: checked}
	if t.Email.OnFailure {
		t.OnFailure = append(slices.Clip(t.OnFailure), mail)
	}
	if t.Email.OnRetry {
		t.OnRetry = append(slices.Clip(t.OnRetry), mail)
	}
}

// nobody reports whether email names no one: it is left out, null, or empty, by which a
// task takes back the addresses of default_args.
func nobody(email keys.Pair) bool {
	return !email.Present() || yamlvalue.KindOf(email.Value) == yamlvalue.Text && email.Value.Value == "" ||
		yamlvalue.KindOf(email.Value) == yamlvalue.List && len(email.Value.Content) == 0
}

// share gives a task the settings and parameters of earlier ones that are the same.
func share(t *dag.Task, earlier []*dag.Task) {
	const most = 8 // looks back
	earlier = earlier[max(len(earlier)-most, 0):]
	for _, other := range slices.Backward(earlier) {
		if reflect.DeepEqual(other.Settings, t.Settings) {
			t.Settings = other.Settings
			break
		}
	}
	for _, other := range slices.Backward(earlier) {
		if other.Args == t.Args {
			t.Args = other.Args
			break
		}
	}
}

// finish builds the DAG from its drafts.
func (r *dagReader) finish() *dag.DAG {
	d := r.assemble()
	if d.TemplateFiles = r.restored; !r.Restoring {
		d.TemplateFiles = r.files.Files()
	}
	d.Version = version(Source(d))
	return d
}

// assemble puts the drafts together.
func (r *dagReader) assemble() *dag.DAG {
	d := r.draft.DAG
	owners := map[string]bool{}
	for _, draft := range r.tasks {
		t := draft.Base.Task
		owners[t.Owner] = true
		// A date equal to the DAG's bounds nothing more.
		if t.StartDate.Equal(d.StartDate) {
			t.StartDate = time.Time{}
		}
		if t.EndDate.Equal(d.EndDate) {
			t.EndDate = time.Time{}
		}
		t.Args = yamlvalue.Pack(draft.Args)
		share(&t, d.Tasks)
		d.Tasks = append(d.Tasks, &t)
	}
	for _, g := range r.groups {
		group := g.Group.Group
		d.Groups = append(d.Groups, &group)
	}
	d.Owner = strings.Join(slices.Sorted(maps.Keys(owners)), ", ")
	d.IndexTasks()
	return d
}

// seqs yields the elements of several sequences one after another.
func seqs(all ...iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, s := range all {
			for v := range s {
				if !yield(v) {
					return
				}
			}
		}
	}
}
