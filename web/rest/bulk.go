package rest

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// BulkBody asks for many changes at once. E is the body that makes one thing.
type BulkBody[E any] struct {
	Actions []BulkAction[E] `json:"actions" required:"true"`
}

// BulkAction is one of the three.
type BulkAction[E any] struct {
	Create *BulkCreateAction[E] `json:"-"`
	Update *BulkUpdateAction[E] `json:"-"`
	Delete *BulkDeleteAction[E] `json:"-"`
}

// BulkCreateAction makes things.
type BulkCreateAction[E any] struct {
	Action            string `json:"action" required:"true" enum:"create"`
	Entities          []E    `json:"entities" required:"true"`
	ActionOnExistence string `json:"action_on_existence" default:"fail" enum:"fail,skip,overwrite"`
}

// BulkUpdateAction changes things.
type BulkUpdateAction[E any] struct {
	Action               string   `json:"action" required:"true" enum:"update"`
	Entities             []E      `json:"entities" required:"true"`
	UpdateMask           []string `json:"update_mask" nullable:"true"`
	ActionOnNonExistence string   `json:"action_on_non_existence" default:"fail" enum:"fail,skip"`
}

// BulkDeleteAction removes things.
type BulkDeleteAction[E any] struct {
	Action               string       `json:"action" required:"true" enum:"delete"`
	Entities             []BulkKey[E] `json:"entities" required:"true"`
	ActionOnNonExistence string       `json:"action_on_non_existence" default:"fail" enum:"fail,skip"`
}

// BulkKey names something: by its key, or by the whole of it.
type BulkKey[E any] struct {
	Key   string `json:"-"`
	Whole *E     `json:"-"`
}

// Schema describes it.
func (BulkAction[E]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[BulkCreateAction[E]](), true, ""), r.Schema(reflect.TypeFor[BulkUpdateAction[E]](), true, ""),
		r.Schema(reflect.TypeFor[BulkDeleteAction[E]](), true, ""),
	}}
}

// FromJSON reads the action that it names.
func (a *BulkAction[E]) FromJSON(value any, loc []any) []Problem {
	object, _ := value.(map[string]any)
	switch object["action"] {
	case "update":
		a.Update = new(BulkUpdateAction[E])
		return readInto(a.Update, value, loc)
	case "delete":
		a.Delete = new(BulkDeleteAction[E])
		return readInto(a.Delete, value, loc)
	case "create", nil: // a missing one is told with what else is wrong
		a.Create = new(BulkCreateAction[E])
		return readInto(a.Create, value, loc)
	default:
		want := expected([]string{"create", "update", "delete"})
		return []Problem{{Type: "literal_error", Loc: append(slices.Clone(loc), "action"), Msg: "Input should be " + want, Input: object["action"], Ctx: map[string]any{"expected": want}}}
	}
}

// readInto fills a struct from a value of JSON.
func readInto(dst, value any, loc []any) []Problem {
	v := reflect.ValueOf(dst).Elem()
	return shapeOf(v.Type()).read(v, value, loc)
}

// Schema describes it.
func (BulkKey[E]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeString}, r.Schema(reflect.TypeFor[E](), true, "")}}
}

// FromJSON reads either.
func (k *BulkKey[E]) FromJSON(value any, loc []any) []Problem {
	if text, ok := value.(string); ok {
		k.Key = text
		return nil
	}
	k.Whole = new(E)
	return readInto(k.Whole, value, loc)
}

// BulkResponse is what came of a [BulkBody]; null for what was not asked.
type BulkResponse struct {
	Create *BulkActionResponse `json:"create"`
	Update *BulkActionResponse `json:"update"`
	Delete *BulkActionResponse `json:"delete"`
}

// BulkActionResponse has the keys of what was changed, and an error for each action that was refused.
type BulkActionResponse struct {
	Success []string    `json:"success"`
	Errors  []BulkError `json:"errors"`
}

// BulkError is why an action was refused.
type BulkError struct {
	Error      any `json:"error"`
	StatusCode int `json:"status_code"`
}

// BulkStore is what a bulk request changes, in one transaction.
type BulkStore[E any] interface {
	// Many is what there are of them and their keys, as in "pools with these pool names".
	Many() string
	Key(e *E) string
	// There are those of the keys that something has.
	There(keys []string) (map[string]bool, error)
	Create(e *E, overwrite bool) error
	Update(e *E, m Mask) error
	Delete(key string) error
}

// Bulk does what a body asks, each action in a transaction of its own that change makes, and as a whole or not at all. An
// action that is refused keeps no other one from its turn.
func Bulk[E any](b BulkBody[E], change func(do func(BulkStore[E]) error) error) (*BulkResponse, error) {
	out := &BulkResponse{}
	run := func(of **BulkActionResponse, act func(BulkStore[E]) ([]string, error)) error {
		if *of == nil {
			*of = &BulkActionResponse{Success: []string{}, Errors: []BulkError{}}
		}
		var done []string
		err := change(func(s BulkStore[E]) (err error) {
			done, err = act(s)
			return err
		})
		if err == nil {
			(*of).Success = append((*of).Success, done...)
			return nil
		}
		f := ErrorOf(err)
		if f == nil {
			return err
		}
		text := f.Detail
		if r, ok := text.(Refusal); ok {
			text = r.Message
		}
		(*of).Errors = append((*of).Errors, BulkError{text, f.Status})
		return nil
	}
	for _, a := range b.Actions {
		var err error
		switch {
		case a.Create != nil:
			err = run(&out.Create, a.Create.run)
		case a.Update != nil:
			err = run(&out.Update, a.Update.run)
		default:
			err = run(&out.Delete, a.Delete.run)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *BulkCreateAction[E]) run(s BulkStore[E]) (done []string, err error) {
	keys := keysIn(s, a.Entities)
	there, err := s.There(keys)
	if err != nil {
		return nil, err
	}
	if len(there) > 0 && a.ActionOnExistence == "fail" {
		return nil, Conflict("The %s: %s already exist.", s.Many(), setOf(there))
	}
	for i := range a.Entities {
		if there[keys[i]] && a.ActionOnExistence == "skip" {
			continue
		}
		if err := s.Create(&a.Entities[i], a.ActionOnExistence == "overwrite"); err != nil {
			return nil, err
		}
		done = append(done, keys[i])
	}
	return done, nil
}

func (a *BulkUpdateAction[E]) run(s BulkStore[E]) ([]string, error) {
	keys := keysIn(s, a.Entities)
	return onlyThere(s, keys, a.ActionOnNonExistence, func(i int) error { return s.Update(&a.Entities[i], a.UpdateMask) })
}

func (a *BulkDeleteAction[E]) run(s BulkStore[E]) ([]string, error) {
	keys := make([]string, len(a.Entities))
	for i, e := range a.Entities {
		if keys[i] = e.Key; e.Whole != nil {
			keys[i] = s.Key(e.Whole)
		}
	}
	return onlyThere(s, keys, a.ActionOnNonExistence, func(i int) error { return s.Delete(keys[i]) })
}

// onlyThere does something with each thing that is there. With fail all must be.
func onlyThere[E any](s BulkStore[E], keys []string, missing string, do func(i int) error) (done []string, err error) {
	there, err := s.There(keys)
	if err != nil {
		return nil, err
	}
	gone := map[string]bool{}
	for _, k := range keys {
		if !there[k] {
			gone[k] = true
		}
	}
	if len(gone) > 0 && missing == "fail" {
		return nil, Errorf(http.StatusNotFound, "The %s: %s were not found.", s.Many(), setOf(gone))
	}
	for i, k := range keys {
		if gone[k] {
			continue
		}
		if err := do(i); err != nil {
			return nil, err
		}
		done = append(done, k)
	}
	return done, nil
}

func keysIn[E any](s BulkStore[E], entities []E) []string {
	keys := make([]string, len(entities))
	for i := range entities {
		keys[i] = s.Key(&entities[i])
	}
	return keys
}

// setOf are texts as Python writes a set.
func setOf(of map[string]bool) string {
	return "{'" + strings.Join(slices.Sorted(maps.Keys(of)), "', '") + "'}"
}
