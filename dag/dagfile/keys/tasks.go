package keys

import (
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/former"
	"github.com/dingdag/dingdag/dag/dagfile/schedule"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Common are the parameters that every operator takes.
var Common = newTable(
	ownerKey(),
	intKey("retries", 0, 0, "How often a failed task is tried again.", func(t *Base) *int { return &t.Retries }),
	durationKey("retry_delay", 5*time.Minute, true, "How long to wait before the next try.",
		func(t *Base) *time.Duration { return &t.RetryDelay }),
	backoffKey(),
	durationKey("max_retry_delay", 0, false, "The most that retry_exponential_backoff may wait.",
		func(t *Base) *time.Duration { return &t.MaxRetryDelay }),
	durationKey("execution_timeout", 0, false, "How long one try may take.",
		func(t *Base) *time.Duration { return &t.ExecutionTimeout }),
	enumKey("trigger_rule", dag.AllSuccess, "What the upstream tasks must have come to.", triggerRules, triggerRuleAliases,
		func(t *Base) *dag.TriggerRule { return &t.TriggerRule }),
	boolKey("depends_on_past", false, "Wait for the task's own success in the previous run.",
		func(t *Base) *bool { return &t.DependsOnPast }),
	boolKey("wait_for_downstream", false, "Wait for the directly downstream tasks in the previous run; implies depends_on_past.",
		func(t *Base) *bool { return &t.WaitForDownstream }),
	boolKey("ignore_first_depends_on_past", true, "Let the first instance of the task run although depends_on_past is set.",
		func(t *Base) *bool { return &t.IgnoreFirstDependsOnPast }),
	boolKey("wait_for_past_depends_before_skipping", false, "Skip only once depends_on_past is met.",
		func(t *Base) *bool { return &t.WaitForPastDependsBeforeSkipping }),
	textKey("pool", "default_pool", "The pool whose slots the task takes.", func(t *Base) *string { return &t.Pool }),
	intKey("pool_slots", 1, 1, "How many slots the task takes.", func(t *Base) *int { return &t.PoolSlots }),
	intKey("priority_weight", 1, math.MinInt32, "The larger, the sooner a waiting task gets a slot.",
		func(t *Base) *int { return &t.PriorityWeight }),
	enumKey("weight_rule", "downstream", "How the weights of other tasks count.", []string{"downstream", "upstream", "absolute"}, nil,
		func(t *Base) *string { return &t.WeightRule }),
	textKey("queue", "default", "The queue of the workers that may run the task.", func(t *Base) *string { return &t.Queue }),
	intKey("max_active_tis_per_dag", 0, 1, "How many instances may run at once over all runs.",
		func(t *Base) *int { return &t.MaxActiveTIsPerDAG }),
	intKey("max_active_tis_per_dagrun", 0, 1, "How many instances may run at once in one run.",
		func(t *Base) *int { return &t.MaxActiveTIsPerDAGRun }),
	boolKey("do_xcom_push", true, "Keep the task's result.", func(t *Base) *bool { return &t.DoXComPush }),
	boolKey("multiple_outputs", false, "Keep each key of a result mapping as a result of its own.",
		func(t *Base) *bool { return &t.MultipleOutputs }),
	dateKey("start_date", "The first moment the task covers.", func(t *Base) *time.Time { return &t.StartDate }),
	dateKey("end_date", "The last moment the task covers.", func(t *Base) *time.Time { return &t.EndDate }),
	taskParamsKey(),
	textKey("map_index_template", "", "A template that names each instance of a mapped task.", func(t *Base) *string { return &t.MapIndexTemplate }),
	textKey("task_display_name", "", "The name that people see instead of the id.", func(t *Base) *string { return &t.DisplayName }),
	textKey("doc_md", "", "Documentation in Markdown.", func(t *Base) *string { return &t.Doc }),
	docKey("doc"), docKey("doc_json"), docKey("doc_yaml"), docKey("doc_rst"),
	callbackKey("on_execute_callback", "Who is told before each try.", func(t *Base) *[]dag.Callback { return &t.OnExecute }),
	callbackKey("on_success_callback", "Who is told when the task succeeds.", func(t *Base) *[]dag.Callback { return &t.OnSuccess }),
	callbackKey("on_failure_callback", "Who is told when the task fails and will not be retried.", func(t *Base) *[]dag.Callback { return &t.OnFailure }),
	callbackKey("on_recovery_callback", "Who is told when the task succeeds after failures of which people were told.", func(t *Base) *[]dag.Callback { return &t.OnRecovery }),
	callbackKey("on_retry_callback", "Who is told when the task will be retried.", func(t *Base) *[]dag.Callback { return &t.OnRetry }),
	callbackKey("on_skipped_callback", "Who is told when the task skips itself.", func(t *Base) *[]dag.Callback { return &t.OnSkipped }),
	emailKey(),
	emailFlagKey("email_on_failure", func(t *Base) *bool { return &t.Email.OnFailure }),
	emailFlagKey("email_on_retry", func(t *Base) *bool { return &t.Email.OnRetry }),
	assetsKey("inlets", "The assets that the task reads: URIs or typed assets. Documentation only.",
		func(t *Base) *[]*dag.Asset { return &t.Inlets }),
	assetsKey("outlets", "The assets that the task writes: URIs or typed assets. Its success updates them.",
		func(t *Base) *[]*dag.Asset { return &t.Outlets }),
	ignoredKey[Base]("executor", "Accepted from Airflow; no effect.", "every task runs in a worker of this program"),
	ignoredKey[Base]("resources", "Accepted from Airflow; no effect.", "limit the worker instead"),
	ignoredKey[Base]("run_as_user", "Accepted from Airflow; no effect.", "tasks run as the user of the worker"),
	ignoredKey[Base]("logger_name", "Accepted from Airflow; no effect.", "each try has a log of its own"),
	ignoredKey[Base]("allow_nested_operators", "Accepted from Airflow; no effect.", "operators cannot nest"),
	ignoredKey[Base]("sla", "Accepted from Airflow; no effect.", "Airflow 3 removed it, use execution_timeout"),
	formerKey[Base]("sla_secs", former.OfTask),
	formerKey[Base]("provide_context", former.OfTask),
)

// Sensors are the parameters that every sensor takes besides.
var Sensors = newTable(
	durationKey("poke_interval", time.Minute, true, "How long to wait between two pokes.",
		func(s *dag.Sensor) *time.Duration { return &s.PokeInterval }),
	durationKey("timeout", 7*24*time.Hour, true, "How long to wait in all, retries included, before the sensor fails.",
		func(s *dag.Sensor) *time.Duration { return &s.Timeout }),
	enumKey("mode", "poke", "Hold the worker between two pokes (poke), or give it back (reschedule).", []string{"poke", "reschedule"}, nil,
		func(s *dag.Sensor) *string { return &s.Mode }),
	boolKey("soft_fail", false, "Skip instead of failing.", func(s *dag.Sensor) *bool { return &s.SoftFail }),
	boolKey("never_fail", false, "Skip instead of failing, whatever the error.", func(s *dag.Sensor) *bool { return &s.NeverFail }),
	boolKey("silent_fail", false, "Log an error in a poke and continue.", func(s *dag.Sensor) *bool { return &s.SilentFail }),
	boolKey("exponential_backoff", false, "Wait longer after each poke.", func(s *dag.Sensor) *bool { return &s.ExponentialBackoff }),
	durationKey("max_wait", 0, false, "The most that exponential_backoff may wait.",
		func(s *dag.Sensor) *time.Duration { return &s.MaxWait }),
	ignoredKey[dag.Sensor]("deferrable", "Accepted from Airflow; no effect.", ""),
)

var triggerRules = []dag.TriggerRule{
	dag.AllSuccess, dag.AllFailed, dag.AllDone, dag.OneSuccess, dag.OneFailed, dag.OneDone, dag.NoneFailed, dag.NoneFailedMinOneSuccess,
	dag.NoneSkipped, dag.AllSkipped, dag.Always, dag.AllDoneSetupSuccess, dag.AllDoneMinOneSuccess,
}

// triggerRuleAliases are names of older Airflow versions.
var triggerRuleAliases = map[string]dag.TriggerRule{
	"dummy":                  dag.Always,
	"none_failed_or_skipped": dag.NoneFailedMinOneSuccess,
}

// enumKey declares a text that is one of a list. An alias counts as the word it stands for.
func enumKey[T any, V ~string](name string, def V, doc string, words []V, aliases map[string]V, at func(*T) *V) Key[T] {
	var enum []any
	for _, w := range words {
		enum = append(enum, string(w))
	}
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		enum = append(enum, alias)
	}
	return typedKey(name, doc, def, map[string]any{"enum": enum}, at,
		func(r *Reader, v *yaml.Node) (V, bool) {
			text, ok := r.Text(name, v)
			if !ok {
				return "", false
			}
			if word, known := aliases[text]; known {
				return word, true
			}
			if !slices.Contains(words, V(text)) {
				r.Errorf(v, "%s: unknown value %q%s; want one of %s", name, yamlvalue.Excerpt(text), r.Suggest(text, texts(words)), joined(words))
				return "", false
			}
			return V(text), true
		},
		func(v V) any { return string(v) })
}

func backoffKey() Key[Base] {
	const name = "retry_exponential_backoff"
	return typedKey(name, "The factor by which retry_delay grows with each try; true is 2, false and 0 are off.", 0.0,
		map[string]any{"type": []any{"boolean", "number"}, "minimum": 0},
		func(t *Base) *float64 { return &t.RetryExponentialBackoff },
		func(r *Reader, v *yaml.Node) (float64, bool) {
			if yamlvalue.KindOf(v) == yamlvalue.Bool {
				if on, ok := r.Boolean(name, v); !ok || !on {
					return 0, ok
				}
				return 2, true
			}
			factor, ok := r.Number(name, v)
			if ok && factor < 0 {
				r.Errorf(v, "%s: %s is less than 0", name, v.Value)
				return 0, false
			}
			return factor, ok
		},
		func(v float64) any { return v })
}

// docKey declares one of the other spellings of doc_md, which wins over them.
func docKey(name string) Key[Base] {
	k := textKey(name, "", "Documentation; doc_md wins over it.", func(t *Base) *string { return &t.Doc })
	read := k.set
	k.set = func(r *Reader, t *Base, name, v *yaml.Node) {
		if t.Doc == "" {
			read(r, t, name, v)
		}
	}
	k.reset, k.emit = func(*Base) {}, nil
	return k
}

func emailKey() Key[Base] {
	return Key[Base]{
		name: "email", doc: "Addresses that get a mail when the task fails or is tried again.",
		schema: map[string]any{"anyOf": []any{SchemaOf("string"), map[string]any{"type": "array", "items": SchemaOf("string")}}},
		reset:  func(t *Base) { t.Email.To = Pair{} },
		set:    func(_ *Reader, t *Base, k, v *yaml.Node) { t.Email.To = Pair{Key: k, Value: v} },
	}
}

func emailFlagKey(name string, at func(*Base) *bool) Key[Base] {
	k := boolKey(name, true, "Whether email is used for this.", at)
	read := k.set
	k.set = func(r *Reader, t *Base, key, v *yaml.Node) {
		t.Email.Flag = key
		read(r, t, key, v)
	}
	k.emit = nil
	return k
}

// assetsKey declares a list of assets that a task reads or writes.
func assetsKey(name, doc string, at func(*Base) *[]*dag.Asset) Key[Base] {
	return Key[Base]{
		name: name, doc: doc, schema: map[string]any{"$ref": "#/$defs/assets"},
		reset: func(t *Base) { *at(t) = nil },
		set: func(r *Reader, t *Base, _, v *yaml.Node) {
			*at(t) = r.Assets(name, v)
		},
		emit: func(t *Base) any {
			var list []any
			for _, a := range *at(t) {
				list = append(list, schedule.CanonicalAsset(a))
			}
			if list == nil {
				return nil
			}
			return list
		},
	}
}

// Tasks are the keys of a task besides the parameters of its operator.
var Tasks = newTable(append([]Key[Task]{
	idKey[Task]("task_id", "The id of the task."),
	rawKey("operator", "What the task does: a short name or an Airflow path.", map[string]any{"$ref": "#/$defs/operatorName"},
		func(t *Task) *Pair { return &t.Raw.Operator }),
	rawKey("dependencies", "Tasks and groups that are upstream.", map[string]any{"$ref": "#/$defs/dependencies"},
		func(t *Task) *Pair { return &t.Raw.Dependencies }),
	rawKey("task_group_name", "The group the task is in.", SchemaOf("string"), func(t *Task) *Pair { return &t.Raw.Group }),
	rawKey("expand", "Parameters to map: one instance for each element of a list, a mapping or a result such as task_id.output; several form a cross product.",
		map[string]any{"type": "object", "additionalProperties": map[string]any{"$ref": "#/$defs/mappable"}}, func(t *Task) *Pair { return &t.Raw.Expand }),
	rawKey("expand_kwargs", "A list of mappings, or a result: one instance for each, with these parameters.",
		map[string]any{"anyOf": []any{map[string]any{"type": "array", "items": SchemaOf("object")}, SchemaOf("string")}},
		func(t *Task) *Pair { return &t.Raw.ExpandKwargs }),
	rawKey("partial", "Parameters that are the same for all instances; they may also be on the task itself.", SchemaOf("object"),
		func(t *Task) *Pair { return &t.Raw.Partial }),
	callbackKey(Notifiers, "Who is told what a task asks people, for the operators hitl, approval, hitl_branch and hitl_entry.",
		func(t *Task) *[]dag.Callback { return &t.OnAsk }),
	variablesAsArgumentsKey(),
}, setupKeys()...)...)

// Notifiers is the key of a task that asks people.
const Notifiers = "notifiers"

// VariablesAsArguments is the key of a task that fills parameters from variables.
const VariablesAsArguments = "variables_as_arguments"

// variablesAsArgumentsKey declares the key whose values are in place before the others are read.
func variablesAsArgumentsKey() Key[Task] {
	k := ignoredKey[Task](VariablesAsArguments, "Parameters that take the text of a variable when the file is read, if the variable exists.", "")
	k.schema = map[string]any{"anyOf": []any{
		map[string]any{"type": "array", "items": map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"variable", "attribute"},
			"properties": map[string]any{
				"variable":  Describe(SchemaOf("string"), "The name of the variable."),
				"attribute": Describe(SchemaOf("string"), "The parameter of the task that takes its value."),
			},
		}},
		SchemaOf("null"),
	}}
	return k
}

// setupKeys are the keys of a task that make it a setup or a teardown. dag-factory has
// none for them: in Airflow they are as_setup and as_teardown.
func setupKeys() []Key[Task] {
	return []Key[Task]{
		boolKey("setup", false, "The task prepares something for the tasks after it.", func(t *Task) *bool { return &t.Setup }),
		teardownKey(),
		boolKey("on_failure_fail_dagrun", false, "The run fails when this teardown does.",
			func(t *Task) *bool { return &t.OnFailureFailDagrun }),
	}
}

// teardownKey declares teardown: true, or the setups that the task takes down.
func teardownKey() Key[Task] {
	return Key[Task]{
		name: "teardown", doc: "The task takes down what its setups prepared: true, or the tasks that become its setups, upstream of it.",
		def: false,
		schema: map[string]any{"anyOf": []any{
			SchemaOf("boolean"), SchemaOf("string"), map[string]any{"type": "array", "items": SchemaOf("string")},
		}},
		reset: func(t *Task) { t.Teardown = false },
		set: func(r *Reader, t *Task, k, v *yaml.Node) {
			switch yamlvalue.KindOf(v) {
			case yamlvalue.Text, yamlvalue.List:
				t.Teardown, t.Raw.Setups = true, Pair{Key: k, Value: v}
			default:
				if on, ok := r.Boolean("teardown", v); ok {
					t.Teardown = on
				}
			}
		},
		emit: func(t *Task) any {
			if t.Teardown {
				return true
			}
			return nil
		},
	}
}

// Mappable describes a list, a mapping or a reference.
var Mappable = map[string]any{
	"type": []any{"array", "object", "string"}, "pattern": `\.output|XcomArg|\$`,
	"patternErrorMessage": "Want a list, a mapping, or a result such as task_id.output.",
}

// texts yields words as strings.
func texts[V ~string](words []V) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, w := range words {
			if !yield(string(w)) {
				return
			}
		}
	}
}

func joined[V ~string](words []V) string {
	return strings.Join(slices.Collect(texts(words)), ", ")
}

// ownerKey declares who answers for a task. A file says so where alerts will find nobody.
func ownerKey() Key[Base] {
	k := textKey("owner", dag.DefaultOwner, "Who answers for the task.", func(t *Base) *string { return &t.Owner })
	set := k.set
	k.set = func(r *Reader, dst *Base, key, v *yaml.Node) {
		set(r, dst, key, v)
		if r.CheckOwner == nil || yamlvalue.KindOf(v) != yamlvalue.Text {
			return
		}
		if problem := r.CheckOwner(v.Value); problem != "" {
			r.Warnf(key, "alerts notify nobody for this owner: %s", problem)
		}
	}
	return k
}
