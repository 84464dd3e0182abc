package render

import (
	"bytes"
	"encoding/json"
	"iter"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// DecodeConf returns the values of a conf as raw JSON, so that numbers stay exact and
// objects keep their order. It was checked when the run was created.
func DecodeConf(conf json.RawMessage) map[string]json.RawMessage {
	return maps.Collect(confValues(conf))
}

// confValues yields what DecodeConf returns in the order of the conf.
func confValues(conf json.RawMessage) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		dec := json.NewDecoder(bytes.NewReader(conf))
		if open, err := dec.Token(); err != nil || open != json.Delim('{') {
			return
		}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return
			}
			var value json.RawMessage
			if dec.Decode(&value) != nil || !yield(name.(string), value) {
				return
			}
		}
	}
}

// mergeParams is Airflow's order: the run's conf over the task's params over the DAG's.
// Each stays where the file has it, and other keys of conf come last in their own order.
func mergeParams(d *dag.DAG, t *dag.Task, run *store.Run) *dag.Map {
	values, names := d.Params.Clone(), slices.Clone(d.ParamNames)
	if t != nil {
		for name, value := range t.Params.All() {
			values.Set(name, value)
		}
		names = append(names, t.ParamNames...)
	}
	for name, value := range confValues(run.Conf) {
		values.Set(name, value)
		names = append(names, name)
	}
	out := &dag.Map{}
	for _, name := range names {
		if value, has := values.Get(name); has {
			out.Set(name, value)
		}
	}
	return out
}
