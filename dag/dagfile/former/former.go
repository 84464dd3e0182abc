// Package former knows what files for older versions of dag-factory and Airflow say otherwise
// than today's. The loader warns of it, and dags convert rewrites it.
package former

// Form says what a value is written as today.
type Form int

// The forms of values.
const (
	// Same is the value as it is.
	Same Form = iota
	// Timedelta is a timedelta of so many seconds.
	Timedelta
	// Words are so many seconds in words, such as 300 seconds.
	Words
	// Gone is nothing: the key goes, too.
	Gone
)

// Key is a key of older files.
type Key struct {
	Name string
	// Now is what it is called today, empty for one that is gone.
	Now string
	// Form is what its value is written as today.
	Form   Form
	advice string
}

// Advice says what to write instead.
func (k Key) Advice() string { return k.Name + " " + k.advice }

// Warning is what is said of the key where it is read.
func (k Key) Warning() string {
	if k.Form == Gone {
		return k.Advice() + "; " + command + "takes it out"
	}
	return k.Advice() + Converts
}

const command = "dingdag dags convert FILE --write "

// Converts ends a message about what is written otherwise today: it names the command that
// rewrites an old file.
const Converts = "; " + command + "rewrites it"

const airflow2Pages = "has no effect here: it belongs to Airflow 2's pages"

// ofDAGs are the keys of DAGs, ofTasks those of tasks and of default_args.
var (
	ofDAGs = byName(
		Key{"schedule_interval", "schedule", Same, "was removed: write schedule"},
		Key{"dagrun_timeout_sec", "dagrun_timeout", Timedelta, "was removed: write dagrun_timeout"},
		Key{"concurrency", "max_active_tasks", Same, "is the old name: use max_active_tasks"},
		Key{"default_view", "", Gone, airflow2Pages},
		Key{"orientation", "", Gone, airflow2Pages},
	)
	ofTasks = byName(
		Key{"schedule_interval", "schedule", Same, "was removed: write schedule"},
		Key{"retry_delay_sec", "retry_delay", Same, "was removed: write retry_delay"},
		Key{"execution_timeout_secs", "execution_timeout", Timedelta, "was removed: write execution_timeout"},
		Key{"execution_delta_secs", "execution_delta", Words, "was removed: write execution_delta"},
		Key{"task_concurrency", "max_active_tis_per_dag", Same, "is the old name: use max_active_tis_per_dag"},
		Key{"xcom_push", "do_xcom_push", Same, "is the old name: use do_xcom_push"},
		Key{"sla_secs", "", Gone, "was removed: use execution_timeout, or dagrun_timeout on the DAG"},
		Key{"parent_group_name", "", Gone, "has no effect here, it belongs to a group: a task names its group with task_group_name"},
		Key{"provide_context", "", Gone, "has no effect here: since Airflow 2 every task has the context of its run"},
	)
)

func byName(list ...Key) map[string]Key {
	keys := make(map[string]Key, len(list))
	for _, k := range list {
		keys[k.Name] = k
	}
	return keys
}

// OfDAG returns the key of a DAG that has a name.
func OfDAG(name string) (Key, bool) {
	k, ok := ofDAGs[name]
	return k, ok
}

// OfTask returns the key of a task or of default_args that has a name.
func OfTask(name string) (Key, bool) {
	k, ok := ofTasks[name]
	return k, ok
}

// Groupless is the key by which a task names its group, in a DAG that has no groups.
func Groupless() Key {
	return Key{"task_group_name", "", Gone, "has no effect, because the DAG has no task_groups: declare the group there, or remove this"}
}

// Operand returns today's key for one of the keys and and or of asset expressions, empty for
// any other.
func Operand(name string) string {
	if name == "and" || name == "or" {
		return "__" + name + "__"
	}
	return ""
}

// Tag returns the key that is written today in place of a tag, empty for any other tag.
func Tag(tag string) string {
	switch tag {
	case "!join", "!and", "!or":
		return "__" + tag[1:] + "__"
	}
	return ""
}

// TagAdvice says what to write instead of a tag that [Tag] knows.
func TagAdvice(tag string) string {
	return "the tag " + tag + " was removed: write the key " + Tag(tag)
}

// TimetableAdvice says what to write instead of a timetable of a class with callable and params.
func TimetableAdvice(class string) string {
	return "timetable with callable and params: write schedule: {__type__: " + class + ", …} by hand, with the params as keys"
}
