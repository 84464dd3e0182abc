package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/web/pages/page"
)

// variablesData are the variables of the store.
type variablesData struct {
	Rows []vault.Variable
	// Form is the one that is made or changed; Was is its key, empty for a new one.
	Form    variableForm
	Problem string
}

// variableForm is the form of a variable, its secrets as ***.
type variableForm struct{ Was, Key, Value, Description string }

func (a *Admin) showVariables(r page.Request) error {
	key := r.HTTP().URL.Query().Get("edit")
	if key == "" {
		return a.variables(r, variableForm{}, "")
	}
	v, err := a.o.Vault(r.HTTP().Context()).Variable(r.HTTP().Context(), key)
	if err != nil {
		return err
	}
	return a.variables(r, variableForm{v.Key, v.Key, v.Value, v.Description}, "")
}

func (a *Admin) variables(r page.Request, form variableForm, problem string) error {
	all, err := a.o.Vault(r.HTTP().Context()).Variables(r.HTTP().Context())
	if err != nil {
		return err
	}
	return r.Show(page.Head{Name: "admin_variables", Nav: "system", Title: r.Say("variables.title"), Status: page.Status(problem)}, variablesData{all, form, problem})
}

// setVariable makes a variable, or changes the one that the form was of.
func (a *Admin) setVariable(r page.Request) error {
	f, ctx := r.HTTP().PostForm, r.HTTP().Context()
	form := variableForm{line(f, "was"), line(f, "key"), text(f, "value"), text(f, "description")}
	if form.Was != "" {
		form.Key = form.Was
	}
	if form.Key == "" {
		return a.variables(r, form, r.Say("variables.no_key"))
	}
	if err := tooLong(form.Key, form.Description); err != nil {
		return err
	}
	err := a.o.Vault(ctx).Change(ctx, func(c *vault.Changes) error {
		if form.Was != "" {
			return c.EditVariable(ctx, form.Key, vault.VariablePatch{Value: &form.Value, Description: &form.Description})
		}
		return c.AddVariable(ctx, connections.Variable{Key: form.Key, Value: form.Value, Description: form.Description}, false)
	})
	if err != nil {
		if problem := formMistake(r, err); problem != "" {
			// A value that was not taken is not sent back: it may be a secret.
			form.Value = ""
			if was, verr := a.o.Vault(ctx).Variable(ctx, form.Was); verr == nil {
				form.Value = was.Value
			}
			return a.variables(r, form, problem)
		}
		return err
	}
	return r.Go(r.Link("variables"))
}

// formMistake is the text of a mistake that is told beside the form; a thing that has gone meanwhile has a page of its own.
func formMistake(r page.Request, err error) string {
	if errors.Is(err, api.ErrNotFound) {
		return ""
	}
	return r.Mistake(err)
}

func (a *Admin) deleteVariable(r page.Request) error {
	ctx := r.HTTP().Context()
	err := a.o.Vault(ctx).Change(ctx, func(c *vault.Changes) error { return c.DeleteVariable(ctx, r.HTTP().PostForm.Get("key")) })
	if err != nil {
		return err
	}
	return r.Go(r.Link("variables"))
}

// exportVariables is a file of all variables, their secrets as ***.
func (a *Admin) exportVariables(r page.Request) error {
	all, err := a.o.Vault(r.HTTP().Context()).Variables(r.HTTP().Context())
	if err != nil {
		return err
	}
	out := map[string]string{}
	for _, v := range all {
		out[v.Key] = v.Value
	}
	return send(r, "variables.json", out)
}

// send answers with JSON as a file.
func send(r page.Request, name string, value any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return &page.RefusedError{Status: http.StatusInternalServerError, Text: "error.internal", Err: err}
	}
	return r.Send(name, "application/json", b.Bytes())
}
