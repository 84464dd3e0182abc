package keys

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
	"github.com/dingdag/dingdag/dag/dagfile/former"
	"github.com/dingdag/dingdag/yamlvalue"
)

// DAGs are the keys of a DAG.
var DAGs = newTable(
	rawKey("tasks", "The tasks: a list of mappings with task_id, or a mapping from task ids.", map[string]any{"$ref": "#/$defs/tasks"},
		func(d *DAG) *Pair { return &d.Raw.Tasks }),
	rawKey("task_groups", "The task groups: a list of mappings with group_name, or a mapping from names.",
		map[string]any{"$ref": "#/$defs/taskGroups"}, func(d *DAG) *Pair { return &d.Raw.Groups }),
	rawKey("default_args", "Parameters for every task that does not set them itself.",
		map[string]any{"$ref": "#/$defs/defaultArgs"}, func(d *DAG) *Pair { return &d.Raw.DefaultArgs }),
	rawKey("schedule", "When the DAG runs: a cron expression of five fields, a preset such as @daily, every: 30m, or a timetable.",
		map[string]any{"$ref": "#/$defs/schedule"}, func(d *DAG) *Pair { return &d.Raw.Schedule }),
	rawKey("timetable", "Another spelling of schedule.", map[string]any{"$ref": "#/$defs/schedule"},
		func(d *DAG) *Pair { return &d.Raw.Timetable }),
	rawKey("start_date", "The first moment the DAG covers. Its zone is that of a plain cron expression.",
		map[string]any{"$ref": "#/$defs/date"}, func(d *DAG) *Pair { return &d.Raw.StartDate }),
	rawKey("end_date", "The last moment at which a run may be due.", map[string]any{"$ref": "#/$defs/date"},
		func(d *DAG) *Pair { return &d.Raw.EndDate }),
	rawKey("timezone", "The IANA zone of start_date and end_date. A plain cron expression follows it only through a start_date of the DAG.",
		SchemaOf("string"), func(d *DAG) *Pair { return &d.Raw.Timezone }),
	rawKey("doc_md_file_path", "An absolute path whose content becomes doc_md.", SchemaOf("string"),
		func(d *DAG) *Pair { return &d.Raw.DocFile }),
	rawKey("concurrency", "The old name of max_active_tasks.", SchemaOf("integer"),
		func(d *DAG) *Pair { return &d.Raw.Concurrency }),
	textKey("description", "", "One line on what the DAG does.", func(d *DAG) *string { return &d.Description }),
	textKey("dag_display_name", "", "The name that people see instead of the id.", func(d *DAG) *string { return &d.DisplayName }),
	textKey("doc_md", "", "Documentation in Markdown.", func(d *DAG) *string { return &d.DocMD }),
	tagsKey(),
	boolKey("catchup", false, "Run every missed interval since start_date.", func(d *DAG) *bool { return &d.Catchup }),
	intKey("max_active_runs", 16, 1, "How many runs may be running at once; more stay queued.",
		func(d *DAG) *int { return &d.MaxActiveRuns }),
	intKey("max_active_tasks", 16, 1, "How many tasks of one run may be running at once.",
		func(d *DAG) *int { return &d.MaxActiveTasks }),
	durationKey("dagrun_timeout", 0, false, "How long a run may take before it fails.",
		func(d *DAG) *time.Duration { return &d.DagrunTimeout }),
	boolKey("fail_fast", false, "Stop the run when a task fails.", func(d *DAG) *bool { return &d.FailFast }),
	intKey("max_consecutive_failed_dag_runs", 0, 0, "Pause the DAG after this many failed runs in a row; 0 is never.",
		func(d *DAG) *int { return &d.MaxConsecutiveFailedRuns }),
	pausedKey(),
	boolKey("render_template_as_native_obj", false, "Templates give values instead of text.",
		func(d *DAG) *bool { return &d.RenderTemplateAsNative }),
	searchPathKey(),
	ownerLinksKey(),
	macrosKey(),
	dagParamsKey(),
	callbackKey("on_success_callback", "Who is told when a run succeeds.", func(d *DAG) *[]dag.Callback { return &d.OnSuccess }),
	callbackKey("on_failure_callback", "Who is told when a run fails.", func(d *DAG) *[]dag.Callback { return &d.OnFailure }),
	callbackKey("on_recovery_callback", "Who is told of the first run that succeeds after failed ones of which on_failure_callback told.",
		func(d *DAG) *[]dag.Callback { return &d.OnRecovery }),
	callbackKey("on_missed_callback", "Who is told when due ticks of the schedule started no run and nobody had paused the DAG.",
		func(d *DAG) *[]dag.Callback { return &d.OnMissed }),
	deadlineKey(),
	callbackKey("on_execute_callback", "Who is told before each try of a task that does not set this itself.",
		func(d *DAG) *[]dag.Callback { return &d.OnExecute }),
	callbackKey("on_retry_callback", "Who is told when a task that does not set this itself will be retried.",
		func(d *DAG) *[]dag.Callback { return &d.OnRetry }),
	callbackKey("on_skipped_callback", "Who is told when a task that does not set this itself skips itself.",
		func(d *DAG) *[]dag.Callback { return &d.OnSkipped }),
	formerKey[DAG]("default_view", former.OfDAG),
	formerKey[DAG]("orientation", former.OfDAG),
	ignoredKey[DAG]("sla_miss_callback", "Accepted from older files; no effect.", "use dagrun_timeout"),
	ignoredKey[DAG]("vars", "Free-form, never read: a place for anchors.", ""),
)

// rawKey declares a key that is read after all others.
func rawKey[T any](name, doc string, schema map[string]any, field func(*T) *Pair) Key[T] {
	return Key[T]{name: name, doc: doc, schema: schema, set: func(_ *Reader, dst *T, k, v *yaml.Node) {
		*field(dst) = Pair{Key: k, Value: v}
	}}
}

func pausedKey() Key[DAG] {
	const name = "is_paused_upon_creation"
	return Key[DAG]{
		name: name, doc: "Whether the DAG is paused when it is first seen.", schema: SchemaOf("boolean"),
		reset: func(d *DAG) { d.IsPausedUponCreation = nil },
		set: func(r *Reader, d *DAG, _, v *yaml.Node) {
			if paused, ok := r.Boolean(name, v); ok {
				d.IsPausedUponCreation = &paused
			}
		},
		emit: func(d *DAG) any {
			if d.IsPausedUponCreation == nil {
				return nil
			}
			return *d.IsPausedUponCreation
		},
	}
}

func searchPathKey() Key[DAG] {
	const name = "template_searchpath"
	k := textsKey(name, "Absolute directories in which template files are looked for.",
		func(d *DAG) *[]string { return &d.TemplateSearchPath })
	path := map[string]any{"type": "string", "pattern": `^(/|[A-Za-z]:|.*\$)`, "patternErrorMessage": "The path must be absolute."}
	k.schema = map[string]any{"anyOf": []any{path, map[string]any{"type": "array", "items": path}}}
	k.set = func(r *Reader, d *DAG, _, v *yaml.Node) {
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

func ownerLinksKey() Key[DAG] {
	const name = "owner_links"
	return Key[DAG]{
		name: name, doc: "A link for each owner.",
		schema: map[string]any{"type": "object", "additionalProperties": SchemaOf("string")},
		reset:  func(d *DAG) { d.OwnerLinks = nil },
		set: func(r *Reader, d *DAG, _, v *yaml.Node) {
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
		emit: func(d *DAG) any {
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

func macrosKey() Key[DAG] {
	const name = "user_defined_macros"
	return Key[DAG]{
		name: name, doc: "Further names for templates. Text is refused: it would be a Python import path.",
		schema: map[string]any{"type": "object", "additionalProperties": map[string]any{"$ref": "#/$defs/macro"}},
		reset:  func(d *DAG) { d.UserDefinedMacros = nil },
		set: func(r *Reader, d *DAG, _, v *yaml.Node) {
			if !r.Mapping(name, v) || !r.checkMacros(v) {
				r.Unsure.Macros = true
				return
			}
			r.WarnSecrets(v)
			values, ok := r.FreeMap(name, v)
			if !ok {
				r.Unsure.Macros = true
				return
			}
			d.UserDefinedMacros = values
		},
		emit: func(d *DAG) any {
			if d.UserDefinedMacros.Len() == 0 {
				return nil
			}
			return d.UserDefinedMacros
		},
	}
}

// checkMacros refuses text anywhere in the mappings of user_defined_macros.
func (r *Reader) checkMacros(n *yaml.Node) bool {
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

// maxTag is how many characters a tag may have (Airflow, TAG_MAX_LEN).
const maxTag = 100

func tagsKey() Key[DAG] {
	k := textsKey("tags", "Labels to find the DAG by.", func(d *DAG) *[]string { return &d.Tags })
	read := k.set
	k.set = func(r *Reader, dst *DAG, name, v *yaml.Node) {
		read(r, dst, name, v)
		for _, n := range v.Content {
			if utf8.RuneCountInString(n.Value) > maxTag {
				r.Errorf(n, "the tag %q has more than %d characters: shorten it", yamlvalue.Excerpt(n.Value), maxTag)
			}
		}
	}
	return k
}

// checkDirectory checks one entry of template_searchpath.
func (r *Reader) checkDirectory(at *yaml.Node, path string) {
	if r.Restoring {
		return
	}
	if !filepath.IsAbs(path) {
		r.Errorf(at, "template_searchpath: %q is not absolute", yamlvalue.Excerpt(path))
		return
	}
	r.Rests.OnDisk = true
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		r.Errorf(at, "template_searchpath: %q is not a directory", yamlvalue.Excerpt(path))
	}
}
