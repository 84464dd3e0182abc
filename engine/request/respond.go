package request

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Why an answer is refused.
var (
	ErrSettled     = phrase.Err("ask.settled")
	ErrNotAssigned = phrase.Err("ask.others")
)

// Respond is an answer to what a task asks people.
type Respond struct {
	AskID int64 `json:"ask_id"`
	// Chosen are options of the ask, Input values of its params as a JSON object, where those that are
	// not given have their default.
	Chosen []string        `json:"chosen_options"`
	Input  json.RawMessage `json:"params_input,omitempty"`
	// By is who answers. The ID is compared with those who are assigned.
	By    store.Person `json:"by"`
	Actor store.Actor  `json:"actor,omitzero"`
}

// Responded is an ask that was answered.
type Responded struct {
	Ask store.Ask `json:"ask"`
}

// RespondError is a mistake in one field of a [Respond].
type RespondError struct {
	// Field is chosen_options or params_input.
	Field string
	Err   error
}

func (e *RespondError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake.
func (e *RespondError) Unwrap() error { return e.Err }

// Settle makes an open ask the answered one, or says why the answer is refused.
func (r *Respond) Settle(a *store.Ask, now time.Time) error {
	if a.State != store.AskOpen {
		return phrase.Err("ask.not_open", a.ID, ErrSettled, a.Became())
	}
	if !a.Deadline.IsZero() && !now.Before(a.Deadline) {
		return phrase.Err("ask.over", a.ID, ErrSettled, a.Deadline.Format(time.RFC3339))
	}
	if len(a.Assigned) > 0 && !slices.ContainsFunc(a.Assigned, func(p store.Person) bool { return p.ID == r.By.ID }) {
		names := make([]string, len(a.Assigned))
		for i, p := range a.Assigned {
			names[i] = p.String()
		}
		return phrase.Err("ask.not_assigned", a.ID, ErrNotAssigned, r.By, phrase.Names(names...))
	}
	if err := r.checkChosen(a); err != nil {
		return &RespondError{"chosen_options", phrase.Err("ask.is", a.ID, err)}
	}
	input, err := FillIn(a.Params, r.Input)
	if err != nil {
		return &RespondError{"params_input", phrase.Err("ask.is", a.ID, err)}
	}
	a.State, a.SettledAt, a.RespondedBy, a.Via = store.AskAnswered, now, r.By, r.Actor.Via
	a.Chosen, a.Input = r.Chosen, input
	return nil
}

func (r *Respond) checkChosen(a *store.Ask) error {
	switch n := len(r.Chosen); {
	case n == 0:
		return phrase.Err("ask.none", phrase.Names(a.Options...))
	case n > 1 && !a.Multiple:
		return phrase.Err("ask.many", n)
	}
	for i, o := range r.Chosen {
		if !slices.Contains(a.Options, o) {
			return phrase.Err("ask.unknown", o, phrase.Near(yamlvalue.Nearest(o, slices.Values(a.Options))), phrase.Names(a.Options...))
		}
		if slices.Contains(r.Chosen[:i], o) {
			return phrase.Err("ask.twice", o)
		}
	}
	return nil
}

// FillIn are the values of params: those of input, a JSON object or nil, with defaults for the others.
// Every mistake is named.
func FillIn(ps []store.AskParam, input json.RawMessage) (json.RawMessage, error) {
	given := map[string]json.RawMessage{}
	if len(bytes.TrimSpace(input)) > 0 {
		if err := json.Unmarshal(input, &given); err != nil {
			return nil, phrase.Err("param.object", err)
		}
	}
	var errs []error
	out := make(map[string]json.RawMessage, len(ps))
	for _, p := range ps {
		value, has := given[p.Name]
		delete(given, p.Name)
		if !has {
			if p.Value == nil {
				errs = append(errs, phrase.Err("param.give", p.Name))
				continue
			}
			value = p.Value
		}
		if err := checkField(p, value); err != nil {
			errs = append(errs, phrase.Err("param.is", p.Name, err))
		}
		out[p.Name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		known := func(yield func(string) bool) {
			for _, p := range ps {
				if !yield(p.Name) {
					return
				}
			}
		}
		errs = append(errs, phrase.Err("param.unknown", name, phrase.Near(yamlvalue.Nearest(name, known))))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	b, err := Encode(out)
	return bytes.TrimSpace(b), err
}

func checkField(p store.AskParam, value json.RawMessage) error {
	if p.Schema == nil {
		return nil
	}
	var schema map[string]any
	if err := json.Unmarshal(p.Schema, &schema); err != nil {
		return phrase.Err("param.schema", err)
	}
	return CheckParam(schema, value)
}
