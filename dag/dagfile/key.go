package dagfile

import (
	"iter"
	"math"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// key declares one key of a DAG, a group, a task or a sensor. Decoding, the JSON
// Schema, the canonical form and the list of known names all come from it.
type key[T any] struct {
	name string
	// doc is one sentence for people.
	doc string
	// def is the default as a file would have it, nil for none.
	def any
	// schema is the JSON Schema of the value.
	schema map[string]any
	// reset gives the field its default; nil when there is no field.
	reset func(dst *T)
	// set decodes the value. Null has been handled by reset where there is one.
	set func(r *dagReader, dst *T, k, v *yaml.Node)
	// emit returns the field in canonical form, nil for the default; nil when there is no field.
	emit func(src *T) any
}

// apply decodes one key into dst.
func (k key[T]) apply(r *dagReader, dst *T, name, value *yaml.Node) {
	if k.reset != nil && yamlvalue.KindOf(value) == yamlvalue.Null {
		k.reset(dst)
		return
	}
	k.set(r, dst, name, value)
}

// table is a list of keys with an index by name.
type table[T any] struct {
	keys   []key[T]
	byName map[string]int
}

func newTable[T any](keys ...key[T]) table[T] {
	t := table[T]{keys: keys, byName: make(map[string]int, len(keys))}
	for i, k := range keys {
		t.byName[k.name] = i
	}
	return t
}

func (t table[T]) find(name string) (key[T], bool) {
	i, ok := t.byName[name]
	if !ok {
		return key[T]{}, false
	}
	return t.keys[i], true
}

func (t table[T]) reset(dst *T) {
	for _, k := range t.keys {
		if k.reset != nil {
			k.reset(dst)
		}
	}
}

// names yields the names of the keys.
func (t table[T]) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, k := range t.keys {
			if !yield(k.name) {
				return
			}
		}
	}
}

// typedKey builds a key whose field holds one comparable value. write turns the value
// into what a file would have.
func typedKey[T any, V comparable](name, doc string, def V, schema map[string]any, field func(*T) *V,
	read func(r *dagReader, v *yaml.Node) (V, bool), write func(V) any,
) key[T] {
	k := key[T]{
		name: name, doc: doc, schema: schema,
		reset: func(dst *T) { *field(dst) = def },
		set: func(r *dagReader, dst *T, _, v *yaml.Node) {
			if value, ok := read(r, v); ok {
				*field(dst) = value
			}
		},
		emit: func(src *T) any {
			if value := *field(src); value != def {
				return write(value)
			}
			return nil
		},
	}
	var none V
	if def != none {
		k.def = write(def)
	}
	return k
}

func boolKey[T any](name string, def bool, doc string, field func(*T) *bool) key[T] {
	k := typedKey(name, doc, def, schemaOf("boolean"), field,
		func(r *dagReader, v *yaml.Node) (bool, bool) { return r.Boolean(name, v) },
		func(v bool) any { return v })
	k.def = def
	return k
}

// intKey declares a whole number; a field of 0 means unset where lowest is 1.
func intKey[T any](name string, def, lowest int, doc string, field func(*T) *int) key[T] {
	schema := schemaOf("integer")
	if lowest > math.MinInt32 {
		schema["minimum"] = lowest
	}
	k := typedKey(name, doc, def, schema, field,
		func(r *dagReader, v *yaml.Node) (int, bool) { return r.Integer(name, v, int64(lowest), math.MaxInt32) },
		func(v int) any { return v })
	if lowest < 1 {
		k.def = def
	}
	return k
}

func textKey[T any](name, def, doc string, field func(*T) *string) key[T] {
	return typedKey(name, doc, def, schemaOf("string"), field,
		func(r *dagReader, v *yaml.Node) (string, bool) { return r.Text(name, v) },
		func(v string) any { return v })
}

// durationKey declares a length of time. Where 0 in the field means none, a file must
// not say 0.
func durationKey[T any](name string, def time.Duration, zeroAllowed bool, doc string, field func(*T) *time.Duration) key[T] {
	ref := "#/$defs/duration"
	if !zeroAllowed {
		ref = "#/$defs/positiveDuration"
	}
	return typedKey(name, doc, def, map[string]any{"$ref": ref}, field,
		func(r *dagReader, v *yaml.Node) (time.Duration, bool) {
			d, ok := r.Duration(name, v)
			if ok && d == 0 && !zeroAllowed {
				r.Errorf(v, "%s must be more than 0: leave it out for none", name)
				return 0, false
			}
			return d, ok
		},
		func(v time.Duration) any { return v.String() })
}

// textsKey declares a list of texts.
func textsKey[T any](name, doc string, field func(*T) *[]string) key[T] {
	return key[T]{
		name: name, doc: doc, schema: map[string]any{"type": "array", "items": schemaOf("string")},
		reset: func(dst *T) { *field(dst) = nil },
		set: func(r *dagReader, dst *T, _, v *yaml.Node) {
			if list, ok := r.Texts(name, v); ok {
				*field(dst) = list
			}
		},
		emit: func(src *T) any {
			if list := *field(src); len(list) > 0 {
				return list
			}
			return nil
		},
	}
}

// callbackKey declares a callback key.
func callbackKey[T any](name, doc string, field func(*T) *[]dag.Callback) key[T] {
	return key[T]{
		name: name, doc: doc, schema: map[string]any{"$ref": "#/$defs/callback"},
		reset: func(dst *T) { *field(dst) = nil },
		set: func(r *dagReader, dst *T, k, v *yaml.Node) {
			*field(dst) = r.callbacks(k, v)
		},
		emit: func(src *T) any {
			if list := *field(src); len(list) > 0 {
				return list
			}
			return nil
		},
	}
}

// dateKey declares a moment.
func dateKey[T any](name, doc string, field func(*T) *time.Time) key[T] {
	return key[T]{
		name: name, doc: doc, schema: map[string]any{"$ref": "#/$defs/date"},
		reset: func(dst *T) { *field(dst) = time.Time{} },
		set: func(r *dagReader, dst *T, _, v *yaml.Node) {
			if t, ok := r.Date(name, v, r.zone, r.now); ok {
				*field(dst) = t
			}
		},
		emit: func(src *T) any {
			if t := *field(src); !t.IsZero() {
				return t
			}
			return nil
		},
	}
}

// ignoredKey declares a key that is understood and has no effect.
func ignoredKey[T any](name, doc, why string) key[T] {
	return key[T]{name: name, doc: doc, schema: map[string]any{}, set: func(r *dagReader, _ *T, k, _ *yaml.Node) {
		if why != "" {
			r.Warnf(k, "%s has no effect here: %s", name, why)
		}
	}}
}

// idKey declares the key that names an entry of a list, which is read before the others.
func idKey[T any](name, doc string) key[T] {
	k := ignoredKey[T](name, doc, "")
	k.schema = schemaOf("string")
	return k
}

// schemaOf returns a JSON Schema with one type.
func schemaOf(name string) map[string]any { return map[string]any{"type": name} }

// rejectedKeys are keys of dag-factory and of older versions of it that have no
// counterpart, with what to do instead.
var rejectedKeys = map[string]string{
	"schedule_interval":      "was removed: use schedule" + reading.Converts,
	"dagrun_timeout_sec":     "was removed: use dagrun_timeout" + reading.Converts,
	"retry_delay_sec":        "was removed: use retry_delay" + reading.Converts,
	"sla_secs":               "was removed: use execution_timeout, or dagrun_timeout on the DAG" + reading.Converts,
	"execution_timeout_secs": "was removed: use execution_timeout" + reading.Converts,
	"execution_delta_secs":   "was removed: use execution_delta" + reading.Converts,

	"access_control": "is not supported: ignoring permissions in silence would be wrong; remove it",

	"doc_md_python_callable_name": "needs Python: use doc_md or doc_md_file_path",
	"doc_md_python_callable_file": "needs Python: use doc_md or doc_md_file_path",
	"doc_md_python_arguments":     "needs Python: use doc_md or doc_md_file_path",

	"executor_config": "is not supported: run the container through bash or http",
	"pre_execute":     "needs Python: use a task before this one",
	"post_execute":    "needs Python: use a task after this one",
	"decorator":       "is not supported, TaskFlow is Python-only: use operator",
}

// pythonParams are task parameters that hold Python code. An operator that declares
// one of them under its own parameters takes it all the same.
var pythonParams = map[string]string{
	"python_callable":        "Python code cannot run here; use bash to start a script or http to call a service",
	"python_callable_name":   "Python code cannot run here; use bash to start a script or http to call a service",
	"python_callable_file":   "Python code cannot run here; use bash to start a script or http to call a service",
	"execution_date_fn":      "use execution_delta",
	"execution_date_fn_name": "use execution_delta",
	"execution_date_fn_file": "use execution_delta",
	"response_check":         "use success_when",
	"response_check_name":    "use success_when",
	"response_check_file":    "use success_when",
	"response_check_lambda":  "use success_when",
	"response_filter":        "Python code cannot run here; the response is the result as it is: take what is needed of it where it is used, in a template",
	"pagination_function":    "call http once for each page",
	"success_check_name":     "put the condition into the SQL, or use success_when",
	"success_check_file":     "put the condition into the SQL, or use success_when",
	"success_check_lambda":   "put the condition into the SQL, or use success_when",
	"failure_check_name":     "put the condition into the SQL, or use success_when",
	"failure_check_file":     "put the condition into the SQL, or use success_when",
	"failure_check_lambda":   "put the condition into the SQL, or use success_when",
	"success":                "put the condition into the SQL, or use success_when",
	"failure":                "put the condition into the SQL, or use success_when",
	"selector":               "select the cell to look at first in the SQL",
	"handler":                "Python code cannot run here; the rows are the result: put the rest into the SQL, or take what is needed where it is used",
	"output_processor":       "Python code cannot run here; the rows are the result: put the rest into the SQL, or take what is needed where it is used",
	"auth_type":              "configure the connection",
	"retry_handlers":         "configure the connection, or use retries",
}
