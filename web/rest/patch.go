package rest

import (
	"maps"
	"slices"
)

// Mask are the fields of a body that are to be applied; none stands for all.
type Mask []string

// Applies reports whether a field of a body is to be applied: it is sent, and the mask has it.
func (m Mask) Applies(sent Sent, field string) bool {
	return sent[field] && (len(m) == 0 || slices.Contains(m, field))
}

// Unmasked is the answer when, without a mask, a body lacks fields that the whole object has; nil when it lacks none.
// Airflow looks at such a body twice, and the problems that it finds then have no body in front of their places. shown are
// the fields that were sent, as far as they are no secrets.
func (m Mask) Unmasked(sent Sent, shown map[string]any, fields ...string) error {
	if len(m) > 0 {
		return nil
	}
	var ps []Problem
	for _, f := range fields {
		if !sent[f] {
			ps = append(ps, Problem{Type: "missing", Loc: []any{f}, Msg: "Field required", Input: maps.Clone(shown), URL: "https://errors.pydantic.dev/2.12/v/missing"})
		}
	}
	if len(ps) == 0 {
		return nil
	}
	return Invalid(ps...)
}
