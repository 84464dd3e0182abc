package dagfile

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// applyDefaults applies a default_args mapping to what tasks start from.
func (r *dagReader) applyDefaults(base *taskBase, p pair) {
	if !p.present() || !r.Mapping("default_args", p.value) {
		return
	}
	for k, v := range yamlvalue.Pairs(p.value) {
		common, isCommon := commonKeys.find(k.Value)
		sensor, isSensor := sensorKeys.find(k.Value)
		_, isDAGKey := dagKeys.find(k.Value)
		why, isRejected := rejected(k.Value)
		switch {
		case isCommon:
			common.apply(r, base, k, v)
		case isSensor || r.isOperatorParam(k.Value):
			if isSensor {
				sensor.apply(r, &base.sensor, k, v)
			}
			if base.args == nil {
				base.args = map[string]pair{}
			}
			base.args[k.Value] = pair{k, v}
		case k.Value == "timezone":
		case k.Value == variablesKey:
			r.Errorf(k, "%s has no effect in default_args: write it on each task", variablesKey)
		case isDAGKey:
			r.Warnf(k, "%s has no effect in default_args: write it on the DAG", k.Value)
		case isRejected:
			r.Errorf(k, "%s %s", yamlvalue.Excerpt(k.Value), why)
		case pythonParams[k.Value] != "":
			r.Errorf(k, "%s: %s", k.Value, pythonParams[k.Value])
		default:
			r.draft.unsure.misspelt(k.Value)
			r.Errorf(k, "unknown key %q in default_args%s", yamlvalue.Excerpt(k.Value),
				r.Suggest(k.Value, seqs(commonKeys.names(), sensorKeys.names(), slices.Values(r.operatorParams()))))
		}
	}
}

// readTasks reads every task of the DAG; name is where the DAG begins.
func (r *dagReader) readTasks(name *yaml.Node) {
	before := r.Failed()
	list := r.entries(r.draft.tasks, "task_id")
	r.draft.unsure.Tasks = r.draft.unsure.Tasks || r.Failed() > before
	if p := r.draft.tasks; p.key == nil {
		r.Errorf(name, "the DAG has no tasks")
	} else if !p.present() || len(p.value.Content) == 0 && p.value.Kind != yaml.ScalarNode {
		r.Errorf(p.key, "the DAG has no tasks")
	}
	groups := make(map[string]*groupDraft, len(r.groups))
	for _, g := range r.groups {
		groups[g.Label] = g
	}
	for _, e := range list {
		if !checkID(r.Scope, e.name, "task_id", isIDRune, maxIDLength) {
			r.draft.unsure.Tasks = true
			continue
		}
		r.tasks = append(r.tasks, r.readTask(e, groups))
	}
}

func (r *dagReader) readTask(e entry, groups map[string]*groupDraft) *taskDraft {
	t := &taskDraft{node: e.body, name: e.name}
	t.group = r.inTask(e.name.Value).findGroup(e.body, groups)
	id := t.group.childID(e.name.Value)
	r = r.inTask(id)
	if len([]rune(id)) > maxIDLength {
		r.Errorf(e.name, "the id with its groups must have at most %d characters", maxIDLength)
	} else {
		r.checkPath(e.name, "task_id", id)
	}
	base := &r.base
	if t.group != nil {
		base = t.group.base
	}
	t.taskBase = base.clone()
	t.ID, t.Label, t.Pos = id, e.name.Value, r.Position(firstKey(e.body))
	if t.group != nil {
		t.Group = t.group.ID
	}
	t.node = r.withVariables(e.body)
	r.readTaskKeys(t)
	r.readOperator(t)
	r.readEmail(t)
	if t.WaitForDownstream {
		t.DependsOnPast = true
	}
	r.readTeardown(t)
	if r.draft.FailFast && t.TriggerRule != dag.AllSuccess && t.TriggerRule != dag.AllDoneSetupSuccess {
		r.Errorf(firstKey(e.body), "a DAG with fail_fast takes only the trigger rule all_success, not %s", t.TriggerRule)
	}
	return t
}

func (r *dagReader) findGroup(body *yaml.Node, groups map[string]*groupDraft) *groupDraft {
	_, n := yamlvalue.Lookup(body, "task_group_name")
	if n == nil || yamlvalue.KindOf(n) == yamlvalue.Null {
		return nil
	}
	name, ok := r.Text("task_group_name", n)
	if !ok {
		r.draft.unsure.Tasks = true
		return nil
	}
	g := groups[name]
	if g == nil {
		r.draft.unsure.Tasks = true
		r.Errorf(n, "unknown task group %q%s; declare it under task_groups", yamlvalue.Excerpt(name), r.Suggest(name, r.groupNames))
	}
	return g
}

// readTaskKeys applies the keys of a task. What is left for its operator goes to own.
func (r *dagReader) readTaskKeys(t *taskDraft) {
	for k, v := range yamlvalue.Pairs(t.node) {
		r.taskKey(t, k, v)
	}
	r.spreadPartial(t)
}

func (r *dagReader) taskKey(t *taskDraft, k, v *yaml.Node) {
	if known, ok := taskKeys.find(k.Value); ok {
		known.apply(r, t, k, v)
		return
	}
	if common, ok := commonKeys.find(k.Value); ok {
		common.apply(r, &t.taskBase, k, v)
		return
	}
	if why, ok := rejected(k.Value); ok {
		r.Errorf(k, "%s %s", yamlvalue.Excerpt(k.Value), why)
		return
	}
	if k.Value == parentGroupKey {
		r.Errorf(k, "parent_group_name belongs to a group: a task names its group with task_group_name")
		return
	}
	t.own = append(t.own, pair{k, v})
}

// readOperator resolves the operator, completes its parameters from default_args and
// has them checked.
func (r *dagReader) readOperator(t *taskDraft) {
	first := firstKey(t.node)
	t.Args = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: first.Line, Column: first.Column}
	r.SuppliedLike(t.Args, first)
	if !t.operator.present() {
		hint := "name one, for instance operator: bash"
		if r.listReplaced {
			hint = "the DAG's list of tasks replaces that of the default block; write both as mappings from task ids to merge them"
		}
		r.Errorf(first, "operator is missing: %s", hint)
		return
	}
	name, ok := r.Text("operator", t.operator.value)
	if !ok {
		return
	}
	op, found := r.operator(name)
	if !found {
		r.Errorf(t.operator.value, "%s", r.unknownOperator(name))
		return
	}
	t.Operator, t.entry = op.Name(), op.Entry
	for _, p := range t.own {
		r.ownParam(t, op, p)
	}
	r.inheritParams(t, op)
	absent := r.checkRenamed(t, op)
	if op.Sensor() {
		sensor := t.sensor
		t.Sensor = &sensor
		if sensor.SoftFail && sensor.NeverFail {
			r.Errorf(first, "soft_fail and never_fail exclude each other")
		}
	}
	if t.mapped.expand.present() || t.mapped.kwargs.present() {
		if args, ok := r.castArgs(t.Args); ok && absent == nil {
			t.Args = args
			r.readMapping(t, op)
		}
		return
	}
	if k, _ := yamlvalue.Lookup(t.node, "map_index_template"); k != nil {
		r.Warnf(k, "map_index_template has no effect without expand or expand_kwargs")
	}
	if len(t.Args.Content) > 0 || len(op.params) > 0 {
		t.Args = r.checkArgs(told{op, absent}, t.Args)
	}
}

// ownParam sorts one key of a task that is not common: a sensor's, the operator's, or a mistake.
func (r *dagReader) ownParam(t *taskDraft, op *operatorEntry, p pair) {
	name := p.key.Value
	if sensor, ok := sensorKeys.find(name); ok && op.Sensor() {
		sensor.apply(r, &t.sensor, p.key, p.value)
		if !op.has(name) {
			return
		}
	}
	if !op.has(name) {
		if why := pythonParams[name]; why != "" {
			r.Errorf(p.key, "%s: %s", name, why)
			return
		}
		r.draft.unsure.misspelt(name)
		known := seqs(commonKeys.names(), taskKeys.names(), slices.Values(op.params))
		if near := yamlvalue.Nearest(name, known); near != "" && !op.has(near) {
			r.Errorf(p.key, "unknown parameter %q for operator %s; did you mean %q?", yamlvalue.Excerpt(name), t.Operator, near)
			return
		}
	}
	t.Args.Content = append(t.Args.Content, p.key, p.value)
}

// inheritParams adds the parameters from default_args that the operator has and the
// task does not set.
func (r *dagReader) inheritParams(t *taskDraft, op *operatorEntry) {
	if len(t.args) == 0 {
		return
	}
	for _, name := range op.params {
		p, inherited := t.args[name]
		if !inherited {
			continue
		}
		if own, _ := yamlvalue.Lookup(t.Args, name); own == nil {
			t.Args.Content = append(t.Args.Content, p.key, p.value)
		}
	}
}

func (r *dagReader) unknownOperator(name string) string {
	_, _, hint := r.catalog.Operator(name)
	if hint == "" {
		hint = "dingdag operators list shows those there are; use bash to start a program, or http to call a service"
	}
	return "unknown operator " + strconv.Quote(excerptName(name)) + "; " + strings.TrimPrefix(hint, "; ")
}

// readEmail turns the parameter email into the notifier of that name.
func (r *dagReader) readEmail(t *taskDraft) {
	if t.email.key == nil && t.emailFlag != nil {
		r.Warnf(t.emailFlag, "%s has no effect without email", t.emailFlag.Value)
	}
	if nobody(t.email) {
		return
	}
	args := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: t.email.value.Line, Column: t.email.value.Column}
	args.Content = []*yaml.Node{yamlvalue.NewScalar(yamlvalue.Text, "to", t.email.key), t.email.value}
	entry, found, _ := r.catalog.Callback("email")
	if !found {
		r.Errorf(t.email.key, "email needs the notifier email, which is not there: use on_failure_callback with another notifier")
		return
	}
	checked := r.checkArgs(entry, args)
	mail := dag.Callback{Name: entry.Name(), Pos: r.Position(t.email.value), Args: checked}
	if t.emailOnFailure {
		t.OnFailure = append(slices.Clip(t.OnFailure), mail)
	}
	if t.emailOnRetry {
		t.OnRetry = append(slices.Clip(t.OnRetry), mail)
	}
}

// nobody reports whether email names no one: it is left out, null, or empty, by which a
// task takes back the addresses of default_args.
func nobody(email pair) bool {
	return !email.present() || yamlvalue.KindOf(email.value) == yamlvalue.Text && email.value.Value == "" ||
		yamlvalue.KindOf(email.value) == yamlvalue.List && len(email.value.Content) == 0
}

// shared returns the settings of an earlier task that are the same, else s.
func shared(tasks []*dag.Task, s *dag.Settings) *dag.Settings {
	const most = 8 // looks back
	for i := len(tasks) - 1; i >= 0 && i >= len(tasks)-most; i-- {
		if reflect.DeepEqual(tasks[i].Settings, s) {
			return tasks[i].Settings
		}
	}
	return s
}

// finish builds the DAG from its drafts.
func (r *dagReader) finish() *dag.DAG {
	d := r.assemble()
	d.Version = version(Source(d))
	return d
}

// assemble puts the drafts together.
func (r *dagReader) assemble() *dag.DAG {
	d := r.draft.DAG
	owners := map[string]bool{}
	for _, draft := range r.tasks {
		t := draft.Task
		owners[t.Owner] = true
		// A date equal to the DAG's bounds nothing more.
		if t.StartDate.Equal(d.StartDate) {
			t.StartDate = time.Time{}
		}
		if t.EndDate.Equal(d.EndDate) {
			t.EndDate = time.Time{}
		}
		t.Args = r.pool.compact(t.Args)
		t.Settings = shared(d.Tasks, t.Settings)
		d.Tasks = append(d.Tasks, &t)
	}
	for _, g := range r.groups {
		group := g.Group
		d.Groups = append(d.Groups, &group)
	}
	d.Owner = strings.Join(slices.Sorted(maps.Keys(owners)), ", ")
	d.IndexTasks()
	return d
}
