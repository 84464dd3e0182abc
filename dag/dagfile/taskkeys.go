package dagfile

import (
	"maps"
	"math"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/schedule"
	"github.com/dingdag/dingdag/yamlvalue"
)

// taskBase is what default_args and tasks share: the common parameters, those of
// sensors, and the operators' own.
type taskBase struct {
	dag.Task
	sensor dag.Sensor
	// email and its flags become callbacks when the task is complete.
	email                        pair
	emailFlag                    *yaml.Node
	emailOnFailure, emailOnRetry bool
	// args are operator parameters from default_args, later ones winning.
	args map[string]pair
}

// clone returns a copy that can be changed on its own.
func (b *taskBase) clone() taskBase {
	c := *b
	c.Settings = new(*b.Settings)
	c.args = maps.Clone(b.args)
	return c
}

// commonKeys are the parameters that every operator takes.
var commonKeys = newTable(
	textKey("owner", "airflow", "Who answers for the task.", func(t *taskBase) *string { return &t.Owner }),
	intKey("retries", 0, 0, "How often a failed task is tried again.", func(t *taskBase) *int { return &t.Retries }),
	durationKey("retry_delay", 5*time.Minute, true, "How long to wait before the next try.",
		func(t *taskBase) *time.Duration { return &t.RetryDelay }),
	backoffKey(),
	durationKey("max_retry_delay", 0, false, "The most that retry_exponential_backoff may wait.",
		func(t *taskBase) *time.Duration { return &t.MaxRetryDelay }),
	durationKey("execution_timeout", 0, false, "How long one try may take.",
		func(t *taskBase) *time.Duration { return &t.ExecutionTimeout }),
	enumKey("trigger_rule", dag.AllSuccess, "What the upstream tasks must have come to.", triggerRules, triggerRuleAliases,
		func(t *taskBase) *dag.TriggerRule { return &t.TriggerRule }),
	boolKey("depends_on_past", false, "Wait for the task's own success in the run before.",
		func(t *taskBase) *bool { return &t.DependsOnPast }),
	boolKey("wait_for_downstream", false, "Wait for the direct downstream tasks in the run before; implies depends_on_past.",
		func(t *taskBase) *bool { return &t.WaitForDownstream }),
	boolKey("ignore_first_depends_on_past", true, "Let the first instance of the task run although depends_on_past is set.",
		func(t *taskBase) *bool { return &t.IgnoreFirstDependsOnPast }),
	boolKey("wait_for_past_depends_before_skipping", false, "Skip only once depends_on_past is met.",
		func(t *taskBase) *bool { return &t.WaitForPastDependsBeforeSkipping }),
	textKey("pool", "default_pool", "The pool whose slots the task takes.", func(t *taskBase) *string { return &t.Pool }),
	intKey("pool_slots", 1, 1, "How many slots the task takes.", func(t *taskBase) *int { return &t.PoolSlots }),
	intKey("priority_weight", 1, math.MinInt32, "The larger, the sooner a waiting task gets a slot.",
		func(t *taskBase) *int { return &t.PriorityWeight }),
	enumKey("weight_rule", "downstream", "How the weights of other tasks count.", []string{"downstream", "upstream", "absolute"}, nil,
		func(t *taskBase) *string { return &t.WeightRule }),
	textKey("queue", "default", "The queue of the workers that may run the task.", func(t *taskBase) *string { return &t.Queue }),
	intKey("max_active_tis_per_dag", 0, 1, "How many instances may run at once over all runs.",
		func(t *taskBase) *int { return &t.MaxActiveTIsPerDAG }),
	intKey("max_active_tis_per_dagrun", 0, 1, "How many instances may run at once in one run.",
		func(t *taskBase) *int { return &t.MaxActiveTIsPerDAGRun }),
	boolKey("do_xcom_push", true, "Keep the task's result.", func(t *taskBase) *bool { return &t.DoXComPush }),
	boolKey("multiple_outputs", false, "Keep each key of a result mapping as a result of its own.",
		func(t *taskBase) *bool { return &t.MultipleOutputs }),
	dateKey("start_date", "The first moment the task covers.", func(t *taskBase) *time.Time { return &t.StartDate }),
	dateKey("end_date", "The last moment the task covers.", func(t *taskBase) *time.Time { return &t.EndDate }),
	taskParamsKey(),
	textKey("map_index_template", "", "A template that names each instance of a mapped task.", func(t *taskBase) *string { return &t.MapIndexTemplate }),
	textKey("task_display_name", "", "The name that people see instead of the id.", func(t *taskBase) *string { return &t.DisplayName }),
	textKey("doc_md", "", "Documentation in Markdown.", func(t *taskBase) *string { return &t.Doc }),
	docKey("doc"), docKey("doc_json"), docKey("doc_yaml"), docKey("doc_rst"),
	callbackKey("on_execute_callback", "What to tell before each try.", func(t *taskBase) *[]dag.Callback { return &t.OnExecute }),
	callbackKey("on_success_callback", "What to tell when the task succeeds.", func(t *taskBase) *[]dag.Callback { return &t.OnSuccess }),
	callbackKey("on_failure_callback", "What to tell when the task fails for good.", func(t *taskBase) *[]dag.Callback { return &t.OnFailure }),
	callbackKey("on_retry_callback", "What to tell when the task will be tried again.", func(t *taskBase) *[]dag.Callback { return &t.OnRetry }),
	callbackKey("on_skipped_callback", "What to tell when the task skips itself.", func(t *taskBase) *[]dag.Callback { return &t.OnSkipped }),
	emailKey(),
	emailFlagKey("email_on_failure", func(t *taskBase) *bool { return &t.emailOnFailure }),
	emailFlagKey("email_on_retry", func(t *taskBase) *bool { return &t.emailOnRetry }),
	assetsKey("inlets", "The assets that the task reads: URIs or typed assets. Documentation only.",
		func(t *taskBase) *[]*dag.Asset { return &t.Inlets }),
	assetsKey("outlets", "The assets that the task writes: URIs or typed assets. Its success updates them.",
		func(t *taskBase) *[]*dag.Asset { return &t.Outlets }),
	ignoredKey[taskBase]("executor", "Accepted from Airflow; no effect.", "every task runs in a worker of this program"),
	ignoredKey[taskBase]("resources", "Accepted from Airflow; no effect.", "limit the worker instead"),
	ignoredKey[taskBase]("run_as_user", "Accepted from Airflow; no effect.", "tasks run as the user of the worker"),
	ignoredKey[taskBase]("logger_name", "Accepted from Airflow; no effect.", "each try has a log of its own"),
	ignoredKey[taskBase]("allow_nested_operators", "Accepted from Airflow; no effect.", "operators cannot nest"),
	ignoredKey[taskBase]("sla", "Accepted from Airflow; no effect.", "Airflow 3 removed it, use execution_timeout"),
)

// sensorKeys are the parameters that every sensor takes besides.
var sensorKeys = newTable(
	durationKey("poke_interval", time.Minute, true, "How long to wait between two looks.",
		func(s *dag.Sensor) *time.Duration { return &s.PokeInterval }),
	durationKey("timeout", 7*24*time.Hour, true, "How long to wait in all, retries included, before the sensor fails.",
		func(s *dag.Sensor) *time.Duration { return &s.Timeout }),
	enumKey("mode", "poke", "Hold the worker between two looks (poke), or give it back (reschedule).", []string{"poke", "reschedule"}, nil,
		func(s *dag.Sensor) *string { return &s.Mode }),
	boolKey("soft_fail", false, "Skip instead of failing.", func(s *dag.Sensor) *bool { return &s.SoftFail }),
	boolKey("never_fail", false, "Skip instead of failing, whatever the error.", func(s *dag.Sensor) *bool { return &s.NeverFail }),
	boolKey("silent_fail", false, "Log an error of a look and go on.", func(s *dag.Sensor) *bool { return &s.SilentFail }),
	boolKey("exponential_backoff", false, "Wait longer after each look.", func(s *dag.Sensor) *bool { return &s.ExponentialBackoff }),
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
func enumKey[T any, V ~string](name string, def V, doc string, words []V, aliases map[string]V, at func(*T) *V) key[T] {
	var enum []any
	for _, w := range words {
		enum = append(enum, string(w))
	}
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		enum = append(enum, alias)
	}
	return typedKey(name, doc, def, map[string]any{"enum": enum}, at,
		func(r *dagReader, v *yaml.Node) (V, bool) {
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

func backoffKey() key[taskBase] {
	const name = "retry_exponential_backoff"
	return typedKey(name, "The factor by which retry_delay grows with each try; true is 2, false and 0 are off.", 0.0,
		map[string]any{"type": []any{"boolean", "number"}, "minimum": 0},
		func(t *taskBase) *float64 { return &t.RetryExponentialBackoff },
		func(r *dagReader, v *yaml.Node) (float64, bool) {
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
func docKey(name string) key[taskBase] {
	k := textKey(name, "", "Documentation; doc_md wins over it.", func(t *taskBase) *string { return &t.Doc })
	read := k.set
	k.set = func(r *dagReader, t *taskBase, name, v *yaml.Node) {
		if t.Doc == "" {
			read(r, t, name, v)
		}
	}
	k.reset, k.emit = func(*taskBase) {}, nil
	return k
}

func taskParamsKey() key[taskBase] {
	return key[taskBase]{
		name: "params", doc: "Params of this task, over those of the DAG.", schema: schemaOf("object"),
		reset: func(t *taskBase) { t.Params, t.ParamSchemas, t.ParamNames = nil, nil, nil },
		set: func(r *dagReader, t *taskBase, k, v *yaml.Node) {
			p := r.params(k, v)
			t.Params, t.ParamSchemas, t.ParamNames = p.values, p.schemas, p.names
		},
		emit: func(t *taskBase) any { return emitParams(paramSet{t.Params, t.ParamSchemas, t.ParamNames}) },
	}
}

func emailKey() key[taskBase] {
	return key[taskBase]{
		name: "email", doc: "Addresses that get a mail when the task fails or is tried again.",
		schema: map[string]any{"anyOf": []any{schemaOf("string"), map[string]any{"type": "array", "items": schemaOf("string")}}},
		reset:  func(t *taskBase) { t.email = pair{} },
		set:    func(_ *dagReader, t *taskBase, k, v *yaml.Node) { t.email = pair{k, v} },
	}
}

func emailFlagKey(name string, at func(*taskBase) *bool) key[taskBase] {
	k := boolKey(name, true, "Whether email is used for this.", at)
	read := k.set
	k.set = func(r *dagReader, t *taskBase, key, v *yaml.Node) {
		t.emailFlag = key
		read(r, t, key, v)
	}
	k.emit = nil
	return k
}

// assetsKey declares a list of assets that a task reads or writes.
func assetsKey(name, doc string, at func(*taskBase) *[]*dag.Asset) key[taskBase] {
	return key[taskBase]{
		name: name, doc: doc, schema: map[string]any{"$ref": "#/$defs/assets"},
		reset: func(t *taskBase) { *at(t) = nil },
		set: func(r *dagReader, t *taskBase, _, v *yaml.Node) {
			*at(t) = r.schedules().Assets(name, v)
		},
		emit: func(t *taskBase) any {
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
