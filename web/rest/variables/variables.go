// Package variables serves the calls about variables.
package variables

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/keyed"
)

// calls are what the calls ask.
type calls struct {
	vault func(ctx context.Context) *vault.Keeper
}

// Routes adds the calls. as is the vault for whoever asks. Only who may configure sees and changes variables.
func Routes(s *rest.Server, as func(context.Context) *vault.Keeper) {
	c := &calls{as}
	keyed.Routes(s, &keyed.Kind[Variable, VariableBody, VariablePatchBody, *vault.Changes]{
		One: "variable", Many: "variables", Tag: "Variable", Read: access.Configure, Secret: []string{"value"},
		All: "/variables", Path: "/variables/{variable_key...}", Keys: "variables with these variable keys",
		Key: func(b *VariableBody) string { return b.Key },
		Get: c.get,
		Change: func(ctx context.Context, fn func(*vault.Changes) error) error {
			return c.vault(ctx).Change(ctx, fn)
		},
		Has: func(ctx context.Context, ch *vault.Changes, key string) (bool, error) {
			return ch.HasVariable(ctx, key)
		},
		Add: add, Update: update,
		Delete: func(ctx context.Context, ch *vault.Changes, key string) error { return ch.DeleteVariable(ctx, key) },
		Patch:  c.patch,
	}, c.list)
}

// Variable is a variable as it is answered.
type Variable struct {
	Key         string  `json:"key"`
	Value       string  `json:"value"`
	Description *string `json:"description"`
	IsEncrypted bool    `json:"is_encrypted"`
	TeamName    *string `json:"team_name"`
}

func answer(v vault.Variable) Variable {
	out := Variable{Key: v.Key, Value: v.Value, IsEncrypted: true}
	if v.Description != "" {
		out.Description = &v.Description
	}
	return out
}

// VariableCollection is a page of variables.
type VariableCollection struct {
	Variables    []Variable `json:"variables"`
	TotalEntries int        `json:"total_entries"`
}

// keys are what variables are ordered by. They have no ids but their keys, and what is encrypted has no order.
var keys = map[string]func(Variable) any{ //nolint:gochecknoglobals // a table
	"key": func(v Variable) any { return v.Key }, "id": func(v Variable) any { return v.Key }, "_val": func(Variable) any { return nil },
	"description": func(v Variable) any { return rest.Nullable(v.Description) }, "is_encrypted": func(Variable) any { return nil },
}

func (c *calls) list(ctx context.Context, in *struct {
	rest.Page

	KeyPattern rest.Pattern `query:"variable_key_pattern"`
	Order      rest.Order   `query:"order_by" order:"key,id,_val,description,is_encrypted" default:"id"`
},
) (*VariableCollection, error) {
	all, err := c.vault(ctx).Variables(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]Variable, len(all))
	for i, v := range all {
		found[i] = answer(v)
	}
	page, n := rest.Find(found, func(v Variable) string { return v.Key }, in.KeyPattern, in.Order, keys, in.Page)
	return &VariableCollection{page, n}, nil
}

func (c *calls) get(ctx context.Context, key string) (Variable, error) {
	v, err := c.vault(ctx).Variable(ctx, key)
	if err != nil {
		return Variable{}, err
	}
	return answer(v), nil
}

// VariableBody is a new variable.
type VariableBody struct {
	Sent rest.Sent `json:"-"`

	Key         string   `json:"key" required:"true" minLength:"1" maxLength:"250"`
	Value       rest.Any `json:"value" required:"true"`
	Description *string  `json:"description"`
	TeamName    *string  `json:"team_name" maxLength:"50"`
}

func (b *VariableBody) variable() (connections.Variable, error) {
	v := connections.Variable{Key: b.Key, Value: textOf(b.Value)}
	if b.Description != nil {
		v.Description = *b.Description
	}
	return v, keyed.NoTeam(b.TeamName, b.Sent, nil)
}

// patch is what a body changes by a mask.
func (b *VariableBody) patch(m rest.Mask) (p vault.VariablePatch) {
	if m.Applies(b.Sent, "value") {
		p.Value = new(textOf(b.Value))
	}
	if m.Applies(b.Sent, "description") {
		p.Description = new("")
		if b.Description != nil {
			p.Description = b.Description
		}
	}
	return p
}

// textOf is a value as a variable has it: a text as it is, anything else as JSON with spaces as Python writes it.
func textOf(value rest.Any) string {
	var text string
	if json.Unmarshal(value, &text) == nil && !bytes.Equal(value, []byte("null")) {
		return text
	}
	var out []byte
	inText := false
	for i := 0; i < len(value); i++ {
		out = append(out, value[i])
		switch {
		case value[i] == '\\':
			i++
			out = append(out, value[i])
		case value[i] == '"':
			inText = !inText
		case !inText && (value[i] == ',' || value[i] == ':'):
			out = append(out, ' ')
		}
	}
	return string(out)
}

func add(ctx context.Context, ch *vault.Changes, b *VariableBody, overwrite bool) error {
	v, err := b.variable()
	if err != nil {
		return err
	}
	return ch.AddVariable(ctx, v, overwrite)
}

func update(ctx context.Context, ch *vault.Changes, b *VariableBody, m rest.Mask) error {
	if err := keyed.NoTeam(b.TeamName, b.Sent, m); err != nil {
		return err
	}
	return ch.EditVariable(ctx, b.Key, b.patch(m))
}

// VariablePatchBody is what changes of a variable.
type VariablePatchBody struct {
	Sent rest.Sent `json:"-"`

	Key         *string  `json:"key" maxLength:"250"`
	Value       rest.Any `json:"value"`
	Description *string  `json:"description"`
	TeamName    *string  `json:"team_name" maxLength:"50"`
}

func (c *calls) patch(ctx context.Context, key string, b *VariablePatchBody, m rest.Mask) error {
	if b.Key != nil && *b.Key != key {
		return rest.BadRequest("Invalid body, key from request body doesn't match uri parameter")
	}
	if _, err := c.vault(ctx).Variable(ctx, key); err != nil {
		return unknown(key, err)
	}
	if err := m.Unmasked(b.Sent, map[string]any{"key": b.Key, "description": b.Description}, "key", "value"); err != nil {
		return err
	}
	if err := keyed.NoTeam(b.TeamName, b.Sent, m); err != nil {
		return err
	}
	p := (&VariableBody{Sent: b.Sent, Value: b.Value, Description: b.Description}).patch(m)
	return c.vault(ctx).Change(ctx, func(ch *vault.Changes) error { return ch.EditVariable(ctx, key, p) })
}

// unknown is the error of a change of a variable that the store does not have: one that comes from elsewhere cannot be
// changed.
func unknown(key string, err error) error {
	if m, ok := errors.AsType[*vault.MissingError](err); ok && m.Place != "" {
		return &vault.ElsewhereError{Kind: m.Kind, Name: key, Place: m.Place}
	}
	return err
}
