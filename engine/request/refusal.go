package request

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// refused is what an answer says of an error beside its text, so that who asked can tell
// one mistake from another.
type refused struct {
	// Field is the mistaken field of a trigger or a backfill.
	Field string `json:"field,omitempty"`
	// Of is trigger, backfill or respond with a field, else the name of one of the refusals.
	Of string `json:"of,omitempty"`
	// Said is the text in each language.
	Said phrase.Text `json:"said,omitzero"`
}

// refusals are the errors that an answer tells apart, by name.
func refusals() map[string]error {
	return map[string]error{
		"exists": ErrExists, "not_found": store.ErrNotFound, "paused": ErrPaused, "no_schedule": ErrNoSchedule, "repeated": store.ErrRepeated,
		"settled": ErrSettled, "not_assigned": ErrNotAssigned, "busy": store.ErrBusy, "at_work": ErrAtWork,
	}
}

// Refusal is an error as the answer to a request. What mask changes of it is the same in every language.
func Refusal(err error, mask func(string) string) *store.Request {
	r := refused{}
	if te, ok := errors.AsType[*TriggerError](err); ok {
		r.Field, r.Of, err = te.Field, KindTrigger, te.Err
	} else if be, ok := errors.AsType[*BackfillError](err); ok {
		r.Field, r.Of, err = be.Field, KindBackfill, be.Err
	} else if re, ok := errors.AsType[*RespondError](err); ok {
		r.Field, r.Of, err = re.Field, KindRespond, re.Err
	}
	text := err.Error()
	r.Said = phrase.Said(err)
	if masked := mask(text); masked != text {
		text, r.Said = masked, phrase.Plain(masked)
	}
	for name, target := range refusals() {
		if r.Of == "" && errors.Is(err, target) {
			r.Of = name
		}
	}
	b, merr := json.Marshal(r)
	if merr != nil {
		b = nil // two texts always encode
	}
	return &store.Request{Error: text, Result: b}
}

// ReadRefusal is the error that an answer tells.
func ReadRefusal(r *store.Request) error {
	var of refused
	if r.Result != nil {
		if err := json.Unmarshal(r.Result, &of); err != nil {
			return fmt.Errorf("read the answer to request %d: %w", r.ID, err)
		}
	}
	if of.Said.IsZero() { // an older version of the program has answered
		of.Said = phrase.Plain(r.Error)
	}
	switch said := phrase.AsError(of.Said); of.Of {
	case KindTrigger:
		return &TriggerError{of.Field, said}
	case KindBackfill:
		return &BackfillError{of.Field, said}
	case KindRespond:
		return &RespondError{of.Field, said}
	default:
		return &toldError{said, refusals()[of.Of]}
	}
}

// toldError is the text of an error from another process that stands for one of ours.
type toldError struct {
	said error
	is   error // nil for none
}

func (e *toldError) Error() string { return e.said.Error() }

// Said is the text in each language.
func (e *toldError) Said() phrase.Text { return phrase.Said(e.said) }

// Unwrap returns what it stands for.
func (e *toldError) Unwrap() error { return e.is }
