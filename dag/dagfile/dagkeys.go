package dagfile

import (
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// pair is a key with its value, both nil when the key is missing.
type pair struct{ key, value *yaml.Node }

// present reports whether the key stands there with a value other than null.
func (p pair) present() bool { return p.value != nil && yamlvalue.KindOf(p.value) != yamlvalue.Null }

// dagDraft is a DAG while its file is read, with the values that are read once all
// keys are known.
type dagDraft struct {
	*dag.DAG
	tasks, groups, defaultArgs    pair
	schedule, timetable, timezone pair
	startDate, endDate, docFile   pair
	concurrency, deadlines        pair
	// For the DAG's tasks that do not say themselves.
	onExecute, onRetry, onSkipped []dag.Callback
	// unsure says what errors have hidden.
	unsure Unsure
}

// dagKeys are the keys of a DAG.
var dagKeys = newTable(
	rawKey("tasks", "The tasks: a list of mappings with task_id, or a mapping from task ids.", map[string]any{"$ref": "#/$defs/tasks"},
		func(d *dagDraft) *pair { return &d.tasks }),
	rawKey("task_groups", "The task groups: a list of mappings with group_name, or a mapping from names.",
		map[string]any{"$ref": "#/$defs/taskGroups"}, func(d *dagDraft) *pair { return &d.groups }),
	rawKey("default_args", "Parameters for every task that does not set them itself.",
		map[string]any{"$ref": "#/$defs/defaultArgs"}, func(d *dagDraft) *pair { return &d.defaultArgs }),
	rawKey("schedule", "When the DAG runs: a cron expression of five fields, a preset such as @daily, every: 30m, or a timetable.",
		map[string]any{"$ref": "#/$defs/schedule"}, func(d *dagDraft) *pair { return &d.schedule }),
	rawKey("timetable", "Another spelling of schedule.", map[string]any{"$ref": "#/$defs/schedule"},
		func(d *dagDraft) *pair { return &d.timetable }),
	rawKey("start_date", "The first moment the DAG covers. Its zone is that of a plain cron expression.",
		map[string]any{"$ref": "#/$defs/date"}, func(d *dagDraft) *pair { return &d.startDate }),
	rawKey("end_date", "The last moment at which a run may be due.", map[string]any{"$ref": "#/$defs/date"},
		func(d *dagDraft) *pair { return &d.endDate }),
	rawKey("timezone", "The IANA zone of start_date and end_date. A plain cron expression follows it only through a start_date of the DAG.",
		schemaOf("string"), func(d *dagDraft) *pair { return &d.timezone }),
	rawKey("doc_md_file_path", "An absolute path whose content becomes doc_md.", schemaOf("string"),
		func(d *dagDraft) *pair { return &d.docFile }),
	rawKey("concurrency", "The old name of max_active_tasks.", schemaOf("integer"),
		func(d *dagDraft) *pair { return &d.concurrency }),
	textKey("description", "", "One line on what the DAG does.", func(d *dagDraft) *string { return &d.Description }),
	textKey("dag_display_name", "", "The name that people see instead of the id.", func(d *dagDraft) *string { return &d.DisplayName }),
	textKey("doc_md", "", "Documentation in Markdown.", func(d *dagDraft) *string { return &d.DocMD }),
	tagsKey(),
	boolKey("catchup", false, "Run every missed interval since start_date.", func(d *dagDraft) *bool { return &d.Catchup }),
	intKey("max_active_runs", 16, 1, "How many runs may be running at once; more stay queued.",
		func(d *dagDraft) *int { return &d.MaxActiveRuns }),
	intKey("max_active_tasks", 16, 1, "How many tasks of one run may be running at once.",
		func(d *dagDraft) *int { return &d.MaxActiveTasks }),
	durationKey("dagrun_timeout", 0, false, "How long a run may take before it fails.",
		func(d *dagDraft) *time.Duration { return &d.DagrunTimeout }),
	boolKey("fail_fast", false, "Stop the run when a task fails.", func(d *dagDraft) *bool { return &d.FailFast }),
	intKey("max_consecutive_failed_dag_runs", 0, 0, "Pause the DAG after so many failed runs in a row; 0 is never.",
		func(d *dagDraft) *int { return &d.MaxConsecutiveFailedRuns }),
	pausedKey(),
	boolKey("render_template_as_native_obj", false, "Templates give values instead of text.",
		func(d *dagDraft) *bool { return &d.RenderTemplateAsNative }),
	searchPathKey(),
	ownerLinksKey(),
	macrosKey(),
	dagParamsKey(),
	callbackKey("on_success_callback", "What to tell when a run succeeds.", func(d *dagDraft) *[]dag.Callback { return &d.OnSuccess }),
	callbackKey("on_failure_callback", "What to tell when a run fails.", func(d *dagDraft) *[]dag.Callback { return &d.OnFailure }),
	callbackKey("on_missed_callback", "What to tell when due ticks of the schedule started no run and nobody had paused the DAG.",
		func(d *dagDraft) *[]dag.Callback { return &d.OnMissed }),
	deadlineKey(),
	callbackKey("on_execute_callback", "What to tell before each try of a task that does not say itself.",
		func(d *dagDraft) *[]dag.Callback { return &d.onExecute }),
	callbackKey("on_retry_callback", "What to tell when a task that does not say itself will be tried again.",
		func(d *dagDraft) *[]dag.Callback { return &d.onRetry }),
	callbackKey("on_skipped_callback", "What to tell when a task that does not say itself skips itself.",
		func(d *dagDraft) *[]dag.Callback { return &d.onSkipped }),
	ignoredKey[dagDraft]("default_view", "Accepted from older files; no effect.", "it belongs to Airflow 2's pages"),
	ignoredKey[dagDraft]("orientation", "Accepted from older files; no effect.", "it belongs to Airflow 2's pages"),
	ignoredKey[dagDraft]("sla_miss_callback", "Accepted from older files; no effect.", "use dagrun_timeout"),
	ignoredKey[dagDraft]("vars", "Free-form, never read: a place for anchors.", ""),
)

// rawKey declares a key that is read after all others.
func rawKey[T any](name, doc string, schema map[string]any, field func(*T) *pair) key[T] {
	return key[T]{name: name, doc: doc, schema: schema, set: func(_ *dagReader, dst *T, k, v *yaml.Node) {
		*field(dst) = pair{k, v}
	}}
}

func pausedKey() key[dagDraft] {
	const name = "is_paused_upon_creation"
	return key[dagDraft]{
		name: name, doc: "Whether the DAG is paused when it is first seen.", schema: schemaOf("boolean"),
		reset: func(d *dagDraft) { d.IsPausedUponCreation = nil },
		set: func(r *dagReader, d *dagDraft, _, v *yaml.Node) {
			if paused, ok := r.Boolean(name, v); ok {
				d.IsPausedUponCreation = &paused
			}
		},
		emit: func(d *dagDraft) any {
			if d.IsPausedUponCreation == nil {
				return nil
			}
			return *d.IsPausedUponCreation
		},
	}
}

func searchPathKey() key[dagDraft] {
	const name = "template_searchpath"
	k := textsKey(name, "Absolute directories in which template files are looked for.",
		func(d *dagDraft) *[]string { return &d.TemplateSearchPath })
	path := map[string]any{"type": "string", "pattern": `^(/|[A-Za-z]:|.*\$)`, "patternErrorMessage": "The path must be absolute."}
	k.schema = map[string]any{"anyOf": []any{path, map[string]any{"type": "array", "items": path}}}
	k.set = func(r *dagReader, d *dagDraft, _, v *yaml.Node) {
		list := v
		if yamlvalue.KindOf(v) == yamlvalue.Text {
			list = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{v}}
		}
		paths, ok := r.Texts(name, list)
		if !ok {
			return
		}
		for i, path := range paths {
			r.checkDirectory(list.Content[i], path)
		}
		d.TemplateSearchPath = paths
	}
	return k
}

func ownerLinksKey() key[dagDraft] {
	const name = "owner_links"
	return key[dagDraft]{
		name: name, doc: "A link for each owner.",
		schema: map[string]any{"type": "object", "additionalProperties": schemaOf("string")},
		reset:  func(d *dagDraft) { d.OwnerLinks = nil },
		set: func(r *dagReader, d *dagDraft, _, v *yaml.Node) {
			if !r.Mapping(name, v) || !r.TextKeys(v) {
				return
			}
			d.OwnerLinks = make(map[string]string, len(v.Content)/2)
			for owner, link := range yamlvalue.Pairs(v) {
				if text, ok := r.Text(name, link); ok {
					d.OwnerLinks[owner.Value] = text
				}
			}
		},
		emit: func(d *dagDraft) any {
			if len(d.OwnerLinks) == 0 {
				return nil
			}
			var links canonical.Fields
			for _, owner := range slices.Sorted(maps.Keys(d.OwnerLinks)) {
				links = links.With(owner, d.OwnerLinks[owner])
			}
			return links
		},
	}
}

func macrosKey() key[dagDraft] {
	const name = "user_defined_macros"
	return key[dagDraft]{
		name: name, doc: "Further names for templates. Text is refused: it would be a Python import path.",
		schema: map[string]any{"type": "object", "additionalProperties": map[string]any{"$ref": "#/$defs/macro"}},
		reset:  func(d *dagDraft) { d.UserDefinedMacros = nil },
		set: func(r *dagReader, d *dagDraft, _, v *yaml.Node) {
			if !r.Mapping(name, v) || !r.checkMacros(v) {
				d.unsure.Macros = true
				return
			}
			r.WarnSecrets(v)
			values, ok := r.FreeMap(name, v)
			if !ok {
				d.unsure.Macros = true
				return
			}
			d.UserDefinedMacros = values
		},
		emit: func(d *dagDraft) any {
			if d.UserDefinedMacros.Len() == 0 {
				return nil
			}
			return d.UserDefinedMacros
		},
	}
}

// checkMacros refuses text anywhere in the mappings of user_defined_macros.
func (r *dagReader) checkMacros(n *yaml.Node) bool {
	ok := true
	for k, v := range yamlvalue.Pairs(n) {
		switch {
		case yamlvalue.KindOf(v) == yamlvalue.Text:
			r.Errorf(v, "user_defined_macros %q: text is a Python import path there: use params or a built-in template function",
				yamlvalue.Excerpt(k.Value))
			ok = false
		case v.Kind == yaml.MappingNode && !r.checkMacros(v):
			ok = false
		}
	}
	return ok
}

func dagParamsKey() key[dagDraft] {
	return key[dagDraft]{
		name: "params", doc: "Parameters of a run with their defaults: values, or typed airflow.sdk.Param with a JSON Schema.",
		schema: schemaOf("object"),
		reset:  func(d *dagDraft) { d.Params, d.ParamSchemas, d.ParamNames = nil, nil, nil },
		set: func(r *dagReader, d *dagDraft, k, v *yaml.Node) {
			p := r.params(k, v)
			d.Params, d.ParamSchemas, d.ParamNames = p.values, p.schemas, p.names
		},
		emit: func(d *dagDraft) any { return emitParams(paramSet{d.Params, d.ParamSchemas, d.ParamNames}) },
	}
}

// paramSet is what a mapping of params says.
type paramSet struct {
	values  *dag.Map
	schemas map[string]map[string]any
	names   []string
}

// params reads a mapping of params: plain defaults and typed Params.
func (r *dagReader) params(k, n *yaml.Node) paramSet {
	if !r.Mapping(k.Value, n) {
		r.draft.unsure.Params = true
		return paramSet{}
	}
	r.TextKeys(n)
	r.WarnSecretParams(n)
	values := &dag.Map{}
	var schemas map[string]map[string]any
	var names []string
	for name, v := range yamlvalue.Pairs(n) {
		label := fmt.Sprintf("param %q", yamlvalue.Excerpt(name.Value))
		names = append(names, name.Value)
		if !slices.Contains(reading.ParamTypes, reading.TypeOf(v)) {
			r.warnPlainSchema(label, v)
			if value, ok := r.Free(label, v); ok {
				values.Set(name.Value, value)
			}
			continue
		}
		schema, ok := r.typedParam(label, v)
		if !ok {
			continue
		}
		if schemas == nil {
			schemas = map[string]map[string]any{}
		}
		if def, has := schema["default"]; has {
			values.Set(name.Value, def)
		}
		delete(schema, "default")
		schemas[name.Value] = schema
		r.checkParam(label, v, schema, values, name.Value)
	}
	return paramSet{values, schemas, names}
}

// warnPlainSchema warns of a mapping that looks like the schema of a param and is a value.
func (r *dagReader) warnPlainSchema(label string, n *yaml.Node) {
	_, kind := yamlvalue.Lookup(n, "type")
	if yamlvalue.KindOf(n) != yamlvalue.Map || kind == nil || r.opts.restoring {
		return
	}
	for _, word := range []string{"default", "enum", "format", "minimum", "maximum", "pattern"} {
		if k, _ := yamlvalue.Lookup(n, word); k != nil {
			r.Warnf(n, "%s is this mapping itself, not a param with a schema: add __type__: airflow.sdk.Param for that", label)
			return
		}
	}
}

// typedParam reads a typed Param as a JSON Schema that holds the default too.
func (r *dagReader) typedParam(label string, n *yaml.Node) (map[string]any, bool) {
	t, ok := r.Typed(n)
	if !ok {
		return nil, false
	}
	if len(t.Args) > 2 {
		r.Errorf(n, "%s: %s takes at most 2 positional arguments, not %d", label, t.Path, len(t.Args))
		return nil, false
	}
	schema := make(map[string]any, len(t.Names)+len(t.Args))
	for name, v := range t.Values {
		value, fine := r.Free(label, v)
		schema[name] = value
		ok = ok && fine
	}
	for i, arg := range t.Args {
		name := []string{"default", "description"}[i]
		if _, twice := schema[name]; twice {
			r.Errorf(arg, "%s: %s stands twice, in __args__ and by name", label, name)
			return nil, false
		}
		value, fine := r.Free(label, arg)
		schema[name] = value
		ok = ok && fine
	}
	if nested, isMap := schema["schema"].(*dag.Map); isMap {
		delete(schema, "schema")
		whole := maps.Collect(nested.All())
		maps.Copy(whole, schema)
		schema = whole
	}
	return schema, ok
}

func (r *dagReader) checkParam(label string, at *yaml.Node, schema map[string]any, values *dag.Map, name string) {
	value, has := values.Get(name)
	if !has || r.opts.CheckParam == nil {
		return
	}
	if err := r.opts.CheckParam(schema, value); err != nil {
		r.Errorf(at, "%s: the default does not fit: %v", label, err)
	}
}

// emitParams returns the canonical form of params.
func emitParams(p paramSet) any {
	var all canonical.Fields
	for _, name := range p.names {
		value, has := p.values.Get(name)
		schema, typed := p.schemas[name]
		if !typed {
			all = all.With(name, value)
			continue
		}
		param := canonical.Of("__type__", reading.TypeParam)
		if has {
			param = param.With("default", value)
		}
		for _, keyword := range slices.Sorted(maps.Keys(schema)) {
			param = param.With(keyword, schema[keyword])
		}
		all = all.With(name, param)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// maxTag is how many characters a tag may have (Airflow, TAG_MAX_LEN).
const maxTag = 100

func tagsKey() key[dagDraft] {
	k := textsKey("tags", "Labels to find the DAG by.", func(d *dagDraft) *[]string { return &d.Tags })
	read := k.set
	k.set = func(r *dagReader, dst *dagDraft, name, v *yaml.Node) {
		read(r, dst, name, v)
		for _, n := range v.Content {
			if utf8.RuneCountInString(n.Value) > maxTag {
				r.Errorf(n, "the tag %q has more than %d characters: shorten it", yamlvalue.Excerpt(n.Value), maxTag)
			}
		}
	}
	return k
}
