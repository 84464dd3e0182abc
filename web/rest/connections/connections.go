// Package connections serves the calls about connections.
package connections

import (
	"context"
	"errors"
	"net/http"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/web/rest"
)

// Tester finds out whether a connection works, and says so in words.
type Tester func(ctx context.Context, c *connections.Connection) (works bool, message string)

// calls are what the calls ask.
type calls struct {
	vault func(ctx context.Context) *vault.Keeper
	test  Tester
}

// Routes adds the calls. as is the vault for whoever asks. Only who may configure sees and changes connections. A nil
// test refuses to test any.
func Routes(s *rest.Server, as func(context.Context) *vault.Keeper, test Tester) {
	c := &calls{as, test}
	const all, one = "/connections", "/connections/{connection_id}"
	op := func(id, method, path string, status int) rest.Operation {
		return rest.Operation{ID: id, Method: method, Path: path, Tag: "Connection", Status: status, Action: access.Configure, Secret: []string{"password", "extra"}}
	}
	rest.Register(s, op("get_connections", http.MethodGet, all, 0), c.list)
	rest.Register(s, op("post_connection", http.MethodPost, all, http.StatusCreated), c.post)
	rest.Register(s, op("bulk_connections", http.MethodPatch, all, 0), c.bulk)
	rest.Register(s, op("get_connection", http.MethodGet, one, 0), c.get)
	rest.Register(s, op("patch_connection", http.MethodPatch, one, 0), c.patch)
	rest.Register(s, op("delete_connection", http.MethodDelete, one, http.StatusNoContent), c.remove)
	rest.Register(s, op("test_connection", http.MethodPost, all+"/test", 0), c.check)
	rest.Register(s, op("create_default_connections", http.MethodPost, all+"/defaults", http.StatusNoContent), c.defaults)
}

// Connection is a connection as it is answered.
type Connection struct {
	ConnectionID string  `json:"connection_id"`
	ConnType     string  `json:"conn_type"`
	Description  *string `json:"description"`
	Host         *string `json:"host"`
	Login        *string `json:"login"`
	Schema       *string `json:"schema"`
	Port         *int    `json:"port"`
	Password     *string `json:"password"`
	Extra        *string `json:"extra"`
	TeamName     *string `json:"team_name"`
}

// answer shows what is in a connection, which has *** in place of its secrets.
func answer(c *connections.Connection) Connection {
	return Connection{
		ConnectionID: c.ID, ConnType: c.Type, Description: c.Description, Host: c.Host, Login: c.Login, Schema: c.Schema, Port: c.Port,
		Password: (*string)(c.Password), Extra: (*string)(c.Extra),
	}
}

// ConnectionCollection is a page of connections.
type ConnectionCollection struct {
	Connections  []Connection `json:"connections"`
	TotalEntries int          `json:"total_entries"`
}

// keys are what connections are ordered by. They have no ids but their names.
var keys = map[string]func(Connection) any{ //nolint:gochecknoglobals // a table
	"connection_id": byID, "conn_id": byID, "id": byID, "conn_type": func(c Connection) any { return c.ConnType },
	"description": func(c Connection) any { return rest.Nullable(c.Description) }, "host": func(c Connection) any { return rest.Nullable(c.Host) },
	"port": func(c Connection) any { return rest.Nullable(c.Port) }, "team_name": func(Connection) any { return nil },
}

func byID(c Connection) any { return c.ConnectionID }

func (c *calls) list(ctx context.Context, in *struct {
	rest.Page

	IDPattern rest.Pattern `query:"connection_id_pattern"`
	Order     rest.Order   `query:"order_by" order:"connection_id,conn_id,conn_type,description,host,port,id,team_name" default:"id"`
},
) (*ConnectionCollection, error) {
	all, err := c.vault(ctx).Connections(ctx)
	if err != nil {
		return nil, err
	}
	found := []Connection{}
	for _, n := range all {
		if in.IDPattern.Like().Match(n.ID) {
			found = append(found, answer(n))
		}
	}
	rest.Sort(found, in.Order, keys)
	return &ConnectionCollection{rest.Cut(in.Page, found), len(found)}, nil
}

type named struct {
	ID string `path:"connection_id"`
}

func (c *calls) get(ctx context.Context, in *named) (*Connection, error) {
	n, err := c.vault(ctx).Connection(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return new(answer(n)), nil
}

// ConnectionBody is a connection as it is sent.
type ConnectionBody struct {
	Sent rest.Sent `json:"-"`

	ConnectionID string  `json:"connection_id" required:"true" maxLength:"200" pattern:"^[\\pL\\pN_.-]+$"`
	ConnType     string  `json:"conn_type" required:"true"`
	Description  *string `json:"description"`
	Host         *string `json:"host"`
	Login        *string `json:"login"`
	Schema       *string `json:"schema"`
	Port         *int    `json:"port"`
	Password     *string `json:"password"`
	Extra        *string `json:"extra"`
	TeamName     *string `json:"team_name" maxLength:"50"`
}

// into writes into a connection what a body changes of it by a mask.
func (b *ConnectionBody) into(c *connections.Connection, m rest.Mask) {
	for field, set := range map[string]func(){
		"conn_type":   func() { c.Type = b.ConnType },
		"description": func() { c.Description = b.Description },
		"host":        func() { c.Host = b.Host },
		"login":       func() { c.Login = b.Login },
		"schema":      func() { c.Schema = b.Schema },
		"port":        func() { c.Port = b.Port },
		"password":    func() { c.Password = secret(b.Password, nil) },
		"extra":       func() { c.Extra = secret(b.Extra, new(connections.Secret("{}"))) },
	} {
		if m.Applies(b.Sent, field) {
			set()
		}
	}
}

// secret is a text of a body, with what stands for an empty one.
func secret(text *string, empty *connections.Secret) *connections.Secret {
	switch {
	case text == nil:
		return nil
	case *text == "":
		return empty
	default:
		return new(connections.Secret(*text))
	}
}

// connection is a new one.
func (b *ConnectionBody) connection() (*connections.Connection, error) {
	c := &connections.Connection{ID: b.ConnectionID}
	b.into(c, nil)
	return c, b.noTeam(nil)
}

func (b *ConnectionBody) noTeam(m rest.Mask) error {
	if b.TeamName != nil && m.Applies(b.Sent, "team_name") {
		return rest.BadRequest("team_name: there are no teams here; leave it out")
	}
	return nil
}

func (c *calls) post(ctx context.Context, in *struct{ Body ConnectionBody }) (*Connection, error) {
	n, err := in.Body.connection()
	if err != nil {
		return nil, err
	}
	err = c.vault(ctx).Change(ctx, func(ch *vault.Changes) error { return ch.AddConnection(ctx, n, false) })
	if e, ok := errors.AsType[*vault.ExistsError](err); ok {
		return nil, rest.Duplicate("%v", e)
	}
	if err != nil {
		return nil, err
	}
	return c.get(ctx, &named{n.ID})
}

func (c *calls) patch(ctx context.Context, in *struct {
	named

	Mask rest.Mask `query:"update_mask"`
	Body ConnectionBody
},
) (*Connection, error) {
	b := &in.Body
	if b.ConnectionID != in.ID {
		return nil, rest.BadRequest("The connection_id in the request body does not match the URL parameter")
	}
	if err := b.noTeam(in.Mask); err != nil {
		return nil, err
	}
	err := c.vault(ctx).Change(ctx, func(ch *vault.Changes) error {
		return ch.EditConnection(ctx, in.ID, func(n *connections.Connection) { b.into(n, in.Mask) })
	})
	if err != nil {
		return nil, err
	}
	return c.get(ctx, &in.named)
}

func (c *calls) remove(ctx context.Context, in *named) (*struct{}, error) {
	err := c.vault(ctx).Change(ctx, func(ch *vault.Changes) error { return ch.DeleteConnection(ctx, in.ID) })
	return nil, err
}

// ConnectionTestResponse is what came of a test.
type ConnectionTestResponse struct {
	Status  bool   `json:"status"`
	Message string `json:"message"`
}

// check tests a connection that is sent. *** stands for a secret of the stored one.
func (c *calls) check(ctx context.Context, in *struct{ Body ConnectionBody }) (*ConnectionTestResponse, error) {
	if c.test == nil {
		return nil, rest.Errorf(http.StatusForbidden, "Testing connections is disabled in the configuration: the setting test_connection enables it")
	}
	n, err := in.Body.connection()
	if err != nil {
		return nil, err
	}
	if n, err = c.vault(ctx).Whole(ctx, n); err != nil {
		return nil, err
	}
	if err := n.Validate(); err != nil {
		return nil, rest.BadRequest("%v", connections.About("connection", n.ID, err))
	}
	works, message := c.test(ctx, n)
	return &ConnectionTestResponse{works, message}, nil
}

// defaults adds none: Airflow's are of services that are not here.
func (*calls) defaults(context.Context, *struct{}) (*struct{}, error) { return nil, nil } //nolint:nilnil // no body

// bulk is a transaction of a bulk request.
type bulk struct {
	ctx context.Context //nolint:containedctx // of the one request
	ch  *vault.Changes
}

func (c *calls) bulk(ctx context.Context, in *struct {
	Body rest.BulkBody[ConnectionBody]
},
) (*rest.BulkResponse, error) {
	return rest.Bulk(in.Body, func(do func(rest.BulkStore[ConnectionBody]) error) error {
		return c.vault(ctx).Change(ctx, func(ch *vault.Changes) error { return do(&bulk{ctx, ch}) })
	})
}

// Many implements [rest.BulkStore].
func (*bulk) Many() string { return "connections with these connection_ids" }

// Key implements [rest.BulkStore].
func (*bulk) Key(b *ConnectionBody) string { return b.ConnectionID }

// There implements [rest.BulkStore].
func (b *bulk) There(ids []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, id := range ids {
		there, err := b.ch.HasConnection(b.ctx, id)
		if err != nil {
			return nil, err
		}
		if there {
			out[id] = true
		}
	}
	return out, nil
}

// Create implements [rest.BulkStore].
func (b *bulk) Create(body *ConnectionBody, overwrite bool) error {
	n, err := body.connection()
	if err != nil {
		return err
	}
	return b.ch.AddConnection(b.ctx, n, overwrite)
}

// Update implements [rest.BulkStore].
func (b *bulk) Update(body *ConnectionBody, m rest.Mask) error {
	if err := body.noTeam(m); err != nil {
		return err
	}
	return b.ch.EditConnection(b.ctx, body.ConnectionID, func(n *connections.Connection) { body.into(n, m) })
}

// Delete implements [rest.BulkStore].
func (b *bulk) Delete(id string) error { return b.ch.DeleteConnection(b.ctx, id) }
