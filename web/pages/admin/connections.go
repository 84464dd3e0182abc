package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/inbox"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/web/pages/page"
)

// connectionsData are the connections of the store.
type connectionsData struct {
	Rows []api.Connection
	// Problem says which of them cannot be opened.
	Problem string
}

func (a *Admin) showConnections(r page.Request) error {
	ctx := r.HTTP().Context()
	all, err := a.o.API(ctx).Connections(ctx)
	d := connectionsData{Rows: all}
	if err != nil {
		if ctx.Err() != nil || len(all) == 0 {
			return err
		}
		d.Problem = r.Said(err)
	}
	return r.Show(page.Head{Name: "admin_connections", Nav: "system", Title: r.Say("connections.title")}, d)
}

// connectionData is a connection, or a new one.
type connectionData struct {
	Form    connectionForm
	Types   []string
	Problem string
	// Notes are what may be wrong with what was saved.
	Notes []string
	// Tested says that Test tells whether it works, which is Works.
	Tested, Works bool
	Test          string
	// Inbox is where messages are seen when the connection leads to a sandbox on this machine.
	Inbox string
}

// connectionForm is the form of a connection, its secrets as ***.
type connectionForm struct{ Was, ID, Type, Description, Host, Port, Login, Password, Schema, Extra string }

// types are those that something here uses.
func types() []string {
	return []string{"dingding", "dingtalk", "http", "smtp", "postgres", "mysql", "sqlite", "generic"}
}

// formOf is a connection as its form has it, without its secrets.
func formOf(c *connections.Connection) connectionForm {
	f := connectionForm{
		c.ID, c.ID, c.Type, c.GetDescription(), c.GetHost(), "", c.GetLogin(), c.GetPassword().Reveal(), c.GetSchema(), indented(c.GetExtra().Reveal()),
	}
	if c.Port != nil {
		f.Port = strconv.Itoa(*c.Port)
	}
	return f
}

// indented is JSON with line breaks, or the text as it is.
func indented(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}

func (a *Admin) showConnection(r page.Request) error {
	id := r.HTTP().URL.Query().Get("conn_id")
	if id == "" {
		return a.connection(r, connectionData{Form: connectionForm{Type: "dingding"}})
	}
	return a.stored(r, id, connectionData{})
}

// stored shows a connection of the store.
func (a *Admin) stored(r page.Request, id string, d connectionData) error {
	c, err := a.o.Vault(r.HTTP().Context()).Connection(r.HTTP().Context(), id)
	if err != nil {
		return err
	}
	d.Form, d.Notes, d.Inbox = formOf(c), c.Misspelt(), sandbox(c)
	return a.connection(r, d)
}

// sandbox is the page of a sandbox on this machine that a connection leads to, or empty.
func sandbox(c *connections.Connection) string {
	if at := inbox.Place(c); at != "" {
		return at + "/"
	}
	return ""
}

func (a *Admin) connection(r page.Request, d connectionData) error {
	d.Types = types()
	if d.Form.Type != "" && !slices.Contains(d.Types, d.Form.Type) {
		d.Types = append(d.Types, d.Form.Type)
	}
	title := r.Say("connections.new")
	if d.Form.Was != "" {
		title = d.Form.Was + " · " + r.Say("connections.title")
	}
	return r.Show(page.Head{Name: "admin_connection", Nav: "system", Title: title, Status: page.Status(d.Problem)}, d)
}

// setConnection makes a connection, or changes the one that the form was of.
func (a *Admin) setConnection(r page.Request) error {
	f, ctx := r.HTTP().PostForm, r.HTTP().Context()
	form := connectionForm{
		line(f, "was"), line(f, "conn_id"), line(f, "conn_type"), text(f, "description"), line(f, "host"), line(f, "port"), line(f, "login"), f.Get("password"),
		line(f, "schema"), strings.TrimSpace(text(f, "extra")),
	}
	if form.Was != "" {
		form.ID = form.Was
	}
	err := form.check()
	if err == nil {
		err = a.o.Vault(ctx).Change(ctx, func(c *vault.Changes) error {
			if form.Was != "" {
				return c.EditConnection(ctx, form.ID, form.into)
			}
			n := &connections.Connection{ID: form.ID}
			form.into(n)
			return c.AddConnection(ctx, n, false)
		})
	}
	if err == nil {
		return r.Go(r.Link("connections", "edit") + "?" + url.Values{"conn_id": {form.ID}}.Encode())
	}
	problem := formMistake(r, err)
	if bad, ok := errors.AsType[*formError](err); ok {
		problem = r.Said(bad)
	}
	if problem == "" {
		return err
	}
	// What was not taken is not sent back where it may be a secret.
	form.Password, form.Extra = "", ""
	if was, verr := a.o.Vault(ctx).Connection(ctx, form.Was); verr == nil {
		shown := formOf(was)
		form.Password, form.Extra = shown.Password, shown.Extra
	}
	return a.connection(r, connectionData{Form: form, Problem: problem})
}

// formError is a mistake in the form of a connection. It holds no value that may be a secret.
type formError struct{ error }

// Unwrap is the mistake.
func (e *formError) Unwrap() error { return e.error }

// check refuses what cannot be a connection.
func (f *connectionForm) check() error {
	if err := connections.ValidateID(f.ID); err != nil {
		return &formError{err}
	}
	if f.Type == "" {
		return &formError{phrase.Err("conn.choose", f.ID)}
	}
	if f.Port != "" {
		if n, err := strconv.Atoi(f.Port); err != nil || n < 1 || n > 65535 {
			return &formError{phrase.Err("conn.port_form")}
		}
	}
	if f.Extra != "" {
		var object map[string]any
		if json.Unmarshal([]byte(f.Extra), &object) != nil {
			return &formError{phrase.Err("conn.extra_form")}
		}
	}
	return nil
}

// into writes the form into a connection. An empty field is none.
func (f *connectionForm) into(c *connections.Connection) {
	some := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	secret := func(text string) *connections.Secret {
		if text == "" {
			return nil
		}
		return new(connections.Secret(text))
	}
	c.Type, c.Description, c.Host, c.Login, c.Schema = f.Type, some(f.Description), some(f.Host), some(f.Login), some(f.Schema)
	c.Password, c.Extra, c.Port = secret(f.Password), secret(f.Extra), nil
	if n, err := strconv.Atoi(f.Port); err == nil { // check has seen it
		c.Port = &n
	}
}

func (a *Admin) deleteConnection(r page.Request) error {
	ctx := r.HTTP().Context()
	err := a.o.Vault(ctx).Change(ctx, func(c *vault.Changes) error { return c.DeleteConnection(ctx, r.HTTP().PostForm.Get("conn_id")) })
	if err != nil {
		return err
	}
	return r.Go(r.Link("connections"))
}

// testConnection tests a connection of the store, as tasks find it.
func (a *Admin) testConnection(r page.Request) error {
	id, ctx := r.HTTP().PostForm.Get("conn_id"), r.HTTP().Context()
	if _, err := a.o.Vault(ctx).Connection(ctx, id); err != nil {
		return err
	}
	d := connectionData{Tested: true}
	d.Works, d.Test = a.o.Test(ctx, id)
	d.Test = r.Mask(d.Test)
	return a.stored(r, id, d)
}

// exportConnections is a file of all connections in Airflow's form, their secrets as ***.
func (a *Admin) exportConnections(r page.Request) error {
	all, err := a.o.Vault(r.HTTP().Context()).Connections(r.HTTP().Context())
	if err != nil {
		return err
	}
	out := map[string]json.RawMessage{}
	for _, c := range all {
		out[c.ID] = c.JSON()
	}
	return send(r, "connections.json", out)
}
