// Package variables serves the calls about variables.
package variables

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/web/rest"
)

// calls are what the calls ask.
type calls struct {
	vault func(ctx context.Context) *vault.Keeper
}

// Routes adds the calls. as is the vault for whoever asks. Only who may configure sees and changes variables.
func Routes(s *rest.Server, as func(context.Context) *vault.Keeper) {
	c := &calls{as}
	const all, one = "/variables", "/variables/{variable_key...}"
	op := func(id, method, path string, status int) rest.Operation {
		return rest.Operation{ID: id, Method: method, Path: path, Tag: "Variable", Status: status, Action: access.Configure, Secret: []string{"value"}}
	}
	rest.Register(s, op("get_variables", http.MethodGet, all, 0), c.list)
	rest.Register(s, op("post_variable", http.MethodPost, all, http.StatusCreated), c.post)
	rest.Register(s, op("bulk_variables", http.MethodPatch, all, 0), c.bulk)
	rest.Register(s, op("get_variable", http.MethodGet, one, 0), c.get)
	rest.Register(s, op("patch_variable", http.MethodPatch, one, 0), c.patch)
	rest.Register(s, op("delete_variable", http.MethodDelete, one, http.StatusNoContent), c.remove)
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
	found := []Variable{}
	for _, v := range all {
		if in.KeyPattern.Like().Match(v.Key) {
			found = append(found, answer(v))
		}
	}
	rest.Sort(found, in.Order, keys)
	return &VariableCollection{rest.Cut(in.Page, found), len(found)}, nil
}

type named struct {
	Key string `path:"variable_key"`
}

func (c *calls) get(ctx context.Context, in *named) (*Variable, error) {
	v, err := c.vault(ctx).Variable(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	return new(answer(v)), nil
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
	return v, noTeam(b.TeamName)
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

func noTeam(name *string) error {
	if name != nil {
		return rest.BadRequest("team_name: there are no teams here; leave it out")
	}
	return nil
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

func (c *calls) post(ctx context.Context, in *struct{ Body VariableBody }) (*Variable, error) {
	v, err := in.Body.variable()
	if err != nil {
		return nil, err
	}
	err = c.vault(ctx).Change(ctx, func(ch *vault.Changes) error { return ch.AddVariable(ctx, v, false) })
	if err != nil {
		return nil, err
	}
	return c.get(ctx, &named{v.Key})
}

// VariablePatchBody is what changes of a variable.
type VariablePatchBody struct {
	Sent rest.Sent `json:"-"`

	Key         *string  `json:"key" maxLength:"250"`
	Value       rest.Any `json:"value"`
	Description *string  `json:"description"`
	TeamName    *string  `json:"team_name" maxLength:"50"`
}

func (c *calls) patch(ctx context.Context, in *struct {
	named

	Mask rest.Mask `query:"update_mask"`
	Body VariablePatchBody
},
) (*Variable, error) {
	b := &in.Body
	if b.Key != nil && *b.Key != in.Key {
		return nil, rest.BadRequest("Invalid body, key from request body doesn't match uri parameter")
	}
	if _, err := c.vault(ctx).Variable(ctx, in.Key); err != nil {
		return nil, unknown(in.Key, err)
	}
	if err := in.Mask.Unmasked(b.Sent, map[string]any{"key": b.Key, "description": b.Description}, "key", "value"); err != nil {
		return nil, err
	}
	if err := noTeam(b.TeamName); err != nil && in.Mask.Applies(b.Sent, "team_name") {
		return nil, err
	}
	p := (&VariableBody{Sent: b.Sent, Value: b.Value, Description: b.Description}).patch(in.Mask)
	err := c.vault(ctx).Change(ctx, func(ch *vault.Changes) error { return ch.EditVariable(ctx, in.Key, p) })
	if err != nil {
		return nil, err
	}
	return c.get(ctx, &in.named)
}

// unknown is the error of a change of a variable that the store does not have: one that comes from elsewhere cannot be
// changed.
func unknown(key string, err error) error {
	if m, ok := errors.AsType[*vault.MissingError](err); ok && m.Place != "" {
		return &vault.ElsewhereError{Kind: m.Kind, Name: key, Place: m.Place}
	}
	return err
}

func (c *calls) remove(ctx context.Context, in *named) (*struct{}, error) {
	err := c.vault(ctx).Change(ctx, func(ch *vault.Changes) error { return ch.DeleteVariable(ctx, in.Key) })
	return nil, err
}

func (c *calls) bulk(ctx context.Context, in *struct{ Body rest.BulkBody[VariableBody] }) (*rest.BulkResponse, error) {
	return rest.Bulk(in.Body, func(do func(rest.BulkStore[VariableBody]) error) error {
		return c.vault(ctx).Change(ctx, func(ch *vault.Changes) error { return do(&bulk{ctx, ch}) })
	})
}

// bulk is a transaction of a bulk request.
type bulk struct {
	ctx context.Context //nolint:containedctx // of the one request
	ch  *vault.Changes
}

// Many implements [rest.BulkStore].
func (*bulk) Many() string { return "variables with these variable keys" }

// Key implements [rest.BulkStore].
func (*bulk) Key(b *VariableBody) string { return b.Key }

// There implements [rest.BulkStore].
func (b *bulk) There(of []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, key := range of {
		there, err := b.ch.HasVariable(b.ctx, key)
		if err != nil {
			return nil, err
		}
		if there {
			out[key] = true
		}
	}
	return out, nil
}

// Create implements [rest.BulkStore].
func (b *bulk) Create(body *VariableBody, overwrite bool) error {
	v, err := body.variable()
	if err != nil {
		return err
	}
	return b.ch.AddVariable(b.ctx, v, overwrite)
}

// Update implements [rest.BulkStore].
func (b *bulk) Update(body *VariableBody, m rest.Mask) error {
	if m.Applies(body.Sent, "team_name") {
		if err := noTeam(body.TeamName); err != nil {
			return err
		}
	}
	return b.ch.EditVariable(b.ctx, body.Key, body.patch(m))
}

// Delete implements [rest.BulkStore].
func (b *bulk) Delete(key string) error { return b.ch.DeleteVariable(b.ctx, key) }
