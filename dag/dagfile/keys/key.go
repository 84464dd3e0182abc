package keys

import (
	"iter"
	"math"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
	"github.com/dingdag/dingdag/dag/dagfile/former"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Key declares one key of a DAG, a group, a task or a sensor. Decoding, the JSON
// Schema, the canonical form and the list of known names all come from it.
type Key[T any] struct {
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
	set func(r *Reader, dst *T, k, v *yaml.Node)
	// emit returns the field in canonical form, nil for the default; nil when there is no field.
	emit func(src *T) any
}

// Apply decodes one key into dst.
func (k Key[T]) Apply(r *Reader, dst *T, name, value *yaml.Node) {
	if k.reset != nil && yamlvalue.KindOf(value) == yamlvalue.Null {
		k.reset(dst)
		return
	}
	k.set(r, dst, name, value)
}

// Schema is the JSON Schema of the value.
func (k Key[T]) Schema() map[string]any { return k.schema }

// Table is a list of keys with an index by name.
type Table[T any] struct {
	keys   []Key[T]
	byName map[string]int
}

func newTable[T any](keys ...Key[T]) Table[T] {
	t := Table[T]{keys: keys, byName: make(map[string]int, len(keys))}
	for i, k := range keys {
		t.byName[k.name] = i
	}
	return t
}

// Find returns the key of a name.
func (t Table[T]) Find(name string) (Key[T], bool) {
	i, ok := t.byName[name]
	if !ok {
		return Key[T]{}, false
	}
	return t.keys[i], true
}

// Reset gives each field its default.
func (t Table[T]) Reset(dst *T) {
	for _, k := range t.keys {
		if k.reset != nil {
			k.reset(dst)
		}
	}
}

// Names yields the names of the keys.
func (t Table[T]) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, k := range t.keys {
			if !yield(k.name) {
				return
			}
		}
	}
}

// Emit returns the fields that differ from their defaults, in canonical form. Moments are
// those of the wall clock in zone.
func (t Table[T]) Emit(src *T, zone *time.Location) canonical.Fields {
	var list canonical.Fields
	for _, k := range t.keys {
		if k.emit == nil {
			continue
		}
		value := k.emit(src)
		if moment, ok := value.(time.Time); ok {
			value = reading.WallText(moment, zone)
		}
		if value != nil {
			list = list.With(k.name, value)
		}
	}
	return list
}

// typedKey builds a key whose field holds one comparable value. write turns the value
// into what a file would have.
func typedKey[T any, V comparable](name, doc string, def V, schema map[string]any, field func(*T) *V,
	read func(r *Reader, v *yaml.Node) (V, bool), write func(V) any,
) Key[T] {
	k := Key[T]{
		name: name, doc: doc, schema: schema,
		reset: func(dst *T) { *field(dst) = def },
		set: func(r *Reader, dst *T, _, v *yaml.Node) {
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

func boolKey[T any](name string, def bool, doc string, field func(*T) *bool) Key[T] {
	k := typedKey(name, doc, def, SchemaOf("boolean"), field,
		func(r *Reader, v *yaml.Node) (bool, bool) { return r.Boolean(name, v) },
		func(v bool) any { return v })
	k.def = def
	return k
}

// intKey declares a whole number; a field of 0 means unset where lowest is 1.
func intKey[T any](name string, def, lowest int, doc string, field func(*T) *int) Key[T] {
	schema := SchemaOf("integer")
	if lowest > math.MinInt32 {
		schema["minimum"] = lowest
	}
	k := typedKey(name, doc, def, schema, field,
		func(r *Reader, v *yaml.Node) (int, bool) { return r.Integer(name, v, int64(lowest), math.MaxInt32) },
		func(v int) any { return v })
	if lowest < 1 {
		k.def = def
	}
	return k
}

func textKey[T any](name, def, doc string, field func(*T) *string) Key[T] {
	return typedKey(name, doc, def, SchemaOf("string"), field,
		func(r *Reader, v *yaml.Node) (string, bool) { return r.Text(name, v) },
		func(v string) any { return v })
}

// durationKey declares a length of time. Where 0 in the field means none, a file must
// not say 0.
func durationKey[T any](name string, def time.Duration, zeroAllowed bool, doc string, field func(*T) *time.Duration) Key[T] {
	ref := "#/$defs/duration"
	if !zeroAllowed {
		ref = "#/$defs/positiveDuration"
	}
	return typedKey(name, doc, def, map[string]any{"$ref": ref}, field,
		func(r *Reader, v *yaml.Node) (time.Duration, bool) {
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
func textsKey[T any](name, doc string, field func(*T) *[]string) Key[T] {
	return Key[T]{
		name: name, doc: doc, schema: map[string]any{"type": "array", "items": SchemaOf("string")},
		reset: func(dst *T) { *field(dst) = nil },
		set: func(r *Reader, dst *T, _, v *yaml.Node) {
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
func callbackKey[T any](name, doc string, field func(*T) *[]dag.Callback) Key[T] {
	return Key[T]{
		name: name, doc: doc, schema: map[string]any{"$ref": "#/$defs/callback"},
		reset: func(dst *T) { *field(dst) = nil },
		set: func(r *Reader, dst *T, k, v *yaml.Node) {
			*field(dst) = r.Callbacks(r.Scope, k, v)
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
func dateKey[T any](name, doc string, field func(*T) *time.Time) Key[T] {
	return Key[T]{
		name: name, doc: doc, schema: map[string]any{"$ref": "#/$defs/date"},
		reset: func(dst *T) { *field(dst) = time.Time{} },
		set: func(r *Reader, dst *T, _, v *yaml.Node) {
			if t, ok := r.Date(name, v, r.DateZone, r.Now); ok {
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
func ignoredKey[T any](name, doc, why string) Key[T] {
	return Key[T]{name: name, doc: doc, schema: map[string]any{}, set: func(r *Reader, _ *T, k, _ *yaml.Node) {
		if why != "" {
			r.Warnf(k, "%s has no effect here: %s", name, why)
		}
	}}
}

// formerKey declares a key of older files that is gone.
func formerKey[T any](name string, find func(name string) (former.Key, bool)) Key[T] {
	old, _ := find(name)
	return Key[T]{
		name: name, doc: "Accepted from older files; no effect.", schema: map[string]any{},
		set: func(r *Reader, _ *T, k, _ *yaml.Node) { r.Warnf(k, "%s", old.Warning()) },
	}
}

// idKey declares the key that names an entry of a list, which is read before the others.
func idKey[T any](name, doc string) Key[T] {
	k := ignoredKey[T](name, doc, "")
	k.schema = SchemaOf("string")
	return k
}
